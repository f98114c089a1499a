"""What collection makes of the ledger's events, in whatever order loans and days arrive."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent
from libs.contracts.collections import (
    CaseAssigned,
    CaseStageChanged,
    CollectionCaseClosed,
    CollectionCaseOpened,
    PromiseBroken,
    PromiseKept,
    ReminderSent,
)
from libs.contracts.ledger import DisbursementRedated, LoanChanged, TrancheDisbursed, TrancheReturned
from libs.lending.money import Money
from libs.service.testing import Served, key
from services.collections.handlers import CASE
from services.collections.library import Library, library
from services.collections.morning import due_dates
from services.collections.tests.loans import DUES, INSTALMENT, NONE, TheLoan, day_opens, position
from services.collections.tests.rules import DOCUMENT, policy

BEHIND = DUES[0] + timedelta(days=1)
REMINDED = DUES[0] - timedelta(days=3)


async def reminders(running: Served, loan: TheLoan) -> list[tuple[date, str, int]]:
    events = await running.events(f"reminder-{loan.loan_id}")
    return sorted((event.due, event.amount.amount, event.days_before) for event in events)


async def kinds(running: Served, case_id: str) -> list[type]:
    return [type(event) for event in await running.events(CASE.stream_id(case_id))]


async def test_a_borrower_is_reminded_before_the_due_date_once(running: Served, loan: TheLoan) -> None:
    await loan.happens(loan.disbursement())
    await running.settle()
    for days in range(5):
        await day_opens(running, DUES[0] - timedelta(days=4) + timedelta(days=days))
    await running.settle()
    (event,) = await running.events(f"reminder-{loan.loan_id}")
    assert event == ReminderSent(
        loan_id=loan.loan_id,
        applicant_id=loan.applicant_id,
        due=DUES[0],
        amount=INSTALMENT,
        days_before=3,
        sent_on=REMINDED,
    )
    (message,) = await running.runtime.store.pool.fetch("select * from message")
    assert (message["applicant_id"], message["template"]) == (loan.applicant_id, "reminder v1")
    assert "2026-03-02" in message["text_zh"]
    assert "CNY 1100.00" in message["text_en"]
    auditor = await running.client("auditor")
    page = (await auditor.get("/collections/reminders?sent_from=2026-02-27&sent_to=2026-02-27")).json()
    assert [item["due"] for item in page["items"]] == ["2026-03-02"]


async def test_a_task_that_is_done_again_sends_nothing_again(running: Served, loan: TheLoan) -> None:
    await loan.happens(loan.disbursement())
    await running.settle()
    await day_opens(running, REMINDED)
    await running.settle()
    pool = running.runtime.store.pool
    # As after a crash between the gateway's answer and the record of it.
    await pool.execute("update es.task set status = 'pending', lease_until = null")
    await pool.execute("delete from message")
    sent = await pool.fetchval("select count(*) from es.event")
    await running.settle()
    first = await pool.fetch("select message_id from message")
    await pool.execute("update es.task set status = 'pending', lease_until = null")
    await running.settle()
    assert await pool.fetch("select message_id from message") == first
    assert len(first) == 1
    assert await pool.fetchval("select count(distinct event_id) from es.event") >= sent


@pytest.mark.parametrize(
    ("credit", "next_due", "next_amount", "expected"),
    [
        ("0.00", DUES[0], "1100.00", [(DUES[0], "1100.00", 3), (DUES[1], "1100.00", 3)]),
        ("0.00", DUES[0], "600.00", [(DUES[0], "600.00", 3), (DUES[1], "1100.00", 3)]),
        ("500.00", DUES[0], "1100.00", [(DUES[0], "600.00", 3), (DUES[1], "1100.00", 3)]),
        ("1100.00", DUES[0], "1100.00", [(DUES[1], "1100.00", 3)]),
        ("1500.00", DUES[0], "1100.00", [(DUES[1], "700.00", 3)]),
        ("0.00", DUES[1], "1100.00", [(DUES[1], "1100.00", 3)]),
        ("0.00", None, None, []),
    ],
)
async def test_nobody_is_reminded_of_what_is_paid_or_in_credit(
    running: Served,
    loan: TheLoan,
    credit: str,
    next_due: date | None,
    next_amount: str | None,
    expected: list[Any],
) -> None:
    await loan.happens(loan.disbursement())
    paid_on = date(2026, 2, 20)
    at = position(
        paid_on,
        credit=Money.of(credit),
        next_due=next_due,
        next_amount=Money.of(next_amount) if next_amount else None,
    )
    await loan.happens(loan.repayment(paid_on, Money.of("500.00"), at))
    await running.settle()
    for due in DUES[:2]:
        await day_opens(running, due - timedelta(days=3))
    await running.settle()
    assert await reminders(running, loan) == expected


@pytest.mark.parametrize("day_first", [True, False])
async def test_a_reminder_rests_on_what_was_known_when_the_day_began(
    running: Served, loan: TheLoan, day_first: bool
) -> None:
    await loan.happens(loan.disbursement())
    await running.settle()
    at = position(REMINDED, next_due=DUES[1], next_amount=INSTALMENT)
    if day_first:
        await day_opens(running, REMINDED)
        await running.settle()
    await loan.happens(loan.repayment(REMINDED, INSTALMENT, at))
    await running.settle()
    if not day_first:
        await day_opens(running, REMINDED)
        await running.settle()
    assert await reminders(running, loan) == [(DUES[0], "1100.00", 3)]


async def test_a_repayment_that_was_reversed_is_reminded_of_again(running: Served, loan: TheLoan) -> None:
    await loan.happens(loan.disbursement())
    paid_on = date(2026, 2, 10)
    paid = loan.repayment(paid_on, INSTALMENT, position(paid_on, next_due=DUES[1], next_amount=INSTALMENT))
    await loan.happens(paid)
    back = date(2026, 2, 20)
    await loan.happens(loan.reversal(paid, back, position(back, next_due=DUES[0], next_amount=INSTALMENT)))
    await running.settle()
    await day_opens(running, REMINDED)
    await running.settle()
    assert await reminders(running, loan) == [(DUES[0], "1100.00", 3)]


def another_plan(loan: TheLoan, on: date, rows: list[tuple[int, date, str]], **at: Any) -> LoanChanged:
    """A change of the agreement with the plan that follows."""
    plan = [
        ex.PLAN_ROW | {"number": number, "due": due.isoformat(), "total": ex.cny(amount)}
        for number, due, amount in rows
    ]
    told = {"loan_id": loan.loan_id, "kind": "DUE_DATE", "plan": plan, "changed_on": on, "position": position(on, **at)}
    return LoanChanged.model_validate(LoanChanged.example | told)


async def test_another_plan_is_reminded_of_and_the_former_one_no_more(running: Served, loan: TheLoan) -> None:
    await loan.happens(loan.disbursement())
    new = [date(2026, 3, 20), date(2026, 4, 20), date(2026, 5, 20)]
    # Interest earned up to the change falls due with the first instalment, in a row of its own.
    rows = [(4, new[0], "80.00"), *((n + 5, due, "1050.00") for n, due in enumerate(new))]
    changed = another_plan(loan, date(2026, 2, 20), rows, next_due=new[0], next_amount=Money.of("1130.00"))
    await loan.happens(changed)
    await running.settle()
    for due in sorted((*DUES, *new)):
        if due == new[1]:
            paid = loan.repayment(
                new[0], Money.of("1130.00"), position(new[0], next_due=new[1], next_amount=Money.of("1050.00"))
            )
            await loan.happens(paid)
            await running.settle()
        await day_opens(running, due - timedelta(days=3))
        await running.settle()
    assert await reminders(running, loan) == [(new[0], "1130.00", 3), (new[1], "1050.00", 3), (new[2], "1050.00", 3)]


@pytest.mark.parametrize("day_first", [True, False])
async def test_a_change_on_the_day_of_a_reminder_leaves_it_as_it_was(
    running: Served, loan: TheLoan, day_first: bool
) -> None:
    await loan.happens(loan.disbursement())
    await running.settle()
    if day_first:
        await day_opens(running, REMINDED)
        await running.settle()
    rows = [(4, DUES[0], "900.00"), (5, DUES[1], "1400.00")]
    await loan.happens(another_plan(loan, REMINDED, rows, next_due=DUES[0], next_amount=Money.of("900.00")))
    await running.settle()
    if not day_first:
        await day_opens(running, REMINDED)
        await running.settle()
    assert await reminders(running, loan) == [(DUES[0], "1100.00", 3)]


@pytest.mark.parametrize("kind", [TrancheDisbursed, TrancheReturned, DisbursementRedated])
async def test_a_later_part_and_another_day_of_the_payout_make_another_plan(
    running: Served, loan: TheLoan, kind: type[DomainEvent]
) -> None:
    await loan.happens(loan.disbursement())
    due = date(2026, 4, 20)
    plan = [ex.PLAN_ROW | {"number": 2, "due": due.isoformat(), "total": ex.cny("1250.00")}]
    at = position(date(2026, 2, 20), next_due=due, next_amount=Money.of("1250.00"))
    days = {name: "2026-02-20" for name in ("confirmed_on", "returned_on", "redated_on") if name in kind.model_fields}
    await loan.happens(
        kind.model_validate(kind.example | {"loan_id": loan.loan_id, "plan": plan, "position": at} | days)
    )
    await running.settle()
    for day in sorted((*DUES, due)):
        await day_opens(running, day - timedelta(days=3))
    await running.settle()
    assert await reminders(running, loan) == [(due, "1250.00", 3)]


@pytest.mark.parametrize("end", ["settled", "written_off", "returned"])
async def test_nobody_is_reminded_of_a_loan_that_ended(running: Served, loan: TheLoan, end: str) -> None:
    await loan.happens(loan.disbursement())
    await loan.happens(getattr(loan, end)(date(2026, 2, 20)))
    await running.settle()
    await day_opens(running, REMINDED)
    await running.settle()
    assert await reminders(running, loan) == []


async def test_days_that_were_passed_over_are_made_up_for_until_the_due_date(running: Served, loan: TheLoan) -> None:
    late = TheLoan(running, number=1)
    passed = date(2026, 3, 1)
    await loan.happens(loan.disbursement(dues=(passed + timedelta(days=1),)))
    await late.happens(late.disbursement(dues=(passed - timedelta(days=1),)))
    await running.settle()
    await day_opens(running, passed, previous=date(2026, 2, 20))
    await running.settle()
    assert await reminders(running, loan) == [(date(2026, 3, 2), "1100.00", 3)]
    assert await reminders(running, late) == []


def test_reminder_dates() -> None:
    today = date(2026, 3, 1)
    yesterday = today - timedelta(days=1)
    assert due_dates([3, 1], yesterday, today) == [(date(2026, 3, 4), 3), (date(2026, 3, 2), 1)]
    assert due_dates([0], yesterday, today) == [(today, 0)]
    assert due_dates([2], date(2020, 1, 1), today) == [
        (date(2026, 3, 1), 2), (date(2026, 3, 2), 2), (date(2026, 3, 3), 2),
    ]  # fmt: skip
    assert due_dates([3], today, today) == []


async def test_reminders_go_out_in_parts_and_are_all_recorded(running: Served) -> None:
    loans = [TheLoan(running, number=number) for number in range(203)]
    for loan in loans:
        await loan.happens(loan.disbursement())
    await running.settle()
    await day_opens(running, REMINDED)
    await running.settle()
    pool = running.runtime.store.pool
    assert await pool.fetchval("select count(*) from es.task where status = 'done'") == 2
    assert await pool.fetchval("select count(*) from message") == 203
    assert await pool.fetchval("select count(*) from reminder") == 203


async def test_each_episode_of_arrears_has_its_own_case(running: Served, loan: TheLoan) -> None:
    await loan.happens(loan.disbursement())
    again = DUES[1] + timedelta(days=1)
    for event in (loan.delinquency(BEHIND, 1), loan.delinquency(BEHIND + timedelta(days=3), 0)):
        await loan.happens(event)
    await loan.happens(loan.delinquency(again, 1))
    await running.settle()
    first, second = loan.case(BEHIND), loan.case(again)
    assert await kinds(running, first) == [CollectionCaseOpened, CaseAssigned, CollectionCaseClosed]
    assert await kinds(running, second) == [CollectionCaseOpened, CaseAssigned]
    collector = await running.client("collector")
    listed = (await collector.get(f"/collections/cases?loan_id={loan.loan_id}&sort=opened_on")).json()["items"]
    assert [(case["case_id"], case["state"]) for case in listed] == [(first, "CLOSED"), (second, "OPEN")]


async def test_a_reversed_repayment_opens_a_case_at_the_stage_it_is_at(running: Served, loan: TheLoan) -> None:
    await loan.happens(loan.disbursement())
    on = DUES[0] + timedelta(days=45)
    await loan.happens(loan.delinquency(on, 45))
    await running.settle()
    opened, _ = await running.events(CASE.stream_id(loan.case(on)))
    assert (opened.stage, opened.days_past_due, opened.opened_on) == ("MIDDLE", 45, on)


async def test_a_case_follows_its_loan_to_the_write_off(running: Served, loan: TheLoan) -> None:
    await loan.happens(loan.disbursement())
    for days in (1, 31, 61, 91):
        await loan.happens(loan.delinquency(DUES[0] + timedelta(days=days), days))
    await loan.happens(loan.written_off(date(2026, 12, 1)))
    await loan.happens(loan.delinquency(date(2026, 12, 2), 0))
    await running.settle()
    events = await running.events(CASE.stream_id(loan.case(BEHIND)))
    assert [event.stage for event in events if isinstance(event, CaseStageChanged)] == ["MIDDLE", "LATE"]
    assert (events[-1].end, events[-1].closed_on) == ("WRITTEN_OFF", date(2026, 12, 1))


async def test_a_loan_paid_off_in_arrears_ends_its_case_as_settled(running: Served, loan: TheLoan) -> None:
    await loan.happens(loan.disbursement())
    await loan.happens(loan.delinquency(BEHIND, 1))
    paid_on = BEHIND + timedelta(days=4)
    await loan.happens(loan.delinquency(paid_on, 0, outstanding=NONE))
    await loan.happens(loan.settled(paid_on))
    await running.settle()
    events = await running.events(CASE.stream_id(loan.case(BEHIND)))
    assert [type(event) for event in events] == [CollectionCaseOpened, CaseAssigned, CollectionCaseClosed]
    assert events[-1].end == "SETTLED"


async def test_a_case_ends_with_the_return_of_the_disbursement(running: Served, loan: TheLoan) -> None:
    await loan.happens(loan.disbursement())
    await loan.happens(loan.delinquency(BEHIND, 1))
    await loan.happens(loan.returned(BEHIND + timedelta(days=1)))
    await running.settle()
    events = await running.events(CASE.stream_id(loan.case(BEHIND)))
    assert (events[-1].end, events[-1].reason) == ("SETTLED", "disbursement-returned")


@pytest.fixture
def graceful(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules with three days of grace."""
    patient = Library([policy(case_grace_days=3)], library().templates, library().watch_policies)
    monkeypatch.setattr("services.collections.reactions.library", lambda: patient)


@pytest.mark.parametrize("day_first", [True, False])
async def test_a_case_opens_when_the_grace_is_over(
    running: Served, loan: TheLoan, graceful: None, day_first: bool
) -> None:
    opens_on = DUES[0] + timedelta(days=4)
    await loan.happens(loan.disbursement())
    if day_first:
        await day_opens(running, opens_on, previous=BEHIND)
        await running.settle()
    await loan.happens(loan.delinquency(BEHIND, 1))
    await running.settle()
    if not day_first:
        await day_opens(running, opens_on - timedelta(days=1))
        await running.settle()
        assert await running.runtime.store.pool.fetchval("select count(*) from collection_case") == 0
        await day_opens(running, opens_on)
        await running.settle()
    opened, _ = await running.events(CASE.stream_id(loan.case(opens_on)))
    assert (opened.days_past_due, opened.opened_on, opened.overdue) == (4, opens_on, INSTALMENT)


async def test_arrears_made_good_within_the_grace_are_no_case(running: Served, loan: TheLoan, graceful: None) -> None:
    await loan.happens(loan.disbursement())
    await loan.happens(loan.delinquency(BEHIND, 1))
    part = position(BEHIND, days=1, overdue=Money.of("100.00"), next_due=DUES[1], next_amount=INSTALMENT)
    await loan.happens(loan.repayment(BEHIND, Money.of("1000.00"), part))
    await running.settle()
    assert await running.runtime.store.pool.fetchval("select overdue_minor from arrears") == 10_000
    await loan.happens(loan.delinquency(BEHIND + timedelta(days=1), 0))
    await running.settle()
    await day_opens(running, DUES[0] + timedelta(days=9), previous=BEHIND)
    await running.settle()
    assert await running.runtime.store.pool.fetchval("select count(*) from collection_case") == 0


async def promised(running: Served, loan: TheLoan) -> str:
    """A case with a promise of 1,000 by three days after the first day of arrears."""
    await day_opens(running, BEHIND)
    await loan.happens(loan.disbursement())
    await loan.happens(loan.delinquency(BEHIND, 1))
    await running.settle()
    case = loan.case(BEHIND)
    collector = await running.client("collector")
    body = {
        "amount": {"amount": "1000.00", "currency": "CNY"},
        "due": (BEHIND + timedelta(days=3)).isoformat(),
    }
    answer = await collector.post(f"/collections/cases/{case}/promises", json=body, headers=key())
    assert answer.status_code == 201, answer.text
    await running.settle()
    return case


async def test_a_promise_is_broken_the_day_after_with_its_part(running: Served, loan: TheLoan) -> None:
    case = await promised(running, loan)
    part = position(BEHIND, days=1, overdue=Money.of("700.00"), next_due=DUES[1], next_amount=INSTALMENT)
    await loan.happens(loan.repayment(BEHIND, Money.of("400.00"), part))
    await running.settle()
    due = BEHIND + timedelta(days=3)
    await day_opens(running, due)
    await running.settle()
    assert PromiseBroken not in await kinds(running, case)
    await day_opens(running, due + timedelta(days=1))
    await running.settle()
    found = [event for event in await running.events(CASE.stream_id(case)) if isinstance(event, PromiseBroken)]
    assert [(event.paid, event.broken_on) for event in found] == [(Money.of("400.00"), due + timedelta(days=1))]
    collector = await running.client("collector")
    (shown,) = (await collector.get("/collections/promises?state=BROKEN")).json()["items"]
    assert (shown["paid"]["amount"], shown["ended_on"]) == ("400.00", "2026-03-07")


async def test_money_in_time_may_be_known_after_the_day_that_broke_the_promise(running: Served, loan: TheLoan) -> None:
    case = await promised(running, loan)
    due = BEHIND + timedelta(days=3)
    await day_opens(running, due + timedelta(days=1), previous=BEHIND)
    await running.settle()
    at = position(due, next_due=DUES[1], next_amount=INSTALMENT)
    await loan.happens(loan.repayment(due, INSTALMENT, at))
    await running.settle()
    assert (await kinds(running, case))[-1] is PromiseKept
    (shown,) = (await (await running.client("auditor")).get("/collections/promises")).json()["items"]
    assert (shown["state"], shown["paid"]["amount"]) == ("KEPT", "1100.00")


async def test_money_that_is_taken_back_breaks_the_promise_it_kept(running: Served, loan: TheLoan) -> None:
    case = await promised(running, loan)
    paid = loan.repayment(BEHIND, Money.of("1000.00"), position(BEHIND, days=1, overdue=Money.of("100.00")))
    await loan.happens(paid)
    back = BEHIND + timedelta(days=1)
    await loan.happens(loan.reversal(paid, back, position(back, days=2, overdue=INSTALMENT)))
    await running.settle()
    found = await kinds(running, case)
    assert found.index(PromiseKept) < found.index(PromiseBroken)


@pytest.mark.parametrize("seed", range(4))
async def test_who_gets_a_case_does_not_depend_on_what_is_heard_first(running: Served, seed: int) -> None:
    """Five borrowers fall behind, one after the other, and further; days open among it. Only what a loan's own stream
    says keeps its order."""
    loans = [TheLoan(running, number=number) for number in range(5)]
    first_days = [BEHIND + timedelta(days=loan.number) for loan in loans]
    told = [
        [loan.disbursement(), loan.delinquency(first, 1), loan.delinquency(first + timedelta(days=30), 31)]
        for loan, first in zip(loans, first_days, strict=True)
    ]
    turns = [*sorted([*range(5)] * 3), *[None] * 36]
    random.Random(seed).shuffle(turns)
    opened = BEHIND
    for turn in turns:
        if turn is None:
            await day_opens(running, opened)
            opened += timedelta(days=1)
        else:
            await loans[turn].happens(told[turn].pop(0))
        if random.Random(f"{seed}/{turn}/{opened}").random() < 0.1:
            await running.settle()
    await running.settle()
    given = {
        loan.number: [
            (event.collector, event.assigned_on)
            for event in await running.events(CASE.stream_id(loan.case(first)))
            if isinstance(event, CaseAssigned)
        ]
        for loan, first in zip(loans, first_days, strict=True)
    }
    assert given == {
        0: [("collector", date(2026, 3, 3))],
        1: [("collector", date(2026, 3, 4))],
        2: [("collector", date(2026, 3, 5))],
        3: [("collector-2", date(2026, 3, 6)), ("collector-3", date(2026, 4, 5))],
        4: [("collector-2", date(2026, 3, 7)), ("collector-3", date(2026, 4, 6))],
    }
    manager = await running.client("collection_manager")
    load = {item["collector"]: item["open_cases"] for item in (await manager.get("/collections/workload")).json()}
    assert load == {"collector": 3, "collector-2": 0, "collector-3": 2, "collector-4": 0}


async def test_a_case_goes_to_a_team_that_has_changed_on_the_next_morning(
    running: Served, loan: TheLoan, monkeypatch: pytest.MonkeyPatch
) -> None:
    await loan.happens(loan.disbursement())
    await loan.happens(loan.delinquency(BEHIND, 1))
    await running.settle()
    assert (await running.events(CASE.stream_id(loan.case(BEHIND))))[-1].collector == "collector"
    changed = Library(
        [policy(teams=DOCUMENT["rules"]["teams"]["value"] | {"EARLY": ["collector-5"]})],
        library().templates,
        library().watch_policies,
    )
    monkeypatch.setattr("services.collections.reactions.library", lambda: changed)
    for days in (1, 2):
        await day_opens(running, BEHIND + timedelta(days=days))
        await running.settle()
    given = [
        event for event in await running.events(CASE.stream_id(loan.case(BEHIND))) if isinstance(event, CaseAssigned)
    ]
    assert [(event.collector, event.assigned_on) for event in given[1:]] == [
        ("collector-5", BEHIND + timedelta(days=1))
    ]
