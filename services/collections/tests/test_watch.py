"""Early warning as it comes about from the ledger's events, and the watch list over HTTP."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from libs.contracts import examples as ex
from libs.contracts.approval import SecurityPerfected
from libs.contracts.collections import BorrowerFrozen, BorrowerUnfrozen, WarningRaised, WatchLeft
from libs.contracts.ledger import DelinquencyPaused, LoanChanged
from libs.lending.money import Money
from libs.service.testing import Served, key
from services.collections.handlers import WATCH
from services.collections.tests.loans import DUES, INSTALMENT, TheLoan, day_opens, position

BEHIND = DUES[0] + timedelta(days=1)
LIST = "/collections/watch-list"


async def rules(running: Served, applicant_id: str) -> list[str]:
    """The rules that warned of a borrower, in order."""
    events = await running.events(WATCH.stream_id(applicant_id))
    return [event.rule for event in events if isinstance(event, WarningRaised)]


async def falls(running: Served, loan: TheLoan, on: date = BEHIND, days: int = 1) -> None:
    await day_opens(running, on)
    await loan.happens(loan.disbursement())
    await loan.happens(loan.delinquency(on, days))
    await running.settle()


async def post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> httpx.Response:
    return await client.post(path, json=body, headers=key())


async def test_a_first_instalment_paid_late_warns_and_is_cured(running: Served, loan: TheLoan) -> None:
    await falls(running, loan)
    collector = await running.client("collector")
    (item,) = (await collector.get(f"{LIST}?review_until=2026-04-02")).json()["items"]
    assert (item["applicant_id"], item["reason"], item["entered_by"]) == (
        loan.applicant_id, "first-instalment-late", ""
    )  # fmt: skip
    (warned,) = (await collector.get("/collections/warnings?standing=true")).json()["items"]
    assert warned["text"]["zh"] == "首期还款逾期"
    await loan.happens(loan.delinquency(BEHIND + timedelta(days=3), 0))
    await running.settle()
    assert (await collector.get("/collections/warnings?standing=true")).json()["items"] == []
    watch = (await collector.get(f"{LIST}/{loan.applicant_id}")).json()
    assert (watch["watched"], watch["warnings"][0]["cured_on"]) == (True, "2026-03-06")


async def test_a_loan_that_is_repaid_as_agreed_leaves_no_trace(running: Served, loan: TheLoan) -> None:
    await day_opens(running, DUES[0])
    await loan.happens(loan.disbursement())
    at = position(DUES[0], next_due=DUES[1], next_amount=INSTALMENT)
    paid = loan.repayment(DUES[0], INSTALMENT, at)
    await loan.happens(paid)
    await loan.happens(loan.reversal(paid, DUES[0], at).model_copy(update={"reason": "entered-by-mistake"}))
    example = {**LoanChanged.example, "loan_id": loan.loan_id, "kind": "RATE"}
    await loan.happens(LoanChanged.model_validate(example))
    await loan.happens(loan.settled(DUES[0]))
    await running.settle()
    assert await running.events(WATCH.stream_id(loan.applicant_id)) == []
    assert await running.runtime.store.pool.fetchval("select count(*) from behaviour") == 0


async def test_what_goes_deeper_happens_again_and_on_several_loans_warns_each_once(
    running: Served, loan: TheLoan
) -> None:
    late = DUES[1] + timedelta(days=1)
    await day_opens(running, late)
    await loan.happens(loan.disbursement())
    for on, days in ((late, 1), (late, 1), (late + timedelta(days=30), 31), (late + timedelta(days=60), 61)):
        await loan.happens(loan.delinquency(on, days))
    await running.settle()
    assert await rules(running, loan.applicant_id) == ["past-due-31", "past-due-61"], "a second instalment is no first"
    other = TheLoan(running, number=1)
    await other.happens(other.disbursement())
    await other.happens(other.delinquency(late + timedelta(days=60), 1))
    await running.settle()
    assert (await rules(running, loan.applicant_id))[2:] == ["several-loans-late"]
    for month in (3, 4):
        on = late + timedelta(days=30 * month)
        await other.happens(other.delinquency(on - timedelta(days=5), 0))
        await other.happens(other.delinquency(on, 1))
    await running.settle()
    assert (await rules(running, loan.applicant_id)).count("late-again") == 2, "the third time, and the fourth"


async def test_promises_part_payments_and_payments_returned_warn(running: Served, loan: TheLoan) -> None:
    late = DUES[1] + timedelta(days=1)
    await falls(running, loan, late)
    collector = await running.client("collector")
    promise = {"amount": {"amount": "1100.00", "currency": "CNY"}, "due": str(late)}
    made = await post(collector, f"/collections/cases/{loan.case(late)}/promises", promise)
    assert made.status_code == 201, made.text
    owed = INSTALMENT - Money.of("400.00")
    paid = [
        loan.repayment(late, Money.of("200.00"), position(late, days=1, overdue=owed + Money.of("200.00"))),
        loan.repayment(late, Money.of("200.00"), position(late, days=1, overdue=owed)),
    ]
    for payment in paid:
        await loan.happens(payment)
    await running.settle()
    assert await rules(running, loan.applicant_id) == ["part-payments"]
    await day_opens(running, late + timedelta(days=1))
    await running.settle()
    await loan.happens(loan.reversal(paid[1], late, position(late, days=1, overdue=owed)))
    await running.settle()
    assert (await rules(running, loan.applicant_id))[1:] == ["promise-broken", "payment-returned"]
    watch = (await collector.get(f"{LIST}/{loan.applicant_id}")).json()
    assert (watch["watched"], watch["reason"]) == (True, "promise-broken"), "two lesser ones that stand"


async def test_a_pause_and_an_extension_warn(running: Served, loan: TheLoan) -> None:
    await loan.happens(loan.disbursement())
    ids = {"loan_id": loan.loan_id}
    await loan.happens(DelinquencyPaused.model_validate(DelinquencyPaused.example | ids))
    await loan.happens(LoanChanged.model_validate({**LoanChanged.example, **ids, "kind": "EXTENSION"}))
    await running.settle()
    assert await rules(running, loan.applicant_id) == ["change-asked", "change-asked"]


async def test_a_freeze_by_two_persons_from_proposal_to_its_end(running: Served, loan: TheLoan) -> None:
    await falls(running, loan)
    manager, risk = await running.client("collection_manager"), await running.client("risk_manager")
    path = f"{LIST}/{loan.applicant_id}"
    proposed = await post(manager, f"{path}/measures", {"kind": "FREEZE", "reason": "Arrears"})
    assert proposed.status_code == 201, proposed.text
    (measure,) = proposed.json()["measures"]
    decision = f"{path}/measures/{measure['measure_id']}/decision"
    own = await post(manager, decision, {"take": True, "reason": "x"})
    assert (own.status_code, own.json()["basis"]["rule"]) == (403, "two_persons")
    assert (await post(risk, decision, {"take": True, "reason": "Agreed"})).json()["frozen"] is True
    await running.settle()
    auditor = await running.client("auditor")
    (item,) = (await auditor.get(f"{LIST}?frozen=true")).json()["items"]
    assert (item["measures"], item["frozen"]) == (1, True)
    review = await post(manager, f"{path}/reviews", {"findings": "Paid", "leave": True})
    assert review.json()["review"]["reviewed_by"] == "collection-manager"
    early = await post(risk, f"{path}/exit", {"reason": "Paid"})
    assert (early.status_code, early.json()["type"].rsplit(":", 1)[-1]) == (409, "measures-standing")
    ended = await post(risk, f"{path}/measures/{measure['measure_id']}/end", {"reason": "Paid"})
    assert (ended.json()["frozen"], ended.json()["measures"][0]["status"]) == (False, "ENDED")
    assert (await post(risk, f"{path}/exit", {"reason": "Paid"})).json()["watched"] is False
    await running.settle()
    (item,) = (await auditor.get(f"{LIST}?watched=false")).json()["items"]
    assert (item["measures"], item["frozen"], item["left_on"]) == (0, False, str(BEHIND))
    events = await running.events(WATCH.stream_id(loan.applicant_id))
    assert [type(event) for event in events if isinstance(event, (BorrowerFrozen, BorrowerUnfrozen))] == [
        BorrowerFrozen, BorrowerUnfrozen,
    ]  # fmt: skip


async def demands(running: Served, loan: TheLoan) -> str:
    """More guarantee for the loan, by two persons; the measure."""
    manager, risk = await running.client("collection_manager"), await running.client("risk_manager")
    path = f"{LIST}/{loan.applicant_id}/measures"
    body = {"kind": "MORE_GUARANTEE", "loan_id": loan.loan_id, "reason": "Arrears"}
    proposed = await post(manager, path, body)
    assert proposed.status_code == 201, proposed.text
    measure_id: str = proposed.json()["measures"][-1]["measure_id"]
    decided = await post(risk, f"{path}/{measure_id}/decision", {"take": True, "reason": "Agreed"})
    assert decided.json()["measures"][-1]["due_on"] == str(BEHIND + timedelta(days=30))
    await running.settle()
    return measure_id


async def test_more_guarantee_is_fulfilled_by_a_security_that_is_registered(running: Served, loan: TheLoan) -> None:
    await falls(running, loan)
    await demands(running, loan)
    for application_id in ("another", ex.APPLICATION):
        example = SecurityPerfected.example | {"application_id": application_id, "recorded_on": BEHIND}
        await running.publish(f"security-{application_id}", SecurityPerfected.model_validate(example))
        await running.settle()
    await day_opens(running, BEHIND + timedelta(days=31))
    await running.settle()
    watch = (await (await running.client("auditor")).get(f"{LIST}/{loan.applicant_id}")).json()
    (measure,) = watch["measures"]
    assert (measure["status"], measure["security_id"]) == ("FULFILLED", "security-1")
    assert "guarantee-not-given" not in await rules(running, loan.applicant_id)
    (item,) = (await (await running.client("auditor")).get(LIST)).json()["items"]
    assert item["measures"] == 0


@pytest.mark.parametrize("settled", [False, True])
async def test_more_guarantee_that_is_not_given_in_time_warns_once(
    running: Served, loan: TheLoan, settled: bool
) -> None:
    await falls(running, loan)
    await demands(running, loan)
    due_on = BEHIND + timedelta(days=30)
    await day_opens(running, due_on)
    if settled:
        await loan.happens(loan.settled(due_on))
    await running.settle()
    assert "guarantee-not-given" not in await rules(running, loan.applicant_id), "it may be given on the day itself"
    for days in (1, 2):
        await day_opens(running, due_on + timedelta(days=days))
        await running.settle()
    assert (await rules(running, loan.applicant_id)).count("guarantee-not-given") == (0 if settled else 1)


async def test_a_higher_rate_is_refused_where_the_contract_fixes_it(running: Served, loan: TheLoan) -> None:
    await falls(running, loan)
    body = {"kind": "HIGHER_RATE", "loan_id": loan.loan_id, "clause": "7.2", "reason": "Arrears"}
    manager = await running.client("collection_manager")
    refused = await post(manager, f"{LIST}/{loan.applicant_id}/measures", body)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:puhui:problem:rate-fixed")
    assert (refused.json()["errors"][0]["pointer"], refused.json()["basis"]["rule"]) == ("#/clause", "rate_clauses")


async def test_a_limit_in_another_currency_would_bind_nothing(running: Served, loan: TheLoan) -> None:
    await falls(running, loan)
    path, manager = f"{LIST}/{loan.applicant_id}/measures", await running.client("collection_manager")
    body = {"kind": "LOWER_LIMIT", "reason": "Arrears", "limit": {"amount": "5000.00", "currency": "USD"}}
    refused = await post(manager, path, body)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:puhui:problem:wrong-currency")
    assert refused.json()["errors"][0]["pointer"] == "#/limit/currency"
    assert (await post(manager, path, body | {"limit": ex.cny("5000.00")})).status_code == 201


async def test_who_came_by_rule_leaves_by_rule_and_who_came_by_a_person_stays(running: Served, loan: TheLoan) -> None:
    await falls(running, loan)
    other = TheLoan(running, number=1, applicant_id="0197a3f0-0000-7000-8000-000000000101")
    await other.happens(other.disbursement())
    cured_on = BEHIND + timedelta(days=3)
    await loan.happens(loan.delinquency(cured_on, 0))
    await running.settle()
    manager = await running.client("collection_manager")
    entry = {"loan_id": other.loan_id, "severity": "LOW", "reason": "Shop closed"}
    put = await post(manager, LIST, entry)
    assert (put.status_code, put.json()["entered_by"]) == (201, "collection-manager")
    assert (await post(manager, LIST, entry)).json()["type"].endswith("already-watched")
    await running.settle()
    last = cured_on + timedelta(days=90)
    for on in (last - timedelta(days=1), last):
        before = await running.events(WATCH.stream_id(loan.applicant_id))
        assert not [event for event in before if isinstance(event, WatchLeft)]
        await day_opens(running, on)
        await running.settle()
    (left,) = [event for event in await running.events(WATCH.stream_id(loan.applicant_id)) if type(event) is WatchLeft]
    assert (left.left_by, left.left_on) == ("", last)
    (stays,) = (await manager.get(LIST)).json()["items"]
    assert stays["applicant_id"] == other.applicant_id


async def test_lists_are_paged_and_the_rules_are_shown(running: Served) -> None:
    loans = [TheLoan(running, number=n, applicant_id=f"0197a3f0-0000-7000-8000-0000000002{n:02}") for n in range(3)]
    for loan in loans:
        await falls(running, loan)
    auditor = await running.client("auditor")
    for path, name in ((LIST, "applicant_id"), ("/collections/warnings", "warning_id")):
        found, cursor = [], ""
        while True:
            page = (await auditor.get(f"{path}?limit=2{cursor}")).json()
            found += [item[name] for item in page["items"]]
            if not page["next_cursor"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert (len(found), found) == (3, sorted(set(found)))
    first, *_, latest = (await auditor.get("/collections/watch-policies")).json()
    assert {rule["rule"] for rule in first["rules"]} >= {"signals", "two_persons", "quiet_days"}
    assert {rule["rule"] for rule in latest["rules"]} - {rule["rule"] for rule in first["rules"]} == {
        "facts", "linked", "guarantee_days", "rate_clauses",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("", {"loan_id": "none", "severity": "LOW", "reason": "x"}, "#/loan_id"),
        ("", {"loan_id": "none", "severity": "SOME", "reason": "x"}, "#/severity"),
        ("/{id}/measures", {"kind": "LOWER_LIMIT", "reason": "x"}, "#/limit"),
        ("/{id}/measures", {"kind": "HIGHER_RATE", "loan_id": "none", "clause": "7", "reason": "x"}, "#/loan_id"),
        ("/{id}/measures", {"kind": "LOWER_LIMIT", "limit": {"amount": 5.5, "currency": "CNY"}, "reason": "x"}, "#/li"),
        ("/{id}/measures/m/decision", {"take": "yes", "reason": "x"}, "#/take"),
        ("/{id}/reviews", {"findings": "", "leave": True}, "#/findings"),
        ("/{id}/exit", {}, "#/reason"),
    ],
)
async def test_a_wrong_command_is_refused_by_its_member(
    running: Served, loan: TheLoan, path: str, body: dict[str, Any], pointer: str
) -> None:
    await falls(running, loan)
    manager = await running.client("collection_manager")
    answer = await post(manager, LIST + path.format(id=loan.applicant_id), body)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if answer.status_code == 422:
        assert answer.json()["errors"][0]["pointer"].startswith(pointer)
    assert (await manager.get(f"{LIST}/unknown")).status_code == 404


@pytest.mark.parametrize("role", ["auditor", "collector", "senior_credit_officer", "customer"])
async def test_who_may_read_or_not_at_all_changes_nothing(running: Served, loan: TheLoan, role: str) -> None:
    await falls(running, loan)
    before = await running.events(WATCH.stream_id(loan.applicant_id))
    client, own = await running.client(role), f"{LIST}/{loan.applicant_id}"
    for path, body in (
        (LIST, {"loan_id": loan.loan_id, "severity": "LOW", "reason": "x"}),
        (f"{own}/reviews", {"findings": "x", "leave": True}),
        (f"{own}/measures", {"kind": "FREEZE", "reason": "x"}),
        (f"{own}/measures/m/decision", {"take": True, "reason": "x"}),
        (f"{own}/measures/m/end", {"reason": "x"}),
        (f"{own}/exit", {"reason": "x"}),
    ):
        assert (await post(client, path, body)).status_code == 403, path
    assert (await client.get(own)).status_code == (403 if role == "customer" else 200)
    assert await running.events(WATCH.stream_id(loan.applicant_id)) == before
