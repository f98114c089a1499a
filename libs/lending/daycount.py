"""Day counts: the part of a year between two dates, as an integer over a basis that is fixed per convention.

A fixed basis keeps a whole plan on one denominator, so interest is one integer multiplication and one division.
"""

from __future__ import annotations

import itertools
from calendar import isleap
from collections.abc import Callable, Sequence
from datetime import date
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Final


class DayCount(StrEnum):
    """Named conventions; ISDA sections are of the 2006 ISDA Definitions, 4.16."""

    ACT_360 = "ACT_360"
    """Actual days over 360 (ISDA 4.16(e)); daily rate = annual rate / 360 as PBoC 银发〔2005〕129号."""
    ACT_364 = "ACT_364"
    """Actual days over 364: 52 whole weeks (NL/365's sibling; offered by Apache Fineract)."""
    ACT_365 = "ACT_365"
    """Actual days over 365, leap years too (ISDA 4.16(d), "Actual/365 (Fixed)")."""
    ACT_ACT_ISDA = "ACT_ACT_ISDA"
    """Days of each calendar year over that year's length; 1 January belongs to the new year (ISDA 4.16(b))."""
    ACT_ACT_YEAR_END = "ACT_ACT_YEAR_END"
    """As ISDA, but split at 31 December: that night counts for the new year (Apache Fineract, progressive loans)."""
    THIRTY_360_US = "THIRTY_360_US"
    """Bond basis (ISDA 4.16(f)): a 31st counts as the 30th, at the end only when the start is the 30th or 31st."""
    THIRTY_360_US_EOM = "THIRTY_360_US_EOM"
    """As bond basis, and the last day of February counts as the 30th: as a start, and as an end when both are (NASD and
    SIA, "30/360 US"; spreadsheets' basis 0)."""
    THIRTY_E_360 = "THIRTY_E_360"
    """Eurobond basis (ISDA 4.16(g)): every 31st counts as the 30th."""


_BOTH_YEARS: Final = 365 * 366

BASIS: Final[dict[DayCount, int]] = {
    DayCount.ACT_360: 360,
    DayCount.ACT_364: 364,
    DayCount.ACT_365: 365,
    DayCount.ACT_ACT_ISDA: _BOTH_YEARS,
    DayCount.ACT_ACT_YEAR_END: _BOTH_YEARS,
    DayCount.THIRTY_360_US: 360,
    DayCount.THIRTY_360_US_EOM: 360,
    DayCount.THIRTY_E_360: 360,
}
"""Denominator of the year fraction under each convention."""

NOMINAL_YEAR_DAYS: Final[dict[DayCount, int]] = {
    **dict.fromkeys(DayCount, 365),
    DayCount.ACT_360: 360,
    DayCount.ACT_364: 364,
    DayCount.THIRTY_360_US: 360,
    DayCount.THIRTY_360_US_EOM: 360,
    DayCount.THIRTY_E_360: 360,
}
"""Days of a year where a period of n days is priced by name and not by its dates."""


def _actual(start: date, end: date) -> int:
    return end.toordinal() - start.toordinal()


@lru_cache(maxsize=1_024)
def _year_start(year: int) -> tuple[int, int]:
    """The ordinal of 1 January, and what a day of the year weighs: a whole year is 365 × 366, leap or not."""
    return date(year, 1, 1).toordinal(), 365 if isleap(year) else 366


def _place(day: date) -> int:
    """Where a day lies on a scale on which each year is as long as every other."""
    start, weight = _year_start(day.year)
    return day.year * _BOTH_YEARS + (day.toordinal() - start) * weight


def _night_place(day: date) -> int:
    """The same of a day's end: the night of 31 December belongs to the new year."""
    start, weight = _year_start(day.year)
    return day.year * _BOTH_YEARS + (day.toordinal() + 1 - start) * weight


def _act_act_isda(start: date, end: date) -> int:
    return _place(end) - _place(start)


def _act_act_year_end(start: date, end: date) -> int:
    return _night_place(end) - _night_place(start)


def _thirty_360_us(start: date, end: date) -> int:
    first = min(start.day, 30)
    last = 30 if end.day == 31 and first == 30 else end.day
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + last - first


def _ends_february(day: date) -> bool:
    return day.month == 2 and day.day == (29 if isleap(day.year) else 28)


def _thirty_360_us_eom(start: date, end: date) -> int:
    if not _ends_february(start):
        return _thirty_360_us(start, end)
    last = 30 if _ends_february(end) or end.day == 31 else end.day
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + last - 30


def _thirty_e_360(start: date, end: date) -> int:
    months = (end.year - start.year) * 12 + end.month - start.month
    return months * 30 + min(end.day, 30) - min(start.day, 30)


COUNTERS: Final[dict[DayCount, Callable[[date, date], int]]] = {
    DayCount.ACT_360: _actual,
    DayCount.ACT_364: _actual,
    DayCount.ACT_365: _actual,
    DayCount.ACT_ACT_ISDA: _act_act_isda,
    DayCount.ACT_ACT_YEAR_END: _act_act_year_end,
    DayCount.THIRTY_360_US: _thirty_360_us,
    DayCount.THIRTY_360_US_EOM: _thirty_360_us_eom,
    DayCount.THIRTY_E_360: _thirty_e_360,
}
"""Numerator of the year fraction from `start` (included) to `end` (excluded), over `BASIS`."""


_PLACES: Final[dict[DayCount, Callable[[date], int]]] = {
    DayCount.ACT_360: date.toordinal,
    DayCount.ACT_364: date.toordinal,
    DayCount.ACT_365: date.toordinal,
    DayCount.ACT_ACT_ISDA: _place,
    DayCount.ACT_ACT_YEAR_END: _night_place,
}
"""Where a day lies, for the conventions that count what is between two places, whatever the two days."""


def counts(convention: DayCount, dates: Sequence[date]) -> list[int]:
    """Numerators of the year fractions between dates that follow one another: `COUNTERS`, each day looked at once."""
    place = _PLACES.get(convention)
    if place is None:
        counter = COUNTERS[convention]
        return [counter(start, end) for start, end in itertools.pairwise(dates)]
    places = [place(day) for day in dates]
    return [end - start for start, end in itertools.pairwise(places)]


def year_fraction(convention: DayCount, start: date, end: date) -> Fraction:
    """The part of a year from `start` to `end`, exactly.

    >>> year_fraction(DayCount.ACT_ACT_ISDA, date(2023, 11, 1), date(2024, 5, 1)) == Fraction(61, 365) + Fraction(121, 366)
    True
    """
    return Fraction(COUNTERS[convention](start, end), BASIS[convention])
