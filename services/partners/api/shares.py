"""Shares of loans over HTTP: who holds what, proposed by one and approved by another, and what each has to the fen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import select, text
from starlette.responses import Response

from libs.contracts import examples as ex
from libs.contracts.partners import FundedAmounts, FunderShare
from libs.contracts.types import Code, Id, MoneyField
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.partners.api.scope import READERS, lenders, own_codes
from services.partners.commitments import ALONE, NOTHING_IS_PAID_MEANWHILE, SHARING_LOCK
from services.partners.domain.sharing import ApproveSharing, ProposeSharing, Sharing, shares_of
from services.partners.domain.split import ACCOUNTS, TRANSFERRED, TRANSFERRED_INTEREST
from services.partners.handlers import SHARE
from services.partners.views import CONTROL
from services.partners.views import SHARE as SHARES

router = APIRouter(prefix="/loans/{loan_id}", tags=["shares"])
SHARES_EXAMPLE = [{"funder": "harbour-bank", "share_ppm": 700000}, {"funder": "own", "share_ppm": 300000}]


class SharingBody(RequestModel):
    """How a loan is to be shared."""

    shares: list[FunderShare] = Field(
        min_length=1,
        max_length=20,
        description="Millionths of each lender; `own` is ourselves.",
        examples=[SHARES_EXAMPLE],
    )
    effective_from: BusinessDate = Field(description="From this value date on; later changes transfer what is owed.")


class SharingShown(ResponseModel):
    """How a loan is shared, and what is proposed."""

    loan_id: Id = Field(description="The loan.", examples=[ex.LOAN])
    shares: list[FunderShare] = Field(
        description="In force; empty before the first approval.", examples=[SHARES_EXAMPLE]
    )
    proposed: list[FunderShare] = Field(description="Waiting for another person's approval.", examples=[[]])


class Holding(ResponseModel):
    """What a lender has of a loan."""

    funder: Code = Field(description="The lender.", examples=["harbour-bank"])
    share_ppm: int = Field(description="Its share now, in millionths; 0 after it sold it.", examples=[700000])
    amounts: FundedAmounts = Field(description="Its part of every account.")
    transferred: MoneyField = Field(description="Principal bought, less sold.", examples=[ex.cny("0.00")])
    transferred_interest: MoneyField = Field(
        description="Interest bought before it was met, less sold.", examples=[ex.cny("0.00")]
    )
    outstanding: MoneyField = Field(description="Principal that it is owed.", examples=[ex.cny("7755.89")])


class Holdings(ResponseModel):
    """The sub-ledger of a loan beside its control accounts."""

    loan_id: Id = Field(description="The loan.", examples=[ex.LOAN])
    whole: FundedAmounts | None = Field(description="The control accounts; null for a partner, who sees its part.")
    holdings: list[Holding] = Field(description="Every lender that the caller may know of.")


@router.post("/shares", summary="Propose how a loan is shared", status_code=201, response_model=SharingShown)
async def propose(
    loan_id: Id, body: SharingBody, call: Annotated[Call, command("finance_officer", "finance_manager")]
) -> Response:
    """Nothing changes before another person approves it."""
    asked = ProposeSharing(
        loan_id=loan_id,
        shares=shares_of(body.shares),
        effective_from=body.effective_from,
        registered=await lenders(call.runtime),
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(SHARE, SHARE.stream_id(loan_id), asked, body=_shown, status=201)


@router.post("/shares/approve", summary="Approve how a loan is shared", response_model=SharingShown)
async def approve(loan_id: Id, call: Annotated[Call, command("finance_manager")]) -> Response:
    """The first time, movements are split from then on; later, principal changes hands at its face value.

    A loan that we paid out alone cannot be shared any more (`loan-paid-out-alone`)."""
    async with call.runtime.engine.begin() as connection:  # until it is decided, nothing is paid out meanwhile
        await connection.execute(text(NOTHING_IS_PAID_MEANWHILE), {"lock": SHARING_LOCK})
        paid_out = bool(await connection.scalar(select(ALONE.c.loan_id).where(ALONE.c.loan_id == loan_id)))
        asked = ApproveSharing(by=call.actor.subject, today=call.today, paid_out=paid_out)
        return await call.execute(SHARE, SHARE.stream_id(loan_id), asked, body=_shown)


@router.get("/holdings", summary="Show what each lender has of a loan")
async def show_holdings(
    loan_id: Id,
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> Holdings:
    """To the fen; the lenders' parts add up to the control accounts. A partner sees its own part."""
    statement, own = select(SHARES).where(SHARES.c.loan_id == loan_id), await own_codes(runtime, actor)
    if own is not None:
        statement = statement.where(SHARES.c.funder.in_(own))
    rows = await runtime.fetch(statement.order_by(SHARES.c.funder))
    whole = await runtime.fetch_one(select(CONTROL).where(CONTROL.c.loan_id == loan_id))
    if not rows or whole is None:
        raise Problem(NOT_FOUND)
    return Holdings(
        loan_id=loan_id, whole=_amounts(whole) if own is None else None, holdings=[_holding(row) for row in rows]
    )


def _shown(state: Sharing) -> SharingShown:
    shares: Sequence[tuple[str, int]] = state.book.epochs[-1].shares if state.book else ()
    return SharingShown(
        loan_id=state.loan_id,
        shares=[FunderShare(funder=funder, share_ppm=share_ppm) for funder, share_ppm in shares],
        proposed=list(state.proposed.shares) if state.proposed else [],
    )


def _holding(row: Any) -> Holding:
    amounts, transferred = _amounts(row), Money(row[f"{TRANSFERRED}_minor"])
    return Holding(
        funder=row["funder"],
        share_ppm=row["share_ppm"],
        amounts=amounts,
        transferred=transferred,
        transferred_interest=Money(row[f"{TRANSFERRED_INTEREST}_minor"]),
        outstanding=amounts.disbursed - amounts.principal + transferred,
    )


def _amounts(row: Any) -> FundedAmounts:
    return FundedAmounts(**{name: Money(row[f"{name}_minor"]) for name in ACCOUNTS})
