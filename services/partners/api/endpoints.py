"""Endpoints over HTTP: where a partner is told, of what, and with which secret."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import select
from starlette.responses import Response

from libs.contracts import examples as ex
from libs.contracts.partners import EndpointStatus
from libs.contracts.problems import Rejected
from libs.contracts.types import Code, Id, Text
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.runtime import Runtime, runtime_of
from libs.webhooks import AddressRefused, Reach
from services.partners.api.scope import CHANGERS, READERS, endpoint_of, own_codes, refuse_others, refuse_unknown_partner
from services.partners.domain.endpoint import ChangeStatus, Endpoint, RegisterEndpoint, RotateSecret
from services.partners.handlers import ENDPOINT
from services.partners.library import delivery_policy
from services.partners.news import TYPES
from services.partners.secrets_of import Secrets
from services.partners.views import ENDPOINT as ENDPOINTS

router = APIRouter(tags=["webhooks"])
URL = "https://hooks.harbour-bank.example/puhui"
TYPE_EXAMPLES = ["puhui.ledger.loan-disbursed.v1", "puhui.ledger.repayment-received.v1"]


class EndpointBody(RequestModel):
    """Where a partner wants to be told."""

    partner: Code = Field(description="Whose it is.", examples=["harbour-bank"])
    url: Text = Field(description="An https URL that leads to a public address.", examples=[URL])
    types: list[Text] = Field(
        min_length=1, max_length=50, description="Types of events, each with its version.", examples=[TYPE_EXAMPLES]
    )


class StatusBody(RequestModel):
    """What becomes of an endpoint."""

    status: EndpointStatus = Field(description="ACTIVE resumes, PAUSED keeps what comes, REMOVED is for good.")
    reason: Text = Field(description="Why, for the record.", examples=["Maintenance"])


class EndpointShown(ResponseModel):
    """An endpoint."""

    endpoint_id: Id = Field(description="Its identifier.", examples=[ex.CASE])
    partner: Code = Field(description="Whose it is.", examples=["harbour-bank"])
    url: str = Field(description="Where it is.", examples=[URL])
    types: list[str] = Field(description="What it is told of.", examples=[TYPE_EXAMPLES])
    status: EndpointStatus = Field(description="Whether it is being told.")
    registered_on: BusinessDate = Field(description="The business date on which it was registered.")


class SecretShown(ResponseModel):
    """The secrets that sign what is sent to an endpoint now; the newest first."""

    secrets: list[str] = Field(description="`whsec_...`: any of them verifies.", examples=[["whsec_..."]])


@router.post("/endpoints", summary="Register an endpoint", status_code=201, response_model=EndpointShown)
async def register_endpoint(body: EndpointBody, call: Annotated[Call, command(*CHANGERS)]) -> Response:
    """From now on it is told of the events of the partner's loans. Its secret is at `/endpoints/{id}/secret`."""
    await refuse_others(call.runtime, call.actor, body.partner)
    await refuse_unknown_partner(call.runtime, body.partner)
    reach: Reach = call.runtime.extras["reach"]
    try:
        await reach.check(body.url)
    except AddressRefused as refused:
        raise Rejected("address-refused", str(refused), field="/url", status=422) from None
    endpoint_id = call.new_id("endpoint")
    asked = RegisterEndpoint(
        endpoint_id=endpoint_id,
        partner=body.partner,
        url=body.url,
        types=tuple(body.types),
        known=TYPES,
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(ENDPOINT, ENDPOINT.stream_id(endpoint_id), asked, body=_shown, status=201)


@router.get("/endpoints", summary="List endpoints")
async def list_endpoints(
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[EndpointShown]:
    """Every endpoint that the caller may know of."""
    statement, own = select(ENDPOINTS).where(ENDPOINTS.c.status != "REMOVED"), await own_codes(runtime, actor)
    if own is not None:
        statement = statement.where(ENDPOINTS.c.partner.in_(own))
    keys = parse_sort(None, {"endpoint_id": ENDPOINTS.c.endpoint_id}, default="endpoint_id", unique="endpoint_id")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_listed)


@router.get("/endpoints/{endpoint_id}/secret", summary="Show the signing secrets of an endpoint")
async def show_secret(
    endpoint_id: Id,
    actor: Annotated[Actor, Depends(require("partner", "operator"))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> SecretShown:
    """The one in force, and after a rotation for a day the one before."""
    state = await endpoint_of(runtime, actor, endpoint_id)
    secrets: Secrets = runtime.extras["secrets"]
    in_force = secrets.in_force(endpoint_id, state.generation, state.previous_until, time.time())
    return SecretShown(secrets=[secret.text for secret in in_force])


@router.post("/endpoints/{endpoint_id}/rotate-secret", summary="Rotate a secret", response_model=EndpointShown)
async def rotate_secret(endpoint_id: Id, call: Annotated[Call, command(*CHANGERS)]) -> Response:
    """A new secret signs at once; the old one signs beside it while the overlap of the policy lasts."""
    await endpoint_of(call.runtime, call.actor, endpoint_id)
    asked = RotateSecret(previous_until=int(time.time()) + delivery_policy().secret_overlap_s, today=call.today)
    return await call.execute(ENDPOINT, ENDPOINT.stream_id(endpoint_id), asked, body=_shown)


@router.post("/endpoints/{endpoint_id}/status", summary="Pause, resume or remove", response_model=EndpointShown)
async def change_status(endpoint_id: Id, body: StatusBody, call: Annotated[Call, command(*CHANGERS)]) -> Response:
    """While paused nothing is sent and nothing is lost."""
    await endpoint_of(call.runtime, call.actor, endpoint_id)
    asked = ChangeStatus(status=body.status, reason=body.reason, today=call.today)
    return await call.execute(ENDPOINT, ENDPOINT.stream_id(endpoint_id), asked, body=_shown)


def _shown(state: Endpoint) -> EndpointShown:
    registered = state.registered
    assert registered is not None, "a command on it was decided"
    return EndpointShown(
        endpoint_id=registered.endpoint_id,
        partner=registered.partner,
        url=registered.url,
        types=list(registered.types),
        status=state.status,
        registered_on=registered.registered_on,
    )


def _listed(row: Any) -> EndpointShown:
    return EndpointShown(
        endpoint_id=row["endpoint_id"],
        partner=row["partner"],
        url=row["url"],
        types=row["types"].split(),
        status=EndpointStatus(row["status"]),
        registered_on=row["registered_on"],
    )
