"""Whatever is sent, the answer names what is wrong, and nothing is left behind."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from libs.contracts.examples import APPLICATION
from libs.service.testing import Served, key
from services.approval.tests.requests import application_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = f"/approval/decisions/{application_id()}"
NO: dict[str, Any] = {"outcome": "DECLINE", "note": "No"}
YES: dict[str, Any] = {"outcome": "APPROVE", "note": "Yes"}


def offer(amount: Any, currency: str = "CNY") -> dict[str, Any]:
    return YES | {"offer": {"amount": {"amount": amount, "currency": currency}}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def claimed(one_referred: Served) -> Served:
    """The referred application is claimed by an officer."""
    client = await one_referred.client("credit_officer")
    assert (await client.post(f"{PATH}/claim", headers=key())).status_code == 200
    return one_referred


@pytest.mark.parametrize("act", ["recommend", "decide"])
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/outcome"),
        (NO | {"outcome": "MAYBE"}, "#/outcome"),
        (NO | {"outcome": "REFER"}, "#/outcome"),
        (NO | {"note": ""}, "#/note"),
        (NO | {"note": "   "}, "#/note"),
        (NO | {"note": "x" * 501}, "#/note"),
        (NO | {"note": 7}, "#/note"),
        (NO | {"officer": "me"}, "#/officer"),
        (offer("40000.01"), "#/offer/amount"),
        (offer("100.001"), "#/offer/amount"),
        (offer(100.0), "#/offer/amount"),
        (offer("-1.00"), "#/offer/amount"),
        (offer("0.00"), "#/offer/amount"),
        (offer("9" * 22), "#/offer/amount"),
        (offer("100.00", "XXX"), "#/offer/amount"),
        (offer("100.00", "USD"), "#/offer/amount"),
        (YES | {"offer": {"instalments": 0}}, "#/offer/instalments"),
        (YES | {"offer": {"instalments": 361}}, "#/offer/instalments"),
        (YES | {"offer": {"instalments": "12"}}, "#/offer/instalments"),
        (YES | {"offer": {"annual_rate_adjust_bps": 2001}}, "#/offer/annual_rate_adjust_bps"),
        (YES | {"offer": {"annual_rate_adjust_bps": -1801}}, "#/offer/annual_rate_adjust_bps"),
        (YES | {"offer": {"annual_rate_adjust_bps": 0.5}}, "#/offer/annual_rate_adjust_bps"),
        (YES | {"offer": {"expires_on": "2026-02-30"}}, "#/offer/expires_on"),
    ],
)
async def test_a_wrong_command_is_refused_by_its_member(
    claimed: Served, act: str, body: dict[str, Any], pointer: str
) -> None:
    client = await claimed.client("credit_officer")
    before = len(await claimed.events(f"decision-{application_id()}"))
    answer = await client.post(f"{PATH}/{act}", json=body, headers=key())
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)
    assert len(await claimed.events(f"decision-{application_id()}")) == before


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (NO | {"reasons": ["because"]}, "#/reasons/0"),
        (NO | {"reasons": ["officer-decision"] * 5}, "#/reasons"),
        (NO | {"reasons": "officer-decision"}, "#/reasons"),
    ],
)
async def test_reasons_are_those_of_the_table(claimed: Served, body: dict[str, Any], pointer: str) -> None:
    client = await claimed.client("credit_officer")
    answer = await client.post(f"{PATH}/decide", json=body, headers=key())
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


@pytest.mark.parametrize(
    ("act", "body"),
    [("claim", None), ("release", {"reason": "x"}), ("recommend", NO), ("decide", NO)],
)
async def test_a_decision_that_is_not_known_is_not_worked_on(one_referred: Served, act: str, body: Any) -> None:
    client = await one_referred.client("credit_officer")
    answer = await client.post(f"/approval/decisions/{APPLICATION}/{act}", json=body, headers=key())
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:puhui:problem:decision-not-found")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/decisions/{APPLICATION}", 404, "not-found"),
        ("/decisions/not%20an%20id", 422, "validation-failed"),
        ("/decisions?status=HALF", 422, "validation-failed"),
        ("/decisions?grade=ABC", 422, "validation-failed"),
        ("/decisions?sort=colour", 422, "validation-failed"),
        ("/decisions?limit=201", 422, "validation-failed"),
        ("/decisions?cursor=nonsense", 400, "invalid-cursor"),
        ("/decisions?colour=blue", 422, "validation-failed"),
        ("/tables/standard/0", 422, "validation-failed"),
        ("/tables/standard/one", 422, "validation-failed"),
        ("/tables/none/1", 404, "not-found"),
    ],
)
async def test_a_wrong_question_is_refused(one_referred: Served, path: str, status: int, code: str) -> None:
    client = await one_referred.client("auditor")
    answer = await client.get(f"/approval{path}")
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:puhui:problem:{code}")


async def test_a_broken_body_is_refused(one_referred: Served) -> None:
    client = await one_referred.client("credit_officer")
    json = key() | {"content-type": "application/json"}
    assert (await client.post(f"{PATH}/decide", content=b'{"outcome":', headers=json)).status_code == 400
    twice = b'{"outcome": "DECLINE", "outcome": "APPROVE", "note": "x"}'
    assert (await client.post(f"{PATH}/decide", content=twice, headers=json)).status_code == 422
    assert (await client.post(f"{PATH}/release", content=b"[]", headers=json)).status_code == 422
