"""Offers of shares over HTTP: a partner sees what is offered to it, asks, and decides for itself."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy import select
from starlette.responses import Response

from libs.contracts import examples as ex
from libs.contracts.partners import FundingAnswer, FundingClarified, FundingOffered, FundingQuestioned
from libs.contracts.types import Code, Id, MoneyField, Text
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.partners.api.scope import STAFF, own_codes
from services.partners.deadlines import now_text
from services.partners.domain.fitting import co_lenders, shares_with
from services.partners.domain.funding import AnswerFunding, AskAboutFunding, ClarifyFunding, Funding
from services.partners.handlers import AGREEMENT, FUNDING, PARTNER, loan_id_of
from services.partners.views import FUNDING as FUNDINGS

router = APIRouter(prefix="/fundings", tags=["fundings"])
SEERS = (*STAFF, "credit_officer", "partner")
DATA = FundingOffered.example["data"]


class AnswerBody(RequestModel):
    """A partner's own decision."""

    answer: FundingAnswer = Field(description="ACCEPT or DECLINE.")
    reason: str = Field(
        default="", max_length=500, description="Why; needed to decline.", examples=["Too much of this grade"]
    )


class QuestionBody(RequestModel):
    """What a partner wants to know before it decides."""

    question: Text = Field(description="The question.", examples=["Is the income that of the household?"])


class ClarificationBody(RequestModel):
    """What we answer."""

    answer: Text = Field(description="The answer.", examples=["Of the applicant alone"])


class Said(ResponseModel):
    """A question of the partner's, or our answer to it."""

    by: str = Field(description="PARTNER or LENDER.", examples=["PARTNER"])
    text: str = Field(description="What was said.", examples=["Is the income that of the household?"])


class FundingShown(ResponseModel):
    """An offer to a partner."""

    application_id: Id = Field(description="The application.", examples=[ex.APPLICATION])
    partner: Code = Field(description="Whom it was offered to.", examples=["harbour-bank"])
    agreement: Code = Field(description="Under which agreement.", examples=["harbour-consumer"])
    version: int = Field(description="Its version.", examples=[1])
    share_ppm: int = Field(description="The share, in millionths.", examples=[700000])
    amount: MoneyField = Field(description="The partner's part of the principal.", examples=[ex.cny("8400.00")])
    status: str = Field(description="OFFERED, ACCEPTED, DECLINED, LAPSED or WITHDRAWN.", examples=["OFFERED"])
    reason: str = Field(description="Why it was declined or withdrawn.", examples=[""])
    answer_until: str = Field(description="Until when it stands (RFC 3339).", examples=["2026-02-01T02:13:04.000005Z"])
    data: dict[str, str | int | None] = Field(
        description="What the agreement names of the application.", examples=[DATA]
    )
    offered_on: BusinessDate = Field(description="The business date of the offer.")


class FundingDetail(ResponseModel):
    """The offer that waits for an answer, or the last one, with what was asked about it."""

    application_id: Id = Field(description="The application.", examples=[ex.APPLICATION])
    partner: Code = Field(description="Whom it was offered to.", examples=["harbour-bank"])
    status: str = Field(description="OFFERED, ACCEPTED, CLOSED or WITHDRAWN.", examples=["OFFERED"])
    amount: MoneyField = Field(description="The partner's part of the principal.", examples=[ex.cny("8400.00")])
    answer_until: str = Field(description="Until when it stands (RFC 3339).", examples=["2026-02-01T02:13:04.000005Z"])
    data: dict[str, str | int | None] = Field(
        description="What the agreement names of the application.", examples=[DATA]
    )
    said: list[Said] = Field(description="Questions and answers, in their order.")


@router.get("", summary="List offers to partners")
async def list_fundings(
    actor: Annotated[Actor, Depends(require(*SEERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
    status: Annotated[
        str | None, Query(pattern="^(OFFERED|ACCEPTED|DECLINED|LAPSED|WITHDRAWN)$", description="Only these.")
    ] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[FundingShown]:
    """What was offered to whom, and what came of it; a partner sees what was offered to it."""
    statement, own = select(FUNDINGS), await _confined(runtime, actor)
    if own is not None:
        statement = statement.where(FUNDINGS.c.partner.in_(own))
    if status is not None:
        statement = statement.where(FUNDINGS.c.status == status)
    columns = {"application_id": FUNDINGS.c.application_id, "partner": FUNDINGS.c.partner}
    keys = parse_sort(None, columns, default="application_id", unique="partner")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_listed)


@router.get("/{application_id}", summary="Show an offer")
async def show_funding(
    application_id: Id,
    actor: Annotated[Actor, Depends(require(*SEERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> FundingDetail:
    """The offer of this application that the caller may know of, with questions and answers."""
    state, _ = await runtime.commands.state(FUNDING, FUNDING.stream_id(application_id))
    return _detail(state, await _confined(runtime, actor))


@router.post("/{application_id}/answer", summary="Accept or decline", response_model=FundingDetail)
async def answer_funding(application_id: Id, body: AnswerBody, call: Annotated[Call, command("partner")]) -> Response:
    """The partner's own decision, within its time. Accepted, it is one of the lenders that the contract names."""
    state, own = await _offered_to(call, application_id)
    offer = state.offers[-1]
    partner, _ = await call.runtime.commands.state(PARTNER, PARTNER.stream_id(offer.partner))
    assert partner.registered is not None, "an offer was made to it"
    agreement, _ = await call.runtime.commands.state(AGREEMENT, AGREEMENT.stream_id(offer.agreement))
    data = next(each.terms.data for each in agreement.approved if each.version == offer.version)
    loan_id, shares = loan_id_of(application_id), shares_with(offer.partner, offer.share_ppm)
    asked = AnswerFunding(
        partner=offer.partner,
        answer=body.answer,
        reason=body.reason,
        loan_id=loan_id,
        lenders=co_lenders(offer.approval.offer.amount, shares, loan_id, partner.registered, data),
        now=now_text(),
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(FUNDING, FUNDING.stream_id(application_id), asked, body=lambda s: _detail(s, own))


@router.post("/{application_id}/questions", summary="Ask before deciding", response_model=FundingDetail)
async def ask(application_id: Id, body: QuestionBody, call: Annotated[Call, command("partner")]) -> Response:
    """The partner's time goes on meanwhile."""
    state, own = await _offered_to(call, application_id)
    asked = AskAboutFunding(
        partner=state.offers[-1].partner, question=body.question, by=call.actor.subject, today=call.today
    )
    return await call.execute(FUNDING, FUNDING.stream_id(application_id), asked, body=lambda s: _detail(s, own))


@router.post("/{application_id}/clarifications", summary="Answer a partner's question", response_model=FundingDetail)
async def clarify(
    application_id: Id,
    body: ClarificationBody,
    call: Annotated[Call, command("credit_officer", "finance_officer", "finance_manager")],
) -> Response:
    """The partner is told, and goes on deciding."""
    asked = ClarifyFunding(answer=body.answer, by=call.actor.subject, today=call.today)
    return await call.execute(FUNDING, FUNDING.stream_id(application_id), asked, body=lambda s: _detail(s, None))


async def _confined(runtime: Runtime, actor: Actor) -> list[str] | None:
    return None if actor.has("credit_officer") else await own_codes(runtime, actor)


async def _offered_to(call: Call, application_id: str) -> tuple[Funding, list[str]]:
    """The offer to the caller; 404 where the last one was to somebody else."""
    own = await own_codes(call.runtime, call.actor) or []
    state, _ = await call.runtime.commands.state(FUNDING, FUNDING.stream_id(application_id))
    if not state.offers or state.offers[-1].partner not in own:
        raise Problem(NOT_FOUND)
    return state, own


def _detail(state: Funding, own: list[str] | None) -> FundingDetail:
    mine = [offer for offer in state.offers if own is None or offer.partner in own]
    if not mine:
        raise Problem(NOT_FOUND)
    offer = mine[-1]
    accepted = state.accepted is not None and state.accepted.partner == offer.partner
    waits = state.offered is not None and state.offered.partner == offer.partner
    if state.withdrawn and (waits or accepted):
        status = "WITHDRAWN"
    else:
        status = "OFFERED" if waits else "ACCEPTED" if accepted else "CLOSED"
    said = state.questions if offer is state.offers[-1] else ()
    return FundingDetail(
        application_id=offer.application_id,
        partner=offer.partner,
        status=status,
        amount=offer.amount,
        answer_until=offer.answer_until,
        data=offer.data,
        said=[_said(each) for each in said],
    )


def _said(event: FundingQuestioned | FundingClarified) -> Said:
    if isinstance(event, FundingQuestioned):
        return Said(by="PARTNER", text=event.question)
    return Said(by="LENDER", text=event.answer)


def _listed(row: Any) -> FundingShown:
    return FundingShown(
        application_id=row["application_id"],
        partner=row["partner"],
        agreement=row["agreement"],
        version=row["version"],
        share_ppm=row["share_ppm"],
        amount=Money(row["amount_minor"]),
        status=row["status"],
        reason=row["reason"],
        answer_until=row["answer_until"],
        data=orjson.loads(row["data"]),
        offered_on=row["offered_on"],
    )
