"""Agreements with partners over HTTP: drawn up by one, approved by another, ended by notice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import select
from starlette.responses import Response

from libs.contracts.partners import FUNDING_TERMS, ContactRole, FundingTerms
from libs.contracts.types import Code, Text
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.partners.api.scope import READERS, lenders, own_codes, refuse_unknown_partner
from services.partners.domain.agreement import Agreement, ApproveAgreement, EndAgreement, ProposeAgreement
from services.partners.domain.contacts import missing
from services.partners.handlers import AGREEMENT, CONTACTS
from services.partners.library import needed_contacts, regimes_on
from services.partners.views import AGREEMENT as AGREEMENTS

router = APIRouter(prefix="/agreements", tags=["agreements"])


class AgreementBody(RequestModel):
    """A version of an agreement."""

    agreement: Code = Field(
        description="Its code; a new version has that of the one before.", examples=["harbour-consumer"]
    )
    partner: Code = Field(description="With whom.", examples=["harbour-bank"])
    effective_from: BusinessDate = Field(description="From when it is to be in force; not before the business date.")
    terms: FundingTerms = Field(description="What is agreed.", examples=[FUNDING_TERMS])


class ApprovalBody(RequestModel):
    """What is approved."""

    version: int = Field(ge=1, description="The version that you have read.", examples=[1])


class NoticeBody(RequestModel):
    """Notice."""

    last_day: BusinessDate = Field(description="The last day on which a loan is offered under it.")
    reason: Text = Field(description="Why, for the record.", examples=["The partner leaves the market"])


class AgreementShown(ResponseModel):
    """A version of an agreement."""

    agreement: Code = Field(description="Its code.", examples=["harbour-consumer"])
    version: int = Field(description="Counts from 1.", examples=[1])
    partner: Code = Field(description="With whom.", examples=["harbour-bank"])
    status: str = Field(description="PROPOSED or APPROVED.", examples=["APPROVED"])
    effective_from: BusinessDate = Field(description="From when it is in force.")
    last_day: date | None = Field(description="The last day, where notice was given.", examples=["2026-12-31"])
    terms: FundingTerms = Field(description="What is agreed.", examples=[FUNDING_TERMS])


@router.post("", summary="Propose an agreement", status_code=201, response_model=AgreementShown)
async def propose_agreement(
    body: AgreementBody, call: Annotated[Call, command("finance_officer", "finance_manager")]
) -> Response:
    """A new agreement, or the next version of one. Nothing is offered under it before another person approves it."""
    await refuse_unknown_partner(call.runtime, body.partner)
    asked = ProposeAgreement(
        agreement=body.agreement,
        partner=body.partner,
        terms=body.terms,
        effective_from=body.effective_from,
        regimes=regimes_on(body.effective_from),
        registered=await lenders(call.runtime),
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(AGREEMENT, AGREEMENT.stream_id(body.agreement), asked, body=_latest, status=201)


@router.post("/{agreement}/approve", summary="Approve an agreement", response_model=AgreementShown)
async def approve_agreement(
    agreement: Code, body: ApprovalBody, call: Annotated[Call, command("finance_manager")]
) -> Response:
    """By another person than who proposed it, once the partner has the contact persons that the policy asks for. It takes
    the place of the version before on its date."""
    asked = ApproveAgreement(
        version=body.version,
        roles_missing=await _roles_missing(call.runtime, agreement),
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(AGREEMENT, AGREEMENT.stream_id(agreement), asked, body=_latest)


@router.post("/{agreement}/end", summary="Give notice", response_model=AgreementShown)
async def end_agreement(
    agreement: Code, body: NoticeBody, call: Annotated[Call, command("finance_manager")]
) -> Response:
    """After the last day nothing is offered under it; loans that were funded go on as they were agreed."""
    asked = EndAgreement(last_day=body.last_day, reason=body.reason, by=call.actor.subject, today=call.today)
    return await call.execute(AGREEMENT, AGREEMENT.stream_id(agreement), asked, body=_latest)


@router.get("", summary="List agreements")
async def list_agreements(
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[AgreementShown]:
    """Every version of every agreement; a partner sees its own."""
    statement, own = select(AGREEMENTS), await own_codes(runtime, actor)
    if own is not None:
        statement = statement.where(AGREEMENTS.c.partner.in_(own))
    columns = {"agreement": AGREEMENTS.c.agreement, "version": AGREEMENTS.c.version}
    keys = parse_sort(None, columns, default="agreement", unique="version")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_listed)


@router.get("/{agreement}", summary="Show an agreement")
async def show_agreement(
    agreement: Code,
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> AgreementShown:
    """Its last version, whether or not that is in force yet."""
    state, _ = await runtime.commands.state(AGREEMENT, AGREEMENT.stream_id(agreement))
    own = await own_codes(runtime, actor)
    if state.partner == "" or (own is not None and state.partner not in own):
        raise Problem(NOT_FOUND)
    return _latest(state)


async def _roles_missing(runtime: Runtime, agreement: str) -> Sequence[ContactRole]:
    state, _ = await runtime.commands.state(AGREEMENT, AGREEMENT.stream_id(agreement))
    if state.proposed is None:
        return ()
    on = state.proposed.effective_from
    contacts, _ = await runtime.commands.state(CONTACTS, CONTACTS.stream_id(state.partner))
    return missing(contacts, needed_contacts(on), on)


def _latest(state: Agreement) -> AgreementShown:
    latest = state.proposed or state.approved[-1]
    return AgreementShown(
        agreement=latest.agreement,
        version=latest.version,
        partner=latest.partner,
        status="PROPOSED" if state.proposed else "APPROVED",
        effective_from=latest.effective_from,
        last_day=state.ended.last_day if state.ended else None,
        terms=latest.terms,
    )


def _listed(row: Any) -> AgreementShown:
    return AgreementShown(
        agreement=row["agreement"],
        version=row["version"],
        partner=row["partner"],
        status=row["status"],
        effective_from=row["effective_from"],
        last_day=row["last_day"],
        terms=FundingTerms.model_validate_json(row["terms"]),
    )
