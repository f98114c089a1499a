"""Whatever is sent, the answer names what is wrong, and nothing is left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from libs.contracts.examples import CASE
from libs.service.testing import Served, key, served
from services.collections.app import service
from services.collections.tests.loans import TheLoan, day_opens

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPENED = date(2026, 3, 3)
CALL: dict[str, Any] = {
    "channel": "TELEPHONE",
    "at_local": "2026-03-03T10:00:00",
    "number": "mobile-1",
    "result": "REACHED",
    "note": "Spoke",
}
CNY = {"amount": "1100.00", "currency": "CNY"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_case(postgres_server: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A service with one case, for all tests here: none of them changes it."""
    name = f"test_{uuid4().hex[:12]}"
    postgres_server.create_database(name)
    async with served(service, postgres_server.dsn(name), tmp_path_factory.mktemp("collections")) as running:
        loan = TheLoan(running)
        await day_opens(running, OPENED)
        await loan.happens(loan.disbursement())
        await loan.happens(loan.delinquency(OPENED, 1))
        await running.settle()
        yield running
    postgres_server.drop_database(name)


def _where(problem: dict[str, Any]) -> str:
    return str(problem["errors"][0].get("pointer"))


@pytest.mark.parametrize(
    ("act", "body", "pointer"),
    [
        ("promises", {}, "#/amount"),
        ("promises", {"amount": {"amount": "1100.001", "currency": "CNY"}, "due": "2026-03-06"}, "#/amount"),
        ("promises", {"amount": {"amount": 1100.0, "currency": "CNY"}, "due": "2026-03-06"}, "#/amount"),
        ("promises", {"amount": {"amount": "-1.00", "currency": "CNY"}, "due": "2026-03-06"}, "#/amount"),
        ("promises", {"amount": {"amount": "0.00", "currency": "CNY"}, "due": "2026-03-06"}, "#/amount"),
        ("promises", {"amount": {"amount": "9" * 20, "currency": "CNY"}, "due": "2026-03-06"}, "#/amount"),
        ("promises", {"amount": {"amount": "1100.00", "currency": "XXX"}, "due": "2026-03-06"}, "#/amount"),
        ("promises", {"amount": {"amount": "1100.00", "currency": "USD"}, "due": "2026-03-06"}, "#/amount"),
        ("promises", {"amount": {"amount": "1.00", "currency": "CNY"}, "due": "2026-03-06"}, "#/amount"),
        ("promises", {"amount": CNY, "due": "2026-02-30"}, "#/due"),
        ("promises", {"amount": CNY, "due": "2026-03-02"}, "#/due"),
        ("promises", {"amount": CNY, "due": "2199-12-31"}, "#/due"),
        ("promises", {"amount": CNY, "due": "2026-03-06", "sure": True}, "#/sure"),
        ("plans", {}, "#/parts"),
        ("plans", {"parts": []}, "#/parts"),
        ("plans", {"parts": [{"due": "2026-03-06", "amount": CNY}] * 101}, "#/parts"),
        ("plans", {"parts": [{"due": "2026-02-30", "amount": CNY}]}, "#/parts/0/due"),
        ("plans", {"parts": [{"due": "2026-03-06", "amount": 5.0}]}, "#/parts/0/amount"),
        ("plans", {"parts": [{"due": "2026-03-06"}]}, "#/parts/0/amount"),
        ("plans", {"parts": [{"due": "2026-03-06", "amount": CNY, "sure": True}]}, "#/parts/0/sure"),
        ("contacts", CALL | {"channel": "PIGEON"}, "#/channel"),
        ("contacts", CALL | {"result": "DELIVERED"}, "#/result"),
        ("contacts", CALL | {"at_local": "2026-03-03T25:00:00"}, "#/at_local"),
        ("contacts", CALL | {"at_local": "2026-02-30T10:00:00"}, "#/at_local"),
        ("contacts", CALL | {"at_local": "2026-03-03T10:00:00Z"}, "#/at_local"),
        ("contacts", CALL | {"at_local": "0001-01-01T10:00:00"}, "#/at_local"),
        ("contacts", CALL | {"at_local": 1772532000}, "#/at_local"),
        ("contacts", CALL | {"at_local": "2026-03-04T10:00:00"}, "#/at_local"),
        ("contacts", CALL | {"at_local": "2026-02-28T10:00:00"}, "#/at_local"),
        ("contacts", CALL | {"number": "+8613800000000"}, "#/number"),
        ("contacts", CALL | {"number": ""}, "#/number"),
        ("contacts", CALL | {"note": ""}, "#/note"),
        ("contacts", CALL | {"note": "x" * 501}, "#/note"),
        ("contacts", CALL | {"third_party": "yes"}, "#/third_party"),
        ("contacts", CALL | {"ground": "DEAD"}, "#/ground"),
        ("contacts", CALL | {"third_party": True, "ground": "DEAD", "debt_disclosed": True}, "#/debt_disclosed"),
        ("contacts", CALL | {"recording": "a b"}, "#/recording"),
        ("contacts", CALL | {"collector": "me"}, "#/collector"),
        ("contacts/permission", CALL, "#/result"),
        ("contacts/permission", {"channel": "TELEPHONE", "at_local": "2026-03-03T10:00:00"}, "#/number"),
        ("assign", {"collector": ""}, "#/collector"),
        ("assign", {"collector": "a b"}, "#/collector"),
        ("assign", {"collector": "nobody"}, "#/collector"),
        ("stage", {"stage": "SOON", "reason": "x"}, "#/stage"),
        ("stage", {"stage": "LATE", "reason": "   "}, "#/reason"),
        ("hand-over", {"reason": 7}, "#/reason"),
        ("complaints", {"subject": ""}, "#/subject"),
        ("complaints/none/resolve", {"outcome": None}, "#/outcome"),
    ],
)
async def test_a_wrong_command_is_refused_by_its_member(
    one_case: Served, act: str, body: dict[str, Any], pointer: str
) -> None:
    client = await one_case.client("collection_manager")
    path = f"/collections/cases/{TheLoan(one_case).case(OPENED)}"
    before = (await client.get(f"{path}/timeline")).json()
    answer = await client.post(f"{path}/{act}", json=body, headers=key())
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert _where(answer.json()).startswith(pointer)
    assert (await client.get(f"{path}/timeline")).json() == before


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("assign", {"collector": "collector"}),
        ("stage", {"stage": "LATE", "reason": "x"}),
        ("hand-over", {"reason": "x"}),
        ("promises", {"amount": CNY, "due": "2026-03-06"}),
        ("plans", {"parts": [{"due": "2026-03-06", "amount": CNY}]}),
        ("contacts", CALL),
        ("contacts/permission", {"channel": "LETTER", "at_local": "2026-03-03T10:00:00"}),
        ("complaints", {"subject": "x"}),
        ("complaints/some/resolve", {"outcome": "x"}),
    ],
)
async def test_a_command_on_a_case_that_is_not_there_finds_nothing(
    one_case: Served, act: str, body: dict[str, Any]
) -> None:
    client = await one_case.client("collection_manager")
    answer = await client.post(f"/collections/cases/{CASE}/{act}", json=body, headers=key())
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:puhui:problem:case-not-found")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/cases/{CASE}", 404, "not-found"),
        (f"/cases/{CASE}/timeline", 404, "case-not-found"),
        ("/cases/not%20an%20id", 422, "validation-failed"),
        ("/cases?state=HALF", 422, "validation-failed"),
        ("/cases?stage=SOON", 422, "validation-failed"),
        ("/cases?collector=", 422, "validation-failed"),
        ("/cases?sort=colour", 422, "validation-failed"),
        ("/cases?limit=0", 422, "validation-failed"),
        ("/cases?cursor=nonsense", 400, "invalid-cursor"),
        ("/cases?color=blue", 422, "validation-failed"),
        ("/promises?state=MAYBE", 422, "validation-failed"),
        ("/plans?state=MAYBE", 422, "validation-failed"),
        ("/plans?sort=next_due", 422, "validation-failed"),
        ("/promises?sort=-due,-due", 422, "validation-failed"),
        ("/reminders?sent_from=2026-02-30", 422, "validation-failed"),
        ("/reminders?sort=amount", 422, "validation-failed"),
    ],
)
async def test_a_wrong_question_is_refused(one_case: Served, path: str, status: int, code: str) -> None:
    client = await one_case.client("auditor")
    answer = await client.get(f"/collections{path}")
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:puhui:problem:{code}")


async def test_a_broken_body_is_refused(one_case: Served) -> None:
    client = await one_case.client("collector")
    path = f"/collections/cases/{TheLoan(one_case).case(OPENED)}/contacts"
    headers = key() | {"content-type": "application/json"}
    assert (await client.post(path, content=b'{"channel":', headers=headers)).status_code == 400
    assert (await client.post(path, content=b"[]", headers=headers)).status_code == 422
    assert (await client.post(path, content=b"x", headers=key() | {"content-type": "text/plain"})).status_code == 415
