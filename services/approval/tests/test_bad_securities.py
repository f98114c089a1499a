"""Whatever is sent about security, the answer names what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from libs.contracts import examples as ex
from libs.service.testing import Served
from services.approval.tests.test_api import code, post
from services.approval.tests.test_securities import CONSENT, FLAT, MEANS, PATH, REGISTERED, SURETY, VALUATION

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/kind"),
        (FLAT | {"kind": "PROMISE"}, "#/kind"),
        (FLAT | {"kind": "UNSECURED"}, "#/kind"),
        (FLAT | {"asset_class": "castle"}, "#/asset_class"),
        (FLAT | {"asset_class": "x" * 65}, "#/asset_class"),
        (FLAT | {"description": ""}, "#/description"),
        (FLAT | {"value": "1"}, "#/value"),
        (SURETY | {"provider_id": ex.APPLICANT}, "#/provider_id"),
        (SURETY | {"amount_max": ex.cny("0.00")}, "#/amount_max"),
        (SURETY | {"amount_max": 5}, "#/amount_max"),
        (SURETY | {"amount_max": {"amount": "5.00", "currency": "USD"}}, "#/amount_max"),
    ],
)
async def test_a_wrong_security_is_refused(one_referred: Served, body: Any, pointer: str) -> None:
    answer = await post(await one_referred.client("credit_officer"), PATH, body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("act", "body", "field", "value"),
    [
        ("valuation", VALUATION, "value", ex.cny("0.00")),
        ("valuation", VALUATION, "value", {"amount": "5.00", "currency": "USD"}),
        ("valuation", VALUATION, "valued_on", "2026-01-06"),
        ("valuation", VALUATION, "document_sha256", "abc"),
        ("consent", CONSENT, "signed_on", "2026-01-06"),
        ("consent", CONSENT, "credit_report_text", ""),
        ("consent", CONSENT, "credit_report_text", 2027),
        ("consent", CONSENT, "credit_report_text", "surety-2027-01"),
        ("perfection", REGISTERED, "by", "delivery"),
        ("perfection", REGISTERED, "by", "By Hand"),
        ("perfection", REGISTERED, "perfected_on", "2026-02-30"),
    ],
)
async def test_a_wrong_step_is_refused(one_referred: Served, act: str, body: Any, field: str, value: Any) -> None:
    officer = await one_referred.client("credit_officer")
    flat = (await post(officer, PATH, FLAT)).json()["items"][-1]["security_id"]
    answer = await post(officer, f"{PATH}/{flat}/{act}", body | {field: value})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == f"#/{field}"


async def test_security_belongs_to_an_application_and_to_officers(one_referred: Served) -> None:
    officer = await one_referred.client("credit_officer")
    elsewhere = f"/approval/decisions/{ex.APPLICATION}/securities"
    assert (await officer.get(elsewhere)).status_code == 404
    assert (await post(officer, elsewhere, FLAT)).status_code == 404
    for act, body in (("assessment", MEANS), ("consent", CONSENT), ("valuation", VALUATION)):
        answer = await post(officer, f"{PATH}/none/{act}", body)
        assert (answer.status_code, code(answer)) == (404, "security-not-found")
    for role in ("customer", "auditor", "collector"):
        assert (await post(await one_referred.client(role), PATH, FLAT)).status_code == 403
    assert (await officer.post(PATH, json=FLAT)).status_code == 400, "a key is needed"
