"""Which payout of a loan the bank is asked for, and under which id."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid5

from libs.contracts.ledger import DisbursementRequested
from libs.lending.money import Money
from libs.lending.terms import Tranche
from services.ledger.domain.account import advance
from services.ledger.domain.loan import Loan, Status
from services.ledger.domain.position import oldest_overdue


def payment_id_of(loan_id: str, attempt: int, tranche: int = 0) -> str:
    """The id of the nth attempt to pay a part of a loan out: whoever works it out again gets the same."""
    part = f"{tranche}/{attempt}" if tranche else f"{attempt}"
    return str(uuid5(UUID(loan_id), f"payment/{part}"))


def request(
    loan_id: str, payment_id: str, amount: Money, attempt: int, today: date, *, tranche: int = 0, reason: str = ""
) -> DisbursementRequested:
    return DisbursementRequested(
        loan_id=loan_id,
        payment_id=payment_id,
        amount=amount,
        attempt=attempt,
        requested_on=today,
        reason=reason,
        tranche=tranche,
    )


def next_tranche(loan: Loan) -> tuple[int, Tranche] | None:
    """The agreed part that is paid out next, with its number: in their order, and none while a payout is open or a
    write-off is asked for."""
    if loan.status is not Status.ACTIVE or loan.payment is None or loan.write_off_request is not None:
        return None
    parts, asked = loan.agreed.agreement.terms.tranches, loan.tranches_asked
    if loan.payment.is_open or asked >= len(parts):
        return None
    return asked + 1, parts[asked]


def awaits_tranche(loan: Loan) -> bool:
    """Whether a part of the loan is still to be asked for."""
    return loan.status is Status.ACTIVE and loan.tranches_asked < len(loan.agreed.agreement.terms.tranches)


def due_tranche(loan: Loan, today: date) -> DisbursementRequested | None:
    """The request for the part whose day has come. It waits while anything is overdue (Civil Code 527)."""
    found = next_tranche(loan)
    if found is None or found[1].on > today or oldest_overdue(advance(loan.books, today), today) is not None:
        return None
    number, tranche = found
    payment_id = payment_id_of(loan.loan_id, 1, number)
    return request(loan.loan_id, payment_id, tranche.amount, 1, today, tranche=number)
