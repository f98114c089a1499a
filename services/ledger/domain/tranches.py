"""A later part of a loan: paid out, or come back."""

from __future__ import annotations

from datetime import date
from typing import Any

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import TrancheDisbursed, TrancheReturned
from libs.contracts.problems import Rejected
from libs.lending.money import Money
from services.ledger.domain.commands import ConfirmDisbursement, ReturnDisbursement
from services.ledger.domain.consequences import difference, published, then
from services.ledger.domain.loan import Draw, Loan, Payment, Status, adjusted, draw_returned
from services.ledger.domain.position import position


def confirm(command: ConfirmDisbursement, loan: Loan, payment: Payment) -> list[DomainEvent]:
    """More of the loan is with the borrower, also of one that was settled meanwhile."""
    assert loan.disbursed is not None, "later parts follow the first"
    if loan.status not in (Status.ACTIVE, Status.SETTLED):
        text = "A part of a loan that has ended was paid out; see finance."
        raise Rejected(f"loan-{loan.status.lower().replace('_', '-')}", text)
    known_on = max(command.today, command.value_date)
    value_date = max(command.value_date, loan.disbursed.value_date)
    reference, sequence = command.bank_reference, loan.next_sequence
    drawn = Draw(payment.tranche, payment.payment_id, reference, payment.amount.minor, value_date, sequence)
    after = adjusted(loan, drawn)
    event = TrancheDisbursed(
        loan_id=loan.loan_id,
        application_id=loan.agreed.application_id,
        payment_id=payment.payment_id,
        number=payment.tranche,
        bank_reference=reference,
        amount=payment.amount,
        value_date=value_date,
        plan=published(after.books),
        position=position(after.books, known_on, command.policy.buckets),
        confirmed_on=known_on,
        **_moved(after, known_on),
    )
    return then(loan, [event], known_on, command.policy)


def return_(command: ReturnDisbursement, loan: Loan, drawn: Draw) -> list[DomainEvent]:
    """The loan goes on as if this part had never been paid out."""
    if drawn.returned:
        return []
    if loan.status not in (Status.ACTIVE, Status.SETTLED):
        raise Rejected("loan-written-off", "The payout of a loan that was given up cannot come back; see finance.")
    after = draw_returned(loan, command.payment_id)
    event = TrancheReturned(
        loan_id=loan.loan_id,
        application_id=loan.agreed.application_id,
        payment_id=command.payment_id,
        number=drawn.number,
        reason=command.reason,
        amount=Money(drawn.amount, loan.currency),
        value_date=command.value_date,
        plan=published(after.books),
        position=position(after.books, command.today, command.policy.buckets),
        returned_on=command.today,
        **_moved(after, command.today),
    )
    return then(loan, [event], command.today, command.policy)


def _moved(after: Loan, today: date) -> dict[str, Any]:
    found = difference(after, today)
    assert found.applied.total + found.credit - found.waived == 0, "no money came from the borrower"
    return found.members(after.currency)
