"""The risk board, as figures and as a picture."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from libs.contracts.problems import Rejected
from libs.contracts.values import Named
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.models import BusinessDate, DecimalField, ResponseModel
from libs.service.runtime import Runtime, runtime_of
from services.audit.access import RecordedRoute
from services.audit.domain.risk_board import BoardPolicy, Colour, Trend, Unit, Worse, month_ends
from services.audit.domain.risk_board import Field as Area
from services.audit.library import library
from services.audit.models import rounded
from services.audit.risk_board import Shown, risk_board
from services.audit.risk_board_picture import picture

router = APIRouter(tags=["risk board"], route_class=RecordedRoute)

Reader = Annotated[Actor, Depends(require("auditor", "compliance_officer", "risk_manager"))]
Running = Annotated[Runtime, Depends(runtime_of)]
On = Annotated[BusinessDate, Query(description="The day to look at.")]


class Measured(ResponseModel):
    """What an indicator was on a day; null where there was nothing to measure."""

    on: date = Field(examples=["2026-03-31"])
    value: DecimalField | None = Field(examples=["0.0412"])


class IndicatorShown(ResponseModel):
    """An indicator: RED beyond its limit, AMBER beyond its warning, GREY without anything to measure."""

    code: str = Field(examples=["par30"])
    field: Area = Field(examples=["CREDIT"])
    name: Named = Field(examples=[{"zh": "逾期30天以上本金占比", "en": "Principal of loans over 30 days past due"}])
    unit: Unit = Field(examples=["share"])
    value: DecimalField | None = Field(examples=["0.0412"])
    warning: DecimalField = Field(examples=["0.03"])
    limit: DecimalField = Field(examples=["0.06"])
    worse: Worse = Field(default=Worse.RISING, examples=["RISING"], description="Beyond a limit is above, or below it.")
    colour: Colour = Field(examples=["AMBER"])
    trend: Trend = Field(examples=["RISING"], description="Against the oldest of the days before it that is known.")
    earlier: list[Measured] = Field(description="At the ends of the months before, latest first.")
    source: str = Field(examples=["Company policy"])
    standing: str = Field(examples=["M"])

    @classmethod
    def of(cls, shown: Shown, days: list[date]) -> Self:
        known = shown.indicator
        values = [_decimal(value) for value in shown.values]
        return cls(
            **{name: getattr(known, name) for name in ("code", "field", "name", "unit", "worse", "source", "standing")},
            value=values[0],
            warning=rounded(known.warning),
            limit=rounded(known.limit),
            colour=shown.colour,
            trend=shown.trend,
            earlier=[Measured(on=on, value=value) for on, value in zip(days[1:], values[1:], strict=True)],
        )


class NotKnown(ResponseModel):
    """What belongs on a risk board and is not known here."""

    code: str = Field(examples=["events-parked"])
    name: Named = Field(examples=[{"zh": "待处理事件", "en": "Events parked now"}])
    why: str = Field(examples=["Each service tells it of itself at its operations"])


class Board(ResponseModel):
    """The indicators of a day, held against the limits in force on it."""

    on: date = Field(examples=["2026-03-31"])
    policy: int = Field(examples=[1], description="The version of the limits.")
    indicators: list[IndicatorShown]
    unknown: list[NotKnown]


def _decimal(value: Fraction | None) -> Decimal | None:
    return None if value is None else rounded(value)


async def _board(runtime: Runtime, on: date) -> tuple[BoardPolicy, list[Shown]]:
    if on > runtime.today:
        detail = f"The business date is {runtime.today}; ask for it or an earlier day."
        raise Rejected("day-to-come", detail, field="/on", status=422)
    try:
        policy, levels = library().board_on(on), library().service_levels_on(on)
    except LookupError:
        detail = "No limits of the risk board were in force then; ask for a later date."
        raise Rejected("risk-board-unknown", detail, field="/on", status=422) from None
    return policy, await risk_board(runtime, policy, levels, on)


@router.get("/risk-board", summary="Show the risk board")
async def show_board(_actor: Reader, runtime: Running, on: On) -> Board:
    """Credit, market and operational indicators on a day with warning, limit, colour and trend: from the events that
    count by then, as they are known now. What flows is counted since the end of the month before."""
    policy, board = await _board(runtime, on)
    days = month_ends(on, policy.months)
    return Board(
        on=on,
        policy=policy.version,
        indicators=[IndicatorShown.of(shown, days) for shown in board],
        unknown=[NotKnown(code=each.code, name=each.name, why=each.why) for each in policy.unknown],
    )


SVG: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/svg+xml": {"example": '<svg xmlns="http://www.w3.org/2000/svg"></svg>'}},
        "description": "The risk board as a picture.",
    }
}


@router.get("/risk-board.svg", summary="Draw the risk board", response_class=Response, responses=SVG)
async def draw_board(_actor: Reader, runtime: Running, on: On) -> Response:
    """The same as a picture: a row an indicator, with its colour and its months."""
    _, board = await _board(runtime, on)
    return Response(picture(board, on), media_type="image/svg+xml")
