"""The movements of a loan up to a date, oldest first: what a statement shows, on screen and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from libs.lending.money import Money
from services.ledger.api.shapes import plan_shown
from services.ledger.domain.loan import Draw, Loan, Refund, Waiver


class StatementLine(NamedTuple):
    """`charged` raises what the borrower owes, `paid` lowers it."""

    on: date
    what: str
    reference: str
    charged: Money | None
    paid: Money | None


def statement_lines(loan: Loan, today: date) -> list[StatementLine]:
    return sorted(_lines(loan, today), key=lambda line: line.on)


def _lines(loan: Loan, today: date) -> Iterator[StatementLine]:
    if loan.disbursed is not None:
        paid_out = loan.disbursed
        yield StatementLine(paid_out.value_date, "disbursement", paid_out.bank_reference, paid_out.amount, None)
    for row in plan_shown(loan.account, today) if loan.account else ():
        if row.due > today:
            break
        for what, amount in (("interest", row.interest), ("fee", row.fee), ("penalty", row.penalty)):
            if amount:
                yield StatementLine(row.due, what, f"instalment {row.number}", amount, None)
    for receipt in loan.receipts:
        what = "recovery" if receipt.recovery else "repayment"
        yield StatementLine(receipt.value_date, what, receipt.repayment_id, None, receipt.amount)
        if receipt.reversed_on is not None:
            yield StatementLine(receipt.reversed_on, "reversal", receipt.repayment_id, receipt.amount, None)
    for fact in loan.adjustments:
        if isinstance(fact, Waiver):
            let_off = Money(fact.amounts.total, loan.currency)
            yield StatementLine(fact.value_date, "waiver", fact.waiver_id, None, let_off)
        elif isinstance(fact, Draw):
            if not fact.returned:
                drawn = Money(fact.amount, loan.currency)
                yield StatementLine(fact.value_date, "disbursement", fact.bank_reference, drawn, None)
        elif isinstance(fact, Refund):
            yield StatementLine(fact.value_date, "refund", fact.refund_id, Money(fact.amount, loan.currency), None)
