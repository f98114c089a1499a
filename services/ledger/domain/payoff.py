"""What ends a loan early."""

from __future__ import annotations

from datetime import date

from libs.lending.money import Money
from services.ledger.domain.account import advance, quote
from services.ledger.domain.loan import Loan, account_before


def payoff_total(loan: Loan, on: date) -> Money:
    """What the borrower has to bring to end the loan on `on`: the quote less his credit."""
    account = account_before(loan, on)
    total = quote(account, on, loan.prepayment_fee_rate).total.minor
    return Money(max(0, total - advance(account, on).credit), loan.currency)
