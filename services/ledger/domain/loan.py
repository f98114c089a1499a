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
    AccrualResumed,
    AccrualSuspended,
    BookingRefused,
    Bucket,
    ChangeKind,
    ChangeTerms,
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
    LoanSettled,
    LoanWrittenOff,
    LprLink,
    RecoveryReceived,
    RefinancingAgreed,
    RepaymentPurpose,
    RepaymentReceived,
    RepaymentReinstated,
    RepaymentReversed,
    Tier,
    TrancheDisbursed,
    TrancheReturned,
    WriteOffRejected,
    WriteOffRequested,
)
from libs.contracts.values import Components
from libs.lending.accrual import OverdueTerms
from libs.lending.allocation import CIVIL_CODE_561, Direction, Order
from libs.lending.money import Money
from libs.lending.schedule import RepaymentPlan, repayment_plan
from libs.lending.terms import LoanTerms, TermsError
from services.ledger.domain.account import (
    NOTHING,
    Account,
    Amounts,
    charge,
    open_account,
    pay_off,
    receive,
    refund,
    waive,
)
from services.ledger.domain.changes import Replan, prepay, replan
from services.ledger.domain.drawing import draw

LPR_RESET: Final = "lpr-reset"
"""Who changes a rate that follows the LPR: the agreement made before."""
OWN_FUNDS: Final = "OWN"
"""The lender itself, as the funder of a loan."""


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
    amount: Money
    reason: str = ""
    tranche: int = 0
    """Which later part of the loan it is; 0 is the first payout."""
    final: bool = False
    """The bank will never move it: not a passing reason."""

    @property
    def is_open(self) -> bool:
        """Whether money may still move under it, or somebody has to decide on another attempt."""
        waits = self.state in (PaymentState.REQUESTED, PaymentState.UNRESOLVED)
        return waits or (self.state is PaymentState.FAILED and not self.final)


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
    set_off_by: str = ""
    """The loan whose payout it is, where no money moved."""


@dataclass(frozen=True, slots=True)
class Change:
    """The agreement was changed: a fact with the day from which it runs."""

    change_id: str
    kind: ChangeKind
    value_date: date
    replan: Replan
    sequence: int


@dataclass(frozen=True, slots=True)
class Waiver:
    """The lender let off what was due."""

    waiver_id: str
    amounts: Amounts
    value_date: date
    sequence: int


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee beside the plan."""

    charge_id: str
    amount: int
    value_date: date
    sequence: int


@dataclass(frozen=True, slots=True)
class Refund:
    """Credit that went back to the borrower."""

    refund_id: str
    amount: int
    value_date: date
    sequence: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Days that do not count as days past due."""

    value_date: date
    end: date
    sequence: int


@dataclass(frozen=True, slots=True)
class Draw:
    """A later part of the loan was paid out; one that came back never was."""

    number: int
    payment_id: str
    bank_reference: str
    amount: int
    value_date: date
    sequence: int
    returned: bool = False


Adjustment = Change | Waiver | Charge | Refund | Pause | Draw
Fact = Receipt | Adjustment


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """The state of a loan. `posted` and `posted_credit` are what events have said of the allocation so far: a later
    event says the difference."""

    status: Status = Status.NONE
    refinancing: RefinancingAgreed | None = None
    booked: LoanBooked | None = None
    payment: Payment | None = None
    disbursed: LoanDisbursed | None = None
    account: Account | None = None
    first_plan: RepaymentPlan | None = None
    receipts: tuple[Receipt, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    tranches_asked: int = 0
    """How many of the agreed later parts the bank was asked to pay out."""
    posted: Amounts = NOTHING
    posted_credit: int = 0
    posted_waived: int = 0
    bucket: Bucket = Bucket.CURRENT
    tier: Tier = Tier.NORMAL
    funder: str = OWN_FUNDS
    overlay: ClassificationOverlaid | None = None
    """A person's judgement, where it is worse than the matrix."""
    suspended: bool = False
    """Interest is no income until it is paid."""
    lpr: LprLink | None = None
    lpr_from: date | None = None
    """The day from which the rate of the last reset runs."""
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

    @property
    def next_sequence(self) -> int:
        """The place of the next fact among those of one value date."""
        return len(self.receipts) + len(self.adjustments)

    @property
    def refinanced_by(self) -> str | None:
        """The loan whose payout ended this one."""
        return next((receipt.set_off_by for receipt in counting(self.receipts) if receipt.set_off_by), None)

    @property
    def draws(self) -> tuple[Draw, ...]:
        """The later parts that are with the borrower."""
        return tuple(fact for fact in self.adjustments if isinstance(fact, Draw) and not fact.returned)

    def drawn(self, payment_id: str) -> Draw | None:
        """The later part that was paid out under an id, returned or not."""
        found = (fact for fact in self.adjustments if isinstance(fact, Draw) and fact.payment_id == payment_id)
        return next(found, None)

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


def order_of(booked: LoanBooked) -> Order:
    """The product's order of allocation; the legal one where it names none."""
    rule = booked.agreement.request.product.allocation
    if rule is None:
        return CIVIL_CODE_561
    steps = tuple((step.timing, step.component) for step in rule.steps)
    return Order(steps, Direction(rule.direction.value))


def opened(booked: LoanBooked, plan: RepaymentPlan, value_date: date) -> Account:
    return open_account(plan, overdue_terms(booked), value_date, order_of(booked))


def with_fact(account: Account, fact: Fact, prepayment_fee_rate: Decimal) -> Account:
    """The account after a fact that is not older than what it has taken in."""
    match fact:
        case Receipt():
            return with_receipt(account, fact, prepayment_fee_rate)
        case Change():
            try:
                return replan(account, fact.value_date, fact.replan)
            except TermsError:  # an earlier fact has left it nothing to change
                return account
        case Waiver():
            return waive(account, fact.amounts, fact.value_date)
        case Charge():
            return charge(account, fact.amount, fact.value_date)
        case Refund():
            return refund(account, fact.amount, fact.value_date)
        case Draw():
            return draw(account, fact.amount, fact.value_date)
        case Pause():
            return replace(account, pauses=(*account.pauses, (fact.value_date, fact.end)))


def with_receipt(account: Account, receipt: Receipt, prepayment_fee_rate: Decimal) -> Account:
    amount, on = receipt.amount.minor, receipt.value_date
    match receipt.purpose:
        case RepaymentPurpose.PAYOFF:
            return pay_off(account, amount, on, prepayment_fee_rate)
        case RepaymentPurpose.FEWER_INSTALMENTS | RepaymentPurpose.SMALLER_INSTALMENTS:
            try:
                return prepay(account, amount, on, level=receipt.purpose is RepaymentPurpose.FEWER_INSTALMENTS)
            except TermsError:  # no such plan: what is over waits as credit
                return receive(account, amount, on)
        case _:
            return receive(account, amount, on)


def replayed(account: Account, facts: Iterable[Fact], prepayment_fee_rate: Decimal) -> Account:
    """A new account after these facts, ordered by value date, then by when they became known."""
    for fact in sorted(facts, key=lambda fact: (fact.value_date, fact.sequence)):
        account = with_fact(account, fact, prepayment_fee_rate)
    return account


def counting(receipts: Sequence[Receipt]) -> list[Receipt]:
    """Those that were neither reversed nor came after the write-off."""
    return [receipt for receipt in receipts if receipt.reversed_on is None and not receipt.recovery]


def facts_of(loan: Loan) -> list[Fact]:
    """All that the account follows from."""
    standing = (fact for fact in loan.adjustments if not (isinstance(fact, Draw) and fact.returned))
    return [*counting(loan.receipts), *standing]


def rebuilt(loan: Loan) -> Account:
    """The account from its first day: what a late truth asks for."""
    assert loan.disbursed is not None, "an account begins with the money paid out"
    assert loan.first_plan is not None, "with the money paid out there is a plan"
    account = opened(loan.agreed, loan.first_plan, loan.disbursed.value_date)
    return replayed(account, facts_of(loan), loan.prepayment_fee_rate)


def account_before(loan: Loan, on: date) -> Account:
    """The account with the facts up to `on`, that day included: what a fact of that day meets."""
    if on >= loan.books.until:
        return loan.books
    assert loan.disbursed is not None, "an account begins with the money paid out"
    assert loan.first_plan is not None, "with the money paid out there is a plan"
    account = opened(loan.agreed, loan.first_plan, loan.disbursed.value_date)
    facts = [fact for fact in facts_of(loan) if fact.value_date <= on]
    return replayed(account, facts, loan.prepayment_fee_rate)


def received(loan: Loan, receipt: Receipt) -> Loan:
    """The loan with one more receipt: at its end where it is the newest, else replayed."""
    return _after(replace(loan, receipts=(*loan.receipts, receipt)), receipt)


def adjusted(loan: Loan, adjustment: Adjustment) -> Loan:
    """The loan with another fact than money received."""
    return _after(replace(loan, adjustments=(*loan.adjustments, adjustment)), adjustment)


def _after(loan: Loan, fact: Fact) -> Loan:
    if loan.account is None:  # the payout came back: what was paid is credit that is owed to the borrower
        return loan
    if fact.value_date >= loan.books.until:
        return replace(loan, account=with_fact(loan.books, fact, loan.prepayment_fee_rate))
    return replace(loan, account=rebuilt(loan))


def _with_reversal(loan: Loan, repayment_id: str, on: date | None, reason: str) -> Loan:
    receipts = tuple(
        replace(receipt, reversed_on=on, reversal_reason=reason) if receipt.repayment_id == repayment_id else receipt
        for receipt in loan.receipts
    )
    loan = replace(loan, receipts=receipts)
    return replace(loan, account=rebuilt(loan)) if loan.account is not None else loan


def reversed_receipt(loan: Loan, repayment_id: str, on: date, reason: str) -> Loan:
    """The loan as if the receipt had never been."""
    return _with_reversal(loan, repayment_id, on, reason)


def reinstated_receipt(loan: Loan, repayment_id: str) -> Loan:
    """The loan as if the receipt had never been reversed."""
    return _with_reversal(loan, repayment_id, None, "")


def redated(loan: Loan, value_date: date, terms: LoanTerms) -> Loan:
    """The loan as if the money had been paid out on that day from the first."""
    assert loan.disbursed is not None, "only what was paid out was paid out on another day"
    disbursed = loan.disbursed.model_copy(update={"value_date": value_date, "terms": terms})
    loan = replace(loan, disbursed=disbursed, first_plan=repayment_plan(terms))
    return replace(loan, account=rebuilt(loan))


def draw_returned(loan: Loan, payment_id: str) -> Loan:
    """The loan as if that part had never been paid out."""
    adjustments = tuple(
        replace(fact, returned=True) if isinstance(fact, Draw) and fact.payment_id == payment_id else fact
        for fact in loan.adjustments
    )
    loan = replace(loan, adjustments=adjustments)
    return replace(loan, account=rebuilt(loan))


def returned(loan: Loan) -> Loan:
    """The loan as if it had never been paid out: what was received is credit that is owed to the borrower."""
    held = sum(receipt.amount.minor for receipt in counting(loan.receipts))
    refunded = sum(fact.amount for fact in loan.adjustments if isinstance(fact, Refund))
    return replace(
        loan,
        status=Status.CANCELLED,
        account=None,
        posted=NOTHING,
        posted_credit=held - refunded,
        posted_waived=0,
    )


def minor(parts: Components) -> Amounts:
    """Published amounts as minor units."""
    return Amounts(parts.principal.minor, parts.interest.minor, parts.fee.minor, parts.penalty.minor)


def _posted(loan: Loan, difference: Components, credit: Money, waived: Money) -> Loan:
    return replace(
        loan,
        posted=loan.posted.plus(minor(difference)),
        posted_credit=loan.posted_credit + credit.minor,
        posted_waived=loan.posted_waived + waived.minor,
    )


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
        set_off_by=event.set_off_by or "",
    )


def evolve(loan: Loan, event: DomainEvent) -> Loan:
    """The loan after one more event."""
    match event:
        case BookingRefused():
            return replace(loan, status=Status.REFUSED)
        case LoanBooked():
            return replace(loan, status=Status.BOOKED, booked=event)
        case RefinancingAgreed():
            return replace(loan, refinancing=event)
        case DisbursementRequested():
            payment = Payment(
                event.payment_id, event.attempt, PaymentState.REQUESTED, event.amount, tranche=event.tranche
            )
            return replace(loan, payment=payment, tranches_asked=max(loan.tranches_asked, event.tranche))
        case DisbursementUnresolved():
            return _payment(loan, PaymentState.UNRESOLVED, event.reason)
        case DisbursementFailed():
            return _payment(loan, PaymentState.FAILED, event.reason, final=not event.retryable)
        case LoanDisbursed():
            plan = repayment_plan(event.terms)
            account = opened(loan.agreed, plan, event.value_date)
            if loan.payment is None:  # all of it was set off: no bank was asked
                nothing = Money.zero(event.amount.currency)
                loan = replace(loan, payment=Payment(event.payment_id, 1, PaymentState.REQUESTED, nothing))
            paid = _payment(loan, PaymentState.CONFIRMED, "")
            return replace(paid, status=Status.ACTIVE, disbursed=event, account=account, first_plan=plan)
        case DisbursementReturned():
            return returned(_payment(loan, PaymentState.RETURNED, event.reason))
        case LoanCancelled():
            return replace(loan, status=Status.CANCELLED, closed_on=event.cancelled_on)
        case _:
            return _evolve_active(loan, event)


def _payment(loan: Loan, state: PaymentState, reason: str, *, final: bool = False) -> Loan:
    assert loan.payment is not None, "a payment was requested first"
    return replace(loan, payment=replace(loan.payment, state=state, reason=reason, final=final))


def _evolve_active(loan: Loan, event: DomainEvent) -> Loan:
    match event:
        case RepaymentReceived():
            after = received(loan, receipt_of(event, loan.next_sequence))
            if event.set_off_by is not None:  # on the day it was quoted for, before what a settled loan has taken in
                after = _reopened(after)
            return _posted(after, event.allocated, event.credit, event.waived_difference)
        case CreditApplied():
            return _posted(loan, event.applied, event.credit_difference, Money.zero(loan.currency))
        case RepaymentReversed():
            after = _reopened(reversed_receipt(loan, event.repayment_id, event.reversed_on, event.reason))
            return _posted(after, event.difference, event.credit_difference, event.waived_difference)
        case RepaymentReinstated():
            after = _reopened(reinstated_receipt(loan, event.repayment_id))
            return _posted(after, event.difference, event.credit_difference, event.waived_difference)
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
            receipts = (*loan.receipts, receipt_of(event, loan.next_sequence))
            return replace(loan, receipts=receipts, recovered=loan.recovered + event.amount.minor)
        case _:
            return _evolve_changed(loan, event)


def _reopened(loan: Loan) -> Loan:
    """What is worked out anew is open until it is found to be settled."""
    if loan.account is None:
        return loan
    return replace(loan, status=Status.ACTIVE, closed_on=None)


def _evolve_changed(loan: Loan, event: DomainEvent) -> Loan:
    match event:
        case LoanChanged() | ChargeWaived() | FeeCharged():
            after = _reopened(adjusted(loan, adjustment_of(event, loan.next_sequence)))
            if isinstance(event, LoanChanged):
                after = _agreed(after, event)
            return _posted(after, event.difference, event.credit_difference, event.waived_difference)
        case TrancheDisbursed():
            drawn = adjusted(loan, draw_of(event, loan.next_sequence))
            after = _reopened(_payment(drawn, PaymentState.CONFIRMED, ""))
            return _posted(after, event.difference, event.credit_difference, event.waived_difference)
        case TrancheReturned():
            after = _reopened(draw_returned(loan, event.payment_id))
            if loan.payment is not None and loan.payment.payment_id == event.payment_id:
                after = _payment(after, PaymentState.RETURNED, event.reason)
            return _posted(after, event.difference, event.credit_difference, event.waived_difference)
        case DisbursementRedated():
            after = _reopened(redated(loan, event.value_date, event.terms))
            return _posted(after, event.difference, event.credit_difference, event.waived_difference)
        case CreditRefunded():
            paid_back = Refund(event.refund_id, event.amount.minor, event.refunded_on, loan.next_sequence)
            after = adjusted(loan, paid_back) if loan.account else _unaccounted(loan, paid_back)
            return replace(after, posted_credit=loan.posted_credit - event.amount.minor)
        case DelinquencyPaused():
            return adjusted(loan, Pause(event.start, event.end, loan.next_sequence))
        case ClassificationOverlaid():
            return replace(loan, overlay=event if event.tier is not None else None)
        case AccrualSuspended():
            return replace(loan, suspended=True)
        case AccrualResumed():
            return replace(loan, suspended=False)
        case _:
            return loan


def _unaccounted(loan: Loan, paid_back: Refund) -> Loan:
    """Credit of a loan whose payout came back: there is no account any more."""
    return replace(loan, adjustments=(*loan.adjustments, paid_back))


def _agreed(loan: Loan, event: LoanChanged) -> Loan:
    """What a change sets beside the plan."""
    link = event.terms.lpr or (loan.lpr if event.kind is not ChangeKind.RATE or event.agreed_by == LPR_RESET else None)
    is_rate = event.terms.annual_rate is not None
    return replace(
        loan,
        funder=event.terms.funder or loan.funder,
        lpr=link,
        lpr_from=event.effective if link and is_rate else loan.lpr_from,
    )


def adjustment_of(event: LoanChanged | ChargeWaived | FeeCharged, sequence: int) -> Adjustment:
    match event:
        case LoanChanged():
            return Change(event.change_id, event.kind, event.effective, replan_of(event.kind, event.terms), sequence)
        case ChargeWaived():
            return Waiver(event.waiver_id, minor(event.asked), event.value_date, sequence)
        case FeeCharged():
            return Charge(event.charge_id, event.amount.minor, event.value_date, sequence)


def draw_of(event: TrancheDisbursed, sequence: int) -> Draw:
    return Draw(event.number, event.payment_id, event.bank_reference, event.amount.minor, event.value_date, sequence)


def replan_of(kind: ChangeKind, terms: ChangeTerms) -> Replan:
    return Replan(
        annual_rate=terms.annual_rate,
        more=terms.more_instalments,
        skip=terms.skipped_instalments,
        first_due=terms.first_due,
        with_arrears=terms.with_arrears,
        same_plan=kind is ChangeKind.ASSIGNMENT,
    )
