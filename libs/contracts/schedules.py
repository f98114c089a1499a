"""From what a borrower and a product agree on to the terms that a plan is worked out from: the same at every step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from libs.contracts.application import Product
from libs.contracts.values import FeeRule, ProductTerms, ScheduleRule
from libs.lending.calendar import Period, PeriodUnit, add_months
from libs.lending.conventions import RepaymentMethod
from libs.lending.money import Money
from libs.lending.terms import Fee, LoanTerms

MONTHS_A_YEAR: Final = 12


def loan_terms(
    product: Product | ProductTerms,
    *,
    principal: Money,
    annual_rate: Decimal,
    instalments: int,
    period_months: int,
    method: RepaymentMethod,
    on: date,
    fees: Sequence[FeeRule] = (),
) -> LoanTerms:
    """The terms of a loan of this product that is paid out on a date. Raises `TermsError`."""
    rule = next((each for each in product.schedules if each.method is method), None)
    shape = {} if rule is None else _shape(rule, principal, instalments, period_months, on)
    return LoanTerms(
        principal=principal,
        annual_rate=annual_rate,
        instalments=instalments,
        disbursed_on=on,
        period=Period(period_months, PeriodUnit.MONTHS),
        method=method,
        day_count=product.day_count,
        fees=tuple(_fee(fee) for fee in fees),
        **shape,
    )


def _fee(rule: FeeRule) -> Fee:
    return Fee(code=rule.code, timing=rule.timing, amount=rule.amount, rate=rule.rate, base=rule.base, payee=rule.payee)


def _shape(rule: ScheduleRule, principal: Money, instalments: int, period_months: int, on: date) -> dict[str, Any]:
    shape: dict[str, Any] = {"principal_grace": min(rule.principal_grace, instalments - 1)}
    if rule.balloon_share is not None:
        shape["balloon"] = Money(int(principal.minor * rule.balloon_share), principal.currency)
    if rule.method is RepaymentMethod.STEPPED and rule.yearly_step is not None:
        step = 1 + rule.yearly_step
        shape["weights"] = tuple(step ** (n * period_months // MONTHS_A_YEAR) for n in range(instalments))
    if rule.method is RepaymentMethod.IRREGULAR:
        shape["principal_parts"] = _by_season(rule.season_months, principal, instalments, period_months, on)
    return shape


def _by_season(
    months: Sequence[int], principal: Money, instalments: int, period_months: int, on: date
) -> tuple[Money, ...]:
    """Nothing is left after the last instalment, so it is always one of those that bear principal."""
    due = [add_months(on, period_months * n) for n in range(1, instalments + 1)]
    bearing = [int(day.month in months or n == instalments) for n, day in enumerate(due, 1)]
    return tuple(principal.split(bearing))
