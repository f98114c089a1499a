"""Lives told step by step, each of which once left a row of the columns behind the loan."""

from __future__ import annotations

from datetime import date

from libs.contracts.ledger import RepaymentPurpose
from libs.lending.terms import RepaymentMethod
from services.ledger.domain.loan import Status
from services.ledger.tests.test_random_lives import Lives


def test_a_settled_loan_waits_for_no_due_date() -> None:
    """Two fen left over three instalments are two of one fen and one of nothing: the loan ends with the second, and
    its row must not stand at the third's due date."""
    life = Lives()
    life.lend([{"method": RepaymentMethod.EQUAL_PRINCIPAL, "instalments": 3}])
    life.receive(0, 1_199_998, 0, RepaymentPurpose.SMALLER_INSTALMENTS)
    for day in (date(2026, 2, 5), date(2026, 3, 5)):
        life.close_days((day - life.today).days)
        life.receive(0, 1, 0, RepaymentPurpose.INSTALMENT)
    loan = life.loan(0)
    assert loan.status is Status.SETTLED
    assert loan.books.rows[-1].due == date(2026, 4, 5), "the third instalment, of nothing, is still to come"
    life.close_days(45)
