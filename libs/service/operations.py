"""What operators see and do of a running service: progress, parked events."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict, Field

from libs.contracts.examples import LOAN, PAYMENT
from libs.contracts.types import Text
from libs.events.delivery import Delivery, Subscriber
from libs.events.feeds import OwnFeed
from libs.events.operations import Progress
from libs.events.rebuild import verify
from libs.events.store import Parked
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.logging import get_logger
from libs.service.models import RequestModel, ResponseModel
from libs.service.problems import CONFLICT, NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of

Reader = Annotated[Actor, Depends(require("operator", "auditor", "service"))]
Running = Annotated[Runtime, Depends(runtime_of)]
Consumer = Annotated[str, Path(max_length=80, description="The consumer's name, as `subscriptions` has it.")]
Stream = Annotated[str, Path(max_length=200, description="The stream whose events are parked.")]


def example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class ProgressReport(ResponseModel):
    """How far a service has got, and whom it hears: lay all services' reports side by side to see what is on its way."""

    model_config = example(
        service="ledger",
        topic="puhui.ledger",
        business_date="2026-02-02",
        subscriptions={"ledger": ["puhui.contract"], "books.v1": [""]},
        progress=Progress(last_sequence=42, relay_position=42, published=(42, 40)).to_json(),
    )

    service: str
    topic: str
    business_date: str
    subscriptions: dict[str, list[str]]
    progress: dict[str, Any]


class ParkedEvent(ResponseModel):
    """An event that a consumer could not handle, or that waits behind one."""

    model_config = example(
        consumer="collections",
        topic="puhui.ledger",
        stream_id=f"loan-{LOAN}",
        sequence=41,
        type="puhui.ledger.repayment-received.v1",
        event_id=PAYMENT,
        error="KeyError('position')",
        attempts=4,
    )

    consumer: str
    topic: str
    stream_id: str
    sequence: int
    type: str
    event_id: str
    error: str
    attempts: int


class Redriven(ResponseModel):
    """How many parked events went through."""

    model_config = example(handled=3)

    handled: int


class Verified(ResponseModel):
    """A read model compared, row by row, with one built again from the events."""

    model_config = example(read_model="books.v1", events=42_000, differing_rows=0, differences=[], equal=True)

    read_model: str
    events: int
    differing_rows: int
    differences: list[str] = Field(description="The first of the rows that differ.")
    equal: bool


class Skip(RequestModel):
    """Why an event is given up."""

    model_config = example(reason="Sent twice by the old importer, repaired by hand")

    reason: Text


def operations_router(service: str) -> APIRouter:
    """The operators' operations under `/<service>/operations`."""
    router = APIRouter(prefix="/operations", tags=["operations"])
    log = get_logger(service)

    @router.get("/progress", summary="How far this service has got")
    async def read_progress(_actor: Reader, runtime: Running) -> ProgressReport:
        """Last sequence, relay, consumers, tasks and parked events of this service at one moment."""
        progress = await runtime.store.progress()
        return ProgressReport(
            service=service,
            topic=runtime.topic,
            business_date=runtime.today.isoformat(),
            subscriptions={name: list(topics) for name, (topics, _) in runtime.subscriptions.items()},
            progress=progress.to_json(),
        )

    @router.post("/verifications", summary="Build every read model again and compare")
    async def verify_read_models(call: Annotated[Call, command("operator", "auditor")]) -> list[Verified]:
        """Each projection is built from the first event on in tables of its own and compared with the live one at the
        same position, row by row; the live one goes on meanwhile and is not touched."""
        found = []
        for projection in call.runtime.projections:
            feed = OwnFeed(call.runtime.store, f"/puhui/{service}")
            comparison = await verify(call.runtime.store, projection, call.runtime.codec, feed)
            found.append(
                Verified(
                    read_model=projection.consumer,
                    events=sum(comparison.positions.values()),
                    differing_rows=comparison.differing,
                    differences=[str(difference) for difference in comparison.differences],
                    equal=comparison.equal,
                )
            )
        return found

    @router.get("/parked/{consumer}", summary="Events that wait for a person")
    async def list_parked(_actor: Reader, runtime: Running, consumer: Consumer) -> list[ParkedEvent]:
        """What a consumer has parked, in order."""
        _subscriber(runtime, consumer)
        return [_shown(parked) for parked in await runtime.store.parked(consumer)]

    @router.post("/parked/{consumer}/{stream_id}/redrive", summary="Hand parked events over again")
    async def redrive_parked(
        call: Annotated[Call, command("operator")], consumer: Consumer, stream_id: Stream
    ) -> Redriven:
        """In order, each in its own transaction; the first that fails again, and all after it, stay parked."""
        delivery = Delivery(call.runtime.store, _subscriber(call.runtime, consumer), call.runtime.codec)
        try:
            handled = await delivery.redrive(stream_id)
        except Exception as error:
            log.warning("redrive_failed", consumer=consumer, stream_id=stream_id, exc_info=error)
            raise Problem(CONFLICT, f"An event failed again and stays parked: {type(error).__name__}.") from error
        log.info("redriven", consumer=consumer, stream_id=stream_id, handled=handled, actor=call.actor.subject)
        call.runtime.appended.set()
        return Redriven(handled=handled)

    @router.post("/parked/{consumer}/{stream_id}/skip", summary="Give up the first parked event of a stream")
    async def skip_parked(
        call: Annotated[Call, command("operator")], consumer: Consumer, stream_id: Stream, body: Skip
    ) -> Redriven:
        """With a reason, on record in the log; those after it stay parked until they are handed over."""
        delivery = Delivery(call.runtime.store, _subscriber(call.runtime, consumer), call.runtime.codec)
        try:
            sequence = await delivery.skip(stream_id)
        except LookupError as error:
            raise Problem(NOT_FOUND, str(error)) from None
        log.warning("skipped", stream_id=stream_id, sequence=sequence, reason=body.reason, actor=call.actor.subject)
        return Redriven(handled=0)

    return router


def _subscriber(runtime: Runtime, consumer: str) -> Subscriber:
    found = runtime.subscriptions.get(consumer)
    if found is None:
        raise Problem(NOT_FOUND, f"There is no consumer {consumer[:80]!r}; the progress report lists them.")
    return found[1]


def _shown(parked: Parked) -> ParkedEvent:
    event = parked.event
    return ParkedEvent(
        consumer=parked.consumer,
        topic=parked.topic,
        stream_id=event.stream_id,
        sequence=event.sequence,
        type=event.type,
        event_id=str(event.event_id),
        error=parked.error,
        attempts=parked.attempts,
    )
