"""US annual percentage rate, actuarial method: Regulation Z, 12 CFR 1026, appendix J."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final, NamedTuple

from libs.lending.annual_cost import PRECISION, Flow, as_decimal, period_rate
from libs.lending.calendar import Period, PeriodUnit, add_period
from libs.lending.periods import PERIODS_A_YEAR

MONTHS_A_YEAR: Final = 12


class UnitPeriod(NamedTuple):
    """Regulation Z appendix J (b)(4): the common period between payments, and how many make a year."""

    period: Period
    semimonthly: bool = False

    @property
    def a_year(self) -> Fraction:
        if self.semimonthly:
            return Fraction(24)
        return Fraction(PERIODS_A_YEAR.get(self.period.unit, 365), self.period.every)

    def after(self, start: date, count: int) -> date:
        """The date of a payment so many unit-periods after another; of half months, 15 days or the month's other day."""
        if not self.semimonthly:
            return add_period(start, self.period, count)
        month = add_period(start, Period(1, PeriodUnit.MONTHS), count // 2)
        return month if count % 2 == 0 else _half_month_after(month)


def single_payment_unit(advance: date, payment: date) -> UnitPeriod:
    """Appendix J (b)(4)(iii): the term itself where it is less than a year, in months if it is whole months."""
    months = (payment.year - advance.year) * 12 + payment.month - advance.month
    whole = months > 0 and add_period(advance, Period(1, PeriodUnit.MONTHS), months) == payment
    if add_period(advance, Period(MONTHS_A_YEAR, PeriodUnit.MONTHS)) <= payment:
        return UnitPeriod(Period(MONTHS_A_YEAR, PeriodUnit.MONTHS))
    if whole:
        return UnitPeriod(Period(months, PeriodUnit.MONTHS))
    return UnitPeriod(Period((payment - advance).days, PeriodUnit.DAYS))


def unit_periods(start: date, end: date, unit: UnitPeriod) -> tuple[int, Fraction]:
    """Whole unit-periods counted back from `end`, and the odd part, as appendix J (b)(5) counts them.

    Odd days are over 30 for a month, 30·n for n months (whole months counting 30), 15 for a half month, over the days
    of the unit-period for weeks and days; of a year they are whole months over 12, otherwise days over 365.
    """
    if unit.semimonthly:
        return _semimonthly(start, end)
    whole = 0
    while add_period(end, unit.period, -(whole + 1)) >= start:
        whole += 1
    rest = add_period(end, unit.period, -whole)
    if unit.period.unit is not PeriodUnit.MONTHS:
        length = unit.period.every * (7 if unit.period.unit is PeriodUnit.WEEKS else 1)
        return whole, Fraction((rest - start).days, length)
    months = 0
    one = Period(1, PeriodUnit.MONTHS)
    while add_period(rest, one, -(months + 1)) >= start:
        months += 1
    days = (add_period(rest, one, -months) - start).days
    if unit.period.every == MONTHS_A_YEAR:
        return whole, Fraction((rest - start).days, 365) if days else Fraction(months, MONTHS_A_YEAR)
    odd = months * 30 + days
    return whole, Fraction(odd, 30 * unit.period.every)


def _semimonthly(start: date, end: date) -> tuple[int, Fraction]:
    """Half months back from `end`: a month is two, a half is 15 days (or the other payment day of the month)."""
    whole, cut = 0, end
    while (before := _half_month_back(cut)) >= start:
        whole, cut = whole + 1, before
    return whole, Fraction((cut - start).days, 15)


def _half_month_back(day: date) -> date:
    if day.day > 15:
        return day.replace(day=day.day - 15)
    before = add_period(day, Period(1, PeriodUnit.MONTHS), -1)
    return before.replace(day=min(day.day + 15, monthrange(before.year, before.month)[1]))


def _half_month_after(day: date) -> date:
    if day.day <= 15:
        return day.replace(day=min(day.day + 15, monthrange(day.year, day.month)[1]))
    return add_period(day, Period(1, PeriodUnit.MONTHS), day=day.day - 15)


def reg_z_annual_rate(
    advances: Sequence[tuple[date, Decimal]], payments: Sequence[tuple[date, Decimal]], unit: UnitPeriod
) -> Decimal:
    """US annual percentage rate by the actuarial method (12 CFR 1026 appendix J (b)(8)): period rate × periods."""
    first = min(day for day, _ in advances)
    flows = [Flow(*_timed(first, day, unit, amount)) for day, amount in advances]
    flows += [Flow(*_timed(first, day, unit, -amount)) for day, amount in payments]
    with localcontext() as context:
        context.prec = PRECISION
        return period_rate(flows) * as_decimal(unit.a_year)


def _timed(first: date, day: date, unit: UnitPeriod, amount: Decimal) -> tuple[Fraction, Decimal, Fraction]:
    whole, odd = unit_periods(first, day, unit)
    return Fraction(whole), amount, odd
