"""The business date, and closing days."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field
from sqlalchemy import select

from libs.contracts.problems import Rejected
from libs.events.conflicts import CONFLICTS
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.problems import CONFLICT, Problem
from libs.service.runtime import Runtime, runtime_of
from services.ledger.api.access import Bookkeeper, Reader
from services.ledger.api.shapes import example
from services.ledger.day_end import DayEnd
from services.ledger.handlers import BUSINESS_DAY, DAY_STREAM
from services.ledger.library import library
from services.ledger.views import DAY_DETAIL

router = APIRouter(tags=["business days"])

PARQUET: Final = "application/vnd.apache.parquet"


class BusinessDateShown(ResponseModel):
    """The open business day."""

    model_config = example(business_date="2026-02-03", closed="2026-02-02", entries_open_from="2026-01-01")

    business_date: date
    closed: date | None = Field(description="The last day that was closed.")
    entries_open_from: date = Field(description="First value date that needs no further authority.")


class DayEndBody(RequestModel):
    """Up to which day to close."""

    model_config = example(until="2026-02-02")

    until: BusinessDate = Field(description="The last day to close, itself included; the day after it is then open.")


class ProgressShown(ResponseModel):
    """How far a run is."""

    model_config = example(
        until="2026-02-02", day="2026-02-02", phase="accruing", done=0, of=0, days_closed=0, loans=1_000_000
    )

    until: date | None = Field(description="The last day that the run closes; none before the first run.")
    day: date | None = Field(description="The day being closed.")
    phase: str = Field(description="What is being done with it; `idle` when nothing is.")
    done: int = Field(description="Loans done in this phase, where it goes loan by loan.")
    of: int
    days_closed: int
    loans: int = Field(description="Loans in the portfolio.")


class DayEndShown(ResponseModel):
    """What was done."""

    model_config = example(business_date="2026-02-03", until="2026-02-02", days_closed=1)

    business_date: date = Field(description="The business day that is open now.")
    until: date
    days_closed: int = Field(description="0 when all of them were closed before.")


@router.get("/business-date", summary="Show the business date")
async def show_business_date(_actor: Reader, runtime: Annotated[Runtime, Depends(runtime_of)]) -> BusinessDateShown:
    """The lender's date, which day-end moves on; no clock does."""
    day, _ = await runtime.commands.state(BUSINESS_DAY, DAY_STREAM)
    today = day.today or runtime.today
    return BusinessDateShown(
        business_date=today, closed=day.closed, entries_open_from=library().policy(today).first_open_date(today)
    )


@router.post("/day-ends", summary="Close business days", response_model=DayEndShown)
async def close_days(body: DayEndBody, call: Annotated[Call, command("operator")]) -> DayEndShown:
    """Close every open day up to a date, one after the other, each whole or not at all. Send it again after a failure:
    days that were closed stay closed, the rest is done."""
    day_end: DayEnd = call.runtime.extras["day-end"]
    try:
        closed = await day_end.run(body.until, call.cause())
    except CONFLICTS:
        raise Problem(CONFLICT, "Loans moved again and again while a day was being closed; send it again.") from None
    return DayEndShown(business_date=closed.business_date, until=body.until, days_closed=closed.days)


@router.get("/day-ends/progress", summary="Show how far a day-end is")
async def show_progress(_actor: Bookkeeper, runtime: Annotated[Runtime, Depends(runtime_of)]) -> ProgressShown:
    """What this process is doing now; a run that another process does is not seen here."""
    day_end: DayEnd = runtime.extras["day-end"]
    return ProgressShown(**asdict(day_end.progress))


@router.get(
    "/day-ends/{business_date}/detail",
    summary="Show what a day added for each loan",
    response_class=Response,
    responses={
        200: {
            "content": {PARQUET: {"schema": {"type": "string", "format": "binary"}}},
            "description": "A Parquet file with one row a loan.",
        }
    },
)
async def show_detail(
    business_date: Annotated[BusinessDate, Path(description="A closed day.")],
    _actor: Bookkeeper,
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> Response:
    """The file whose SHA-256 is `detail_sha256` in the day's event: the sub-ledger of its accrual."""
    row = await runtime.fetch_one(select(DAY_DETAIL.c.detail).where(DAY_DETAIL.c.business_date == business_date))
    if row is None:
        raise Rejected("day-without-detail", "This day is not closed, or nothing accrued on it.", status=404)
    return Response(row["detail"], media_type=PARQUET)
