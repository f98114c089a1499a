"""The risk board's indicators: what each is held against, and what colour and trend that gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final, Self

from libs.contracts.ledger import Tier
from libs.contracts.values import Named

CODES: Final = frozenset(
    {
        *("par30", "par90", "nonperforming", "roll-31", "written-off", "provision-coverage", "floating", "margin"),
        *("parked-skipped", "violations-open", "complaints-overdue", "decisions-late", "overrides"),
    }
)
"""What can be worked out."""


class Field(StrEnum):
    CREDIT = "CREDIT"
    MARKET = "MARKET"
    OPERATIONAL = "OPERATIONAL"


class Unit(StrEnum):
    SHARE = "share"
    COUNT = "count"


class Colour(StrEnum):
    GREEN = "GREEN"
    AMBER = "AMBER"
    """Beyond the warning."""
    RED = "RED"
    """Beyond the limit."""
    GREY = "GREY"
    """There is nothing to measure."""


class Trend(StrEnum):
    RISING = "RISING"
    FALLING = "FALLING"
    STEADY = "STEADY"
    UNKNOWN = "UNKNOWN"


class Worse(StrEnum):
    """Which way an indicator gets worse."""

    RISING = "RISING"
    FALLING = "FALLING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A share or a count that gets worse as it rises, or as it falls."""

    code: str
    field: Field
    unit: Unit
    name: Named
    warning: Fraction
    limit: Fraction
    source: str
    standing: str
    worse: Worse = Worse.RISING

    def colour(self, value: Fraction | None) -> Colour:
        if value is None:
            return Colour.GREY
        if self._beyond(value, self.limit):
            return Colour.RED
        return Colour.AMBER if self._beyond(value, self.warning) else Colour.GREEN

    @property
    def is_ordered(self) -> bool:
        """Whether the warning comes before the limit, from zero on."""
        return min(self.warning, self.limit) >= 0 and not self._beyond(self.warning, self.limit)

    def _beyond(self, value: Fraction, bound: Fraction) -> bool:
        return value > bound if self.worse is Worse.RISING else value < bound


@dataclass(frozen=True, slots=True)
class Unknown:
    """What belongs on a risk board and is not known here, and why."""

    code: str
    name: Named
    why: str


@dataclass(frozen=True, slots=True)
class MarginPolicy:
    """What own funding costs a year, as a fraction, and of how many days a year is."""

    funding_annual_rate: Fraction
    year_days: int
    source: str

    def margin(self, income: int, principal_twice: int, days: int) -> Fraction | None:
        """Income of some days on the mean of the principal before and after (given as their sum), as a rate a year, less
        what the funding costs; None where nothing was lent."""
        if principal_twice <= 0 or days <= 0:
            return None
        return Fraction(2 * income * self.year_days, principal_twice * days) - self.funding_annual_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardPolicy:
    """One version. `months`: how many ends of months before are shown; `complaint_days`: within which a complaint is
    answered; `margin`: None where it is not shown."""

    version: int
    effective_from: date
    months: int
    nonperforming: tuple[Tier, ...]
    complaint_days: int
    indicators: tuple[Indicator, ...]
    unknown: tuple[Unknown, ...]
    margin: MarginPolicy | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Raises `KeyError` or `ValueError` for a document that must not be used."""
        indicators = tuple(_indicator(each) for each in document["indicators"])
        codes = [indicator.code for indicator in indicators]
        if set(codes) - CODES or len(codes) != len(set(codes)):
            raise ValueError(f"a risk board shows, each once, of {sorted(CODES)}")
        margin = _margin(document["margin"]) if "margin" in document else None
        if "margin" in codes and margin is None:
            raise ValueError("a margin is shown with what funding costs")
        if not all(indicator.is_ordered for indicator in indicators):
            raise ValueError("a warning comes before its limit, from zero on")
        if document["months"] < 1 or document["complaint_days"] < 0:
            raise ValueError("one month or more is shown, complaints have zero days or more")
        return cls(
            version=document["version"],
            effective_from=date.fromisoformat(document["effective_from"]),
            months=document["months"],
            nonperforming=tuple(map(Tier, document["nonperforming"])),
            complaint_days=document["complaint_days"],
            indicators=indicators,
            unknown=tuple(Unknown(each["code"], Named(**each["name"]), each["why"]) for each in document["unknown"]),
            margin=margin,
        )


def _indicator(each: Mapping[str, Any]) -> Indicator:
    return Indicator(
        code=each["code"],
        field=Field(each["field"]),
        unit=Unit(each["unit"]),
        name=Named(**each["name"]),
        warning=Fraction(each["warning"]),
        limit=Fraction(each["limit"]),
        source=each["source"],
        standing=each["standing"],
        worse=Worse(each.get("worse", Worse.RISING)),
    )


def _margin(each: Mapping[str, Any]) -> MarginPolicy:
    policy = MarginPolicy(Fraction(each["funding_annual_rate"]), each["year_days"], each["source"])
    if policy.funding_annual_rate < 0 or policy.year_days < 1:
        raise ValueError("funding costs zero or more, a year has a day or more")
    return policy


def month_ends(on: date, months: int) -> list[date]:
    """The day itself, and the ends of so many months before it, latest first."""
    days = [on]
    for _ in range(months):
        days.append(days[-1].replace(day=1) - timedelta(days=1))
    return days


def trend(values: Sequence[Fraction | None]) -> Trend:
    """How the latest (first) value stands to the oldest known one before it."""
    earlier = [value for value in values[1:] if value is not None]
    if not values or values[0] is None or not earlier:
        return Trend.UNKNOWN
    if values[0] == earlier[-1]:
        return Trend.STEADY
    return Trend.RISING if values[0] > earlier[-1] else Trend.FALLING
