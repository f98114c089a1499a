"""Day counts against the worked examples of the standards."""

import itertools
from calendar import isleap
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.lending.daycount import BASIS, COUNTERS, DayCount, counts, year_fraction

DAYS = st.dates(date(1999, 1, 1), date(2041, 12, 31))


@pytest.mark.parametrize(
    ("convention", "start", "end", "expected"),
    [
        # ISDA, "The actual/actual day count fraction" (1998 paper), semi-annual example
        (DayCount.ACT_ACT_ISDA, date(2003, 11, 1), date(2004, 5, 1), Fraction(61, 365) + Fraction(121, 366)),
        (DayCount.ACT_ACT_ISDA, date(1999, 2, 1), date(1999, 7, 1), Fraction(150, 365)),
        (DayCount.ACT_ACT_ISDA, date(2002, 8, 15), date(2003, 7, 15), Fraction(334, 365)),
        (DayCount.ACT_ACT_ISDA, date(2003, 6, 1), date(2006, 6, 1), Fraction(365 + 365, 365) + 1),
        (DayCount.ACT_ACT_YEAR_END, date(2023, 12, 12), date(2024, 1, 12), Fraction(19, 365) + Fraction(12, 366)),
        (DayCount.ACT_360, date(2024, 1, 1), date(2024, 7, 1), Fraction(182, 360)),
        (DayCount.ACT_364, date(2024, 1, 1), date(2024, 1, 8), Fraction(7, 364)),
        (DayCount.ACT_365, date(2024, 2, 28), date(2024, 3, 1), Fraction(2, 365)),
        (DayCount.THIRTY_360_US, date(2024, 1, 31), date(2024, 3, 31), Fraction(60, 360)),
        (DayCount.THIRTY_360_US, date(2024, 1, 15), date(2024, 1, 31), Fraction(16, 360)),
        # Spreadsheets' basis 0: February's last day is the 30th
        (DayCount.THIRTY_360_US_EOM, date(2023, 2, 28), date(2023, 3, 31), Fraction(30, 360)),
        (DayCount.THIRTY_360_US_EOM, date(2024, 2, 29), date(2025, 2, 28), Fraction(360, 360)),
        (DayCount.THIRTY_360_US_EOM, date(2023, 2, 28), date(2023, 3, 1), Fraction(1, 360)),
        (DayCount.THIRTY_360_US_EOM, date(2024, 2, 28), date(2024, 3, 31), Fraction(33, 360)),
        (DayCount.THIRTY_E_360, date(2024, 1, 15), date(2024, 1, 31), Fraction(15, 360)),
        (DayCount.THIRTY_E_360, date(2024, 2, 29), date(2024, 3, 31), Fraction(31, 360)),
    ],
)
def test_published_examples(convention: DayCount, start: date, end: date, expected: Fraction) -> None:
    assert year_fraction(convention, start, end) == expected


@given(DAYS, st.integers(0, 900), st.integers(0, 900))
def test_actual_conventions_join_without_gap(start: date, first: int, second: int) -> None:
    middle, end = start + timedelta(days=first), start + timedelta(days=first + second)
    for convention in (DayCount.ACT_360, DayCount.ACT_364, DayCount.ACT_365, DayCount.ACT_ACT_ISDA):
        count = COUNTERS[convention]
        assert count(start, middle) + count(middle, end) == count(start, end)


@given(DAYS, st.integers(1, 5))
def test_a_whole_year_is_one_under_actual_actual(start: date, years: int) -> None:
    first, end = date(start.year, 1, 1), date(start.year + years, 1, 1)
    assert year_fraction(DayCount.ACT_ACT_ISDA, first, end) == years


@given(DAYS, st.integers(0, 900))
def test_actual_actual_is_the_sum_of_its_days_each_over_its_own_year(start: date, days: int) -> None:
    for convention, shift in ((DayCount.ACT_ACT_ISDA, 0), (DayCount.ACT_ACT_YEAR_END, 1)):
        years = [(start + timedelta(days=n + shift)).year for n in range(days)]
        whole = sum(Fraction(1, 366 if isleap(year) else 365) for year in years)
        assert year_fraction(convention, start, start + timedelta(days=days)) == whole


@pytest.mark.parametrize("convention", DayCount)
def test_the_first_and_the_last_day_that_there_are(convention: DayCount) -> None:
    assert counts(convention, [date.min, date.max])[0] == COUNTERS[convention](date.min, date.max) > 0


@given(st.lists(DAYS, min_size=1).map(sorted), st.sampled_from(DayCount))
def test_days_in_a_row_are_counted_as_each_two_of_them(dates: list[date], convention: DayCount) -> None:
    pairs = itertools.pairwise(dates)
    assert counts(convention, dates) == [COUNTERS[convention](start, end) for start, end in pairs]


@given(DAYS, st.integers(0, 2000))
def test_no_convention_counts_backwards(start: date, days: int) -> None:
    for convention in DayCount:
        assert COUNTERS[convention](start, start + timedelta(days=days)) >= 0
        assert BASIS[convention] > 0
