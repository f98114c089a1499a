"""Deliveries over HTTP: what was sent, every attempt at it, and sending it again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy import select
from starlette.responses import Response

from libs.contracts import examples as ex
from libs.contracts.types import Id
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import RequestModel, ResponseModel, Timestamp
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import NOT_FOUND, VALIDATION_FAILED, Problem
from libs.service.runtime import Runtime, runtime_of
from services.partners import records
from services.partners.api.scope import CHANGERS, READERS, endpoint_of
from services.partners.domain.endpoint import Redeliver, SendTest
from services.partners.handlers import ENDPOINT
from services.partners.records import ATTEMPT, DELIVERY, MESSAGE

router = APIRouter(prefix="/endpoints/{endpoint_id}", tags=["webhooks"])
Position = Annotated[int, Field(ge=1, le=2**53 - 1)]


class DeliveryShown(ResponseModel):
    """A message on its way to an endpoint."""

    position: int = Field(description="Its place among all messages.", examples=[17])
    webhook_id: str = Field(description="The `webhook-id` of every attempt at it.", examples=["msg_0197a3f0"])
    type: str = Field(description="The type of the event.", examples=["puhui.ledger.repayment-received.v1"])
    loan_id: str = Field(
        description="The loan that it is about; the endpoint's own identifier for a test.", examples=[ex.LOAN]
    )
    sequence: int = Field(description="The event's place in the ledger's sequence; 0 for a test.", examples=[4711])
    status: str = Field(description="PENDING, DELIVERED or GIVEN_UP.", examples=["DELIVERED"])
    attempts: int = Field(description="How often it was tried.", examples=[1])
    last_status: int = Field(description="What the receiver last answered; 0 for no answer.", examples=[204])
    last_error: str = Field(description="Why the last attempt failed; empty when it did not.", examples=[""])


class AttemptShown(ResponseModel):
    """One attempt at a delivery."""

    number: int = Field(description="Counts from 1.", examples=[1])
    at: Timestamp = Field(description="When it began.")
    status: int = Field(description="What the receiver answered; 0 for no answer.", examples=[204])
    error: str = Field(description="Why it failed; empty when it did not.", examples=[""])
    elapsed_ms: int = Field(description="How long it took, in milliseconds.", examples=[12])


class RedeliverBody(RequestModel):
    """What is to be sent again: exactly one of the three."""

    positions: list[Position] | None = Field(
        default=None, min_length=1, max_length=1000, description="These deliveries.", examples=[[17, 18]]
    )
    from_sequence: Position | None = Field(
        default=None, description="All from this place in the ledger's sequence on.", examples=[4711]
    )
    failed: bool | None = Field(default=None, description="true: all that failed or were given up.", examples=[True])


class Asked(ResponseModel):
    """How many deliveries are sent again."""

    deliveries: int = Field(description="Their number.", examples=[12])


@router.get("/deliveries", summary="List deliveries")
async def list_deliveries(
    endpoint_id: Id,
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
    status: Annotated[str | None, Query(pattern="^(PENDING|DELIVERED|GIVEN_UP)$", description="Only these.")] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[DeliveryShown]:
    """The delivery log, in the order in which messages came."""
    await endpoint_of(runtime, actor, endpoint_id)
    statement = (
        select(DELIVERY, MESSAGE.c.message_id, MESSAGE.c.type, MESSAGE.c.sequence)
        .join(MESSAGE, MESSAGE.c.position == DELIVERY.c.position)
        .where(DELIVERY.c.endpoint_id == endpoint_id)
    )
    if status is not None:
        statement = statement.where(DELIVERY.c.status == status)
    keys = parse_sort(None, {"position": DELIVERY.c.position}, default="position", unique="position")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_listed)


@router.get("/deliveries/{position}/attempts", summary="List the attempts at a delivery")
async def list_attempts(
    endpoint_id: Id,
    position: Position,
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> list[AttemptShown]:
    """Every attempt that there ever was."""
    await endpoint_of(runtime, actor, endpoint_id)
    of_one = (ATTEMPT.c.endpoint_id == endpoint_id) & (ATTEMPT.c.position == position)
    rows = await runtime.fetch(select(ATTEMPT).where(of_one).order_by(ATTEMPT.c.number).limit(1000))
    if not rows:
        raise Problem(NOT_FOUND)
    return [
        AttemptShown(
            number=row["number"],
            at=row["at"],
            status=row["status"],
            error=row["error"],
            elapsed_ms=row["elapsed_ms"],
        )
        for row in rows
    ]


@router.post("/redeliver", summary="Send again", status_code=202, response_model=Asked)
async def redeliver(endpoint_id: Id, body: RedeliverBody, call: Annotated[Call, command(*CHANGERS)]) -> Response:
    """Some deliveries, all that failed, or a replay of all since a place in the sequence, under the same `webhook-id`.

    A replay includes what came before the endpoint was registered. In order for each loan.
    """
    await endpoint_of(call.runtime, call.actor, endpoint_id)
    if [body.positions is not None, body.from_sequence is not None, bool(body.failed)].count(True) != 1:
        raise Problem(VALIDATION_FAILED, "Name exactly one of positions, from_sequence and failed.")
    pool = call.runtime.store.pool
    if body.positions is not None:
        asked = await pool.fetchval(records.COUNT_OF, endpoint_id, body.positions)
    elif body.from_sequence is not None:
        asked = await pool.fetchval(records.COUNT_SINCE, endpoint_id, body.from_sequence)
    else:
        asked = await pool.fetchval(records.COUNT_FAILED, endpoint_id)
    again = Redeliver(
        positions=tuple(body.positions or ()),
        from_sequence=body.from_sequence,
        by=call.actor.subject,
        today=call.today,
    )
    stream_id = ENDPOINT.stream_id(endpoint_id)
    return await call.execute(ENDPOINT, stream_id, again, body=lambda _: Asked(deliveries=asked), status=202)


@router.post("/test", summary="Send a test event", status_code=202, response_model=Asked)
async def send_test(endpoint_id: Id, call: Annotated[Call, command(*CHANGERS)]) -> Response:
    """An event of type `puhui.partners.test.v1`, signed and delivered like any other."""
    await endpoint_of(call.runtime, call.actor, endpoint_id)
    asked = SendTest(by=call.actor.subject, today=call.today)
    stream_id = ENDPOINT.stream_id(endpoint_id)
    return await call.execute(ENDPOINT, stream_id, asked, body=lambda _: Asked(deliveries=1), status=202)


def _listed(row: Any) -> DeliveryShown:
    return DeliveryShown(
        position=row["position"],
        webhook_id=f"msg_{row['message_id'].hex}",
        type=row["type"],
        loan_id=row["subject"],
        sequence=row["sequence"],
        status=row["status"],
        attempts=row["attempts"],
        last_status=row["last_status"],
        last_error=row["last_error"],
    )
