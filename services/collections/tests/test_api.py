"""Collection as its users see it, from the first day of arrears to the end."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

from libs.service.testing import Served, key
from services.collections.tests.loans import INSTALMENT, TheLoan, day_opens, position

BEHIND = date(2026, 3, 3)
"""The first day of arrears: the instalment of 2026-03-02 was not paid."""
CALL = {
    "channel": "TELEPHONE",
    "at_local": "2026-03-03T10:00:00",
    "number": "mobile-1",
    "result": "REACHED",
    "note": "Pays on Friday",
}


async def behind(running: Served, loan: TheLoan, on: date = BEHIND, days: int = 1) -> str:
    """A case of a loan that fell behind, on its first business day; its path."""
    await day_opens(running, on)
    await loan.happens(loan.disbursement())
    await loan.happens(loan.delinquency(on, days))
    await running.settle()
    return f"/collections/cases/{loan.case(on)}"


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


async def test_a_case_opens_is_worked_on_and_is_cured(running: Served, loan: TheLoan) -> None:
    path = await behind(running, loan)
    collector = await running.client("collector")
    case: Any = (await collector.get(path)).json()
    assert (case["state"], case["stage"], case["overdue"]) == ("OPEN", "EARLY", money("1100.00"))

    contact = await collector.post(f"{path}/contacts", json=CALL, headers=key())
    assert (contact.status_code, contact.json()["result"]) == (201, "REACHED")
    promise = await collector.post(
        f"{path}/promises", json={"amount": money("1100.00"), "due": "2026-03-06"}, headers=key()
    )
    assert (promise.status_code, promise.json()["promise"]["state"]) == (201, "OPEN")

    paid_on = BEHIND + timedelta(days=2)
    after = position(paid_on, outstanding=INSTALMENT * 2, next_due=date(2026, 4, 2), next_amount=INSTALMENT)
    await loan.happens(loan.repayment(paid_on, INSTALMENT, after))
    await loan.happens(loan.delinquency(paid_on, 0))
    await running.settle()
    case = (await collector.get(path)).json()
    assert (case["state"], case["end"], case["closed_on"]) == ("CLOSED", "CURED", "2026-03-05")
    assert (case["promise"]["state"], case["promise"]["paid"]) == ("KEPT", money("1100.00"))
    timeline = (await collector.get(f"{path}/timeline")).json()["entries"]
    assert [entry["type"].split(".")[2] for entry in timeline] == [
        "collection-case-opened",
        "case-assigned",
        "contact-logged",
        "promise-made",
        "repayment-noted",
        "promise-kept",
        "collection-case-closed",
    ]


async def test_a_call_that_breaks_a_rule_is_refused_with_its_source_and_the_next_time(
    running: Served, loan: TheLoan
) -> None:
    path = await behind(running, loan)
    collector = await running.client("collector")
    late = CALL | {"at_local": "2026-03-03T22:00:00"}
    asked = {name: late[name] for name in ("channel", "at_local", "number")}
    permission = (await collector.post(f"{path}/contacts/permission", json=asked)).json()
    assert (permission["permitted"], permission["next_permitted"]) == (False, "2026-03-04T08:00:00")
    assert [rule["code"] for rule in permission["broken"]] == ["quiet-hours"]
    used = key()
    refused = await collector.post(f"{path}/contacts", json=late, headers=used)
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (409, "urn:puhui:problem:quiet-hours")
    assert problem["next_permitted"] == "2026-03-04T08:00:00"
    assert problem["basis"] == {"rule": "quiet_hours", "source": "GB/T 45251-2025", "standing": "S"}
    assert (await collector.get(f"{path}/contacts")).json() == []
    assert (await collector.post(f"{path}/contacts", json=CALL, headers=used)).status_code == 201
    asked["at_local"] = "2026-03-03T21:59"
    assert (await collector.post(f"{path}/contacts/permission", json=asked)).json()["permitted"] is True


async def test_calls_are_counted_for_the_debtor_over_all_his_loans(running: Served, loan: TheLoan) -> None:
    other = TheLoan(running, number=1)
    stranger = TheLoan(running, number=2, applicant_id="somebody-else")
    paths = [await behind(running, each) for each in (loan, other, stranger)]
    collector = await running.client("collector")
    for path in (paths[0], paths[1], paths[0]):
        assert (await collector.post(f"{path}/contacts", json=CALL, headers=key())).status_code == 201
    refused = await collector.post(f"{paths[1]}/contacts", json=CALL, headers=key())
    assert refused.json()["type"] == "urn:puhui:problem:daily-calls-exhausted"
    assert (await collector.post(f"{paths[2]}/contacts", json=CALL, headers=key())).status_code == 201
    assert len((await collector.get(f"{paths[0]}/contacts")).json()) == 2


async def test_two_calls_at_the_same_moment_are_counted_both(running: Served, loan: TheLoan) -> None:
    path = await behind(running, loan)
    collector = await running.client("collector")
    answers = await asyncio.gather(*(collector.post(f"{path}/contacts", json=CALL, headers=key()) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 409, 409, 409]


async def test_a_complaint_stops_collection_until_it_is_resolved(running: Served, loan: TheLoan) -> None:
    path = await behind(running, loan, days=120)
    collector, manager = await running.client("collector"), await running.client("collection_manager")
    customer = await running.client("customer")
    complaint = await customer.post(f"{path}/complaints", json={"subject": "Calls at work"}, headers=key())
    assert (complaint.status_code, complaint.json()["resolved_on"]) == (201, None)
    stopped = [
        await collector.post(f"{path}/contacts", json=CALL, headers=key()),
        await collector.post(f"{path}/promises", json={"amount": money("1100.00"), "due": "2026-03-06"}, headers=key()),
        await manager.post(f"{path}/hand-over", json={"reason": "No payment"}, headers=key()),
    ]
    assert {answer.json()["type"] for answer in stopped} == {"urn:puhui:problem:complaint-open"}
    resolve = f"{path}/complaints/{complaint.json()['complaint_id']}/resolve"
    assert (await collector.post(resolve, json={"outcome": "Apology"}, headers=key())).status_code == 403
    assert (await manager.post(resolve, json={"outcome": "Apology"}, headers=key())).json()["outcome"] == "Apology"
    again = await manager.post(resolve, json={"outcome": "Apology"}, headers=key())
    assert again.json()["type"] == "urn:puhui:problem:complaint-resolved"
    (shown,) = (await collector.get(f"{path}/complaints")).json()
    assert shown["resolved_on"] == "2026-03-03"
    assert (await collector.post(f"{path}/contacts", json=CALL, headers=key())).status_code == 201
    legal = await manager.post(f"{path}/hand-over", json={"reason": "No payment"}, headers=key())
    assert (legal.status_code, legal.json()["stage"]) == (200, "LEGAL")


async def test_a_borrower_complains_about_his_own_case_only(running: Served, loan: TheLoan) -> None:
    path = await behind(running, loan)
    own = await running.client("customer", **{"On-Behalf-Of": loan.applicant_id})
    other = await running.client("customer", **{"On-Behalf-Of": "somebody-else"})
    foreign = await other.post(f"{path}/complaints", json={"subject": "Calls"}, headers=key())
    assert (foreign.status_code, foreign.json()["type"]) == (404, "urn:puhui:problem:case-not-found")
    assert (await own.post(f"{path}/complaints", json={"subject": "Calls"}, headers=key())).status_code == 201
    assert (await own.get(path)).status_code == 403


async def test_managers_assign_and_move_cases(running: Served, loan: TheLoan) -> None:
    path = await behind(running, loan)
    collector, manager = await running.client("collector"), await running.client("collection_manager")
    assert (await collector.post(f"{path}/assign", json={"collector": "collector"}, headers=key())).status_code == 403
    wrong = await manager.post(f"{path}/assign", json={"collector": "collector-3"}, headers=key())
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "#/collector")
    right = await manager.post(f"{path}/assign", json={"collector": "collector"}, headers=key())
    assert (right.status_code, right.json()["collector"]) == (200, "collector")
    await running.settle()
    (mine,) = (await collector.get("/collections/cases?collector=collector&state=OPEN&sort=priority")).json()["items"]
    assert (mine["priority"], mine["assigned_on"]) == (4, "2026-03-03")
    early = await manager.post(f"{path}/hand-over", json={"reason": "Now"}, headers=key())
    assert early.json()["type"] == "urn:puhui:problem:legal-too-early"
    moved = await manager.post(f"{path}/stage", json={"stage": "LATE", "reason": "Moved away"}, headers=key())
    assert moved.json()["stage"] == "LATE"


async def test_cases_are_listed_by_what_comes_first(running: Served) -> None:
    days = {0: 1, 1: 40, 2: 120, 3: 2, 4: 3}
    paths = {}
    for number, past_due in days.items():
        loan = TheLoan(running, number=number, applicant_id=f"debtor-{number}")
        paths[number] = await behind(running, loan, days=past_due)
    collector = await running.client("collector")
    for number in (3, 4):
        body = {"amount": money("1100.00"), "due": "2026-03-03" if number == 3 else "2026-03-10"}
        assert (await collector.post(f"{paths[number]}/promises", json=body, headers=key())).status_code == 201
    await running.settle()
    await day_opens(running, date(2026, 3, 4))
    await running.settle()
    wanted = ["debtor-3", "debtor-2", "debtor-1", "debtor-0", "debtor-4"]
    listed, cursor = [], ""
    while True:
        page = (await collector.get(f"/collections/cases?sort=priority&limit=2{cursor}")).json()
        listed += [case["applicant_id"] for case in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert listed == wanted
    late = (await collector.get("/collections/cases?stage=LATE&sort=-overdue,days_past_due")).json()["items"]
    assert [case["applicant_id"] for case in late] == ["debtor-2"]
    load = (await collector.get("/collections/workload")).json()
    assert {item["collector"]: item["broken_promises"] for item in load}["collector-2"] == 1


async def test_commands_hold_to_keys_and_versions(running: Served, loan: TheLoan) -> None:
    path = await behind(running, loan)
    manager = await running.client("collection_manager")
    read = await manager.get(path)
    tag = read.headers["etag"]
    assert (await manager.get(path, headers={"If-None-Match": tag})).status_code == 304
    used = key()
    body = {"collector": "collector-2"}
    first = await manager.post(f"{path}/assign", json=body, headers=used)
    assert (first.status_code, first.headers["etag"]) == (200, '"v3"')
    again = await manager.post(f"{path}/assign", json=body, headers=used)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    other = await manager.post(f"{path}/assign", json={"collector": "collector"}, headers=used)
    assert (other.status_code, other.json()["type"]) == (422, "urn:puhui:problem:idempotency-key-reused")
    stale = await manager.post(f"{path}/assign", json={"collector": "collector"}, headers=key() | {"If-Match": tag})
    assert stale.status_code == 412
    assert (await manager.post(f"{path}/assign", json=body)).status_code == 400


async def test_rules_are_shown_with_source_and_standing(running: Served) -> None:
    auditor = await running.client("auditor")
    policy, later = (await auditor.get("/collections/policies")).json()
    assert [each["version"] for each in (policy, later)] == [1, 2]
    rules = {rule["rule"]: rule for rule in policy["rules"]}
    assert rules["effective_calls_per_day"] == {
        "rule": "effective_calls_per_day",
        "value": 3,
        "meaning": "Calls a day in which the debtor was reached, voice robots included.",
        "source": "GB/T 45251-2025",
        "standing": "S",
    }


async def test_auditors_read_and_change_nothing(running: Served, loan: TheLoan) -> None:
    path = await behind(running, loan)
    auditor = await running.client("auditor")
    for read in ("", "/timeline", "/contacts", "/complaints"):
        assert (await auditor.get(f"{path}{read}")).status_code == 200
    for act in ("assign", "stage", "hand-over", "contacts", "contacts/permission", "promises", "plans", "complaints"):
        assert (await auditor.post(f"{path}/{act}", json={}, headers=key())).status_code == 403
    for role in ("credit_officer", "finance_officer", "customer"):
        assert (await (await running.client(role)).get("/collections/cases")).status_code == 403
    assert (await (await running.client(None)).get("/collections/cases")).status_code == 401
