"""A loan as its events made it: the facts in the order they became known, and the account that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import (
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
    LoanWrittenOff,
    RecoveryReceived,
    RepaymentPurpose,
    RepaymentReceived,
    RepaymentReversed,
    Tier,
    WriteOffRejected,
    WriteOffRequested,
)
from libs.contracts.values import Components
from libs.lending.accrual import OverdueTerms
from libs.lending.money import Money
from libs.lending.schedule import RepaymentPlan, repayment_plan
from services.ledger.domain.account import NOTHING, Account, Amounts, open_account, pay_off, receive


class Status(StrEnum):
    NONE = "NONE"
    """No such loan."""
    REFUSED = "REFUSED"
    """The contract breaks a limit: never booked."""
    BOOKED = "BOOKED"
    """The money has not reached the borrower yet."""
    ACTIVE = "ACTIVE"
    SETTLED = "SETTLED"
    WRITTEN_OFF = "WRITTEN_OFF"
    CANCELLED = "CANCELLED"


class PaymentState(StrEnum):
    REQUESTED = "REQUESTED"
    UNRESOLVED = "UNRESOLVED"
    FAILED = "FAILED"
    CONFIRMED = "CONFIRMED"
    RETURNED = "RETURNED"


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to pay the loan out, under the id that the bank honours once."""

    payment_id: str
    attempt: int
    state: PaymentState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that came in. `sequence` orders what has the same value date; a reversed one never counted."""

    repayment_id: str
    amount: Money
    value_date: date
    purpose: RepaymentPurpose
    bank_reference: str
    channel: str
    received_on: date
    sequence: int
    reversed_on: date | None = None
    reversal_reason: str = ""
    recovery: bool = False
    allocated: Amounts = NOTHING
    """Where it went, as things were known when it came in; with `credit` the whole of it."""
    credit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """The state of a loan. `posted` and `posted_credit` are what events have said of the allocation so far: a later
    event says the difference."""

    status: Status = Status.NONE
    booked: LoanBooked | None = None
    payment: Payment | None = None
    disbursed: LoanDisbursed | None = None
    account: Account | None = None
    receipts: tuple[Receipt, ...] = ()
    posted: Amounts = NOTHING
    posted_credit: int = 0
    bucket: Bucket = Bucket.CURRENT
    tier: Tier = Tier.NORMAL
    write_off_request: WriteOffRequested | None = None
    written_off: LoanWrittenOff | None = None
    recovered: int = 0
    closed_on: date | None = None

    @property
    def loan_id(self) -> str:
        return self.agreed.loan_id

    @property
    def agreed(self) -> LoanBooked:
        assert self.booked is not None, "only a booked loan has been agreed on"
        return self.booked

    @property
    def books(self) -> Account:
        assert self.account is not None, "only a loan that was paid out has an account"
        return self.account

    @property
    def currency(self) -> str:
        return self.agreed.agreement.terms.principal.currency

    @property
    def prepayment_fee_rate(self) -> Decimal:
        return self.agreed.agreement.disclosure.prepayment_fee_rate

    def receipt(self, repayment_id: str) -> Receipt | None:
        return next((receipt for receipt in self.receipts if receipt.repayment_id == repayment_id), None)


NO_LOAN: Final = Loan()


def overdue_terms(booked: LoanBooked) -> OverdueTerms:
    """Overdue interest as agreed (Civil Code 676); on principal alone, since interest on it would be compound."""
    agreement = booked.agreement
    return OverdueTerms(
        annual_rate=agreement.overdue_annual_rate,
        day_count=agreement.terms.day_count,
        grace_days=agreement.overdue_grace_days,
    )


def opened(booked: LoanBooked, plan: RepaymentPlan, value_date: date) -> Account:
    return open_account(plan, overdue_terms(booked), value_date)


def with_receipt(account: Account, receipt: Receipt, prepayment_fee_rate: Decimal) -> Account:
    """The account after a receipt that is not older than what it has taken in."""
    if receipt.purpose is RepaymentPurpose.PAYOFF:
        return pay_off(account, receipt.amount.minor, receipt.value_date, prepayment_fee_rate)
    return receive(account, receipt.amount.minor, receipt.value_date)


def replayed(account: Account, receipts: Iterable[Receipt], prepayment_fee_rate: Decimal) -> Account:
    """A new account after these receipts, ordered by value date, then by when they became known."""
    for receipt in sorted(receipts, key=lambda receipt: (receipt.value_date, receipt.sequence)):
        account = with_receipt(account, receipt, prepayment_fee_rate)
    return account


def counting(receipts: Sequence[Receipt]) -> list[Receipt]:
    """Those that were neither reversed nor came after the write-off."""
    return [receipt for receipt in receipts if receipt.reversed_on is None and not receipt.recovery]


def rebuilt(loan: Loan, receipts: Sequence[Receipt]) -> Account:
    """The account from its first day: what a late truth asks for."""
    assert loan.disbursed is not None, "an account begins with the money paid out"
    account = opened(loan.agreed, loan.books.plan, loan.disbursed.value_date)
    return replayed(account, counting(receipts), loan.prepayment_fee_rate)


def received(loan: Loan, receipt: Receipt) -> Loan:
    """The loan with one more receipt: at its end where it is the newest, else replayed."""
    receipts = (*loan.receipts, receipt)
    if receipt.value_date >= loan.books.until:
        account = with_receipt(loan.books, receipt, loan.prepayment_fee_rate)
    else:
        account = rebuilt(loan, receipts)
    return replace(loan, receipts=receipts, account=account)


def reversed_receipt(loan: Loan, repayment_id: str, on: date, reason: str) -> Loan:
    """The loan as if the receipt had never been."""
    receipts = tuple(
        replace(receipt, reversed_on=on, reversal_reason=reason) if receipt.repayment_id == repayment_id else receipt
        for receipt in loan.receipts
    )
    return replace(loan, receipts=receipts, account=rebuilt(loan, receipts))


def returned(loan: Loan) -> Loan:
    """The loan as if it had never been paid out: what was received is credit that is owed to the borrower."""
    held = sum(receipt.amount.minor for receipt in counting(loan.receipts))
    return replace(loan, status=Status.CANCELLED, account=None, posted=NOTHING, posted_credit=held)


def minor(parts: Components) -> Amounts:
    """Published amounts as minor units."""
    return Amounts(parts.principal.minor, parts.interest.minor, parts.fee.minor, parts.penalty.minor)


def _posted(loan: Loan, difference: Components, credit: Money) -> Loan:
    return replace(loan, posted=loan.posted.plus(minor(difference)), posted_credit=loan.posted_credit + credit.minor)


def receipt_of(event: RepaymentReceived | RecoveryReceived, sequence: int) -> Receipt:
    return Receipt(
        repayment_id=event.repayment_id,
        amount=event.amount,
        value_date=event.value_date,
        purpose=event.purpose if isinstance(event, RepaymentReceived) else RepaymentPurpose.INSTALMENT,
        bank_reference=event.bank_reference,
        channel=event.channel,
        received_on=event.received_on,
        sequence=sequence,
        recovery=isinstance(event, RecoveryReceived),
        allocated=minor(event.allocated) if isinstance(event, RepaymentReceived) else NOTHING,
        credit=event.credit.minor if isinstance(event, RepaymentReceived) else 0,
    )


def evolve(loan: Loan, event: DomainEvent) -> Loan:
    """The loan after one more event."""
    match event:
        case BookingRefused():
            return replace(loan, status=Status.REFUSED)
        case LoanBooked():
            return replace(loan, status=Status.BOOKED, booked=event)
        case DisbursementRequested():
            return replace(loan, payment=Payment(event.payment_id, event.attempt, PaymentState.REQUESTED))
        case DisbursementUnresolved():
            return _payment(loan, PaymentState.UNRESOLVED, event.reason)
        case DisbursementFailed():
            return _payment(loan, PaymentState.FAILED, event.reason)
        case LoanDisbursed():
            account = opened(loan.agreed, repayment_plan(event.terms), event.value_date)
            paid = _payment(loan, PaymentState.CONFIRMED, "")
            return replace(paid, status=Status.ACTIVE, disbursed=event, account=account)
        case DisbursementReturned():
            return returned(_payment(loan, PaymentState.RETURNED, event.reason))
        case LoanCancelled():
            return replace(loan, status=Status.CANCELLED, closed_on=event.cancelled_on)
        case _:
            return _evolve_active(loan, event)


def _payment(loan: Loan, state: PaymentState, reason: str) -> Loan:
    assert loan.payment is not None, "a payment was requested first"
    return replace(loan, payment=replace(loan.payment, state=state, reason=reason))


def _evolve_active(loan: Loan, event: DomainEvent) -> Loan:
    match event:
        case RepaymentReceived():
            after = received(loan, receipt_of(event, len(loan.receipts)))
            return _posted(after, event.allocated, event.credit)
        case CreditApplied():
            return _posted(loan, event.applied, event.credit_difference)
        case RepaymentReversed():
            after = reversed_receipt(loan, event.repayment_id, event.reversed_on, event.reason)
            reopened = replace(after, status=Status.ACTIVE, closed_on=None)
            return _posted(reopened, event.difference, event.credit_difference)
        case DelinquencyChanged():
            return replace(loan, bucket=event.position.bucket)
        case LoanClassified():
            return replace(loan, tier=event.tier)
        case LoanSettled():
            return replace(loan, status=Status.SETTLED, closed_on=event.settled_on, write_off_request=None)
        case WriteOffRequested():
            return replace(loan, write_off_request=event)
        case WriteOffRejected():
            return replace(loan, write_off_request=None)
        case LoanWrittenOff():
            return replace(
                loan,
                status=Status.WRITTEN_OFF,
                written_off=event,
                closed_on=event.written_off_on,
                write_off_request=None,
            )
        case RecoveryReceived():
            receipts = (*loan.receipts, receipt_of(event, len(loan.receipts)))
            return replace(loan, receipts=receipts, recovered=loan.recovered + event.amount.minor)
        case _:
            return loan
