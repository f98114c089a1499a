"""Whether a card still fits those who apply: stability by week, and the alarm."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import ConfigDict, Field

from libs.contracts.problems import Rejected, refuse_unless
from libs.service.models import BusinessDate, Code, DecimalField, ResponseModel
from libs.service.runtime import Runtime, runtime_of
from services.scoring.api.access import Reader
from services.scoring.domain.watching import Colour
from services.scoring.library import library
from services.scoring.shelf import shelf
from services.scoring.watch import WEEK, LineWeek, count_weeks, monday, watch

router = APIRouter(tags=["cards"])

WEEKS_MAX: Final = 53
SUNDAY: Final = timedelta(days=6)
STEP: Final = Decimal("0.0001")


class WatchedWeek(ResponseModel):
    """One line in one week."""

    line: Code = Field(description="`grade`, or an indicator.")
    week_from: date = Field(description="A Monday.")
    applications: int
    index: DecimalField = Field(description="Population stability index of the grades, characteristic of a bin.")
    without_drift: DecimalField = Field(description="What the index comes to by the sizes of both samples alone.")
    colour: Colour = Field(description="By the index less what it would be without drift.")
    alarm: bool
    evidence: DecimalField = Field(description="For a change in some week up to this one: a natural logarithm.")


class Watched(ResponseModel):
    """A card over some weeks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "card": "german-credit-v1",
                    "policy_version": 1,
                    "alarms": ["current-account-status"],
                    "weeks": [
                        {
                            "line": "current-account-status",
                            "week_from": "2026-03-02",
                            "applications": 51,
                            "index": "0.4310",
                            "without_drift": "0.0633",
                            "colour": "RED",
                            "alarm": True,
                            "evidence": "11.9203",
                        }
                    ],
                }
            ]
        }
    )

    card: Code
    policy_version: int
    alarms: list[Code] = Field(description="Lines whose alarm rang within these weeks.")
    weeks: list[WatchedWeek]


@router.get("/cards/{name}/watch", summary="Watch a card")
async def watch_card(
    name: Annotated[Code, Path(description="The card's name, for example `german-credit-v1`.")],
    _actor: Reader,
    runtime: Annotated[Runtime, Depends(runtime_of)],
    scored_from: Annotated[BusinessDate, Query(description="First business date; its whole week counts.")],
    scored_to: Annotated[BusinessDate, Query(description="Last business date; at most 53 weeks in all.")],
) -> Watched:
    """Those scored with a card, week by week, beside the sample that it was built on: the stability of grades and
    indicators, and an alarm that tells a change from chance however often it is looked at."""
    card = (await shelf(runtime.commands)).card(name)
    if card is None:
        raise Rejected("card-unknown", "There is no such card; GET /scoring/cards lists them.", status=404)
    first, last = monday(scored_from), monday(scored_to)
    count = (last - first) // WEEK + 1
    refuse_unless(
        1 <= count <= WEEKS_MAX,
        "period-not-usable",
        f"Ask for a period that does not end before it begins, of at most {WEEKS_MAX} weeks.",
        field="/scored_to",
        status=422,
    )
    policy = library().watch_policy(runtime.today)
    weeks = [first + number * WEEK for number in range(count)]
    counts = await count_weeks(runtime, card, first, last + SUNDAY)
    found = list(watch(card, counts, policy, weeks))
    return Watched(
        card=card.name,
        policy_version=policy.version,
        alarms=list(dict.fromkeys(each.line for each in found if each.alarm)),
        weeks=[_shown(each) for each in found],
    )


def _shown(each: LineWeek) -> WatchedWeek:
    return WatchedWeek(
        line=each.line,
        week_from=each.week_from,
        applications=each.applications,
        index=_told(each.index),
        without_drift=_told(each.without_drift),
        colour=each.colour,
        alarm=each.alarm,
        evidence=_told(each.evidence),
    )


def _told(statistic: float) -> Decimal:
    return Decimal(statistic).quantize(STEP)
