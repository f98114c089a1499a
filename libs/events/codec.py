"""Between an event's class and its bytes: stable type names, canonical data, upcasters for retired types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar
from uuid import UUID

import orjson

from libs.events.canonical import canonical
from libs.events.envelope import Metadata, StoredEvent

E = TypeVar("E", covariant=True)


class Payload(Protocol):
    """What the kit asks of an event class."""

    type_name: ClassVar[str]

    def payload(self) -> dict[str, Any]: ...

    @classmethod
    def model_validate(cls, obj: Any) -> Self: ...


@dataclass(frozen=True, slots=True)
class Recorded(Generic[E]):
    """A decoded event with all that is known about it: what a reaction or a projection is given."""

    event: E
    stream_id: str
    version: int
    sequence: int
    event_id: UUID
    type: str
    source: str
    metadata: Metadata
    stored: StoredEvent
    """The event as it is stored, for whoever keeps or proves its bytes."""

    @property
    def key(self) -> str:
        """The stream's key: its name without the category."""
        return self.stream_id.partition("-")[2]


class UnknownEventType(LookupError):
    """No class is known for a type name; a reader that does not need it passes it over."""


@dataclass(frozen=True, slots=True)
class Upcaster:
    """Turns the data of a retired type into that of its successor: a pure function from dict to dict."""

    successor: str
    convert: Callable[[dict[str, Any]], dict[str, Any]]


class Codec:
    """Encodes and decodes the events of a set of classes."""

    def __init__(self, types: Mapping[str, type[Payload]], upcasters: Mapping[str, Upcaster] | None = None) -> None:
        self._types = types
        self._upcasters = upcasters or {}
        for name, upcaster in self._upcasters.items():
            if upcaster.successor not in types and upcaster.successor not in self._upcasters:
                raise ValueError(f"{name} is upcast to {upcaster.successor}, which is not known")
            self._refuse_circle(name)

    def _refuse_circle(self, name: str) -> None:
        seen, at = {name}, name
        while (upcaster := self._upcasters.get(at)) is not None:
            at = upcaster.successor
            if at in seen:
                raise ValueError(f"{name} is upcast in a circle")
            seen.add(at)

    def encode(self, event: Payload) -> tuple[str, bytes]:
        return event.type_name, canonical(event.payload())

    def current_type(self, type: str) -> str:
        """The type name that this one is read as: its own, or that of its last successor."""
        while type in self._upcasters:
            type = self._upcasters[type].successor
        return type

    def decode(self, type: str, data: bytes) -> Any:
        """The event; raises `UnknownEventType`, or what the class raises when the data are not of its form."""
        values = orjson.loads(data)
        while (upcaster := self._upcasters.get(type)) is not None:
            type, values = upcaster.successor, upcaster.convert(values)
        try:
            event_class = self._types[type]
        except KeyError:
            raise UnknownEventType(type) from None
        return event_class.model_validate(values)

    def recorded(self, stored: StoredEvent, source: str) -> Recorded[Any]:
        return Recorded(
            event=self.decode(stored.type, stored.data),
            stream_id=stored.stream_id,
            version=stored.version,
            sequence=stored.sequence,
            event_id=stored.event_id,
            type=stored.type,
            source=source,
            metadata=stored.circumstances,
            stored=stored,
        )
