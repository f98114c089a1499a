"""A loan at a pair of times: where it stands on one date, by what was known on another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import (
    AccrualResumed,
    AccrualSuspended,
    BookingRefused,
    ChargeWaived,
    ClassificationOverlaid,
    CreditApplied,
    CreditRefunded,
    DelinquencyChanged,
    DelinquencyPaused,
    DisbursementFailed,
    DisbursementRedated,
    DisbursementRequested,
    DisbursementReturned,
    DisbursementUnresolved,
    FeeCharged,
    LoanBooked,
    LoanCancelled,
    LoanChanged,
    LoanClassified,
    LoanDisbursed,
    LoanPosition,
    LoanSettled,
    LoanStated,
    LoanWrittenOff,
    RecoveryReceived,
    RefinancingAgreed,
    RepaymentReceived,
    RepaymentReinstated,
    RepaymentReversed,
    TrancheDisbursed,
    TrancheReturned,
    WriteOffRejected,
    WriteOffRequested,
)
from libs.lending.money import Money
from services.ledger.domain.account import NOTHING, Account, Amounts, earned
from services.ledger.domain.loan import NO_LOAN, Loan, Receipt, counting, evolve, facts_of, opened, replayed
from services.ledger.domain.policy import Policy
from services.ledger.domain.position import components, days_past_due, outstanding, position


def known_on(event: DomainEvent) -> date:
    """The business date on which the ledger recorded an event of a loan."""
    match event:
        case LoanBooked():
            return event.booked_on
        case RefinancingAgreed():
            return event.agreed_on
        case BookingRefused():
            return event.refused_on
        case DisbursementRequested():
            return event.requested_on
        case DisbursementUnresolved():
            return event.unresolved_on
        case DisbursementFailed():
            return event.failed_on
        case LoanDisbursed():
            return event.confirmed_on or event.value_date
        case TrancheDisbursed():
            return event.confirmed_on
        case TrancheReturned():
            return event.returned_on
        case DisbursementReturned():
            return event.returned_on or event.value_date
        case LoanCancelled():
            return event.cancelled_on
        case RepaymentReceived() | RecoveryReceived():
            return event.received_on
        case CreditApplied():
            return event.applied_on
        case RepaymentReversed():
            return event.reversed_on
        case DelinquencyChanged():
            return event.changed_on
        case LoanClassified():
            return event.classified_on
        case LoanSettled():
            return event.settled_on
        case WriteOffRequested():
            return event.requested_on
        case WriteOffRejected():
            return event.rejected_on
        case LoanWrittenOff():
            return event.written_off_on
        case RepaymentReinstated():
            return event.reinstated_on
        case CreditRefunded():
            return event.refunded_on
        case LoanChanged():
            return event.changed_on
        case ChargeWaived():
            return event.waived_on
        case FeeCharged():
            return event.charged_on
        case DisbursementRedated():
            return event.redated_on
        case DelinquencyPaused():
            return event.paused_on
        case ClassificationOverlaid():
            return event.decided_on
        case AccrualSuspended():
            return event.suspended_on
        case AccrualResumed():
            return event.resumed_on
        case LoanStated():
            return event.stated_on
        case _:
            raise TypeError(f"{type(event).__name__} is not an event of a loan")


@dataclass(frozen=True, slots=True)
class LoanAsOf:
    """`loan` is everything known by then; `account` and `position` are as of the effective date (None: no money was
    out). `receipts` are those that count on that date."""

    loan: Loan
    effective: date
    known: date
    account: Account | None
    position: LoanPosition | None
    receipts: tuple[Receipt, ...]

    @property
    def owed(self) -> Amounts:
        return outstanding(self.account, self.effective) if self.account else Amounts()


def loan_as_of(events: Iterable[DomainEvent], effective: date, known: date, policy: Policy) -> LoanAsOf:
    """The state of a loan on `effective` by the facts known at the end of `known`: both histories of a late truth.

    `events` are the loan's, in the order of its stream; what became known after `known` is left out, and of the
    rest only facts with a value date up to `effective` count.
    """
    loan = NO_LOAN
    for event in events:
        if known_on(event) <= known:
            loan = evolve(loan, event)
    receipts = tuple(receipt for receipt in counting(loan.receipts) if receipt.value_date <= effective)
    account = account_on(loan, effective)
    found = position(account, effective, policy.buckets) if account else None
    return LoanAsOf(loan, effective, known, account, found, receipts)


def account_on(loan: Loan, effective: date) -> Account | None:
    """The account with the facts valued up to a date; None when no money was out by then."""
    if loan.account is None or loan.disbursed is None or effective < loan.disbursed.value_date:
        return None
    if loan.account.until <= effective:
        return loan.account
    assert loan.first_plan is not None, "with the money paid out there is a plan"
    first = opened(loan.agreed, loan.first_plan, loan.disbursed.value_date)
    facts = [fact for fact in facts_of(loan) if fact.value_date <= effective]
    return replayed(first, facts, loan.prepayment_fee_rate)


def stated(loan: Loan, request_id: str, on: date, today: date) -> LoanStated:
    """Where a loan stood when a date began: the facts are those of the days before."""
    account = account_on(loan, on - timedelta(days=1))
    return LoanStated(
        loan_id=loan.loan_id,
        request_id=request_id,
        on=on,
        days_past_due=days_past_due(account, on) if account else 0,
        owed=components(outstanding(account, on) if account else NOTHING, loan.currency),
        interest_earned=Money(earned(account, on).interest if account else 0, loan.currency),
        stated_on=today,
    )
