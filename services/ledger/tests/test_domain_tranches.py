"""A loan paid out in several parts: only what is with the borrower is owed, and it is owed once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import (
    BookingRefused,
    DisbursementFailed,
    DisbursementRequested,
    LoanDisbursed,
    LoanSettled,
    RepaymentPurpose,
    TrancheDisbursed,
    TrancheReturned,
)
from libs.contracts.problems import Rejected
from libs.lending.conventions import PartialPeriod
from libs.lending.money import Money
from libs.lending.schedule import repayment_plan
from libs.lending.terms import Fee, FeeTiming, InterestAccrual, RepaymentMethod, Tranche
from services.ledger.domain import commands as c
from services.ledger.domain.account import Account, earned, open_account
from services.ledger.domain.chart import Role
from services.ledger.domain.drawing import draw, first_part
from services.ledger.domain.loan import Loan, PaymentState, Status, overdue_terms, rebuilt
from services.ledger.domain.payoff import payoff_total
from services.ledger.domain.posting import entry_of
from services.ledger.handlers import LOAN
from services.ledger.library import library
from services.ledger.tests.making import DAY, loan_id, loan_terms, signed

SECOND, THIRD = DAY + timedelta(days=20), DAY + timedelta(days=70)
PARTS = (Tranche(SECOND, Money.of("3000.00")), Tranche(THIRD, Money.of("2000.00")))


class Life:
    """One loan in three parts of 7,000, 3,000 and 2,000, day by day."""

    def __init__(self, **terms: Any) -> None:
        self.today = DAY
        self.events: list[DomainEvent] = []
        contract = signed(1, **{"tranches": PARTS, **terms})
        self.do(c.BookLoan, loan_id=loan_id(1), payment_id="p1", signed=contract, applicant_id="zhang")
        if self.loan.status is Status.BOOKED:
            self.do(c.ConfirmDisbursement, payment_id="p1", bank_reference="B1", value_date=DAY)

    @property
    def loan(self) -> Loan:
        return LOAN.replay(self.events)

    def do(self, command: type[c.LoanCommand], **values: Any) -> list[DomainEvent]:
        asked = command(today=self.today, policy=library().policy(self.today), **values)
        events = list(LOAN.decide(asked, self.loan))
        self.events += events
        return events

    def until(self, day: date) -> list[DomainEvent]:
        """Days opened one after another; what the opening of the last one says."""
        said: list[DomainEvent] = []
        while self.today < day:
            self.today += timedelta(days=1)
            said = self.do(c.ObserveDay)
        return said

    def confirm(self, value_date: date | None = None) -> list[DomainEvent]:
        payment = self.loan.payment
        assert payment is not None
        on = value_date or self.today
        return self.do(c.ConfirmDisbursement, payment_id=payment.payment_id, bank_reference="B2", value_date=on)

    def repay(self, amount: Money, purpose: RepaymentPurpose = RepaymentPurpose.INSTALMENT) -> list[DomainEvent]:
        more = {"value_date": self.today, "purpose": purpose, "channel": "bank-transfer", "bank_reference": ""}
        return self.do(c.ReceiveRepayment, repayment_id=f"r-{self.today}", amount=amount, **more)

    def balance(self, role: Role) -> int:
        found: defaultdict[Role, int] = defaultdict(int)
        for event in self.events:
            entry = entry_of(event)
            for line in entry.lines if entry else ():
                found[line.role] += line.amount
        return found[role]


def plan_of(account: Account) -> list[tuple[int, date, int, int, int]]:
    return [(r.number, r.due, r.principal_minor, r.interest_minor, r.fee_minor) for r in account.plan.rows]


def test_each_part_is_asked_of_the_bank_on_its_day_and_owed_when_it_is_there() -> None:
    life = Life()
    paid_out = life.events[-1]
    assert isinstance(paid_out, LoanDisbursed)
    assert paid_out.amount == Money.of("7000.00")
    assert life.balance(Role.LOANS) == 700_000
    assert life.until(SECOND - timedelta(days=1)) == []
    (requested,) = life.until(SECOND)
    assert isinstance(requested, DisbursementRequested)
    assert (requested.amount, requested.tranche) == (Money.of("3000.00"), 1)
    assert life.balance(Role.LOANS) == 700_000, "asked for is not paid out"
    drawn = life.confirm()[0]
    assert isinstance(drawn, TrancheDisbursed)
    assert life.balance(Role.LOANS) == 1_000_000 == -life.balance(Role.BANK)
    assert life.confirm() == [], "said twice, it counts once"
    assert life.loan.account == rebuilt(life.loan)


def test_parts_that_come_on_their_days_give_the_plan_that_was_agreed() -> None:
    life = Life()
    for day in (SECOND, THIRD):
        while life.today < day:
            life.until(life.today + timedelta(days=1))
            account = life.loan.books
            for row in account.rows:
                if row.due == life.today:
                    life.repay(Money(row.planned_open))
        life.confirm()
    agreed = repayment_plan(loan_terms(tranches=PARTS))
    account = life.loan.books
    assert plan_of(account) == [
        (r.number, r.due, r.principal_minor, r.interest_minor, r.fee_minor) for r in agreed.rows
    ]
    assert sum(row.principal_minor for row in account.plan.rows) == 1_200_000


CONVENTIONS: list[dict[str, Any]] = [
    {},
    {"method": RepaymentMethod.EQUAL_PRINCIPAL, "accrual": InterestAccrual.DAILY},
    {"method": RepaymentMethod.INTEREST_ONLY_BALLOON, "partial_period": PartialPeriod.DAYS},
    {"method": RepaymentMethod.BULLET},
    {"method": RepaymentMethod.STEPPED, "weights": tuple(Decimal(n) for n in range(1, 13))},
    {"method": RepaymentMethod.FIXED_PRINCIPAL, "fixed_principal": Money.of("800.00")},
    {"principal_grace": 3, "interest_grace": 2},
    {
        "fees": (
            Fee(code="service", timing=FeeTiming.EACH_INSTALMENT, rate=Decimal("0.001")),
            Fee(code="insurance", timing=FeeTiming.FINANCED, rate=Decimal("0.01")),
            Fee(code="opening", timing=FeeTiming.AT_DISBURSEMENT, rate=Decimal("0.005")),
            Fee(code="spread", timing=FeeTiming.SPREAD, rate=Decimal("0.005")),
        )
    },
]


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(CONVENTIONS),
    parts=st.lists(
        st.tuples(st.integers(1, 360), st.integers(1, 300_000)), min_size=1, max_size=4, unique_by=lambda part: part[0]
    ),
    on=st.integers(0, 400),
)
def test_an_account_that_draws_as_agreed_is_the_agreed_one(
    kind: dict[str, Any], parts: list[tuple[int, int]], on: int
) -> None:
    """Whatever the conventions: the same plan, and the same interest earned on every day."""
    tranches = tuple(Tranche(DAY + timedelta(days=days), Money(amount)) for days, amount in sorted(parts))
    agreed = loan_terms(**kind, tranches=tranches)
    overdue = overdue_terms(Life().loan.agreed)
    whole = open_account(repayment_plan(agreed), overdue, DAY)
    account = open_account(repayment_plan(first_part(agreed)), overdue, DAY)
    for tranche in tranches:
        account = draw(account, tranche.amount.minor, tranche.on)
    assert plan_of(account) == plan_of(whole)
    day = DAY + timedelta(days=on)
    if day >= tranches[-1].on:
        assert earned(account, day)[:3] == earned(whole, day)[:3]


def test_a_part_that_comes_later_bears_interest_from_then() -> None:
    life = Life()
    life.until(SECOND)
    life.until(SECOND + timedelta(days=5))
    life.confirm()
    expected = repayment_plan(
        loan_terms(
            principal=Money.of("10000.00"),
            tranches=(Tranche(SECOND + timedelta(days=5), Money.of("3000.00")),),
        )
    )
    assert [row[3] for row in plan_of(life.loan.books)] == [row.interest_minor for row in expected.rows]


def test_it_became_known_after_the_due_date_and_counts_from_its_own() -> None:
    """The bank did not answer for weeks: both histories, and the journal moved by the difference."""
    life = Life()
    life.until(date(2026, 2, 5))
    life.repay(Money(life.loan.books.rows[0].planned_open))
    life.until(date(2026, 2, 10))
    drawn = life.confirm(SECOND)[0]
    assert isinstance(drawn, TrancheDisbursed)
    on_time = repayment_plan(loan_terms(principal=Money.of("10000.00"), tranches=PARTS[:1]))
    assert [row[2:] for row in plan_of(life.loan.books)] == [
        (row.principal_minor, row.interest_minor, 0) for row in on_time.rows
    ]
    assert drawn.position.days_past_due == 5, "the first instalment was higher than what he paid"
    paid = life.loan.books.paid
    assert life.balance(Role.LOANS) == 1_000_000 - paid.principal
    assert life.loan.account == rebuilt(life.loan)


def test_what_came_back_was_never_paid_out() -> None:
    life = Life()
    before = life.loan.books
    life.until(SECOND)
    drawn = life.confirm()[0]
    assert isinstance(drawn, TrancheDisbursed)
    life.until(SECOND + timedelta(days=3))
    given_back = {"payment_id": drawn.payment_id, "reason": "account-closed", "value_date": life.today}
    (returned,) = life.do(c.ReturnDisbursement, **given_back)
    assert isinstance(returned, TrancheReturned)
    assert life.loan.books == before
    assert (life.balance(Role.LOANS), life.balance(Role.BANK)) == (700_000, -700_000)
    assert life.do(c.ReturnDisbursement, **given_back) == []
    payment = life.loan.payment
    assert payment is not None
    assert payment.state is PaymentState.RETURNED
    (again,) = life.do(c.RetryDisbursement, payment_id="p9", reason="another account")
    assert isinstance(again, DisbursementRequested)
    assert (again.tranche, again.attempt, again.amount) == (1, 2, Money.of("3000.00"))


def test_a_final_refusal_leaves_the_loan_at_what_it_is() -> None:
    life = Life()
    life.until(SECOND)
    payment = life.loan.payment
    assert payment is not None
    why = {"reason": "account-closed", "retryable": False, "next_payment_id": "p9"}
    (failed,) = life.do(c.FailDisbursement, payment_id=payment.payment_id, **why)
    assert isinstance(failed, DisbursementFailed)
    assert life.loan.status is Status.ACTIVE
    life.until(date(2026, 2, 5))
    life.repay(Money(life.loan.books.rows[0].planned_open))
    life.until(date(2026, 3, 5))
    life.repay(Money(life.loan.books.rows[1].planned_open))
    (requested,) = life.until(THIRD)
    assert isinstance(requested, DisbursementRequested)
    assert requested.tranche == 2


def test_nothing_more_is_paid_out_while_anything_is_overdue() -> None:
    life = Life(tranches=PARTS[1:], principal=Money.of("9000.00"))
    assert life.until(THIRD) == [], "the first instalment is not paid"
    life.until(THIRD + timedelta(days=4))
    due = sum(row.planned_open for row in life.loan.books.rows if row.due <= life.today)
    events = life.repay(Money(due + 10_000))
    assert isinstance(events[-1], DisbursementRequested)
    assert events[-1].requested_on == THIRD + timedelta(days=4)


def test_a_payoff_ends_it_and_no_part_follows() -> None:
    life = Life()
    life.until(SECOND - timedelta(days=1))
    payoff = payoff_total(life.loan, life.today)
    assert payoff < Money.of("7100.00"), "only what is with the borrower is asked back"
    events = life.repay(payoff, RepaymentPurpose.PAYOFF)
    assert isinstance(events[-1], LoanSettled)
    assert life.until(THIRD) == []


def test_a_part_that_reaches_a_settled_loan_is_owed() -> None:
    life = Life()
    life.until(SECOND)
    life.repay(payoff_total(life.loan, life.today), RepaymentPurpose.PAYOFF)
    assert life.loan.status is Status.SETTLED
    life.until(SECOND + timedelta(days=2))
    interest = earned(life.loan.books, life.today).interest
    life.confirm()
    loan = life.loan
    assert loan.status is Status.ACTIVE
    assert (loan.books.principal, earned(loan.books, life.today).interest) == (300_000, interest)
    assert [row.due for row in loan.books.plan.rows[:2]] == [date(2026, 2, 5), date(2026, 3, 5)]
    assert loan.account == rebuilt(loan)


def test_refusals() -> None:
    (refused,) = Life(method=RepaymentMethod.IRREGULAR, principal_parts=(Money.of("1000.00"),) * 12).events
    assert isinstance(refused, BookingRefused)
    assert refused.rule == "tranches"
    life = Life()
    life.until(SECOND)
    life.confirm()
    with pytest.raises(Rejected, match="cannot come back before it"):
        life.do(c.ReturnDisbursement, payment_id="p1", reason="account-closed", value_date=life.today)
    with pytest.raises(Rejected, match="is with the borrower"):
        life.do(c.RetryDisbursement, payment_id="p9", reason="again")
    life.until(SECOND + timedelta(days=1))
    with pytest.raises(Rejected, match="nothing can come before the money"):
        life.do(c.RedateDisbursement, value_date=life.today, reason="late truth", closed_periods=True)


def test_the_terms_of_the_first_part_bear_the_whole_loans_fees() -> None:
    fee = Fee(code="opening", timing=FeeTiming.AT_DISBURSEMENT, rate=Decimal("0.01"))
    agreed = loan_terms(tranches=PARTS, fees=(fee,))
    first = first_part(agreed)
    assert first.principal == Money.of("7000.00")
    assert repayment_plan(first).upfront_fee == repayment_plan(agreed).upfront_fee == Money.of("120.00")
    plain = loan_terms()
    assert first_part(plain) is plain
    assert first_part(replace(agreed, fees=())).tranches == ()
