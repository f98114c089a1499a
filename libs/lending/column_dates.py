"""Due dates and day counts of many loans at once: one array entry a loan, days counted from 1970-01-01."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from libs.lending.calendar import Calendar, MonthEnd, PeriodUnit, WorkingDay
from libs.lending.daycount import DayCount
from libs.lending.terms import LoanTerms, RepaymentMethod

Days = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]

EPOCH: Final = date(1970, 1, 1)
_FIRST_MONTH: Final = np.datetime64("0001-01", "M")
_ADJUST_ROOM: Final = timedelta(days=400)
"""How far a working-day rule may move a date: a calendar without a working day in a year is refused."""


@lru_cache(maxsize=1)
def _month_starts() -> Days:
    """The first day of every month that a date can have, and of the one after it."""
    months = np.arange(_FIRST_MONTH, np.datetime64("10000-02", "M"))
    return months.astype("M8[D]").astype(np.int32)


def nominal_dates(like: LoanTerms, disbursed: Days) -> Days:
    """Disbursement and due dates as counted, shape (instalments + 1, loans); the last year is 9999."""
    every, count = like.period.every, like.instalments
    if like.method is RepaymentMethod.BULLET:
        every, count = every * count, 1
    result = np.empty((count + 1, len(disbursed)), np.int32)
    result[0] = disbursed
    if like.period.unit is PeriodUnit.MONTHS:
        _monthly(like, disbursed, every, result)
    else:
        step = every * (7 if like.period.unit is PeriodUnit.WEEKS else 1)
        for k in range(1, count + 1):
            result[k] = disbursed + np.int32(k * step)
    return result


def _monthly(like: LoanTerms, disbursed: Days, every: int, result: Days) -> None:
    """The day of the month, or what stands for it: a month's next one begins where the missing days would be."""
    starts = _month_starts()
    months = (disbursed.astype("M8[D]").astype("M8[M]") - _FIRST_MONTH).astype(np.int64)
    offset = disbursed - starts[months]
    if like.due_day is not None:
        offset = np.full_like(offset, like.due_day - 1)
    if like.month_end is MonthEnd.END_OF_MONTH:
        offset[disbursed == starts[months + 1] - 1] = 30
    rolled = 0 if like.month_end is MonthEnd.ROLL else 1
    for k in range(1, len(result)):
        months += every
        first = starts.take(months, mode="clip")
        beyond = starts.take(months + 1, mode="clip")
        np.minimum(first + offset, beyond - rolled, out=result[k])
        if like.month_end is MonthEnd.STICKY:
            offset = result[k] - first


def out_of_range(like: LoanTerms, disbursed: Days) -> npt.NDArray[np.bool_]:
    """Loans whose last due date could lie beyond the calendar: dates end with the year 9999."""
    longest = {PeriodUnit.MONTHS: 31, PeriodUnit.WEEKS: 7, PeriodUnit.DAYS: 1}[like.period.unit]
    span = like.period.every * longest * like.instalments + _ADJUST_ROOM.days
    return disbursed.astype(np.int64) + span > (date.max - EPOCH).days


def moved(days: Days, calendar: Calendar, rule: WorkingDay) -> Days:
    """Due dates moved to working days."""
    if rule is WorkingDay.UNADJUSTED or not days.size:
        return days
    low, high = _whole_years(days)
    return _moved_table(calendar, rule, low, high).take(days - low, mode="clip")


def _whole_years(days: Days) -> tuple[int, int]:
    """The first day of the first year and of the one after the last: few distinct spans, so that tables are reused."""
    first, last = (EPOCH + timedelta(days=int(day)) for day in (days.min(), days.max()))
    beyond = (date.max - EPOCH).days if last.year == date.max.year else (date(last.year + 1, 1, 1) - EPOCH).days
    return (date(first.year, 1, 1) - EPOCH).days, beyond


@lru_cache(maxsize=8)
def _moved_table(calendar: Calendar, rule: WorkingDay, low: int, high: int) -> Days:
    days = (EPOCH + timedelta(days=n) for n in range(low, high))
    return np.array([(calendar.adjust(day, rule) - EPOCH).days for day in days], np.int32)


def counted(day_count: DayCount, dates: Days) -> npt.NDArray[np.int32] | Integers:
    """Numerators of the year fractions between dates that follow one another, over the day count's basis."""
    if day_count in (DayCount.ACT_360, DayCount.ACT_364, DayCount.ACT_365):
        return np.diff(dates, axis=0)
    low, high = _whole_years(dates)
    table, is_31st = _count_table(day_count, low, high)
    keys = table.take(dates - low, mode="clip")
    result = np.diff(keys, axis=0)
    if day_count is DayCount.THIRTY_360_US:
        # A 31st counts as the 30th, as an end only when the period starts on a 30th or 31st.
        result += is_31st.take(dates[1:] - low, mode="clip") & (keys[:-1] % 30 != 0)
    return result


@lru_cache(maxsize=8)
def _count_table(day_count: DayCount, low: int, high: int) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """A running count by day, whose differences are the convention's; and which days are a 31st."""
    days = np.arange(low, high + 1).astype("M8[D]")
    of_month = (days - days.astype("M8[M]").astype("M8[D]")).astype(np.int64) + 1
    if day_count in (DayCount.THIRTY_E_360, DayCount.THIRTY_360_US):
        return days.astype("M8[M]").astype(np.int64) * 30 + np.minimum(of_month, 30), of_month == 31
    # The night of 31 December belongs to the old year (ISDA), or to the new one.
    nights = days + 1 if day_count is DayCount.ACT_ACT_YEAR_END else days
    years = nights.astype("M8[Y]").astype(np.int64) + 1970
    leap = (years % 4 == 0) & ((years % 100 != 0) | (years % 400 == 0))
    weights = np.where(leap, 365, 366)
    return np.concatenate([[0], np.cumsum(weights[:-1])]), of_month == 31
