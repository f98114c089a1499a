"""From the signed contract to the money with the borrower: once only, whatever the bank answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import (
    BookingRefused,
    ClassificationOverlaid,
    DisbursementFailed,
    DisbursementRequested,
    DisbursementReturned,
    DisbursementUnresolved,
    LoanBooked,
    LoanCancelled,
    LoanDisbursed,
    SetOff,
    Tier,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import plan_rows
from libs.lending.fees import financed_minor
from libs.lending.money import Money
from libs.lending.schedule import repayment_plan
from libs.lending.terms import LoanTerms, TermsError
from services.ledger.domain import refinancing, tranches
from services.ledger.domain.account import NOTHING
from services.ledger.domain.commands import (
    BookLoan,
    CancelUnfunded,
    ConfirmDisbursement,
    FailDisbursement,
    LeaveUnresolved,
    PayOutShared,
    RetryDisbursement,
    ReturnDisbursement,
)
from services.ledger.domain.consequences import then
from services.ledger.domain.drawing import first_part
from services.ledger.domain.loan import Loan, Payment, PaymentState, Status, evolve, opened, returned
from services.ledger.domain.payouts import request
from services.ledger.domain.policy import Breach, Policy
from services.ledger.domain.position import components, position

REFINANCING: Final = "refinancing"
"""Who classifies a loan that ends another: the rule."""


PAID: Final = (PaymentState.CONFIRMED, PaymentState.RETURNED)
"""The bank moved the money."""


def book(command: BookLoan, loan: Loan) -> list[DomainEvent]:
    """A contract is booked once; one that breaks a limit is not (R5.1). Of a loan that ends another one the bank pays
    out what is left; where nothing is, it is paid out at once."""
    if loan.status is not Status.NONE:
        return []
    signed, old, breach = command.signed, command.refinanced, command.policy.breach(command.signed.agreement)
    if breach is None:
        breach = _breach(command)
    if breach is not None:
        refused = BookingRefused(
            loan_id=command.loan_id,
            contract_id=signed.contract_id,
            application_id=signed.application_id,
            rule=breach.rule,
            limit=breach.limit,
            found=breach.found,
            policy=command.policy.label,
            refused_on=command.today,
        )
        return [refused]
    booked = LoanBooked(
        loan_id=command.loan_id,
        contract_id=signed.contract_id,
        application_id=signed.application_id,
        applicant_id=command.applicant_id,
        agreement=signed.agreement,
        account=signed.account,
        booked_on=command.today,
        refinances=refinancing.set_off_of(old, command.today) if old is not None else None,
    )
    if signed.agreement.lenders:  # paid out once the others' money is there
        return [booked]
    return [booked, *_paid(evolve(loan, booked), command.payment_id, command.today, command.policy)]


def _paid(loan: Loan, payment_id: str, today: date, policy: Policy) -> list[DomainEvent]:
    """How a booked loan is paid out: by the bank, or where it only ends another one, at once."""
    booked = loan.agreed
    if to_pay(booked):
        return [request(booked.loan_id, payment_id, to_pay(booked), 1, today)]
    reference = f"{refinancing.CHANNEL} {booked.refinances.loan_id if booked.refinances else ''}"
    paid_out = _paid_out(booked, payment_id, reference, today, today, policy)
    return [paid_out, *_as_before(evolve(loan, paid_out), today, policy)]


def _breach(command: BookLoan) -> Breach | None:
    """Terms whose first part alone gives no plan, or does not end the loan that it is to end."""
    terms = command.signed.agreement.terms
    try:
        first = first_part(terms)
        repayment_plan(first)
    except TermsError as error:
        return Breach("tranches", "terms that give a plan with each part", str(error))
    old = command.refinanced
    return refinancing.breach(old, command.applicant_id, first.principal) if old is not None else None


def to_pay(booked: LoanBooked) -> Money:
    """What the bank is to pay out first: no later part, nor what is set off against another loan."""
    principal = first_part(booked.agreement.terms).principal
    return principal - booked.refinances.amount if booked.refinances is not None else principal


def _unfunded(loan: Loan) -> bool:
    """Whether the loan waits for co-lenders' money: nothing was asked of the bank yet."""
    return loan.status is Status.BOOKED and loan.payment is None


def pay_out_shared(command: PayOutShared, loan: Loan) -> list[DomainEvent]:
    return _paid(loan, command.payment_id, command.today, command.policy) if _unfunded(loan) else []


def cancel_unfunded(command: CancelUnfunded, loan: Loan) -> list[DomainEvent]:
    """The loan ends before any money has moved."""
    return [_cancelled(loan, command.reason, command.today)] if _unfunded(loan) else []


def _asked(loan: Loan, payment_id: str) -> Payment | None:
    """The payment, where it is the one that the loan waits for."""
    payment = loan.payment
    waiting = payment is not None and payment.payment_id == payment_id
    if payment is None or not waiting or payment.state not in (PaymentState.REQUESTED, PaymentState.UNRESOLVED):
        return None
    return payment


def leave_unresolved(command: LeaveUnresolved, loan: Loan) -> list[DomainEvent]:
    payment = _asked(loan, command.payment_id)
    if payment is None or payment.state is PaymentState.UNRESOLVED:
        return []
    unresolved = DisbursementUnresolved(
        loan_id=loan.loan_id,
        payment_id=command.payment_id,
        reason=command.reason,
        unresolved_on=command.today,
    )
    return [unresolved]


def confirm(command: ConfirmDisbursement, loan: Loan) -> list[DomainEvent]:
    """The loan bears interest from the day the money moved. A confirmation that comes again says nothing new."""
    payment = loan.payment
    if payment is None or payment.payment_id != command.payment_id or payment.state in PAID:
        return []
    if payment.tranche:
        return tranches.confirm(command, loan, payment)
    known_on = max(command.today, command.value_date)
    event = _paid_out(
        loan.agreed, command.payment_id, command.bank_reference, command.value_date, known_on, command.policy
    )
    return [event, *_as_before(evolve(loan, event), known_on, command.policy)]


def _paid_out(
    booked: LoanBooked, payment_id: str, reference: str, value_date: date, known_on: date, policy: Policy
) -> LoanDisbursed:
    terms = rebased(first_part(booked.agreement.terms), value_date)
    plan = repayment_plan(terms)
    return LoanDisbursed(
        loan_id=booked.loan_id,
        application_id=booked.application_id,
        applicant_id=booked.applicant_id,
        payment_id=payment_id,
        bank_reference=reference,
        amount=terms.principal,
        value_date=value_date,
        terms=terms,
        plan=plan_rows(plan),
        position=position(opened(booked, plan, value_date), value_date, policy.buckets),
        confirmed_on=known_on,
        set_off=booked.refinances,
    )


def _as_before(loan: Loan, today: date, policy: Policy) -> list[DomainEvent]:
    """A loan that ends a worse than normal one begins in that one's tier, until a person judges otherwise: new money
    does not make an old debt good."""
    set_off: SetOff | None = loan.agreed.refinances
    if set_off is None or set_off.tier is Tier.NORMAL:
        return []
    overlaid = ClassificationOverlaid(
        loan_id=loan.loan_id,
        tier=set_off.tier,
        reason=f"It ends loan {set_off.loan_id}, which was classified {set_off.tier}",
        decided_by=REFINANCING,
        decided_on=today,
    )
    return then(loan, [overlaid], today, policy)


def rebased(terms: LoanTerms, value_date: date) -> LoanTerms:
    """The agreed terms from the day the money moved: due dates agreed by date stay as long as they lie ahead."""
    if terms.disbursed_on == value_date:
        return terms
    moved = value_date - terms.disbursed_on
    from_agreed_day = terms.schedule_from == terms.disbursed_on
    due_dates = terms.due_dates
    if due_dates and due_dates[0] <= value_date:
        due_dates = tuple(due + moved for due in due_dates)
    return replace(
        terms,
        disbursed_on=value_date,
        schedule_from=value_date if from_agreed_day else terms.schedule_from,
        first_due=terms.first_due if terms.first_due and terms.first_due > value_date else None,
        due_dates=due_dates,
    )


def fail(command: FailDisbursement, loan: Loan) -> list[DomainEvent]:
    """A final reason ends the loan, or leaves it at what was paid out before; a passing one leads to another attempt, as
    often as policy admits."""
    payment = _asked(loan, command.payment_id)
    if payment is None:
        return []
    failed = DisbursementFailed(
        loan_id=loan.loan_id,
        payment_id=command.payment_id,
        reason=command.reason,
        retryable=command.retryable,
        failed_on=command.today,
    )
    if payment.tranche and not command.retryable:
        return then(loan, [failed], command.today, command.policy)
    if not command.retryable:
        return [failed, _cancelled(loan, "disbursement-failed", command.today)]
    if payment.attempt >= command.policy.disbursement_attempts_max:
        return [failed]
    return [failed, _again(loan, payment, command.next_payment_id, command.today)]


def _again(loan: Loan, payment: Payment, payment_id: str, today: date, reason: str = "") -> DisbursementRequested:
    tranche, attempt = payment.tranche, payment.attempt + 1
    return request(loan.loan_id, payment_id, payment.amount, attempt, today, tranche=tranche, reason=reason)


def retry(command: RetryDisbursement, loan: Loan) -> list[DomainEvent]:
    payment = loan.payment
    waits = Status.ACTIVE if payment is not None and payment.tranche else Status.BOOKED
    refuse_unless(
        loan.status is waits and payment is not None,
        "loan-not-booked",
        "Only a booked loan whose payment failed is paid again, or a later part of one that is owed.",
    )
    assert payment is not None, "checked in the line above"
    if payment.state is PaymentState.CONFIRMED:
        raise Rejected("disbursement-confirmed", f"Payment {payment.payment_id} is with the borrower.")
    if payment.state not in (PaymentState.FAILED, PaymentState.RETURNED):
        raise Rejected(
            "disbursement-open",
            f"The bank has not said what became of payment {payment.payment_id}; it is asked until it does. "
            "Paying again now could pay twice.",
            payment_id=payment.payment_id,
        )
    return [_again(loan, payment, command.payment_id, command.today, command.reason)]


def _cancelled(loan: Loan, reason: str, today: date) -> LoanCancelled:
    return LoanCancelled(
        loan_id=loan.loan_id,
        application_id=loan.agreed.application_id,
        reason=reason,
        cancelled_on=today,
    )


def return_(command: ReturnDisbursement, loan: Loan) -> list[DomainEvent]:
    """The loan ends as if never paid out; what the borrower paid meanwhile becomes credit that is owed to him."""
    drawn = loan.drawn(command.payment_id)
    if drawn is not None:
        return tranches.return_(command, loan, drawn)
    paid_out = loan.disbursed is not None and loan.disbursed.payment_id == command.payment_id
    if not paid_out or loan.status is Status.CANCELLED:
        return []
    if loan.draws or (loan.payment is not None and loan.payment.tranche and loan.payment.is_open):
        text = "A later part of this loan was paid out; the first part cannot come back before it. See finance."
        raise Rejected("tranche-paid-out", text)
    if loan.status not in (Status.ACTIVE, Status.SETTLED):
        raise Rejected("loan-written-off", "The payout of a loan that was given up cannot come back; see finance.")
    assert loan.disbursed is not None, "a confirmed payment disbursed the loan"
    terms = loan.disbursed.terms
    after = returned(loan)
    event = DisbursementReturned(
        loan_id=loan.loan_id,
        payment_id=command.payment_id,
        reason=command.reason,
        value_date=command.value_date,
        amount=loan.disbursed.amount,
        principal=Money(terms.principal.minor + financed_minor(terms), loan.currency),
        difference=components(NOTHING.minus(loan.posted), loan.currency),
        credit_difference=Money(after.posted_credit - loan.posted_credit, loan.currency),
        waived_difference=Money(-loan.posted_waived, loan.currency),
        returned_on=command.today,
        set_off=loan.disbursed.set_off,
    )
    return [event, _cancelled(evolve(loan, event), "disbursement-returned", command.today)]
