"""Buying a partner's part of a late loan over HTTP: proposed by one, priced by what the ledger says, approved by another."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from libs.contracts import examples as ex
from libs.contracts.problems import Rejected
from libs.contracts.types import Code, Id, MoneyField
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.partners.api.scope import STAFF, agreed_on
from services.partners.domain.buy_back import ApproveBuyBack, ProposeBuyBack
from services.partners.domain.sharing import Sharing
from services.partners.handlers import SHARE

router = APIRouter(prefix="/loans/{loan_id}/buy-back", tags=["shares"])
PROPOSAL = "0197a3f0-0000-7000-8000-00000000000b"


class BuyBackBody(RequestModel):
    """From when a partner's part is somebody else's."""

    effective_from: BusinessDate = Field(
        description="From this date on the buyer holds it; up to the business date, and after all that counted before."
    )


class BuyBackApproval(RequestModel):
    """What is approved."""

    proposal_id: Id = Field(description="The proposal that you have read.", examples=[PROPOSAL])


class BuyBackShown(ResponseModel):
    """The last buy-back of a loan that was proposed."""

    loan_id: Id = Field(description="The loan.", examples=[ex.LOAN])
    proposal_id: Id = Field(description="The proposal.", examples=[PROPOSAL])
    status: Literal["PROPOSED", "PRICED", "REFUSED", "DONE"] = Field(
        description="PROPOSED until the ledger has said how late the loan was; REFUSED where that is not enough."
    )
    agreement: Code = Field(description="Under which agreement.", examples=["harbour-consumer"])
    version: int = Field(description="Its version.", examples=[1])
    partner: Code = Field(description="Whose part is bought.", examples=["harbour-bank"])
    buyer: Code = Field(description="Who buys; `own` is ourselves.", examples=["own"])
    effective_from: BusinessDate = Field(description="From when the buyer holds it.")
    days_past_due_min: int = Field(description="From how late on the agreement allows it.", examples=[90])
    days_past_due: int | None = Field(description="How late the loan was when that date began.", examples=[91])
    principal: MoneyField | None = Field(description="The price of its principal.", examples=[ex.cny("7755.89")])
    interest: MoneyField | None = Field(description="The price of its interest.", examples=[ex.cny("466.20")])


@router.post("", summary="Propose to buy a partner's part", status_code=201, response_model=BuyBackShown)
async def propose_buy_back(
    loan_id: Id, body: BuyBackBody, call: Annotated[Call, command("finance_officer", "finance_manager")]
) -> Response:
    """As the version of the agreement allows under which the loan is funded. The ledger says how late the loan is and
    what it has earned; the price follows from that."""
    version = await agreed_on(call.runtime, loan_id)
    if version is None:
        raise Rejected(
            "loan-without-agreement",
            "This loan is funded under no agreement; lenders that agree on it propose other shares.",
            status=404,
        )
    asked = ProposeBuyBack(
        loan_id=loan_id,
        proposal_id=call.new_id("buy-back"),
        agreement=version.agreement,
        version=version.version,
        partner=version.partner,
        terms=version.terms.buy_back,
        effective_from=body.effective_from,
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(SHARE, SHARE.stream_id(loan_id), asked, body=_shown, status=201)


@router.post("/approve", summary="Approve to buy a partner's part", response_model=BuyBackShown)
async def approve_buy_back(
    loan_id: Id, body: BuyBackApproval, call: Annotated[Call, command("finance_manager")]
) -> Response:
    """By another person than who proposed it. The shares change, the partner is told, and the next settlement pays it."""
    asked = ApproveBuyBack(proposal_id=body.proposal_id, by=call.actor.subject, today=call.today)
    return await call.execute(SHARE, SHARE.stream_id(loan_id), asked, body=_shown)


@router.get("", summary="Show the last proposal to buy a partner's part")
async def show_buy_back(
    loan_id: Id,
    _actor: Annotated[Actor, Depends(require(*STAFF))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> BuyBackShown:
    """With its price, once the ledger has said where the loan stood."""
    state, _ = await runtime.commands.state(SHARE, SHARE.stream_id(loan_id))
    if state.buy_back is None:
        raise Problem(NOT_FOUND)
    return _shown(state)


def _shown(state: Sharing) -> BuyBackShown:
    assert state.buy_back is not None, "it was proposed"
    asked, priced, refused = state.buy_back.proposed, state.buy_back.priced, state.buy_back.refused
    known = priced or refused
    return BuyBackShown(
        loan_id=asked.loan_id,
        proposal_id=asked.proposal_id,
        status="DONE" if state.buy_back.done else "PRICED" if priced else "REFUSED" if refused else "PROPOSED",
        agreement=asked.agreement,
        version=asked.version,
        partner=asked.partner,
        buyer=asked.terms.buyer,
        effective_from=asked.effective_from,
        days_past_due_min=asked.terms.days_past_due_min,
        days_past_due=known.days_past_due if known else None,
        principal=priced.principal if priced else None,
        interest=priced.interest if priced else None,
    )
