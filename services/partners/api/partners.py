"""Partners over HTTP: the register, and the list that is published (名单制)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import select
from starlette.responses import Response

from libs.contracts.types import Code, Text
from libs.contracts.values import Named
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.runtime import Runtime, runtime_of
from services.partners.api.scope import READERS
from services.partners.domain.partner import Partner, RegisterPartner
from services.partners.handlers import PARTNER
from services.partners.news import event_types
from services.partners.views import PARTNER as PARTNERS

router = APIRouter(tags=["partners"])
NAME = {"zh": "港湾银行股份有限公司", "en": "Harbour Bank Co., Ltd."}


class PartnerBody(RequestModel):
    """A lender to be registered."""

    partner: Code = Field(description="Its code, by which shares and endpoints name it.", examples=["harbour-bank"])
    legal_name: Named = Field(description="Its name as licensed.", examples=[NAME])
    licence: Text = Field(description="Number of its licence to lend.", examples=["B0000H233010001"])
    subject: Text = Field(description="Who its system's tokens speak for (`sub`).", examples=["partner"])


class PartnerShown(ResponseModel):
    """A partner as published."""

    partner: Code = Field(description="Its code.", examples=["harbour-bank"])
    legal_name: Named = Field(description="Its name as licensed.", examples=[NAME])
    licence: Text = Field(description="Number of its licence to lend.", examples=["B0000H233010001"])
    registered_on: BusinessDate = Field(description="The business date on which it was registered.")


class EventType(ResponseModel):
    """A type of event that an endpoint may subscribe to."""

    type: str = Field(description="Its name with its version.", examples=["puhui.ledger.repayment-received.v1"])
    meaning: str = Field(description="What it says.", examples=["Money came from the borrower."])


@router.post("/partners", summary="Register a partner", status_code=201, response_model=PartnerShown)
async def register_partner(body: PartnerBody, call: Annotated[Call, command("finance_manager")]) -> Response:
    """From now on it can be named in shares, and have endpoints."""
    return await call.execute(
        PARTNER,
        PARTNER.stream_id(body.partner),
        RegisterPartner(
            partner=body.partner,
            legal_name=body.legal_name,
            licence=body.licence,
            subject=body.subject,
            by=call.actor.subject,
            today=call.today,
        ),
        body=_shown,
        status=201,
    )


@router.get("/partners", summary="List partners")
async def list_partners(
    _actor: Annotated[Actor, Depends(require(*READERS, "customer"))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[PartnerShown]:
    """Every partner with its licence, for anybody who deals with us."""
    keys = parse_sort(None, {"partner": PARTNERS.c.partner}, default="partner", unique="partner")
    rows = await runtime.fetch(paginate(select(PARTNERS), keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_listed)


@router.get("/event-types", summary="List what partners may be told of")
async def list_event_types(_actor: Annotated[Actor, Depends(require(*READERS))]) -> list[EventType]:
    """Subscribe to a name: a new version of an event has a name of its own, so an endpoint keeps what it knows."""
    return [EventType(type=name, meaning=meaning) for name, meaning in event_types()]


def _shown(state: Partner) -> PartnerShown:
    registered = state.registered
    assert registered is not None, "a command on it was decided"
    return PartnerShown(
        partner=registered.partner,
        legal_name=registered.legal_name,
        licence=registered.licence,
        registered_on=registered.registered_on,
    )


def _listed(row: Any) -> PartnerShown:
    return PartnerShown(
        partner=row["partner"],
        legal_name=Named(zh=row["name_zh"], en=row["name_en"]),
        licence=row["licence"],
        registered_on=row["registered_on"],
    )
