"""What operators do to a service's machinery, on record in that service's own store and on the trail like any event.

Every service may record these of itself, in its stream `operations-<service>`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent
from libs.contracts.types import Text

Sequence = Annotated[int, Field(ge=0, description="Place in the total order of the service that published it.")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

PARKED: dict[str, Any] = {
    "consumer": "collections",
    "topic": "puhui.ledger",
    "stream_id": f"loan-{ex.LOAN}",
    "sequence": 41,
    "event_id": ex.PAYMENT,
    "event_type": "puhui.ledger.repayment-received.v1",
    "reason": "The importer sent it without a channel; mended by hand",
}


class ParkedEventHandedOver(DomainEvent, type="puhui.operations.parked-event-handed-over.v1"):
    """An event that waited for a person was handed over to its consumer again, and its effects are done."""

    consumer: Text
    topic: str
    stream_id: Text
    sequence: Sequence
    event_id: Text
    event_type: Text
    reason: str = ""

    example: ClassVar[dict[str, Any]] = PARKED


class ParkedEventSkipped(DomainEvent, type="puhui.operations.parked-event-skipped.v1"):
    """An event that waited for a person was given up: its consumer never had it."""

    consumer: Text
    topic: str
    stream_id: Text
    sequence: Sequence
    event_id: Text
    event_type: Text
    error: str
    reason: Text

    example: ClassVar[dict[str, Any]] = {**PARKED, "error": "KeyError('channel')"}


class ParkedEventRepaired(DomainEvent, type="puhui.operations.parked-event-repaired.v1"):
    """What a consumer will be handed in place of a parked event's data was changed; the event itself never is."""

    consumer: Text
    topic: str
    stream_id: Text
    sequence: Sequence
    event_id: Text
    event_type: Text
    sha256_before: Sha256
    sha256_after: Sha256
    reason: Text

    example: ClassVar[dict[str, Any]] = {**PARKED, "sha256_before": "0" * 64, "sha256_after": "f" * 64}


class ReadModelSwitched(DomainEvent, type="puhui.operations.read-model-switched.v1"):
    """A read model that was built again from the first event took the place of the live one."""

    read_model: Text
    sequence: Sequence
    rows: Annotated[int, Field(ge=0)]
    differing_rows: Annotated[int, Field(ge=0, description="Of the former one, at the moment of the comparison.")]
    reason: Text

    example: ClassVar[dict[str, Any]] = {
        "read_model": "books.v1",
        "sequence": 42000,
        "rows": 1000,
        "differing_rows": 0,
        "reason": "A column was added",
    }


class StoreAdopted(DomainEvent, type="puhui.operations.store-adopted.v1"):
    """A store that was restored from another database cluster is this one's own from here on."""

    sequence: Sequence
    unstamped: Annotated[int, Field(ge=0, description="Events that had no place in the total order yet.")]
    reason: Text

    example: ClassVar[dict[str, Any]] = {"sequence": 42000, "unstamped": 3, "reason": "Moved to the new cluster"}
