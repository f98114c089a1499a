"""What settles a loan on a given day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain

from libs.lending.accrual import accrued_in_row
from libs.lending.allocation import Component, Debt
from libs.lending.money import Money
from libs.lending.rounding import divide
from libs.lending.schedule import Instalment, RepaymentPlan


@dataclass(frozen=True, slots=True)
class PayoffQuote:
    """Debts that settle the loan on `on`, and no other day; `debts` can be allocated as they stand."""

    on: date
    debts: tuple[Debt, ...]
    currency: str

    def amount(self, component: Component) -> Money:
        """What is asked for one component."""
        return Money(sum(debt.amount_minor for debt in self.debts if debt.component is component), self.currency)

    @property
    def total(self) -> Money:
        return Money(sum(debt.amount_minor for debt in self.debts), self.currency)


def open_debts(plan: RepaymentPlan) -> list[Debt]:
    """Everything that the plan's rows ask for, nothing paid."""
    return list(chain.from_iterable(map(_debts_of, plan.rows)))


def _debts_of(row: Instalment) -> list[Debt]:
    parts = (
        (Component.FEE, row.fee_minor),
        (Component.INTEREST, row.interest_minor),
        (Component.PRINCIPAL, row.principal_minor),
    )
    return [Debt(row.number, row.due, component, amount) for component, amount in parts if amount]


def payoff_quote(
    plan: RepaymentPlan, debts: Iterable[Debt], on: date, prepayment_fee_rate: Decimal = Decimal(0)
) -> PayoffQuote:
    """What is due in full, all principal, and of interest not yet due only what the actual period earned.

    Civil Code 677: interest of an early repayment is for the time the loan was used, unless agreed otherwise.
    `debts` are the open ones, with what was paid taken off (overdue interest and costs included by the caller).
    Fees of later instalments are not asked; `prepayment_fee_rate` is on the principal repaid in advance. A tranche that
    is not yet paid out on the day is not asked back.
    """
    rows = {row.number: row for row in plan.rows}
    undrawn = sum(tranche.amount.minor for tranche in plan.terms.tranches if tranche.on > on)
    result, in_advance = [], 0
    for debt in _without_undrawn(list(debts), undrawn):
        if debt.due <= on or debt.instalment not in rows:
            result.append(debt)
        elif debt.component is Component.PRINCIPAL:
            result.append(debt)
            in_advance += debt.amount_minor
        elif debt.component is Component.INTEREST:
            row = rows[debt.instalment]
            paid = row.interest_minor - debt.amount_minor
            earned = max(0, accrued_in_row(plan.terms, row, on) - paid)
            result.append(debt._replace(amount_minor=earned))
    rate, scale = prepayment_fee_rate.as_integer_ratio()
    fee = divide(in_advance * rate, scale, plan.terms.rounding)
    if fee:
        result.append(Debt(0, on, Component.FEE, fee))
    open_now = tuple(debt for debt in result if debt.amount_minor)
    return PayoffQuote(on, open_now, plan.terms.principal.currency)


def _without_undrawn(debts: list[Debt], undrawn: int) -> list[Debt]:
    """Without the principal that is not yet paid out: the last instalments would have repaid it."""
    for n in range(len(debts) - 1, -1, -1):
        if undrawn and debts[n].component is Component.PRINCIPAL:
            part = min(undrawn, debts[n].amount_minor)
            debts[n] = debts[n]._replace(amount_minor=debts[n].amount_minor - part)
            undrawn -= part
    return debts
