"""Due dates: month ends, working days, China's holidays as data."""

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.lending.calendar import (
    EVERY_DAY,
    Calendar,
    CalendarError,
    MonthEnd,
    Period,
    PeriodUnit,
    WorkingDay,
    add_period,
    adjusted,
    due_dates,
)

DATA = json.loads((Path(__file__).parents[1] / "data" / "calendar_cn.json").read_text(encoding="utf-8"))
CHINA = Calendar.from_json(DATA)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (MonthEnd.CLAMP, ["2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]),
        (MonthEnd.ROLL, ["2025-03-01", "2025-03-31", "2025-05-01", "2025-05-31"]),
        (MonthEnd.END_OF_MONTH, ["2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]),
        (MonthEnd.STICKY, ["2025-02-28", "2025-03-28", "2025-04-28", "2025-05-28"]),
    ],
)
def test_the_31st_in_shorter_months(rule: MonthEnd, expected: list[str]) -> None:
    assert [d.isoformat() for d in due_dates(date(2025, 1, 31), Period(), 4, rule)] == expected


def test_a_last_day_stays_last_only_under_its_rule() -> None:
    start = date(2025, 2, 28)
    assert list(due_dates(start, Period(), 1, MonthEnd.END_OF_MONTH)) == [date(2025, 3, 31)]
    assert list(due_dates(start, Period(), 1, MonthEnd.CLAMP)) == [date(2025, 3, 28)]


def test_a_december_roll_goes_into_the_next_year() -> None:
    assert add_period(date(2024, 10, 31), Period(), 1, MonthEnd.ROLL) == date(2024, 12, 1)
    assert add_period(date(2024, 11, 30), Period(), 1, day=31) == date(2024, 12, 31)


def test_weeks_and_days_are_counted_in_days() -> None:
    start = date(2024, 2, 20)
    assert add_period(start, Period(2, PeriodUnit.WEEKS)) == date(2024, 3, 5)
    assert add_period(start, Period(15, PeriodUnit.DAYS), -1) == date(2024, 2, 5)


@pytest.mark.parametrize("every", [0, -1, 4000, 1.5])
def test_a_period_repeats_in_whole_units(every: object) -> None:
    with pytest.raises(CalendarError):
        Period(every)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    ("day", "rule", "expected"),
    [
        (date(2025, 10, 4), WorkingDay.FOLLOWING, date(2025, 10, 9)),
        (date(2025, 10, 4), WorkingDay.PRECEDING, date(2025, 9, 30)),
        (date(2025, 10, 4), WorkingDay.UNADJUSTED, date(2025, 10, 4)),
        (date(2025, 10, 11), WorkingDay.FOLLOWING, date(2025, 10, 11)),  # a Saturday that is worked
        (date(2025, 11, 30), WorkingDay.FOLLOWING, date(2025, 12, 1)),
        (date(2025, 11, 30), WorkingDay.MODIFIED_FOLLOWING, date(2025, 11, 28)),
        (date(2025, 11, 29), WorkingDay.MODIFIED_FOLLOWING, date(2025, 11, 28)),
        (date(2025, 11, 15), WorkingDay.MODIFIED_FOLLOWING, date(2025, 11, 17)),
    ],
)
def test_due_dates_move_to_working_days(day: date, rule: WorkingDay, expected: date) -> None:
    assert CHINA.adjust(day, rule) == expected
    assert adjusted([day], CHINA, rule) == [expected]


def test_chinas_holidays_are_well_formed() -> None:
    assert CHINA.holidays.isdisjoint(CHINA.make_up)
    assert all(day.weekday() in CHINA.rest_weekdays for day in CHINA.make_up)
    assert max(CHINA.holidays | CHINA.make_up) <= CHINA.known_to
    assert CHINA.adjust(date(2026, 2, 16), WorkingDay.FOLLOWING) == date(2026, 2, 24)
    assert CHINA.adjust(date(2026, 2, 14), WorkingDay.FOLLOWING) == date(2026, 2, 14)


def test_a_calendar_without_working_days_is_refused() -> None:
    never = Calendar("NEVER", frozenset(range(7)))
    with pytest.raises(CalendarError):
        never.adjust(date(2025, 1, 1), WorkingDay.FOLLOWING)


def test_every_notice_names_its_source_and_its_standing() -> None:
    for notice in DATA["notices"]:
        assert notice["basis"]
        assert notice["standing"] in {"P", "S", "D", "M"}


def test_a_calendar_is_as_it_was_known_on_a_day() -> None:
    """On 26 January 2020 the Spring Festival was lengthened to 2 February, a Saturday that was to be worked with it."""
    saturday, friday = date(2020, 2, 1), date(2020, 1, 31)
    before, after = (Calendar.from_json(DATA, known_on=date(2020, 1, day)) for day in (25, 26))
    assert (before.is_working(friday), before.is_working(saturday)) == (True, True)
    assert (after.is_working(friday), after.is_working(saturday)) == (False, False)
    assert after.adjust(friday, WorkingDay.FOLLOWING) == date(2020, 2, 3)
    assert (before.known_from, before.known_to) == (date(2020, 1, 1), date(2020, 12, 31))
    assert Calendar.from_json(DATA, known_on=date(2020, 11, 25)).known_to == date(2021, 12, 31)
    nothing = Calendar.from_json(DATA, known_on=date(2000, 1, 1))
    assert nothing.holidays == frozenset()
    assert nothing.is_working(date(2025, 10, 1))  # a Wednesday: only the weekly rest days are known


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"rest_weekdays": 5}, "rest_weekdays is a list"),
        ({"notices": None}, "notices is a list"),
        ({"notices": ["2025"]}, "an object"),
        ({"notices": [{"year": 2025}]}, "published"),
        ({"notices": [{"year": 2025, "published": "2024-11-12", "holidays": "2025-01-01", "make_up": []}]}, "holidays"),
        ({"notices": [{"year": 2025, "published": "2024-11-12", "holidays": ["New Year"], "make_up": []}]}, "New Year"),
        ({"notices": [{"year": 2025, "published": "2024-11-12", "holidays": ["2026-01-01"], "make_up": []}]}, "other"),
    ],
)
def test_broken_calendar_data_is_refused(broken: dict[str, object], reason: str) -> None:
    with pytest.raises(CalendarError, match=reason):
        Calendar.from_json({"name": "X", "rest_weekdays": [5, 6], "notices": [], **broken})


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.integers(1, 24), st.sampled_from(MonthEnd))
def test_due_dates_rise_and_every_day_is_a_working_day_where_nothing_rests(
    start: date, every: int, rule: MonthEnd
) -> None:
    days = due_dates(start, Period(every), 12, rule)
    assert all(a < b for a, b in zip([start, *days], days, strict=False))
    assert [EVERY_DAY.adjust(day, WorkingDay.FOLLOWING) for day in days] == list(days)
