"""What a partner sees of its own, and that it sees nothing of another's: every operation with another's identifiers."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.contracts import ledger
from libs.contracts.partners import PartnerKeyRegistered
from libs.service.openapi import operations
from libs.service.testing import Served, key
from services.partners.api.keys import SIGNATURE
from services.partners.tests.receiver import receiving
from services.partners.tests.world import (
    CONTACT,
    agreement_with,
    approved,
    day,
    everything,
    paid_out,
    received,
    repaid,
    said,
    says,
    shared_with,
    world,
)

OURS = "/partners/partners/harbour-bank"
TYPES = ["puhui.ledger.repayment-received.v1"]
PUBLIC = {"list_partners", "list_event_types"}
"""Of no partner's business alone."""
LISTS = {
    "list_agreements",
    "list_break_ages",
    "list_breaks",
    "list_endpoints",
    "list_fundings",
    "list_settlements",
}
"""Without an identifier: what they hold must be the caller's own."""
BODIES: dict[str, Any] = {
    "register_endpoint": {"partner": "hill-bank", "url": "https://1.1.1.1/hook", "types": TYPES},
    "change_status": {"status": "PAUSED", "reason": "x"},
    "redeliver": {"failed": True},
    "send_partner_file": {"file_date": "2026-03-02", "items": []},
    "answer_break": {"answer": "x"},
    "answer_funding": {"answer": "DECLINE", "reason": "x"},
    "ask": {"question": "x"},
    "name_contact": CONTACT,
    "register_own_key": {"challenge": "x", "proof": SIGNATURE},
    "revoke_key": {"reason": "x"},
    "change_contact": CONTACT,
}
QUERIES = {
    "show_statement": {"first": "2026-01-01", "last": "2026-12-31"},
    "show_challenge": {"public_key": PartnerKeyRegistered.example["public_key"], "valid_from": "2026-01-01T00:00:00Z"},
}


@pytest.fixture(autouse=True)
def _loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUHUI_PARTNERS_WEBHOOK_NETWORKS", '["127.0.0.1/32"]')


async def test_loans_cash_flows_statement_and_performance_agree_with_one_another(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, _):
        late, well, theirs = [await shared_with(platform, who) for who in ("harbour-bank", "harbour-bank", "hill-bank")]
        for loan_id in (late, well, theirs):
            await paid_out(platform, loan_id)
            await repaid(platform, loan_id, 0)
        position = ledger.DelinquencyChanged.example["position"] | {"bucket": "M2", "days_past_due": 31}
        await says(platform, ledger.DelinquencyChanged, late, position=position, changed_on="2026-05-03")
        await says(platform, ledger.LoanSettled, well, settled_on="2026-05-04")
        await platform.settle()
        assert await platform.parked() == []
        partner = await platform.client("partner")
        loans = {row["loan_id"]: row for row in await everything(partner, f"{OURS}/loans", on="2026-05-31")}
        assert loans.keys() == {late, well}
        assert (loans[late]["status"], loans[late]["bucket"]) == ("ACTIVE", "M2")
        assert (loans[well]["status"], loans[well]["bucket"]) == ("SETTLED", "CURRENT")
        before = {row["loan_id"]: row["status"] for row in await everything(partner, f"{OURS}/loans", on="2026-05-03")}
        assert before == {late: "ACTIVE", well: "ACTIVE"}, "as it stood then"
        flows = await everything(partner, f"{OURS}/cash-flows")
        assert len(flows) == 4
        asked = {"first": "2026-03-01", "last": "2026-03-31"}
        statement = (await partner.get(f"{OURS}/statement", params=asked)).json()
        moved = sum(minor(row["amounts"]["principal"]) for row in flows if row["effective_on"] == "2026-03-02")
        assert statement["movements"] == 2
        assert minor(statement["amounts"]["principal"]) == moved
        assert minor(statement["closing"]) == minor(statement["opening"]) - moved
        assert minor(statement["closing"]) == sum(minor(row["outstanding"]) for row in loans.values())
        assert minor(statement["cash"]) == sum(minor(row["cash"]) for row in flows if row["effective_on"] > "2026-03")
        await _performance(partner, loans, late)


async def _performance(partner: httpx.AsyncClient, loans: dict[str, Any], late: str) -> None:
    buckets = (await partner.get(f"{OURS}/performance/delinquency", params={"on": "2026-05-31"})).json()
    assert [(row["status"], row["bucket"], row["loans"]) for row in buckets] == [
        ("ACTIVE", "M2", 1),
        ("SETTLED", "CURRENT", 1),
    ]
    assert buckets[0]["outstanding"] == loans[late]["outstanding"]
    curve = (await partner.get(f"{OURS}/performance/vintages", params={"on": "2026-05-31"})).json()
    assert [(row["vintage"], row["months"], row["loans"]) for row in curve] == [
        ("2026-02-01", months, 2) for months in range(4)
    ]
    assert [minor(row["at_risk"]) for row in curve] == [0, 0, 0, minor(loans[late]["disbursed"])]


def minor(money: dict[str, str]) -> int:
    return int(money["amount"].replace(".", ""))


async def test_what_a_partner_was_told_can_be_read_again_from_any_place(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, _), receiving() as receiver:
        partner = await platform.client("partner")
        body = {"partner": "harbour-bank", "url": receiver.url, "types": TYPES}
        made = await partner.post("/partners/endpoints", json=body, headers=key())
        assert made.status_code == 201, made.text
        await platform.settle()
        loan_id, theirs = await shared_with(platform, "harbour-bank"), await shared_with(platform, "hill-bank")
        await repaid(platform, theirs, 9)
        for number in range(3):
            await repaid(platform, loan_id, number)
        await receiver.until(lambda it: len(it.accepted) == 3)
        told = await everything(partner, f"{OURS}/events")
        assert [one["event"] for one in told] == [event for _, event in receiver.came]
        assert [one["webhook_id"] for one in told] == [webhook_id for webhook_id, _ in receiver.came]
        rest = await everything(partner, f"{OURS}/events", after=str(told[0]["position"]))
        assert rest == told[1:]


async def test_every_operation_with_another_partner_s_identifiers_finds_nothing(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as (platform, manager):
        names = await _of_hill_bank(platform, manager)
        partner = await platform.client("partner")
        tried = set()
        for path, method, operation in operations(platform.app.openapi()):
            name = operation["operationId"]
            if "partner" not in operation.get("x-roles", []) or name in PUBLIC or "/operations/" in path:
                continue
            tried.add(name)
            answer = await partner.request(
                method, path.format(**names), json=BODIES.get(name), params=QUERIES.get(name), headers=key()
            )
            if name in LISTS:
                found = answer.json()
                assert (answer.status_code, found if isinstance(found, list) else found["items"]) == (200, []), name
            else:
                assert answer.status_code == 404, f"{name}: {answer.status_code} {answer.text}"
        assert tried >= {
            "list_loans",
            "list_events",
            "show_statement",
            "send_partner_file",
            "answer_break",
            "redeliver",
            "answer_funding",
            "show_funds",
            "download_settlement",
            "name_contact",
            "register_own_key",
            "revoke_key",
            "show_challenge",
            "change_contact",
            "list_contacts",
        }


async def _of_hill_bank(platform: Served, manager: httpx.AsyncClient) -> dict[str, str]:
    """Something of every kind that is the other's, and the names of it in paths."""
    loan_id = await shared_with(platform, "hill-bank")
    await repaid(platform, loan_id, 0)
    body = {"partner": "hill-bank", "url": "http://127.0.0.1:9/hook", "types": TYPES}
    made = await manager.post("/partners/endpoints", json=body, headers=key())
    assert made.status_code == 201, made.text
    await platform.settle()
    file = {"file_date": "2026-03-02", "items": []}
    found = await manager.post("/partners/partners/hill-bank/files", json=file, headers=key())
    assert found.json()["found"] == 1, found.text
    await platform.settle()
    (broken,) = await everything(manager, "/partners/breaks")
    await agreement_with(platform, "hill-bank")
    application_id = await approved(platform)
    await received(platform, "hill-bank", "100.00")
    await day(platform, date(2026, 3, 3))
    register = {"public_key": PartnerKeyRegistered.example["public_key"], "valid_from": "2026-01-01T00:00:00Z"}
    (registered,) = (await said(manager, "/partners/hill-bank/keys", register, 201))["keys"]
    person, *_ = (await manager.get("/partners/partners/hill-bank/contacts")).json()
    (settled,) = await everything(manager, "/partners/settlements")
    assert (await manager.get(f"/partners/fundings/{application_id}")).json()["partner"] == "hill-bank"
    return {
        "partner": "hill-bank",
        "loan_id": loan_id,
        "endpoint_id": made.json()["endpoint_id"],
        "position": "1",
        "break_id": broken["break_id"],
        "agreement": "hill-bank-1",
        "application_id": application_id,
        "settlement_id": settled["settlement_id"],
        "person_id": person["person_id"],
        "key_id": registered["key_id"],
    }
