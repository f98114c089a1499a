"""Decisions as officers, applicants and auditors see them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from libs.contracts import examples as ex
from libs.service.testing import Served, key
from services.approval.tests.requests import application_id, scored


async def refer(approval: Served, number: int = 0, amount: str = "40000.00") -> str:
    """A referred application; its path."""
    await approval.publish(f"assessment-{application_id(number)}", scored(number, amount=amount))
    await approval.settle()
    return f"/approval/decisions/{application_id(number)}"


async def post(client: httpx.AsyncClient, path: str, body: Any = None) -> httpx.Response:
    return await client.post(path, json=body, headers=key())


def code(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


APPROVE = {"outcome": "APPROVE", "note": "Income confirmed"}
DECLINE = {"outcome": "DECLINE", "note": "Income not confirmed"}


async def test_the_table_decides_and_the_decision_is_shown(approval: Served) -> None:
    for number, grade in enumerate("AEC"):
        await approval.publish(f"assessment-{application_id(number)}", scored(number, grade))
    await approval.settle()
    officer = await approval.client("credit_officer")
    shown = [(await officer.get(f"/approval/decisions/{application_id(n)}")).json() for n in range(3)]
    assert [decision["status"] for decision in shown] == ["APPROVED", "DECLINED", "REFERRED"]
    assert shown[0]["offer"]["annual_rate"] == "0.15"
    assert shown[1]["reasons"][0]["code"] == "score-too-low"
    assert shown[2]["queue"] == "standard"
    listed = (await officer.get("/approval/decisions?status=REFERRED&queue=standard")).json()["items"]
    assert [item["application_id"] for item in listed] == [application_id(2)]
    assert (listed[0]["automatic"], listed[0]["score"], listed[0]["rule"]) == (False, 612, "grade-c-refer")


async def test_an_officer_claims_and_decides(approval: Served) -> None:
    path = await refer(approval)
    officer = await approval.client("credit_officer")
    claimed = await post(officer, f"{path}/claim")
    assert (claimed.status_code, claimed.json()["officer"]) == (200, "credit-officer")
    decided = await post(officer, f"{path}/decide", APPROVE | {"offer": {"instalments": 24}})
    assert (decided.status_code, decided.json()["status"]) == (200, "APPROVED")
    assert decided.json()["offer"]["instalments"] == 24
    assert decided.json()["decided_by"] == ["credit-officer"]
    stored = await approval.runtime.store.load(f"decision-{application_id()}")
    assert stored[-1].circumstances.rules == {"authority": "v1"}
    await approval.settle()
    (row,) = (await officer.get("/approval/decisions?status=APPROVED")).json()["items"]
    assert (row["automatic"], row["officer"]) == (False, "")


async def test_an_officer_declines_with_reasons_of_the_table(approval: Served) -> None:
    path = await refer(approval)
    officer = await approval.client("credit_officer")
    await post(officer, f"{path}/claim")
    unknown = await post(officer, f"{path}/decide", DECLINE | {"reasons": ["officer-decision", "because"]})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "#/reasons/1")
    decided = await post(officer, f"{path}/decide", DECLINE | {"reasons": ["officer-decision"]})
    assert decided.json()["reasons"] == [
        {"code": "officer-decision", "text": {"zh": "经人工审核决定", "en": "Decided after review by a person"}}
    ]


async def test_large_amounts_need_two_persons_and_the_authority(approval: Served) -> None:
    path = await refer(approval, amount="150000.00")
    junior, senior = await approval.client("credit_officer"), await approval.client("senior_credit_officer")
    assert (await junior.get(path)).json()["four_eyes"] is True
    await post(senior, f"{path}/claim")
    assert code(await post(senior, f"{path}/decide", APPROVE)) == "second-person-needed"
    assert (await post(senior, f"{path}/release", {"reason": "On leave"})).json()["officer"] == ""
    await post(junior, f"{path}/claim")
    taken = await post(senior, f"{path}/claim")
    assert (taken.status_code, code(taken)) == (409, "case-claimed")
    recommended = await post(junior, f"{path}/recommend", APPROVE)
    assert recommended.json()["recommendation"]["officer"] == "credit-officer"
    await approval.settle()
    (row,) = (await senior.get("/approval/decisions?queue=large")).json()["items"]
    assert (row["recommended"], row["officer"]) == ("APPROVE", "")
    await post(junior, f"{path}/claim")
    assert code(await post(junior, f"{path}/decide", APPROVE)) == "second-person-needed"
    await post(junior, f"{path}/release", {"reason": "Not mine to decide"})
    await post(senior, f"{path}/claim")
    decided = await post(senior, f"{path}/decide", APPROVE)
    assert decided.json()["decided_by"] == ["credit-officer", "senior-credit-officer"]


async def test_authority_ends_somewhere(approval: Served) -> None:
    path = await refer(approval, amount="60000.00")
    officer = await approval.client("credit_officer")
    await post(officer, f"{path}/claim")
    over = await post(officer, f"{path}/decide", APPROVE)
    assert (over.status_code, code(over)) == (403, "authority-exceeded")
    less = {"offer": {"amount": {"amount": "50000.00", "currency": "CNY"}}}
    assert (await post(officer, f"{path}/decide", APPROVE | less)).json()["status"] == "APPROVED"


async def test_one_of_two_officers_who_claim_at_once_gets_the_case(approval: Served) -> None:
    path = await refer(approval)
    clients = [await approval.client(role) for role in ("credit_officer", "senior_credit_officer", "risk_manager")]
    answers = await asyncio.gather(*(post(client, f"{path}/claim") for client in clients))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


async def test_applicants_see_their_own_decision_only(approval: Served) -> None:
    path = await refer(approval)
    own = await approval.client("customer", **{"On-Behalf-Of": ex.APPLICANT})
    other = await approval.client("customer", **{"On-Behalf-Of": "somebody-else"})
    assert (await own.get(path)).status_code == 200
    assert (await other.get(path)).status_code == 404
    assert (await (await approval.client("customer")).get(path)).status_code == 200
    assert (await own.get("/approval/decisions")).status_code == 403
    assert (await post(own, f"{path}/claim")).status_code == 403


async def test_who_only_reads_decides_nothing(approval: Served) -> None:
    path = await refer(approval)
    for role in ("auditor", "loan_officer", "collector"):
        client = await approval.client(role)
        for act, body in (("claim", None), ("release", {"reason": "x"}), ("recommend", DECLINE), ("decide", DECLINE)):
            assert (await post(client, f"{path}/{act}", body)).status_code == 403
    assert (await (await approval.client(None)).get(path)).status_code == 401


async def test_commands_hold_to_keys_and_versions(approval: Served) -> None:
    path = await refer(approval)
    officer = await approval.client("credit_officer")
    tag = (await officer.get(path)).headers["etag"]
    assert (await officer.get(path, headers={"If-None-Match": tag})).status_code == 304
    used = key()
    first = await officer.post(f"{path}/claim", headers=used)
    again = await officer.post(f"{path}/claim", headers=used)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    other = await officer.post(f"{path}/recommend", json=DECLINE, headers=used)
    assert (other.status_code, code(other)) == (422, "idempotency-key-reused")
    stale = await officer.post(f"{path}/recommend", json=DECLINE, headers=key() | {"If-Match": tag})
    assert stale.status_code == 412
    assert (await officer.post(f"{path}/recommend", json=DECLINE)).status_code == 400
    fresh = key() | {"If-Match": first.headers["etag"]}
    assert (await officer.post(f"{path}/recommend", json=DECLINE, headers=fresh)).status_code == 200


async def test_decisions_are_listed_page_by_page(approval: Served) -> None:
    for number, amount in enumerate(["40000.00", "31000.00", "50000.00"]):
        await refer(approval, number, amount)
    officer = await approval.client("credit_officer")
    listed, cursor = [], ""
    while True:
        page = (await officer.get(f"/approval/decisions?sort=-amount&limit=1{cursor}")).json()
        listed += [item["amount"]["amount"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert listed == ["50000.00", "40000.00", "31000.00"]
    await post(officer, f"/approval/decisions/{application_id(1)}/claim")
    await approval.settle()
    (mine,) = (await officer.get("/approval/decisions?officer=credit-officer&grade=C")).json()["items"]
    assert mine["application_id"] == application_id(1)


async def test_tables_are_shown_as_they_decide(approval: Served) -> None:
    auditor = await approval.client("auditor")
    (table,) = (await auditor.get("/approval/tables")).json()
    assert (table["table_id"], table["version"], table["in_force"]) == ("standard", 1, True)
    shown = (await auditor.get("/approval/tables/standard/1")).json()
    assert shown["sha256"] == table["sha256"]
    assert shown["document"]["reasons"]["not-scored"]["en"]
    assert (await auditor.get("/approval/tables/standard/2")).status_code == 404
