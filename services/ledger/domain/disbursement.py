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
from libs.lending.terms import LoanTerms
from services.ledger.domain import refinancing
from services.ledger.domain.account import NOTHING
from services.ledger.domain.commands import (
    BookLoan,
    ConfirmDisbursement,
    FailDisbursement,
    LeaveUnresolved,
    RetryDisbursement,
    ReturnDisbursement,
)
from services.ledger.domain.consequences import then
from services.ledger.domain.loan import Loan, Payment, PaymentState, Status, evolve, opened, returned
from services.ledger.domain.policy import Policy
from services.ledger.domain.position import components, position

REFINANCING: Final = "refinancing"
"""Who classifies a loan that ends another: the rule."""


def book(command: BookLoan, loan: Loan) -> list[DomainEvent]:
    """A contract is booked once; one that breaks a limit is not (R5.1). Of a loan that ends another one the bank pays
    out what is left; where nothing is, it is paid out at once."""
    if loan.status is not Status.NONE:
        return []
    signed, old, principal = command.signed, command.refinanced, command.signed.agreement.terms.principal
    breach = command.policy.breach(signed.agreement)
    if breach is None and old is not None:
        breach = refinancing.breach(old, command.applicant_id, principal)
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
    if to_pay(booked):
        return [booked, _requested(booked, command.payment_id, 1, command.today)]
    reference = f"{refinancing.CHANNEL} {booked.refinances.loan_id if booked.refinances else ''}"
    paid_out = _paid_out(booked, command.payment_id, reference, command.today, command.today, command.policy)
    return [booked, paid_out, *_as_before(evolve(evolve(loan, booked), paid_out), command.today, command.policy)]


def to_pay(booked: LoanBooked) -> Money:
    """What the bank is to pay out: the principal but for what is set off against another loan."""
    principal = booked.agreement.terms.principal
    return principal - booked.refinances.amount if booked.refinances is not None else principal


def _requested(
    booked: LoanBooked, payment_id: str, attempt: int, today: date, reason: str = ""
) -> DisbursementRequested:
    return DisbursementRequested(
        loan_id=booked.loan_id,
        payment_id=payment_id,
        amount=to_pay(booked),
        attempt=attempt,
        requested_on=today,
        reason=reason,
    )


def _asked(loan: Loan, payment_id: str) -> Payment | None:
    """The payment, where it is the one that the loan waits for."""
    payment = loan.payment
    waiting = loan.status is Status.BOOKED and payment is not None and payment.payment_id == payment_id
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
    if loan.payment is None or loan.payment.payment_id != command.payment_id or loan.disbursed is not None:
        return []
    known_on = max(command.today, command.value_date)
    event = _paid_out(
        loan.agreed, command.payment_id, command.bank_reference, command.value_date, known_on, command.policy
    )
    return [event, *_as_before(evolve(loan, event), known_on, command.policy)]


def _paid_out(
    booked: LoanBooked, payment_id: str, reference: str, value_date: date, known_on: date, policy: Policy
) -> LoanDisbursed:
    terms = rebased(booked.agreement.terms, value_date)
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
    """A final reason ends the loan; a passing one leads to another attempt, as often as policy admits."""
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
    if not command.retryable:
        return [failed, _cancelled(loan, "disbursement-failed", command.today)]
    if payment.attempt >= command.policy.disbursement_attempts_max:
        return [failed]
    return [failed, _requested(loan.agreed, command.next_payment_id, payment.attempt + 1, command.today)]


def retry(command: RetryDisbursement, loan: Loan) -> list[DomainEvent]:
    payment = loan.payment
    refuse_unless(
        loan.status is Status.BOOKED and payment is not None,
        "loan-not-booked",
        "Only a booked loan whose payment failed is paid again.",
    )
    assert payment is not None, "checked in the line above"
    if payment.state is not PaymentState.FAILED:
        raise Rejected(
            "disbursement-open",
            f"The bank has not said what became of payment {payment.payment_id}; it is asked until it does. "
            "Paying again now could pay twice.",
            payment_id=payment.payment_id,
        )
    return [_requested(loan.agreed, command.payment_id, payment.attempt + 1, command.today, command.reason)]


def _cancelled(loan: Loan, reason: str, today: date) -> LoanCancelled:
    return LoanCancelled(
        loan_id=loan.loan_id,
        application_id=loan.agreed.application_id,
        reason=reason,
        cancelled_on=today,
    )


def return_(command: ReturnDisbursement, loan: Loan) -> list[DomainEvent]:
    """The loan ends as if never paid out; what the borrower paid meanwhile becomes credit that is owed to him."""
    payment = loan.payment
    confirmed = payment is not None and payment.state is PaymentState.CONFIRMED
    if payment is None or not confirmed or payment.payment_id != command.payment_id:
        return []
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
