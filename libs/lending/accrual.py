"""Interest by date: a function of terms, facts and date. Nothing is stored a day.

Amounts for a span are differences of amounts up to its ends, so any cutting into days, months or closes sums to
exactly what is billed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from libs.lending.daycount import BASIS, COUNTERS, DayCount
from libs.lending.money import Money
from libs.lending.periods import average_rate, days_part
from libs.lending.rounding import Rounding, divide
from libs.lending.schedule import Instalment, RepaymentPlan
from libs.lending.terms import InterestAccrual, LoanTerms, PartialPeriod
from libs.lending.tranches import balances_within


class Balance(NamedTuple):
    """From `since` (included) the balance is `amount_minor`, until the next one."""

    since: date
    amount_minor: int


def accrued_in_row(terms: LoanTerms, row: Instalment, on: date) -> int:
    """Minor units of the row's interest earned before `on`: 0 at its start, all of it from its due date."""
    if on <= row.start:
        return 0
    if on >= row.due:
        return row.interest_minor
    balances = balances_within(terms, row.opening_minor, row.start, row.due)
    by_days = terms.accrual is InterestAccrual.DAILY or terms.partial_period is PartialPeriod.DAYS
    if by_days and not terms.flat_interest:
        earned = (
            amount * average_rate(terms, since, on) * days_part(terms, since, on)
            for since, amount in balances
            if since < on
        )
        exact = sum(earned, Fraction(0))
        return min(divide(exact.numerator, exact.denominator, terms.rounding), row.interest_minor)
    if len(balances) == 1:
        return divide(row.interest_minor * (on - row.start).days, (row.due - row.start).days, terms.rounding)
    used = sum(amount * (on - since).days for since, amount in balances if since < on)
    whole = sum(amount * (row.due - since).days for since, amount in balances)
    return divide(row.interest_minor * used, whole, terms.rounding)


def accrued_interest(plan: RepaymentPlan, on: date) -> Money:
    """Interest of the plan earned from disbursement up to `on` (that day excluded), paid as planned."""
    dues = [row.due for row in plan.rows]
    current = bisect_right(dues, on)
    minor = sum(row.interest_minor for row in plan.rows[:current])
    if current < len(plan.rows):
        minor += accrued_in_row(plan.terms, plan.rows[current], on)
    return Money(minor, plan.terms.principal.currency)


def accrued_between(plan: RepaymentPlan, start: date, end: date) -> Money:
    """Interest of the plan earned from `start` (included) to `end` (excluded); spans that join sum exactly."""
    return accrued_interest(plan, end) - accrued_interest(plan, start)


def exact_interest(
    balances: Sequence[Balance], annual_rate: Decimal, day_count: DayCount, start: date, end: date
) -> Fraction:
    """Interest in minor units, unrounded, on a balance that changes on given dates (in order)."""
    counter = COUNTERS[day_count]
    total = 0
    for n, (since, amount) in enumerate(balances):
        until = balances[n + 1].since if n + 1 < len(balances) else end
        first, last = max(since, start), min(until, end)
        if first < last:
            total += amount * counter(first, last)
    return total * Fraction(annual_rate) / BASIS[day_count]


def interest_on(
    balances: Sequence[Balance],
    annual_rate: Decimal,
    day_count: DayCount,
    start: date,
    end: date,
    rounding: Rounding = Rounding.HALF_UP,
) -> int:
    """Interest in minor units on the balances as they really were, rounded once."""
    exact = exact_interest(balances, annual_rate, day_count, start, end)
    return divide(exact.numerator, exact.denominator, rounding)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueTerms:
    """Interest on what is overdue (罚息): Civil Code 676; PBoC 银发〔2003〕251号 sets it 30 to 50 % above the rate.

    `annual_rate` replaces the contract rate on overdue principal. Within `grace_days` after the due date nothing
    is charged; later it runs from the due date, or from the end of grace where `after_grace_only`. Interest on
    overdue interest (复利) is only for lenders that may charge it: `on_interest`.
    """

    annual_rate: Decimal
    day_count: DayCount = DayCount.ACT_360
    grace_days: int = 0
    after_grace_only: bool = False
    on_interest: bool = False
    rounding: Rounding = Rounding.HALF_UP


class Overdue(NamedTuple):
    """One instalment's unpaid amounts over time, from its due date: what payments left, in order of date."""

    due: date
    principal: tuple[Balance, ...]
    interest: tuple[Balance, ...] = ()


def overdue_interest(items: Iterable[Overdue], terms: OverdueTerms, on: date) -> int:
    """Overdue interest in minor units earned up to `on` (excluded), rounded once for each instalment."""
    total = 0
    for item in items:
        free_until = item.due + timedelta(days=terms.grace_days)
        if _unpaid(item.principal, free_until) + terms.on_interest * _unpaid(item.interest, free_until) == 0:
            continue
        if on <= free_until:
            continue
        start = free_until if terms.after_grace_only else item.due
        exact = exact_interest(item.principal, terms.annual_rate, terms.day_count, start, on)
        if terms.on_interest:
            exact += exact_interest(item.interest, terms.annual_rate, terms.day_count, start, on)
        total += divide(exact.numerator, exact.denominator, terms.rounding)
    return total


def _unpaid(balances: Sequence[Balance], on: date) -> int:
    """What is left at the end of day `on`."""
    return next((balance.amount_minor for balance in reversed(balances) if balance.since <= on), 0)
