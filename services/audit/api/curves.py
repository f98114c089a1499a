"""The portfolio's curves: vintages, roll rates and collection as figures, as files and as a picture."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from io import StringIO
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Response
from pydantic import ConfigDict, Field

from libs.contracts.problems import Rejected
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.models import BusinessDate, DecimalField, MoneyField, ResponseModel
from libs.service.runtime import Runtime, runtime_of
from services.audit.access import RecordedRoute
from services.audit.curves import curves
from services.audit.curves_picture import picture
from services.audit.domain.curves import Collection, Curves, Roll, Vintage
from services.audit.models import rounded

router = APIRouter(tags=["portfolio curves"], route_class=RecordedRoute)

Reader = Annotated[Actor, Depends(require("auditor", "compliance_officer", "risk_manager"))]
Running = Annotated[Runtime, Depends(runtime_of)]
On = Annotated[BusinessDate, Query(description="The day to look at.")]
Months = Annotated[int, Query(ge=1, le=60, description="How many months before it, too.")]


class VintageShown(ResponseModel):
    """What was paid out in a month and how much of it went bad, by months on book (the month of payout is 0)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "month": "2026-01",
                    "loans": 40,
                    "amount": {"amount": "480000.00", "currency": "CNY"},
                    "over_30": ["0", "0", "0.025", "0.05"],
                    "over_90": ["0", "0", "0", "0.025"],
                }
            ]
        }
    )

    month: str = Field(description="The month of payout.")
    loans: int
    amount: MoneyField = Field(description="Paid out, later parts of these loans included.")
    over_30: list[DecimalField] = Field(
        description="By months on book: of the amount, the share of loans that had been over 30 days past due, or written "
        "off, until the end of that month. The last counts until the day asked for."
    )
    over_90: list[DecimalField] = Field(description="The same for 90 days.")

    @classmethod
    def of(cls, vintage: Vintage) -> Self:
        return cls(
            month=f"{vintage.month:%Y-%m}",
            loans=vintage.loans,
            amount=Money(vintage.amount),
            over_30=[rounded(share) for share in vintage.shares(vintage.over_30)],
            over_90=[rounded(share) for share in vintage.shares(vintage.over_90)],
        )


class RollShown(ResponseModel):
    """Loans that were in one bucket at the end of the month before, and stand so on this day."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "on": "2026-03-31",
                    "before": "M1",
                    "after": "M2",
                    "loans": 12,
                    "principal": {"amount": "86400.00", "currency": "CNY"},
                    "share": "0.31",
                }
            ]
        }
    )

    on: date
    before: str = Field(description="The bucket then.")
    after: str = Field(description="The bucket now, or WRITTEN_OFF, SETTLED, CANCELLED.")
    loans: int
    principal: MoneyField = Field(description="What they owed then.")
    share: DecimalField = Field(description="Of all principal in that bucket then: the roll rate.")

    @classmethod
    def of(cls, roll: Roll) -> Self:
        return cls(
            **{name: getattr(roll, name) for name in ("on", "before", "after", "loans")},
            principal=Money(roll.principal),
            share=rounded(roll.share),
        )


class CollectionShown(ResponseModel):
    """What came in of what was past due."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "on": "2026-03-31",
                    "arrears": {"amount": "21000.00", "currency": "CNY"},
                    "collected": {"amount": "12600.00", "currency": "CNY"},
                    "share": "0.6",
                }
            ]
        }
    )

    on: date
    arrears: MoneyField = Field(description="Past due at the end of the month before.")
    collected: MoneyField = Field(
        description="Paid on these loans since, less what was reversed, at most what was past due of each; without what was "
        "set off against another loan."
    )
    share: DecimalField | None = Field(description="Null where nothing was past due.")

    @classmethod
    def of(cls, month: Collection) -> Self:
        share = None if month.share is None else rounded(month.share)
        return cls(on=month.on, arrears=Money(month.arrears), collected=Money(month.collected), share=share)


class CurvesShown(ResponseModel):
    """Vintages, oldest first; roll rates and collection, latest month first."""

    on: date = Field(examples=["2026-03-31"])
    vintages: list[VintageShown]
    roll_rates: list[RollShown]
    collection: list[CollectionShown]


class Table(StrEnum):
    """Which of the tables a file holds."""

    VINTAGES = "vintages"
    ROLL_RATES = "roll-rates"
    COLLECTION = "collection"


async def _curves(runtime: Runtime, on: date, months: int) -> Curves:
    if on > runtime.today:
        detail = f"The business date is {runtime.today}; ask for it or an earlier day."
        raise Rejected("day-to-come", detail, field="/on", status=422)
    if (on.year - 1) * 12 < months:
        detail = "There are not so many months before that day; ask for a later day."
        raise Rejected("months-unknown", detail, field="/months", status=422)
    return await curves(runtime, on, months)


@router.get("/curves", summary="Show vintages, roll rates and collection")
async def show_curves(_actor: Reader, runtime: Running, on: On, months: Months = 12) -> CurvesShown:
    """What became of the loans paid out in each month, how loans moved between buckets from one end of a month to the
    next, and how much of what was past due came in: from the events that count by then, as they are known now."""
    found = await _curves(runtime, on, months)
    return CurvesShown(
        on=on,
        vintages=[VintageShown.of(vintage) for vintage in found.vintages],
        roll_rates=[RollShown.of(roll) for roll in found.rolls],
        collection=[CollectionShown.of(month) for month in found.collection],
    )


CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"example": "on,arrears,collected,share\n"}}, "description": "One table as a file."}
}
SVG: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/svg+xml": {"example": '<svg xmlns="http://www.w3.org/2000/svg"></svg>'}},
        "description": "The curves as a picture.",
    }
}


@router.get(
    "/curves.csv", summary="Vintages, roll rates or collection as a file", response_class=Response, responses=CSV
)
async def write_curves(
    _actor: Reader,
    runtime: Running,
    on: On,
    table: Annotated[Table, Query(description="Which of them.")],
    months: Months = 12,
) -> Response:
    """The same figures as a table, a row a vintage and month on book, a move, or a month; amounts in fen."""
    found = await _curves(runtime, on, months)
    text = StringIO()
    csv.writer(text).writerows(_rows(found, table))
    headers = {"content-disposition": f'attachment; filename="{table}-{on}.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _rows(found: Curves, table: Table) -> Iterable[Sequence[object]]:
    match table:
        case Table.VINTAGES:
            yield "month", "months_on_book", "loans", "amount_fen", "over_30_fen", "over_90_fen"
            for each in found.vintages:
                for age, (over_30, over_90) in enumerate(zip(each.over_30, each.over_90, strict=True)):
                    yield f"{each.month:%Y-%m}", age, each.loans, each.amount, over_30, over_90
        case Table.ROLL_RATES:
            yield "on", "before", "after", "loans", "principal_fen", "share"
            for roll in found.rolls:
                yield roll.on, roll.before, roll.after, roll.loans, roll.principal, f"{rounded(roll.share):f}"
        case Table.COLLECTION:
            yield "on", "arrears_fen", "collected_fen", "share"
            for month in found.collection:
                share = "" if month.share is None else f"{rounded(month.share):f}"
                yield month.on, month.arrears, month.collected, share


@router.get("/curves.svg", summary="Draw vintages, roll rates and collection", response_class=Response, responses=SVG)
async def draw_curves(_actor: Reader, runtime: Running, on: On, months: Months = 12) -> Response:
    """The same as a picture: vintages as lines, roll rates as a matrix over all these months, collection as bars."""
    return Response(picture(await _curves(runtime, on, months), on), media_type="image/svg+xml")
