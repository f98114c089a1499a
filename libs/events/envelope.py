"""What surrounds a fact: who, when, why; and its form on the wire (CloudEvents 1.0, Kafka binary mode)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

import orjson
from asyncpg.pgproto import pgproto

from libs.events.canonical import canonical
from libs.events.lazy import lazy
from libs.events.merkle import leaf_hash

SPEC_VERSION: Final = b"1.0"
OPTIONAL_HEADERS: Final = (
    ("ce_correlationid", "correlation_id"),
    ("ce_causationid", "causation_id"),
    ("ce_effectivedate", "effective_date"),
    ("ce_traceparent", "traceparent"),
)
NO_TIME: Final = b'"recorded_at":""'
"""Within JSON text only where it is meant: in a value its quotes would be escaped."""
Headers = Sequence[tuple[str, bytes]]


class BrokenRecord(ValueError):
    """A Kafka record that is not a CloudEvent of ours."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted: a person, a service or a partner, in which role and on whose authority."""

    subject: str
    role: str = ""
    authority: str = ""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The circumstances of an event. Times are RFC 3339, dates ISO 8601; `rules` maps a rule set to its version."""

    recorded_at: str
    actor: Actor
    correlation_id: str
    causation_id: str = ""
    request_id: str = ""
    traceparent: str = ""
    effective_date: str = ""
    rules: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Canonical bytes; members that may be empty are left out when they are."""
        values: dict[str, Any] = {
            "actor": {"subject": self.actor.subject}
            | {k: v for k in ("authority", "role") if (v := getattr(self.actor, k))},
            "correlation_id": self.correlation_id,
            "recorded_at": self.recorded_at,
        }
        for name in ("causation_id", "effective_date", "request_id", "traceparent"):
            if value := getattr(self, name):
                values[name] = value
        if self.rules:
            values["rules"] = dict(self.rules)
        return canonical(values)

    def to_bytes_at(self, times: Iterable[str]) -> list[bytes]:
        """The bytes at each of these times, of circumstances whose own is empty: of what one cause has led to, nothing
        else differs."""
        before, empty, after = self.to_bytes().partition(NO_TIME)
        assert empty, "they have no time yet"
        return [b'%b"recorded_at":"%b"%b' % (before, time.encode(), after) for time in times]

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        values = orjson.loads(data)
        values["actor"] = Actor(**values["actor"])
        return cls(**values)


class NewEvent(NamedTuple):
    """An event about to be appended: canonical bytes, made once."""

    event_id: UUID
    type: str
    data: bytes
    metadata: bytes


class _Row(NamedTuple):
    stream_id: str
    version: int
    event_id: UUID
    type: str
    data: bytes
    metadata: bytes
    sequence: int = 0


class StoredEvent(_Row):
    """An event as the store holds it. `sequence` is its place in the service's total order, 0 while it has none.

    A tuple, like all that is made anew for every event on its way: a frozen dataclass takes three times as long.
    """

    @lazy
    def circumstances(self) -> Metadata:
        return Metadata.from_bytes(self.metadata)

    @property
    def leaf_hash(self) -> bytes:
        return leaf_hash(leaf_bytes(self.stream_id, self.version, self.event_id, self.type, self.data, self.metadata))


def leaf_bytes(stream_id: str, version: int, event_id: UUID, type: str, data: bytes, metadata: bytes) -> bytes:
    """What a Merkle leaf covers: the canonical JSON of the whole event, put together from parts already canonical."""
    return b'{"data":%b,"id":"%b","metadata":%b,"stream":%b,"type":%b,"version":%d}' % (
        data,
        str(event_id).encode(),
        metadata,
        orjson.dumps(stream_id),
        orjson.dumps(type),
        version,
    )


def to_headers(event: StoredEvent, source: str, previous: int) -> list[tuple[str, bytes]]:
    """CloudEvents attributes as Kafka headers.

    Beside the standard ones: `ce_sequence` (place in the service's order), `ce_previous` (the sequence of the record
    before it in the same partition, so that a reader sees by itself whether one is missing), `ce_streamversion`, and
    `ce_metadata` (the canonical metadata bytes, so that a reader can compute the Merkle leaf).
    """
    circumstances = orjson.loads(event.metadata)
    headers = [
        ("ce_specversion", SPEC_VERSION),
        ("ce_type", event.type.encode()),
        ("ce_source", source.encode()),
        ("ce_id", str(event.event_id).encode()),
        ("ce_time", circumstances["recorded_at"].encode()),
        ("ce_subject", event.stream_id.encode()),
        ("content-type", b"application/json"),
        ("ce_sequence", b"%d" % event.sequence),
        ("ce_previous", b"%d" % previous),
        ("ce_streamversion", b"%d" % event.version),
        ("ce_metadata", event.metadata),
    ]
    for header, name in OPTIONAL_HEADERS:
        if value := circumstances.get(name):
            headers.append((header, value.encode()))
    return headers


class Delivered(NamedTuple):
    """An event as it came off the wire: the event, who published it, and its predecessor in the partition."""

    event: StoredEvent
    source: str
    previous: int


def from_record(value: bytes | None, headers: Headers) -> Delivered:
    """The event of a Kafka record; raises `BrokenRecord` when an attribute is missing or not of its form."""
    given = dict(headers)
    try:
        event = StoredEvent(
            given["ce_subject"].decode(),
            int(given["ce_streamversion"]),
            pgproto.UUID(given["ce_id"].decode()),  # as the store has them; uuid.UUID takes thrice as long
            given["ce_type"].decode(),
            value or b"",
            given["ce_metadata"],
            int(given["ce_sequence"]),
        )
        return Delivered(event, given["ce_source"].decode(), int(given["ce_previous"]))
    except (KeyError, ValueError) as error:
        raise BrokenRecord(f"record is not an event: {error!r}") from error
