"""Due dates: repeated periods, month ends, working days. Holidays are data, never code."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, Self


class CalendarError(ValueError):
    """A calendar or a period that cannot be used."""


class PeriodUnit(StrEnum):
    DAYS = "DAYS"
    WEEKS = "WEEKS"
    MONTHS = "MONTHS"


@dataclass(frozen=True, slots=True)
class Period:
    """The time from one due date to the next: every n days, weeks or months."""

    every: int = 1
    unit: PeriodUnit = PeriodUnit.MONTHS

    def __post_init__(self) -> None:
        if type(self.every) is not int or not 1 <= self.every <= 3660:
            raise CalendarError(f"a period repeats every 1 to 3660 units, not {self.every!r}")


MONTHLY: Final = Period(1, PeriodUnit.MONTHS)
DUE_DATES_KEPT: Final = 1_024


class MonthEnd(StrEnum):
    """Where the due date falls in a month that lacks the day (the 31st, or 29 to 31 February)."""

    CLAMP = "CLAMP"
    """Last day of that month; later months go back to the original day: 31 Jan, 28 Feb, 31 Mar."""
    ROLL = "ROLL"
    """First day of the next month: 31 Jan, 1 Mar, 31 Mar, 1 May (Apache Fineract, END_DUE_DATE_ROLL)."""
    END_OF_MONTH = "END_OF_MONTH"
    """A start on a last day stays on last days: 28 Feb, 31 Mar, 30 Apr (ISDA 2006, 4.11 end-of-month)."""
    STICKY = "STICKY"
    """Counted from the previous due date, so a shortened day stays: 31 Jan, 28 Feb, 28 Mar."""


class WorkingDay(StrEnum):
    """Where a due date that is not a working day moves (ISDA 2006, 4.12)."""

    UNADJUSTED = "UNADJUSTED"
    FOLLOWING = "FOLLOWING"
    MODIFIED_FOLLOWING = "MODIFIED_FOLLOWING"
    """Following, unless that is in the next month: then preceding."""
    PRECEDING = "PRECEDING"


def _in_month(year: int, month: int, day: int, rule: MonthEnd) -> date:
    if day <= 28:
        return date(year, month, day)
    last = monthrange(year, month)[1]
    if day <= last:
        return date(year, month, day)
    if rule is MonthEnd.ROLL:
        return date(year + (month == 12), month % 12 + 1, 1)
    return date(year, month, last)


def add_months(start: date, months: int, rule: MonthEnd = MonthEnd.CLAMP, day: int | None = None) -> date:
    """`start` moved by months; `day` (1 to 31) replaces its day of the month.

    >>> add_months(date(2024, 1, 31), 1), add_months(date(2025, 1, 31), 1, MonthEnd.ROLL)
    (datetime.date(2024, 2, 29), datetime.date(2025, 3, 1))
    """
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return _in_month(year, month + 1, _wanted_day(start, rule, day), rule)


def _wanted_day(start: date, rule: MonthEnd, day: int | None) -> int:
    """The day of the month that dates counted from `start` fall on, where the month has it."""
    if rule is MonthEnd.END_OF_MONTH and start.day == monthrange(start.year, start.month)[1]:
        return 31
    return day if day is not None else start.day


def period_days(period: Period) -> int:
    """Days of a period of days or weeks."""
    return period.every * (7 if period.unit is PeriodUnit.WEEKS else 1)


def add_period(
    start: date,
    period: Period,
    count: int = 1,
    rule: MonthEnd = MonthEnd.CLAMP,
    day: int | None = None,
) -> date:
    """The date `count` periods after `start` (before it when negative)."""
    if period.unit is PeriodUnit.MONTHS:
        return add_months(start, period.every * count, rule, day)
    return start + timedelta(days=period_days(period) * count)


def month_of_due(due: date, rule: MonthEnd, day: int | None) -> date:
    """A date in the month that a due date belongs to, from which its neighbours are counted.

    Under ROLL the 1st of a month stands for a day that the month before lacks: 1 March for 31 February.
    """
    if rule is MonthEnd.ROLL and day is not None and due.day == 1 and day > 1:
        before = due - timedelta(days=1)
        if day > before.day:
            return before
    return due


@lru_cache(maxsize=DUE_DATES_KEPT)
def due_dates(
    anchor: date,
    period: Period,
    count: int,
    rule: MonthEnd = MonthEnd.CLAMP,
    day: int | None = None,
) -> Sequence[date]:
    """`count` due dates, the first one period after `anchor`; all counted from the anchor, save under STICKY.

    They are kept: loans that are paid out on one day fall due on the same days.
    """
    if rule is MonthEnd.STICKY:
        dates = []
        for _ in range(count):
            anchor = add_period(anchor, period, 1, rule, day)
            dates.append(anchor)
        return tuple(dates)
    if period.unit is PeriodUnit.MONTHS:
        return _monthly(anchor, period.every, count, rule, day)
    step = period_days(period)
    return tuple(anchor + timedelta(days=step * k) for k in range(1, count + 1))


def _monthly(anchor: date, every: int, count: int, rule: MonthEnd, day: int | None) -> tuple[date, ...]:
    """As `add_months` again and again, with what all have in common looked at once."""
    wanted = _wanted_day(anchor, rule, day)
    first = anchor.year * 12 + anchor.month - 1
    months = range(first + every, first + every * count + 1, every)
    return tuple(_in_month(month // 12, month % 12 + 1, wanted, rule) for month in months)


def _list(data: Mapping[str, object], key: str) -> list[object]:
    values = data.get(key)
    if not isinstance(values, list):
        raise CalendarError(f"calendar: {key} is a list")
    return values


class _Notice(NamedTuple):
    """What one publication says of a year."""

    year: int
    published: date
    holidays: frozenset[date]
    make_up: frozenset[date]

    @classmethod
    def from_json(cls, data: object) -> Self:
        if not isinstance(data, dict):
            raise CalendarError("calendar: a notice is an object")
        try:
            year, published = int(data["year"]), date.fromisoformat(str(data["published"]))
            days = [
                frozenset(date.fromisoformat(str(day)) for day in _list(data, key)) for key in ("holidays", "make_up")
            ]
        except (KeyError, ValueError) as error:
            raise CalendarError(f"calendar: a notice with {error}") from None
        if any(day.year != year for day in days[0] | days[1]):
            raise CalendarError(f"calendar: the notice of {year} names days of other years")
        return cls(year, published, days[0], days[1])


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days of a place: a week's rest days, public holidays, and rest days worked to make up (调休).

    `holidays` and `make_up` come from published data with a source (for China the yearly notice of the
    General Office of the State Council). `known_from` and `known_to` are the first and last day that the data cover.
    """

    name: str = "NONE"
    rest_weekdays: frozenset[int] = frozenset({5, 6})
    holidays: frozenset[date] = frozenset()
    make_up: frozenset[date] = frozenset()
    known_to: date = field(default=date.max)
    known_from: date = field(default=date.min)

    @classmethod
    def from_json(cls, data: Mapping[str, object], known_on: date = date.max) -> Self:
        """A calendar as it was known on a day, from plain JSON; raises `CalendarError`.

        `name`, `rest_weekdays` (Monday 0) and `notices`, each with its `year`, the day it was `published`, `holidays`
        and `make_up` (ISO dates); of a year's notices the last one that was out counts. Source and standing of each
        (`basis`, `standing`) stay in the data.
        """
        notices = [_Notice.from_json(notice) for notice in _list(data, "notices")]
        out = [
            notice for notice in sorted(notices, key=lambda notice: notice.published) if notice.published <= known_on
        ]
        by_year = {notice.year: notice for notice in out}
        return cls(
            name=str(data["name"]),
            rest_weekdays=frozenset(int(str(day)) for day in _list(data, "rest_weekdays")),
            holidays=frozenset().union(*(notice.holidays for notice in by_year.values())),
            make_up=frozenset().union(*(notice.make_up for notice in by_year.values())),
            known_to=date(max(by_year), 12, 31) if by_year else date.min,
            known_from=date(min(by_year), 1, 1) if by_year else date.max,
        )

    def is_working(self, day: date) -> bool:
        """Whether banks and offices are open; outside what the data cover only the weekly rest days are known."""
        if day.weekday() in self.rest_weekdays or day in self.holidays:
            return day in self.make_up
        return True

    def adjust(self, day: date, rule: WorkingDay) -> date:
        """`day` itself when it is a working day or the rule is UNADJUSTED, else the day the rule names."""
        if rule is WorkingDay.UNADJUSTED or self.is_working(day):
            return day
        step = -1 if rule is WorkingDay.PRECEDING else 1
        moved = self._walk(day, step)
        if rule is WorkingDay.MODIFIED_FOLLOWING and moved.month != day.month:
            return self._walk(day, -1)
        return moved

    def _walk(self, day: date, step: int) -> date:
        one = timedelta(days=step)
        for _ in range(366):
            day += one
            if self.is_working(day):
                return day
        raise CalendarError(f"calendar {self.name} has no working day within a year of {day}")


EVERY_DAY: Final = Calendar("EVERY_DAY", frozenset())
"""Every day is a working day: due dates stay where the period puts them."""


def adjusted(days: Iterable[date], calendar: Calendar, rule: WorkingDay) -> list[date]:
    """Due dates moved to working days."""
    if rule is WorkingDay.UNADJUSTED:
        return list(days)
    return [calendar.adjust(day, rule) for day in days]
