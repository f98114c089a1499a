"""A loan that ends another: money counted once, whatever happens on the way."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import (
    BookingRefused,
    ClassificationOverlaid,
    CreditRefunded,
    DisbursementRequested,
    LoanBooked,
    LoanClassified,
    LoanDisbursed,
    LoanSettled,
    LoanWrittenOff,
    RecoveryReceived,
    RefinancingAgreed,
    RepaymentPurpose,
    RepaymentReceived,
    RepaymentReversed,
    SettlementKind,
    Tier,
)
from libs.contracts.problems import Rejected
from libs.lending.money import Money
from services.ledger.domain import commands as c
from services.ledger.domain.as_of import loan_as_of
from services.ledger.domain.chart import Role
from services.ledger.domain.loan import Loan, Status
from services.ledger.domain.payoff import payoff_total
from services.ledger.domain.posting import entry_of
from services.ledger.domain.refinancing import refinanced
from services.ledger.handlers import LOAN
from services.ledger.library import library
from services.ledger.tests.making import DAY, contract_id, loan_id, signed

OLD, NEW = 1, 2
REFINANCED_ON = DAY + timedelta(days=45)


class Pair:
    """An old loan and the one that is to end it, with the books of both."""

    def __init__(self, **new_terms: Any) -> None:
        self.events: dict[int, list[DomainEvent]] = {OLD: [], NEW: []}
        self.new_terms = new_terms
        self.today = DAY
        self.do(OLD, c.BookLoan, loan_id=loan_id(OLD), payment_id="p1", signed=signed(OLD), applicant_id="zhang")
        self.do(OLD, c.ConfirmDisbursement, payment_id="p1", bank_reference="B1", value_date=DAY)
        self.today = REFINANCED_ON

    def loan(self, n: int) -> Loan:
        return LOAN.replay(self.events[n])

    def do(self, n: int, command: type[c.LoanCommand], **values: Any) -> list[DomainEvent]:
        asked = command(today=self.today, policy=library().policy(self.today), **values)
        events = list(LOAN.decide(asked, self.loan(n)))
        self.events[n] += events
        return events

    @property
    def payoff(self) -> Money:
        return payoff_total(self.loan(OLD), self.today)

    def agree(self, **changes: Any) -> list[DomainEvent]:
        given = {"contract_id": contract_id(NEW), "refinanced": refinanced(self.loan(OLD), self.today), **changes}
        papers = {"authorisation": "file 2026-0042", "agreed_by": "contract-1"}
        return self.do(NEW, c.AgreeRefinancing, loan_id=loan_id(NEW), **given, **papers)

    def book(self, principal: Money, applicant_id: str = "zhang") -> list[DomainEvent]:
        contract = signed(NEW, principal=principal, disbursed_on=self.today, **self.new_terms)
        old = refinanced(self.loan(OLD), self.today)
        given = {"payment_id": "p2", "signed": contract, "applicant_id": applicant_id, "refinanced": old}
        return self.do(NEW, c.BookLoan, loan_id=loan_id(NEW), **given)

    def confirm(self) -> list[DomainEvent]:
        return self.do(NEW, c.ConfirmDisbursement, payment_id="p2", bank_reference="B2", value_date=self.today)

    def set_off(self) -> list[DomainEvent]:
        paid_out = self.loan(NEW).disbursed
        assert paid_out is not None
        assert paid_out.set_off is not None
        given = {"amount": paid_out.set_off.amount, "value_date": paid_out.set_off.on}
        return self.do(OLD, c.TakeSetOff, by_loan_id=loan_id(NEW), **given)

    def repay(self, amount: Money, purpose: RepaymentPurpose = RepaymentPurpose.INSTALMENT) -> None:
        given = {"amount": amount, "value_date": self.today, "purpose": purpose, "bank_reference": ""}
        self.do(OLD, c.ReceiveRepayment, repayment_id="r1", channel="bank-transfer", **given)

    def balances(self) -> dict[Role, int]:
        """What both loans have posted; the daily accrual apart."""
        found: defaultdict[Role, int] = defaultdict(int)
        for event in [*self.events[OLD], *self.events[NEW]]:
            entry = entry_of(event)
            for line in entry.lines if entry else ():
                found[line.role] += line.amount
        return {role: amount for role, amount in found.items() if amount}


def names(events: list[DomainEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_the_payout_ends_the_old_loan_and_the_bank_pays_the_rest() -> None:
    pair = Pair()
    payoff = pair.payoff
    agreed, booked, requested = *pair.agree(), *pair.book(Money.of("15000.00"))
    assert isinstance(agreed, RefinancingAgreed)
    assert isinstance(booked, LoanBooked)
    assert booked.refinances is not None
    assert (booked.refinances.loan_id, booked.refinances.amount) == (loan_id(OLD), payoff)
    assert isinstance(requested, DisbursementRequested)
    assert requested.amount == Money.of("15000.00") - payoff
    (paid_out,) = pair.confirm()
    assert isinstance(paid_out, LoanDisbursed)
    assert paid_out.amount == Money.of("15000.00")
    received, *_, settled = pair.set_off()
    assert isinstance(received, RepaymentReceived)
    assert (received.amount, received.set_off_by, received.value_date) == (payoff, loan_id(NEW), REFINANCED_ON)
    assert isinstance(settled, LoanSettled)
    assert settled.kind is SettlementKind.EARLY
    assert pair.loan(OLD).refinanced_by == loan_id(NEW)
    books, interest = pair.balances(), payoff.minor - 1_200_000
    assert books.pop(Role.LOANS) == 1_500_000, "the new loan alone is owed"
    assert books.pop(Role.BANK) == -1_200_000 - (1_500_000 - payoff.minor), "only this much money left"
    assert sum(books.values()) == -interest, "the old loan's interest, which its days have brought in"
    assert Role.CLEARING not in books


def test_where_nothing_is_left_no_bank_is_asked() -> None:
    pair = Pair()
    pair.agree()
    events = pair.book(pair.payoff)
    assert names(events) == ["LoanBooked", "LoanDisbursed"]
    pair.set_off()
    assert pair.loan(OLD).status is Status.SETTLED
    assert pair.loan(NEW).status is Status.ACTIVE
    assert pair.balances()[Role.BANK] == -1_200_000, "no money moved"
    assert pair.set_off() == [], "heard twice, it counts once"


@pytest.mark.parametrize(
    ("principal", "applicant", "rule"),
    [("12000.00", "zhang", "refinancing-amount"), ("15000.00", "li", "refinancing-borrower")],
)
def test_what_cannot_end_the_old_loan_is_not_booked(principal: str, applicant: str, rule: str) -> None:
    pair = Pair()
    pair.agree()
    (refused,) = pair.book(Money.of(principal), applicant)
    assert isinstance(refused, BookingRefused)
    assert refused.rule == rule
    assert pair.loan(OLD).status is Status.ACTIVE


def test_a_loan_that_is_not_owed_any_more_is_not_refinanced() -> None:
    pair = Pair()
    pair.agree()
    pair.repay(pair.payoff, RepaymentPurpose.PAYOFF)
    (refused,) = pair.book(Money.of("15000.00"))
    assert isinstance(refused, BookingRefused)
    assert refused.rule == "refinancing-state"


def test_the_days_that_the_bank_takes_bear_no_interest_twice() -> None:
    pair = Pair()
    payoff = pair.payoff
    pair.agree()
    pair.book(Money.of("15000.00"))
    pair.today += timedelta(days=9)
    pair.confirm()
    received = pair.set_off()[0]
    assert isinstance(received, RepaymentReceived)
    assert (received.amount, received.value_date) == (payoff, REFINANCED_ON)
    assert pair.loan(OLD).status is Status.SETTLED
    assert pair.loan(NEW).books.plan.rows[0].start == pair.today


def test_what_the_borrower_paid_meanwhile_is_his() -> None:
    pair = Pair()
    pair.agree()
    pair.book(Money.of("15000.00"))
    pair.today += timedelta(days=3)
    pair.repay(pair.payoff, RepaymentPurpose.PAYOFF)
    paid = pair.events[OLD][-2]
    assert isinstance(paid, RepaymentReceived)
    pair.confirm()
    pair.set_off()
    old = pair.loan(OLD)
    assert old.status is Status.SETTLED
    assert old.posted_credit == paid.amount.minor, "all of it: the old loan ended three days before"
    (back,) = pair.do(OLD, c.RefundCredit, refund_id="b1", amount=None, bank_reference="")
    assert isinstance(back, CreditRefunded)
    assert back.amount == paid.amount


def test_a_payout_that_comes_back_has_ended_nothing() -> None:
    pair = Pair()
    before = pair.balances()
    pair.agree()
    pair.book(Money.of("15000.00"))
    pair.confirm()
    pair.set_off()
    pair.today += timedelta(days=2)
    given = {"payment_id": "p2", "reason": "account-not-found", "value_date": pair.today}
    pair.do(NEW, c.ReturnDisbursement, **given)
    undone = pair.do(OLD, c.UndoSetOff, by_loan_id=loan_id(NEW))
    assert isinstance(undone[0], RepaymentReversed)
    assert pair.loan(OLD).status is Status.ACTIVE
    assert pair.loan(OLD).refinanced_by is None
    assert pair.balances() == before
    assert pair.do(OLD, c.UndoSetOff, by_loan_id=loan_id(NEW)) == []


def test_after_a_write_off_it_is_a_recovery() -> None:
    pair = Pair()
    pair.today = DAY + timedelta(days=200)
    pair.do(OLD, c.ObserveDay)
    pair.agree()
    pair.book(Money.of("20000.00"))
    pair.do(OLD, c.RequestWriteOff, reason="No means", requested_by="maker")
    (given_up,) = pair.do(OLD, c.ApproveWriteOff, approved_by="checker")
    assert isinstance(given_up, LoanWrittenOff)
    pair.confirm()
    (recovered,) = pair.set_off()
    assert isinstance(recovered, RecoveryReceived)
    assert recovered.recovered_total == given_up.written_off.total
    assert Role.CLEARING not in pair.balances()


def test_new_money_does_not_make_an_old_debt_good() -> None:
    pair = Pair()
    pair.today = DAY + timedelta(days=150)
    pair.do(OLD, c.ObserveDay)
    tier = pair.loan(OLD).tier
    assert tier is not Tier.NORMAL
    pair.agree()
    pair.book(Money.of("20000.00"))
    events = pair.confirm()
    overlaid, classified = events[1:]
    assert isinstance(overlaid, ClassificationOverlaid)
    assert isinstance(classified, LoanClassified)
    assert pair.loan(NEW).tier is tier


def test_refusals_say_what_to_do() -> None:
    pair = Pair()
    with pytest.raises(Rejected, match="cannot end itself"):
        pair.agree(contract_id=contract_id(OLD))
    pair.agree()
    with pytest.raises(Rejected, match="It was agreed on") as again:
        pair.agree()
    assert again.value.code == "refinancing-agreed"
    pair.book(Money.of("15000.00"))
    with pytest.raises(Rejected, match="before the contract is signed"):
        pair.agree()
    pair.confirm()
    pair.set_off()
    repayment_id = pair.loan(OLD).receipts[-1].repayment_id
    with pytest.raises(Rejected, match="taken back when that payout is"):
        pair.do(OLD, c.ReverseRepayment, repayment_id=repayment_id, reason="by-hand")
    pair.events[NEW] = []
    with pytest.raises(Rejected, match="Only a loan that is owed"):
        pair.agree()


def test_dates_of_both_histories() -> None:
    """The old loan's end is known on the day the payout was confirmed, and counts from the day it was quoted for."""
    pair = Pair()
    pair.agree()
    pair.book(Money.of("15000.00"))
    pair.today += timedelta(days=4)
    pair.confirm()
    pair.set_off()
    policy, events = library().policy(pair.today), pair.events[OLD]
    before = loan_as_of(events, REFINANCED_ON, REFINANCED_ON, policy)
    after = loan_as_of(events, REFINANCED_ON, pair.today, policy)
    assert before.owed.principal == 1_200_000
    assert after.owed.principal == 0
    assert loan_as_of(pair.events[NEW], REFINANCED_ON, REFINANCED_ON, policy).loan.status is Status.BOOKED
