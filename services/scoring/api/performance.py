"""Whether a card kept what it promised: defaults against those expected, by grade and vintage, and its separation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from libs.service.models import BusinessDate, Code, DecimalField, ResponseModel
from services.scoring.api.access import Reader
from services.scoring.api.cards import CardPath, Running, find
from services.scoring.domain import performance
from services.scoring.domain.performance import Loan, PerformancePolicy, line_of
from services.scoring.domain.watching import Colour
from services.scoring.library import library
from services.scoring.outcomes import judged
from services.scoring.shelf import shelf

router = APIRouter(tags=["cards"])

STEP: Final = Decimal("0.0001")
_LINE: Final[dict[str, Any]] = {
    "name": "B",
    "loans": 126,
    "actual": 22,
    "expected": "20.3100",
    "z": "0.4102",
    "colour": "GREEN",
}


class PerformanceLine(ResponseModel):
    """Loans of one grade, of one vintage, or all of them."""

    name: str
    loans: int
    actual: int = Field(description="Defaulted within the window.")
    expected: DecimalField = Field(description="The sum of their probabilities of default.")
    z: DecimalField = Field(description="The difference, in standard deviations of what chance makes of it.")
    colour: Colour


class Separation(ResponseModel):
    """A figure with its interval."""

    value: DecimalField
    low: DecimalField
    high: DecimalField


class Performance(ResponseModel):
    """A card beside what became of its loans."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "card": "german-credit-v1",
                    "on": "2027-06-01",
                    "policy_version": 1,
                    "young": 212,
                    "total": _LINE | {"name": "all"},
                    "grades": [_LINE],
                    "vintages": [_LINE | {"name": "2026-01"}],
                    "gini": {"value": "0.5485", "low": "0.4391", "high": "0.6579"},
                    "ks": {"value": "0.4324", "low": "0.2370", "high": "0.6278"},
                }
            ]
        }
    )

    card: Code
    on: date
    policy_version: int
    young: int = Field(description="Loans whose window is not over: of these only the bad would be known.")
    total: PerformanceLine
    grades: list[PerformanceLine]
    vintages: list[PerformanceLine] = Field(description="By the month of payout.")
    gini: Separation | None = Field(description="Null without at least two good and two bad ones.")
    ks: Separation | None


@router.get("/cards/{name}/performance", summary="Show a card's performance")
async def show_performance(
    name: CardPath,
    _actor: Reader,
    runtime: Running,
    on: Annotated[BusinessDate | None, Query(description="As of this business date; today unless given.")] = None,
) -> Performance:
    """What became of the loans that a card scored, beside what it had expected: those whose window is over, by grade and
    by month of payout, with Gini and Kolmogorov-Smirnov and where both may as well be."""
    card = find(await shelf(runtime.commands), name)
    day = on or runtime.today
    policy = library().performance_policy(day)
    found = await judged(runtime, card, day)
    return Performance(
        card=card.name,
        on=day,
        policy_version=policy.version,
        young=found.young,
        total=_line("all", found.loans, policy),
        grades=_lines(found.loans, "grade", policy),
        vintages=_lines(found.loans, "vintage", policy),
        gini=_separation(performance.gini(found.loans, policy)),
        ks=_separation(performance.ks(found.loans, policy)),
    )


def _lines(loans: Iterable[Loan], by: str, policy: PerformancePolicy) -> list[PerformanceLine]:
    key = attrgetter(by)
    return [_line(name, list(each), policy) for name, each in groupby(sorted(loans, key=key), key)]


def _line(name: str, loans: Iterable[Loan], policy: PerformancePolicy) -> PerformanceLine:
    line = line_of(list(loans), policy)
    return PerformanceLine(
        name=name,
        loans=line.loans,
        actual=line.actual,
        expected=line.expected.quantize(STEP),
        z=_told(line.z),
        colour=line.colour,
    )


def _separation(found: performance.Interval | None) -> Separation | None:
    return found and Separation(value=_told(found.value), low=_told(found.low), high=_told(found.high))


def _told(statistic: float) -> Decimal:
    return Decimal(statistic).quantize(STEP)
