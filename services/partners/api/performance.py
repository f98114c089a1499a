"""How a partner's loans perform: what is past due, and by month of payout."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import BigInteger, cast, func, select

from libs.contracts import examples as ex
from libs.contracts.ledger import Bucket
from libs.contracts.types import Code, MoneyField
from libs.lending.money import Money
from libs.service.models import BusinessDate, ResponseModel
from services.partners.api.own import Viewing
from services.partners.sources import loans_of, vintages

router = APIRouter(prefix="/partners/{partner}/performance", tags=["own view"])
WELL: Final = (Bucket.CURRENT, Bucket.M1)
"""At most 30 days past due; beyond, a loan is at risk (PAR 30)."""


class BucketShare(ResponseModel):
    """Loans that are equally late."""

    status: str = Field(description="ACTIVE, SETTLED, WRITTEN_OFF or RETURNED.", examples=["ACTIVE"])
    bucket: str = Field(description="Days past due by bucket.", examples=["M1"])
    loans: int = Field(description="How many.", examples=[12])
    outstanding: MoneyField = Field(description="The partner's principal in them.", examples=[ex.cny("7755.89")])


class VintagePoint(ResponseModel):
    """The loans paid out in one month, so many months later."""

    vintage: BusinessDate = Field(description="The first day of the month of payout.")
    months: int = Field(description="Months since; 0 is the month itself.", examples=[3])
    loans: int = Field(description="How many.", examples=[12])
    disbursed: MoneyField = Field(description="The partner's part of what was paid out.")
    at_risk: MoneyField = Field(
        description="Of that, the loans more than 30 days past due or written off at the end of that month."
    )


@router.get("/delinquency", summary="Show how late a partner's loans are")
async def show_delinquency(
    partner: Code,
    runtime: Viewing,
    on: Annotated[BusinessDate | None, Query(description="At the end of this date; without, today.")] = None,
) -> list[BucketShare]:
    """By state and bucket."""
    loans = loans_of(partner, on or runtime.today).subquery("loans")
    owed = cast(func.sum(loans.c.outstanding_minor), BigInteger).label("outstanding_minor")
    statement = (
        select(loans.c.status, loans.c.bucket, func.count().label("loans"), owed)
        .group_by(loans.c.status, loans.c.bucket)
        .order_by(loans.c.status, loans.c.bucket)
    )
    return [
        BucketShare(
            status=row["status"],
            bucket=row["bucket"],
            loans=row["loans"],
            outstanding=Money(row["outstanding_minor"]),
        )
        for row in await runtime.fetch(statement)
    ]


@router.get("/vintages", summary="Show a partner's loans by month of payout")
async def show_vintages(
    partner: Code,
    runtime: Viewing,
    on: Annotated[BusinessDate | None, Query(description="As of this date; without, today.")] = None,
) -> list[VintagePoint]:
    """For each month of payout and each month since, up to five years."""
    rows = await vintages(runtime.store.pool, partner, on or runtime.today, WELL)
    return [
        VintagePoint(
            vintage=row["vintage"],
            months=row["age"],
            loans=row["loans"],
            disbursed=Money(row["disbursed_minor"]),
            at_risk=Money(row["at_risk_minor"]),
        )
        for row in rows
    ]
