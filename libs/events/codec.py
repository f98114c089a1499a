"""Between an event's class and its bytes: stable type names, canonical data, upcasters for retired types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, Protocol, Self, TypeVar
from uuid import UUID

import orjson

from libs.events.canonical import canonical
from libs.events.envelope import Metadata, StoredEvent
from libs.events.lazy import lazy

E = TypeVar("E", covariant=True)

KEPT_EVENTS: Final = 4096
"""Decoded events that are kept for those who are about to hear of them."""


class Payload(Protocol):
    """What the kit asks of an event class."""

    type_name: ClassVar[str]

    def payload(self) -> dict[str, Any]: ...

    @classmethod
    def model_validate(cls, obj: Any) -> Self: ...


@dataclass(frozen=True)
class Recorded(Generic[E]):
    """An event with all that is known about it: what a reaction or a projection is given.

    It is decoded when it is first asked for: an archive never asks.
    """

    stored: StoredEvent
    """The event as it is stored, for whoever keeps or proves its bytes."""
    source: str
    codec: Codec

    @lazy
    def event(self) -> E:
        """Raises what `Codec.decode` raises."""
        decoded: E = self.codec.decode(self.stored.type, self.stored.data)
        return decoded

    @property
    def stream_id(self) -> str:
        return self.stored.stream_id

    @property
    def version(self) -> int:
        return self.stored.version

    @property
    def sequence(self) -> int:
        return self.stored.sequence

    @property
    def event_id(self) -> UUID:
        return self.stored.event_id

    @property
    def type(self) -> str:
        return self.stored.type

    @property
    def current_type(self) -> str:
        """The type name of `event`: the stored one, or that of its last successor."""
        return self.codec.current_type(self.stored.type)

    @property
    def metadata(self) -> Metadata:
        return self.stored.circumstances

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
        self._decoded: dict[tuple[str, bytes], Any] = {}
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
        """The event; raises `UnknownEventType`, or what the class raises when the data are not of its form.

        Events are immutable, so all who hear of one within a short time share it: who decodes the same bytes again
        is given the same object.
        """
        known = self._decoded.get((type, data))
        if known is None:
            known = self._decode(type, data)
            if len(self._decoded) >= KEPT_EVENTS:
                del self._decoded[next(iter(self._decoded))]
            self._decoded[type, data] = known
        return known

    def _decode(self, type: str, data: bytes) -> Any:
        values = orjson.loads(data)
        while (upcaster := self._upcasters.get(type)) is not None:
            type, values = upcaster.successor, upcaster.convert(values)
        try:
            event_class = self._types[type]
        except KeyError:
            raise UnknownEventType(type) from None
        return event_class.model_validate(values)

    def recorded(self, stored: StoredEvent, source: str) -> Recorded[Any]:
        return Recorded(stored, source, self)
