"""The periods of a plan and the interest rate of each, as integers over one denominator."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Final, NamedTuple

from libs.lending.calendar import (
    EVERY_DAY,
    Calendar,
    Period,
    PeriodUnit,
    add_period,
    adjusted,
    due_dates,
    month_of_due,
)
from libs.lending.daycount import BASIS, COUNTERS, NOMINAL_YEAR_DAYS, counts
from libs.lending.terms import (
    BrokenPeriod,
    InterestAccrual,
    LoanTerms,
    RepaymentMethod,
    TermsError,
)

PERIODS_A_YEAR: Final = {PeriodUnit.MONTHS: 12, PeriodUnit.WEEKS: 52}
"""Regular periods in a year where interest is by period; days use the day count's nominal year."""

NOMINAL_DAYS: Final = {PeriodUnit.MONTHS: 30, PeriodUnit.WEEKS: 7, PeriodUnit.DAYS: 1}
"""Days of a unit where months count 30 whatever their length."""


class Periods(NamedTuple):
    """`nominal` dates (disbursement, then each due date as counted), `due` dates as moved to working days, and the
    first regular period's start (later or earlier than the disbursement when that period is broken)."""

    nominal: list[date]
    due: list[date]
    regular_start: date


def plan_periods(terms: LoanTerms, calendar: Calendar = EVERY_DAY) -> Periods:
    """Due dates of the terms; raises `TermsError` where they cannot be met."""
    count, regular_start = terms.instalments, terms.schedule_from or terms.disbursed_on
    period = terms.period
    if terms.method is RepaymentMethod.BULLET:
        period, count = Period(period.every * terms.instalments, period.unit), 1
    days: Sequence[date]
    if terms.due_dates:
        days = terms.due_dates
    elif terms.first_due is None and terms.due_day is None:
        days = due_dates(regular_start, period, count, terms.month_end)
    else:
        days, regular_start = _anchored(terms, period, count, regular_start)
    if days[0] <= terms.disbursed_on:
        raise TermsError("first-due", "the first due date must be after the disbursement")
    moved = adjusted(days, calendar, terms.working_day)
    return Periods([terms.disbursed_on, *days], moved, regular_start)


def _anchored(terms: LoanTerms, period: Period, count: int, start: date) -> tuple[Sequence[date], date]:
    rule, day = terms.month_end, terms.due_day
    natural = add_period(start, period, 1, rule, day)
    first = terms.first_due or natural
    if first == natural and day is None:
        return due_dates(start, period, count, rule), start
    days = [first, *due_dates(month_of_due(first, rule, day), period, count - 1, rule, day)]
    back = start if first == natural and start.day == first.day else _periods_before(terms, first, 1)
    return days, back


def _periods_before(terms: LoanTerms, due: date, count: int) -> date:
    """The date `count` periods before a due date: for one period the due date before it."""
    rule, day = terms.month_end, terms.due_day
    return add_period(month_of_due(due, rule, day), terms.period, -count, rule, day)


def rate_ratio(terms: LoanTerms) -> tuple[int, int]:
    """The annual rate as an exact integer ratio."""
    return terms.annual_rate.as_integer_ratio()


def period_rates(terms: LoanTerms, periods: Periods) -> tuple[list[int], int]:
    """Each period's interest rate as numerators over one denominator, exact.

    One integer multiplication and division then give a row's interest.
    """
    numerator, denominator = rate_ratio(terms)
    nominal = interest_dates(terms, periods)
    if terms.rate_changes or _is_broken(terms, periods) or (terms.due_dates and _by_period(terms)):
        return common_denominator(_irregular_rates(terms, periods, nominal))
    if _by_period(terms):
        per, year = regular_part(terms)
        return [numerator * per] * (len(nominal) - 1), denominator * year
    rates = [numerator * count for count in counts(terms.day_count, nominal)]
    return rates, denominator * BASIS[terms.day_count]


def interest_dates(terms: LoanTerms, periods: Periods) -> list[date]:
    """The dates between which interest runs: as counted, or as moved to working days where so agreed."""
    return periods.nominal if not terms.interest_to_moved_date else [periods.nominal[0], *periods.due]


def _by_period(terms: LoanTerms) -> bool:
    return terms.accrual is not InterestAccrual.DAILY


def _is_broken(terms: LoanTerms, periods: Periods) -> bool:
    return _by_period(terms) and periods.regular_start != terms.disbursed_on


def one_period(terms: LoanTerms) -> tuple[int, int]:
    """One regular period as a part of the year: (1, 12) for a month."""
    every, unit = terms.period.every, terms.period.unit
    if terms.accrual is InterestAccrual.NOMINAL_DAYS:
        return every * NOMINAL_DAYS[unit], NOMINAL_YEAR_DAYS[terms.day_count]
    return every, PERIODS_A_YEAR.get(unit, NOMINAL_YEAR_DAYS[terms.day_count])


def regular_part(terms: LoanTerms) -> tuple[int, int]:
    """What a row's regular time is of the year: a period, or the whole term of a bullet loan."""
    every, year = one_period(terms)
    return every * (terms.instalments if terms.method is RepaymentMethod.BULLET else 1), year


def common_denominator(rates: Iterable[Fraction]) -> tuple[list[int], int]:
    """Fractions as integer numerators over their least common denominator."""
    rates = list(rates)
    denominator = lcm(*(rate.denominator for rate in rates))
    return [rate.numerator * (denominator // rate.denominator) for rate in rates], denominator


def _irregular_rates(terms: LoanTerms, periods: Periods, nominal: list[date]) -> list[Fraction]:
    rates = []
    for n, (start, end) in enumerate(itertools.pairwise(nominal)):
        part = period_part(terms, start, end, periods.regular_start if n == 0 else start)
        rates.append(part * average_rate(terms, start, end))
    return rates


def period_part(terms: LoanTerms, start: date, end: date, regular_start: date) -> Fraction:
    """The part of a year that interest runs for from `start` to `end`, by the terms' accrual."""
    if not _by_period(terms):
        return days_part(terms, start, end)
    if start == regular_start and (not terms.due_dates or is_regular(terms, start, end)):
        return Fraction(*regular_part(terms))
    single = Fraction(*one_period(terms))
    if terms.broken_period is BrokenPeriod.PRO_RATA:
        return single * _pro_rata(terms, start, end)
    whole, cut = 0, end
    while (before := _periods_before(terms, end, whole + 1)) >= start:
        whole, cut = whole + 1, before
    return whole * single + days_part(terms, start, cut)


def is_regular(terms: LoanTerms, start: date, end: date) -> bool:
    """Whether two due dates given by hand are one period apart, a month's missing days allowed for."""
    day = terms.due_day or max(start.day, end.day)
    return end in (
        add_period(start, terms.period, 1, terms.month_end),
        add_period(start, terms.period, 1, terms.month_end, day),
    )


def days_part(terms: LoanTerms, start: date, end: date) -> Fraction:
    """The part of a year by the day count."""
    return Fraction(COUNTERS[terms.day_count](start, end), BASIS[terms.day_count])


def _pro_rata(terms: LoanTerms, start: date, end: date) -> Fraction:
    """Regular periods from `start` to `end`, the broken one by its actual days."""
    whole, cut = 0, end
    while True:
        before = _periods_before(terms, end, whole + 1)
        if before <= start:
            return whole + Fraction((cut - start).days, (cut - before).days)
        whole, cut = whole + 1, before


def average_rate(terms: LoanTerms, start: date, end: date) -> Fraction:
    """The annual rate over a period, by days where it changes inside; of a period without days the one on its date."""
    changes = [(change.effective, Fraction(change.annual_rate)) for change in terms.rate_changes]
    rate, total, cut = Fraction(terms.annual_rate), Fraction(0), start
    for day, new in changes:
        if day >= end:
            break
        if day > cut:
            total += rate * (day - cut).days
            cut = day
        rate = new
    days = (end - start).days
    return (total + rate * (end - cut).days) / days if days else rate


@lru_cache(maxsize=256)
def nominal_rate(terms: LoanTerms, thirty_days: bool) -> Fraction:
    """One period's rate by name: the textbook's annual rate / periods a year, or 30 days a month over the year."""
    every, year = one_period(terms)
    if thirty_days:
        every, year = terms.period.every * NOMINAL_DAYS[terms.period.unit], NOMINAL_YEAR_DAYS[terms.day_count]
    return Fraction(terms.annual_rate) * Fraction(every, year)
