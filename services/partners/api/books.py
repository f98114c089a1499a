"""The books over all shared loans: what each lender has, beside the control accounts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import func, select

from libs.contracts import examples as ex
from libs.contracts.partners import OWN, FundedAmounts
from libs.contracts.types import Code, Id, MoneyField
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.models import ResponseModel
from libs.service.runtime import Runtime, runtime_of
from services.partners.api.scope import STAFF
from services.partners.domain.split import ACCOUNTS, CHANGES_HANDS, TRANSFERRED, TRANSFERRED_INTEREST
from services.partners.views import CONTROL
from services.partners.views import SETTLEMENT as SETTLEMENTS
from services.partners.views import SHARE as SHARES

router = APIRouter(tags=["shares"])


class LenderBooks(ResponseModel):
    """What a lender has of all shared loans."""

    funder: Code = Field(description="The lender; `own` is ourselves.", examples=["harbour-bank"])
    loans: int = Field(description="In how many loans it had or has a part.", examples=[17])
    amounts: FundedAmounts = Field(description="Its part of every account.")
    transferred: MoneyField = Field(description="Principal bought, less sold.", examples=[ex.cny("0.00")])
    transferred_interest: MoneyField = Field(
        description="Interest bought before it was met, less sold.", examples=[ex.cny("0.00")]
    )
    fixed_fees: MoneyField = Field(
        description="Fixed fees that it has paid by settlements; negative: was paid.", examples=[ex.cny("0.00")]
    )
    outstanding: MoneyField = Field(description="Principal that it is owed.", examples=[ex.cny("7755.89")])


class Books(ResponseModel):
    """Sub-ledgers and control accounts."""

    lenders: list[LenderBooks] = Field(description="Every lender that there is or was.")
    whole: FundedAmounts = Field(description="The control accounts, kept apart from the parts.")
    equal: bool = Field(description="Whether the parts add up to the control accounts, account by account.")
    loans: list[Id] = Field(description="The loans behind it.", examples=[[ex.LOAN]])


@router.get("/books", summary="Show what each lender has of all loans")
async def show_books(
    _actor: Annotated[Actor, Depends(require(*STAFF))], runtime: Annotated[Runtime, Depends(runtime_of)]
) -> Books:
    """To the fen, and checked: the parts of all lenders against the control accounts."""
    names = [*ACCOUNTS, *CHANGES_HANDS]
    sums = [func.coalesce(func.sum(SHARES.c[f"{name}_minor"]), 0).label(name) for name in names]
    parts = await runtime.fetch(
        select(SHARES.c.funder, func.count().label("loans"), *sums).group_by(SHARES.c.funder).order_by(SHARES.c.funder)
    )
    control = await runtime.fetch_one(
        select(*(func.coalesce(func.sum(CONTROL.c[f"{name}_minor"]), 0).label(name) for name in ACCOUNTS))
    )
    assert control is not None, "a sum has a row"
    paid = await runtime.fetch(
        select(SETTLEMENTS.c.partner, func.sum(SETTLEMENTS.c.fixed_fee_minor).label("fixed_fee")).group_by(
            SETTLEMENTS.c.partner
        )
    )
    fees = {row["partner"]: int(row["fixed_fee"]) for row in paid}
    fees[OWN] = -sum(fees.values())
    loans = await runtime.fetch(select(CONTROL.c.loan_id).order_by(CONTROL.c.loan_id))
    whole = {name: int(control[name]) for name in ACCOUNTS}
    held = {name: sum(int(row[name]) for row in parts) for name in names}
    return Books(
        lenders=[
            LenderBooks(
                funder=row["funder"],
                loans=row["loans"],
                amounts=_amounts({name: int(row[name]) for name in ACCOUNTS}),
                transferred=Money(int(row[TRANSFERRED])),
                transferred_interest=Money(int(row[TRANSFERRED_INTEREST])),
                fixed_fees=Money(fees.get(row["funder"], 0)),
                outstanding=Money(int(row["disbursed"]) - int(row["principal"]) + int(row[TRANSFERRED])),
            )
            for row in parts
        ],
        whole=_amounts(whole),
        equal=held == whole | dict.fromkeys(CHANGES_HANDS, 0),
        loans=[row["loan_id"] for row in loans],
    )


def _amounts(minor: dict[str, int]) -> FundedAmounts:
    return FundedAmounts(**{name: Money(amount) for name, amount in minor.items()})
