"""Given what happened, when something is asked, then this follows, or it is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import (
    AccrualResumed,
    AccrualSuspended,
    BookingRefused,
    Bucket,
    CreditApplied,
    DelinquencyChanged,
    DisbursementFailed,
    DisbursementRequested,
    DisbursementReturned,
    DisbursementUnresolved,
    LoanBooked,
    LoanCancelled,
    LoanClassified,
    LoanDisbursed,
    LoanSettled,
    LoanStated,
    LoanWrittenOff,
    RecoveryReceived,
    RepaymentPurpose,
    RepaymentReceived,
    RepaymentReversed,
    SettlementKind,
    Tier,
    WriteOffRejected,
    WriteOffRequested,
)
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.ledger.domain import commands as c
from services.ledger.domain.adjustments import all_in_cost
from services.ledger.domain.as_of import loan_as_of
from services.ledger.domain.disbursement import rebased
from services.ledger.domain.loan import Loan, PaymentState, Status
from services.ledger.domain.policy import PolicyError, in_force, read_policy
from services.ledger.handlers import LOAN
from services.ledger.library import library
from services.ledger.tests.making import DAY, loan_id, loan_terms, signed
from services.ledger.tests.story import Story

POLICY = library().policy(DAY)
P1, P2, P3, P4 = "pay-1", "pay-2", "pay-3", "pay-4"
FIRST_DUE = date(2026, 2, 5)


def ask(kind: type[c.LoanCommand], today: date = DAY, **values: Any) -> c.LoanCommand:
    return kind(today=today, policy=POLICY, **values)


def book(**changes: Any) -> c.LoanCommand:
    return ask(c.BookLoan, loan_id=loan_id(1), payment_id=P1, signed=signed(1, **changes), applicant_id="applicant")


def confirm(payment_id: str = P1, value_date: date = DAY) -> c.LoanCommand:
    return ask(c.ConfirmDisbursement, payment_id=payment_id, bank_reference="B1", value_date=value_date)


def repayment(amount: str, today: date, currency: str = "CNY", **changes: Any) -> c.LoanCommand:
    given: dict[str, Any] = {
        "repayment_id": f"r-{amount}-{today}",
        "amount": Money.of(amount, currency),
        "value_date": today,
        "purpose": RepaymentPurpose.INSTALMENT,
        "channel": "bank-transfer",
        "bank_reference": "",
        **changes,
    }
    return ask(c.ReceiveRepayment, today, **given)


def lived(*commands: c.LoanCommand) -> list[DomainEvent]:
    """What these commands led to, one after the other."""
    events: list[DomainEvent] = []
    for command in commands:
        events += LOAN.decide(command, LOAN.replay(events))
    return events


def when(past: list[DomainEvent], command: c.LoanCommand) -> Scenario[Loan]:
    return Scenario(LOAN).given(*past).when(command)


BOOKED = lived(book())
ACTIVE = lived(book(), confirm())
OVERDUE = [*ACTIVE, *lived(book(), confirm(), ask(c.ObserveDay, FIRST_DUE + timedelta(days=100)))[len(ACTIVE) :]]
LATE = FIRST_DUE + timedelta(days=100)


def kinds(events: Any) -> list[type]:
    return [type(event) for event in events]


def test_a_signed_contract_is_booked_and_its_payout_asked_for() -> None:
    assert kinds(when([], book()).events) == [LoanBooked, DisbursementRequested]
    when(BOOKED, book()).then()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"principal": Money.of("10000000.01")}, "amount-max"),
        ({"annual_rate": Decimal("0.2401")}, "annual-rate-max"),
        ({"irr": "0.25"}, "all-in-cost-max"),
        ({"instalments": 61}, "term-months-max"),
        ({"principal": Money.of("1000.00", "USD")}, "currency"),
    ],
)
def test_a_contract_beyond_a_limit_is_refused(changes: dict[str, Any], rule: str) -> None:
    events = when([], book(**changes)).events
    assert kinds(events) == [BookingRefused]
    assert events[0].rule == rule
    assert LOAN.replay(events).status is Status.REFUSED


def test_a_command_on_a_loan_that_is_not_there_is_refused() -> None:
    when([], confirm()).refused("loan-not-found")


def test_an_unanswered_payment_is_unresolved_once_and_then_confirmed_once() -> None:
    leave = ask(c.LeaveUnresolved, payment_id=P1, reason="no answer in 2 s")
    unresolved = when(BOOKED, leave).events
    assert kinds(unresolved) == [DisbursementUnresolved]
    when([*BOOKED, *unresolved], leave).then()
    confirmed = when([*BOOKED, *unresolved], confirm()).events
    assert kinds(confirmed) == [LoanDisbursed]
    when([*BOOKED, *unresolved, *confirmed], confirm()).then()
    when(ACTIVE, leave).then()
    when(BOOKED, confirm("another")).then()


def test_terms_run_from_the_day_the_money_moved() -> None:
    (event,) = when(BOOKED, confirm(value_date=DAY + timedelta(days=3))).events
    assert event.terms.disbursed_on == event.position.as_of == DAY + timedelta(days=3)
    assert event.plan[0].due == date(2026, 2, 8)
    assert event.confirmed_on == DAY + timedelta(days=3)


def test_agreed_due_dates_stay_where_they_lie_ahead() -> None:
    later = DAY + timedelta(days=40)
    ahead = rebased(loan_terms(first_due=date(2026, 3, 1)), later)
    assert ahead.first_due == date(2026, 3, 1)
    assert rebased(loan_terms(first_due=date(2026, 2, 1)), later).first_due is None
    assert rebased(loan_terms(schedule_from=DAY), later).schedule_from == later
    dates = (date(2026, 2, 1), date(2026, 4, 1))
    moved = rebased(loan_terms(instalments=2, due_dates=dates), later)
    assert moved.due_dates == tuple(due + timedelta(days=40) for due in dates)
    assert rebased(loan_terms(), DAY) == loan_terms()


def fail(payment_id: str, retryable: bool, following: str = P2) -> c.LoanCommand:
    return ask(
        c.FailDisbursement,
        payment_id=payment_id,
        reason="insufficient-liquidity" if retryable else "account-closed",
        retryable=retryable,
        next_payment_id=following,
    )


def test_a_passing_failure_is_tried_again_as_often_as_policy_admits_and_then_by_a_person() -> None:
    past = lived(book(), fail(P1, True, P2), fail(P2, True, P3), fail(P3, True, P4))
    assert kinds(past) == [LoanBooked, *[DisbursementRequested, DisbursementFailed] * 3]
    when(past, fail(P3, True)).then()
    (again,) = when(past, ask(c.RetryDisbursement, payment_id=P4, reason="Liquidity is back")).events
    assert (again.attempt, again.reason) == (4, "Liquidity is back")


def test_nobody_pays_again_before_the_bank_has_said() -> None:
    retry = ask(c.RetryDisbursement, payment_id=P2, reason="Impatience")
    when(BOOKED, retry).refused("disbursement-open")
    when(ACTIVE, retry).refused("loan-not-booked")


def test_a_final_failure_cancels_the_loan() -> None:
    events = when(BOOKED, fail(P1, False)).events
    assert kinds(events) == [DisbursementFailed, LoanCancelled]
    when([*BOOKED, *events], repayment("1.00", DAY)).refused("loan-cancelled")


def bring_back(payment_id: str = P1) -> c.LoanCommand:
    return ask(
        c.ReturnDisbursement, DAY + timedelta(days=3), payment_id=payment_id, reason="account-not-found", value_date=DAY
    )


def test_a_returned_payout_ends_the_loan_and_what_was_paid_is_owed_to_the_borrower() -> None:
    past = lived(book(), confirm(), repayment("500.00", DAY))
    events = when(past, bring_back()).events
    assert kinds(events) == [DisbursementReturned, LoanCancelled]
    state = LOAN.replay([*past, *events])
    assert (state.status, state.posted_credit) == (Status.CANCELLED, 50_000)
    assert state.payment is not None
    assert state.payment.state is PaymentState.RETURNED
    when([*past, *events], bring_back()).then()
    when(BOOKED, bring_back()).then()
    when(past, bring_back("another")).then()


def test_an_instalment_goes_to_interest_and_principal() -> None:
    (event,) = when(ACTIVE, repayment("1100.16", FIRST_DUE)).events
    assert isinstance(event, RepaymentReceived)
    assert (event.allocated.interest.amount, event.allocated.principal.amount) == ("180.00", "920.16")
    assert event.position.outstanding.principal.amount == "11079.84"


def test_credit_goes_to_what_falls_due() -> None:
    past = lived(book(), confirm(), repayment("1100.16", DAY))
    when(past, ask(c.ObserveDay, FIRST_DUE - timedelta(days=1))).then()
    (event,) = when(past, ask(c.ObserveDay, FIRST_DUE)).events
    assert isinstance(event, CreditApplied)
    assert (event.applied.total.amount, event.credit_difference.amount) == ("1100.16", "-1100.16")


@pytest.mark.parametrize(
    ("past", "command", "code"),
    [
        (BOOKED, repayment("1.00", DAY), "loan-not-disbursed"),
        (ACTIVE, repayment("0.00", DAY), "amount-not-positive"),
        (ACTIVE, repayment("1.00", DAY, "USD"), "wrong-currency"),
        (ACTIVE, repayment("1.00", DAY, value_date=DAY - timedelta(days=1)), "value-date-too-early"),
        (ACTIVE, repayment("1.00", DAY, value_date=DAY + timedelta(days=1)), "value-date-in-future"),
        (ACTIVE, repayment("1.00", date(2026, 2, 6), value_date=date(2026, 1, 31)), "period-closed"),
        (ACTIVE, repayment("1.00", DAY, purpose=RepaymentPurpose.PAYOFF), "payoff-too-small"),
        (ACTIVE, ask(c.ReverseRepayment, repayment_id="r-0", reason="x"), "repayment-not-found"),
        (ACTIVE, ask(c.RequestWriteOff, reason="x", requested_by="maker"), "loan-performing"),
        (BOOKED, ask(c.RequestWriteOff, reason="x", requested_by="maker"), "loan-not-active"),
        (ACTIVE, ask(c.ApproveWriteOff, approved_by="checker"), "write-off-not-requested"),
        (ACTIVE, ask(c.RejectWriteOff, reason="x", rejected_by="checker"), "write-off-not-requested"),
    ],
)
def test_what_cannot_be_is_refused(past: list[DomainEvent], command: c.LoanCommand, code: str) -> None:
    when(past, command).refused(code)


def test_the_same_repayment_or_reference_twice_is_refused() -> None:
    first = repayment("10.00", DAY, repayment_id="r-1", bank_reference="R1")
    past = lived(book(), confirm(), first)
    when(past, first).refused("repayment-exists")
    when(past, repayment("10.00", DAY, bank_reference="R1")).refused("bank-reference-used")


def test_a_payoff_is_after_what_is_known() -> None:
    past = lived(book(), confirm(), repayment("10.00", DAY + timedelta(days=2)))
    early = repayment(
        "13000.00", DAY + timedelta(days=2), value_date=DAY + timedelta(days=1), purpose=RepaymentPurpose.PAYOFF
    )
    when(past, early).refused("payoff-before-repayment")


def test_a_payoff_settles_early_and_its_reversal_reopens_the_loan() -> None:
    today = DAY + timedelta(days=15)
    payoff = repayment("12100.00", today, repayment_id="r-1", purpose=RepaymentPurpose.PAYOFF)
    events = when(ACTIVE, payoff).events
    assert kinds(events) == [RepaymentReceived, LoanSettled]
    assert events[1].kind is SettlementKind.EARLY
    assert events[1].credit.amount == "12.90"
    back = when(
        [*ACTIVE, *events], ask(c.ReverseRepayment, today, repayment_id="r-1", reason="returned-by-bank")
    ).events
    assert kinds(back) == [RepaymentReversed]
    assert LOAN.replay([*ACTIVE, *events, *back]).status is Status.ACTIVE


def test_an_earlier_repayment_that_was_none_makes_of_a_payoff_an_ordinary_repayment() -> None:
    today = FIRST_DUE + timedelta(days=1)
    first = repayment("1100.16", FIRST_DUE, repayment_id="r-1")
    past = lived(book(), confirm(), first)
    payoff = repayment("11085.78", today, repayment_id="r-2", purpose=RepaymentPurpose.PAYOFF)
    past += when(past, payoff).events
    assert LOAN.replay(past).status is Status.SETTLED
    back = when(past, ask(c.ReverseRepayment, today, repayment_id="r-1", reason="returned-by-bank")).events
    state = LOAN.replay([*past, *back])
    assert state.status is Status.ACTIVE
    assert (state.posted.total, state.posted_credit) == (110_016, 1_108_578 - 110_016)


def test_settling_on_or_after_the_last_due_date_says_so() -> None:
    past = lived(book(instalments=1), confirm())
    for today, kind in ((FIRST_DUE, SettlementKind.MATURITY), (FIRST_DUE + timedelta(days=2), SettlementKind.LATE)):
        events = when(past, repayment("12500.00", today)).events
        assert events[-1].kind is kind
    known_late = repayment("12500.00", FIRST_DUE + timedelta(days=2), value_date=FIRST_DUE)
    assert when(past, known_late).events[-1].kind is SettlementKind.MATURITY


def test_arrears_change_bucket_and_tier_and_are_cured_at_once() -> None:
    assert kinds(OVERDUE[len(ACTIVE) :]) == [DelinquencyChanged, LoanClassified, AccrualSuspended]
    state = LOAN.replay(OVERDUE)
    assert (state.bucket, state.tier) == (Bucket.M4, Tier.SUBSTANDARD)
    cured = when(OVERDUE, repayment("6000.00", LATE)).events
    assert kinds(cured) == [RepaymentReceived, DelinquencyChanged, LoanClassified, AccrualResumed]
    state = LOAN.replay([*OVERDUE, *cured])
    assert (state.bucket, state.tier) == (Bucket.CURRENT, Tier.NORMAL)


def test_overdue_interest_runs_from_the_due_date_once_grace_is_over() -> None:
    account = LOAN.replay(ACTIVE).books
    from services.ledger.domain.position import outstanding

    assert outstanding(account, FIRST_DUE + timedelta(days=3)).penalty == 0
    assert outstanding(account, FIRST_DUE + timedelta(days=4)).penalty == 276


def test_a_write_off_has_a_maker_and_another_checker() -> None:
    request = ask(c.RequestWriteOff, LATE, reason="No means", requested_by="maker")
    requested = when(OVERDUE, request).events
    assert kinds(requested) == [WriteOffRequested]
    past = [*OVERDUE, *requested]
    when(past, request).refused("write-off-requested")
    when(past, ask(c.ApproveWriteOff, LATE, approved_by="maker")).refused("four-eyes")
    rejected = when(past, ask(c.RejectWriteOff, LATE, reason="Ask the surety", rejected_by="checker")).events
    assert kinds(rejected) == [WriteOffRejected]
    assert LOAN.replay([*past, *rejected]).write_off_request is None
    approved = when(past, ask(c.ApproveWriteOff, LATE, approved_by="checker")).events
    assert kinds(approved) == [LoanWrittenOff]
    past += approved
    assert kinds(when(past, repayment("5.00", LATE)).events) == [RecoveryReceived]
    when(past, repayment("5.00", LATE, value_date=LATE - timedelta(days=1))).refused("value-date-too-early")
    when(past, ask(c.ObserveDay, LATE + timedelta(days=300))).then()
    when(past, bring_back()).refused("loan-written-off")
    when(past, ask(c.ApproveWriteOff, LATE, approved_by="other")).refused("loan-not-active")


def test_a_loan_is_shown_as_it_was_known_and_as_it_is_known_now() -> None:
    today = FIRST_DUE + timedelta(days=45)
    paid = repayment("1100.16", FIRST_DUE, repayment_id="r-1")
    reverse = ask(c.ReverseRepayment, today, repayment_id="r-1", reason="returned-by-bank")
    events = lived(book(), confirm(), paid, reverse)
    on = FIRST_DUE + timedelta(days=10)
    was, now = loan_as_of(events, on, on, POLICY), loan_as_of(events, on, today, POLICY)
    assert was.position is not None
    assert now.position is not None
    assert (was.position.days_past_due, now.position.days_past_due) == (0, 10)
    assert (len(was.receipts), len(now.receipts)) == (1, 0)
    assert now.owed.principal == 1_200_000
    before = loan_as_of(events, DAY - timedelta(days=1), today, POLICY)
    assert (before.position, before.owed.total) == (None, 0)
    earlier = loan_as_of(lived(book(), confirm(), paid), FIRST_DUE - timedelta(days=1), today, POLICY)
    assert earlier.owed.principal == 1_200_000


def test_every_event_of_a_loan_has_a_day_on_which_it_was_known() -> None:
    request = ask(c.RequestWriteOff, LATE, reason="No means", requested_by="maker")
    approve = ask(c.ApproveWriteOff, LATE, approved_by="checker")
    reject = ask(c.RejectWriteOff, LATE, reason="Later", rejected_by="checker")
    leave = ask(c.LeaveUnresolved, payment_id=P1, reason="no answer")
    look = ask(c.ObserveDay, LATE)
    whole = [
        lived(book(), leave, confirm(), look, request, reject, request, approve, repayment("1.00", LATE)),
        lived(book(), fail(P1, False)),
        lived(book(), confirm(), repayment("1500.00", DAY), ask(c.ObserveDay, FIRST_DUE), bring_back()),
        lived(book(irr="0.9")),
        lived(book(instalments=1), confirm(), repayment("13000.00", FIRST_DUE)),
    ]
    for events in whole:
        seen = loan_as_of(events, LATE, LATE, POLICY)
        assert seen.loan == LOAN.replay(events)
        assert loan_as_of(events, LATE, DAY - timedelta(days=1), POLICY).loan == LOAN.initial
    with pytest.raises(TypeError):
        loan_as_of([signed(1)], DAY, DAY, POLICY)


def test_the_policy_in_force_is_the_latest_that_has_begun() -> None:
    newer = replace(POLICY, version=2, effective_from=date(2026, 6, 1))
    assert in_force([newer, POLICY], date(2026, 5, 31)).version == 1
    assert in_force([newer, POLICY], date(2026, 6, 1)).version == 2
    with pytest.raises(PolicyError):
        in_force([newer], date(2026, 5, 31))


def document(**rules: Any) -> dict[str, Any]:
    given = {
        "amount_max": "1.00",
        "annual_rate_max": "0.24",
        "overdue_multiplier_max": "1.5",
        "term_months_max": 1,
        "delinquency_buckets": [{"bucket": "M1", "from_days": 1, "to_days": 30}],
        "classification_matrix": [
            {"tier": tier.value, "from_days": n, "provision_rate": "0"} for n, tier in enumerate(Tier)
        ],
        "write_off_tiers": [],
        "disbursement_attempts_max": 1,
        "period_open_days": 5,
        "non_accrual_from_days": 91,
        "waiver_limits": [{"role": "finance_manager", "limit": None}],
        "lpr": [{"from": "2025-05-20", "1Y": "0.030", "5Y": "0.035"}],
        **rules,
    }
    return {
        "name": "p",
        "version": 1,
        "effective_from": "2026-01-01",
        "currency": "CNY",
        "rules": {name: {"value": value} for name, value in given.items()},
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"delinquency_buckets": [{"bucket": "M1", "from_days": 2, "to_days": 30}]},
        {"delinquency_buckets": [{"bucket": "M1", "from_days": 1, "to_days": 0}]},
        {"classification_matrix": [{"tier": "NORMAL", "from_days": 1, "provision_rate": "0"}]},
        {"classification_matrix": [{"tier": "NORMAL", "from_days": 0, "provision_rate": "0"}]},
        {"disbursement_attempts_max": 0},
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    assert read_policy(document()).label == "p v1"
    with pytest.raises(PolicyError):
        read_policy(document(**wrong))


def test_a_month_stays_open_for_some_days() -> None:
    assert POLICY.first_open_date(date(2026, 3, 5)) == date(2026, 2, 1)
    assert POLICY.first_open_date(date(2026, 3, 6)) == date(2026, 3, 1)
    assert POLICY.first_open_date(date(2026, 1, 2)) == date(2025, 12, 1)


def test_where_a_loan_stood_when_a_date_began_is_stated_by_the_facts_of_the_days_before() -> None:
    def stated(past: list[DomainEvent], on: date) -> LoanStated:
        (event,) = when(past, ask(c.StateLoan, LATE, request_id="request-1", on=on)).events
        assert isinstance(event, LoanStated)
        return event

    late = stated(OVERDUE, LATE)
    assert (late.days_past_due, late.request_id, late.stated_on) == (100, "request-1", LATE)
    assert late.owed.interest == late.interest_earned > Money.of("0.00"), "nothing was paid"
    past = [*OVERDUE, *when(OVERDUE, repayment("3500.00", LATE)).events]
    assert stated(past, LATE) == late, "what comes on that date does not count yet"
    after = stated(past, LATE + timedelta(days=1))
    paid = next(event for event in past if isinstance(event, RepaymentReceived)).allocated
    assert after.owed.interest == after.interest_earned - paid.interest
    assert after.days_past_due < late.days_past_due, "the oldest instalment was paid"
    before = stated(ACTIVE, DAY)
    assert (before.days_past_due, before.owed.total, before.interest_earned) == (0, Money(0), Money(0))
    said = [*past, LoanStated.model_validate(LoanStated.example)]
    assert LOAN.replay(said) == LOAN.replay(past), "it changes nothing"


def test_what_was_given_back_is_no_cost() -> None:
    story = Story()
    story.do(c.BookLoan, loan_id=loan_id(1), payment_id=P1, signed=signed(1), applicant_id="applicant-1")
    story.do(c.ConfirmDisbursement, payment_id=P1, bank_reference="B-1", value_date=DAY)
    story.close_until(DAY + timedelta(days=3))
    before = all_in_cost(story.loan, story.today)
    story.repay("too-much")
    assert all_in_cost(story.loan, story.today) == before, "what is held is the borrower's"
    story.do(c.RefundCredit, refund_id="back", amount=None, bank_reference="F-1")
    assert all_in_cost(story.loan, story.today) == before
