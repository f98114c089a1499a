"""What operators do about events that a consumer could not handle: look, mend, skip, hand over again. All on record."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any, Final, NoReturn

import orjson
from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict, Field, ValidationError

from libs.contracts.base import DomainEvent
from libs.contracts.examples import LOAN, PAYMENT
from libs.contracts.operations import ParkedEventHandedOver, ParkedEventRepaired, ParkedEventSkipped
from libs.contracts.types import Text
from libs.events.canonical import NotCanonical, canonical
from libs.events.delivery import Delivery, NotRepairable, OnRecord, Subscriber
from libs.events.store import Fenced, Parked, Session
from libs.service.actor import Actor
from libs.service.acts import record
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.logging import get_logger
from libs.service.models import RequestModel, ResponseModel
from libs.service.problems import CONFLICT, NOT_FOUND, VALIDATION_FAILED, FieldError, Problem
from libs.service.runtime import Runtime, runtime_of

Reader = Annotated[Actor, Depends(require("operator", "auditor", "service"))]
Operator = Annotated[Call, command("operator")]
Running = Annotated[Runtime, Depends(runtime_of)]
Consumer = Annotated[str, Path(max_length=80, description="The consumer's name, as `subscriptions` has it.")]
Stream = Annotated[str, Path(max_length=200, description="The stream whose events are parked.")]
SEQUENCE_MAX: Final = 2**53 - 1

log = get_logger("operations")


def example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


SHOWN: Final[dict[str, Any]] = {
    "consumer": "collections",
    "topic": "puhui.ledger",
    "stream_id": f"loan-{LOAN}",
    "sequence": 41,
    "type": "puhui.ledger.repayment-received.v1",
    "event_id": PAYMENT,
    "error": "KeyError('position')",
    "attempts": 4,
}


class ParkedEvent(ResponseModel):
    """An event that a consumer could not handle, or that waits behind one."""

    model_config = example(**SHOWN)

    consumer: str
    topic: str
    stream_id: str
    sequence: int
    type: str
    event_id: str
    error: str
    attempts: int


class ParkedEventInFull(ParkedEvent):
    """With its data and its circumstances, as the consumer is handed them."""

    model_config = example(
        **SHOWN, data={"loan_id": LOAN}, metadata={"actor": {"subject": "finance-officer"}}, repairable=True
    )

    data: Any
    metadata: Any
    repairable: bool = Field(description="Whether this consumer may be handed other data; read models may not.")


class Redriven(ResponseModel):
    """How many parked events went through."""

    model_config = example(handled=3)

    handled: int


class Reason(RequestModel):
    """Why it is done; it is on record with the act."""

    model_config = example(reason="Sent twice by the old importer, repaired by hand")

    reason: Text


class Repair(Reason):
    """Other data for one parked event, for this consumer alone."""

    model_config = example(
        sequence=41, data={"loan_id": LOAN, "channel": "bank-transfer"}, reason="The importer left the channel out"
    )

    sequence: Annotated[int, Field(ge=1, le=SEQUENCE_MAX, description="Which event.")]
    data: Annotated[dict[str, Any], Field(description="All of the event's data, of the form of its type.")]


def parked_routes(router: APIRouter) -> None:
    """Add the routes under `/operations/parked`."""
    path = "/parked/{consumer}/{stream_id}"

    @router.get("/parked", summary="All events that wait for a person")
    async def list_all_parked(_actor: Reader, runtime: Running) -> list[ParkedEvent]:
        """Of every consumer of this service, in order."""
        return [_shown(parked) for name in runtime.subscriptions for parked in await runtime.store.parked(name)]

    @router.get("/parked/{consumer}", summary="Events that wait for a person")
    async def list_parked(_actor: Reader, runtime: Running, consumer: Consumer) -> list[ParkedEvent]:
        """What a consumer has parked, in order."""
        _subscriber(runtime, consumer)
        return [_shown(parked) for parked in await runtime.store.parked(consumer)]

    @router.get(path, summary="The parked events of a stream in full")
    async def read_parked(
        _actor: Annotated[Actor, Depends(require("operator", "auditor"))],
        runtime: Running,
        consumer: Consumer,
        stream_id: Stream,
    ) -> list[ParkedEventInFull]:
        """With data and circumstances: enough to see what is wrong with them, or with the consumer."""
        repairable = bool(getattr(_subscriber(runtime, consumer), "repairable", False))
        return [_in_full(parked, repairable) for parked in await runtime.store.parked(consumer, stream_id)]

    @router.post(f"{path}/redrive", summary="Hand parked events over again")
    async def redrive_parked(call: Operator, consumer: Consumer, stream_id: Stream) -> Redriven:
        """In order, each in its own transaction; the first that fails again, and all after it, stay parked."""

        def act(parked: Parked) -> DomainEvent:
            return ParkedEventHandedOver(**_named(parked), event_type=parked.event.type)

        delivery = _delivery(call.runtime, consumer)
        try:
            handled = await delivery.redrive(stream_id, _on_record(call, act))
        except Exception as error:
            log.warning("redrive_failed", consumer=consumer, stream_id=stream_id, exc_info=error)
            raise Problem(CONFLICT, f"An event failed again and stays parked: {type(error).__name__}.") from error
        call.runtime.appended.set()
        return Redriven(handled=handled)

    @router.post(f"{path}/skip", summary="Give up the first parked event of a stream")
    async def skip_parked(call: Operator, consumer: Consumer, stream_id: Stream, body: Reason) -> Redriven:
        """With a reason; those after it stay parked until they are handed over."""

        def act(parked: Parked) -> DomainEvent:
            return ParkedEventSkipped(
                **_named(parked), event_type=parked.event.type, error=parked.error, reason=body.reason
            )

        try:
            await _delivery(call.runtime, consumer).skip(stream_id, _on_record(call, act))
        except LookupError as error:
            raise Problem(NOT_FOUND, str(error)) from None
        except Fenced:
            _raced()
        call.runtime.appended.set()
        return Redriven(handled=0)

    @router.post(f"{path}/repair", summary="Mend a parked event for this consumer")
    async def repair_parked(call: Operator, consumer: Consumer, stream_id: Stream, body: Repair) -> Redriven:
        """The consumer will be handed these data in place of the event's own when it is handed over again. The event
        itself stays what it is: in its service, in the topic, for everybody else and in every replay."""
        try:
            data = canonical(body.data)
        except NotCanonical as error:
            raise _invalid_data(error) from None

        def act(parked: Parked) -> DomainEvent:
            before, after = sha256(parked.event.data).hexdigest(), sha256(data).hexdigest()
            return ParkedEventRepaired(
                **_named(parked),
                event_type=parked.event.type,
                sha256_before=before,
                sha256_after=after,
                reason=body.reason,
            )

        delivery = _delivery(call.runtime, consumer)
        try:
            await delivery.repair(stream_id, body.sequence, data, _on_record(call, act))
        except LookupError as error:
            raise Problem(NOT_FOUND, str(error)) from None
        except NotRepairable:
            detail = "This consumer follows from the events as they are: mend its code, then hand over again."
            raise Problem(CONFLICT, detail) from None
        except ValidationError as error:
            raise Problem(VALIDATION_FAILED, errors=_wrong(error)) from None
        except ValueError as error:
            raise _invalid_data(error) from None
        except Fenced:
            _raced()
        call.runtime.appended.set()
        return Redriven(handled=0)


def _raced() -> NoReturn:
    raise Problem(CONFLICT, "Somebody else has taken this event up meanwhile; look again.") from None


def _on_record(call: Call, act: Any) -> OnRecord:
    async def on_record(session: Session, parked: Parked) -> None:
        await record(call.runtime.commands, call.runtime.name, act(parked), call.cause(), session)

    return on_record


def _named(parked: Parked) -> dict[str, Any]:
    event = parked.event
    return {
        "consumer": parked.consumer,
        "topic": parked.topic,
        "stream_id": event.stream_id,
        "sequence": event.sequence,
        "event_id": str(event.event_id),
    }


def _wrong(error: ValidationError) -> list[FieldError]:
    found = error.errors(include_input=False, include_url=False)
    return [
        FieldError(str(one["type"]), str(one["msg"]), pointer="/".join(("#/data", *map(str, one["loc"]))))
        for one in found[:20]
    ]


def _delivery(runtime: Runtime, consumer: str) -> Delivery:
    return Delivery(runtime.store, _subscriber(runtime, consumer), runtime.codec)


def _subscriber(runtime: Runtime, consumer: str) -> Subscriber:
    found = runtime.subscriptions.get(consumer)
    if found is None:
        raise Problem(NOT_FOUND, f"There is no consumer {consumer[:80]!r}; the progress report lists them.")
    return found[1]


def _values(parked: Parked) -> dict[str, Any]:
    return {**_named(parked), "type": parked.event.type, "error": parked.error, "attempts": parked.attempts}


def _shown(parked: Parked) -> ParkedEvent:
    return ParkedEvent(**_values(parked))


def _invalid_data(error: ValueError) -> Problem:
    return Problem(VALIDATION_FAILED, errors=[FieldError("invalid-data", str(error)[:200], pointer="#/data")])


def _in_full(parked: Parked, repairable: bool) -> ParkedEventInFull:
    data, metadata = orjson.loads(parked.event.data), orjson.loads(parked.event.metadata)
    return ParkedEventInFull(**_values(parked), data=data, metadata=metadata, repairable=repairable)
