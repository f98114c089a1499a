"""Between an event's class and its bytes: stable type names, canonical data, upcasters for retired types, and personal
values sealed on the way in and opened on the way out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Generic, Protocol, Self, TypeVar
from uuid import UUID

import orjson

from libs.events.canonical import canonical
from libs.events.envelope import Metadata, StoredEvent
from libs.events.lazy import lazy
from libs.events.sealing import (
    ERASED,
    MARK,
    NO_KEYS,
    SEALED,
    Keyring,
    Keys,
    PersonalValues,
    PlainPersonalData,
    Shut,
    SubjectKey,
    opened,
    seal_values,
    subjects_in,
)

E = TypeVar("E", covariant=True)

KEPT_EVENTS: Final = 4096
KEPT_EVENTS_OF_ONE: Final = 16
"""Decoded events that are kept for those who are about to hear of them."""


class Payload(Protocol):
    """What the kit asks of an event class.

    It may have `personal(payload)`, which tells where in its data personal values stand, and whose they are.
    """

    type_name: ClassVar[str]

    def payload(self) -> dict[str, Any]: ...

    @classmethod
    def model_validate(cls, obj: Any) -> Self: ...


@dataclass(eq=False)
class Recorded(Generic[E]):
    """An event with all that is known about it: what a reaction or a projection is given.

    It is decoded when it is first asked for: an archive never asks. Nobody changes one: it is not frozen since one is
    made for each who hears of an event, and freezing them costs more than reading them.
    """

    stored: StoredEvent
    """The event as it is stored, for whoever keeps or proves its bytes."""
    source: str
    codec: Codec
    keys: Keys = field(default_factory=lambda: NO_KEYS, repr=False)
    """Persons' keys, as far as the reader may have them."""

    @lazy
    def event(self) -> E:
        """Raises what `Codec.decode` raises."""
        decoded: E = self.codec.decode(self.stored.type, self.stored.data, self.keys)
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
    """Encodes and decodes the events of a set of classes.

    With a keyring, personal values are sealed, and data that hold one in plain text are refused. Without one they are
    written and read as they are.
    """

    def __init__(
        self,
        types: Mapping[str, type[Payload]],
        upcasters: Mapping[str, Upcaster] | None = None,
        keyring: Keyring | None = None,
    ) -> None:
        self._types = types
        self._decoded: dict[tuple[str, bytes], Any] = {}
        self._upcasters = upcasters or {}
        self.keyring = keyring
        for name, upcaster in self._upcasters.items():
            if upcaster.successor not in types and upcaster.successor not in self._upcasters:
                raise ValueError(f"{name} is upcast to {upcaster.successor}, which is not known")
            self._refuse_circle(name)

    def with_keyring(self, keyring: Keyring) -> Codec:
        """The same codec for a reader with these keys; events without personal values are shared between them."""
        codec = Codec(self._types, self._upcasters, keyring)
        codec._decoded = self._decoded
        return codec

    def _refuse_circle(self, name: str) -> None:
        seen, at = {name}, name
        while (upcaster := self._upcasters.get(at)) is not None:
            at = upcaster.successor
            if at in seen:
                raise ValueError(f"{name} is upcast in a circle")
            seen.add(at)

    def encode(self, event: Payload, keys: Keys = NO_KEYS) -> tuple[str, bytes]:
        """Type and bytes of an event, personal values sealed under `keys`; raises `KeyError` when one is missing."""
        return self._encoded(event, event.payload(), keys)

    async def write(self, events: Sequence[Payload]) -> list[tuple[str, bytes]]:
        """Type and bytes of each event, personal values sealed under keys that are made where there are none.

        Raises `sealing.Shut` when a person's data may be recorded no more.
        """
        payloads = [event.payload() for event in events]
        keys = NO_KEYS
        if self.keyring is not None:
            personal = [_personal(type(event), payload) for event, payload in zip(events, payloads, strict=True)]
            if subjects := {subject for values in personal for _, subject in values}:
                keys = await self.keyring.to_seal(subjects)
        return [self._encoded(event, payload, keys) for event, payload in zip(events, payloads, strict=True)]

    def _encoded(self, event: Payload, payload: dict[str, Any], keys: Keys) -> tuple[str, bytes]:
        if self.keyring is not None and (personal := _personal(type(event), payload)):
            seal_values(event.type_name, payload, personal, keys)
        return event.type_name, canonical(payload)

    def current_type(self, type: str) -> str:
        """The type name that this one is read as: its own, or that of its last successor."""
        while type in self._upcasters:
            type = self._upcasters[type].successor
        return type

    def stored_types(self, current: Collection[str]) -> frozenset[str]:
        """The type names that are read as one of these: their own, and those of retired predecessors."""
        return frozenset(type for type in {*current, *self._upcasters} if self.current_type(type) in current)

    async def keys_of(self, contents: Iterable[bytes]) -> Keys:
        """The keys that it takes to read these data; raises `sealing.KeyMissing`."""
        subjects = subjects_in(contents)
        return await self.keyring.to_open(subjects) if subjects and self.keyring is not None else NO_KEYS

    def decode(self, type: str, data: bytes, keys: Keys = NO_KEYS) -> Any:
        """The event, personal values opened as far as `keys` go; where there is no key a placeholder is read.

        Raises `UnknownEventType`, or what the class raises when the data are not of its form.

        Events are immutable, so all who hear of one within a short time share it: who decodes the same bytes again
        is given the same object. Where personal values are in it, it is kept with the person's key, as long as that.
        """
        if MARK in data:
            return self._opened(type, data, keys)
        known = self._decoded.get((type, data))
        if known is None:
            values = orjson.loads(data)
            if self.keyring is not None and (event_class := self._types.get(type)) is not None:
                _refuse_plain(type, _personal(event_class, values), values)
            known = self._decode(type, values)
            if len(self._decoded) >= KEPT_EVENTS:
                del self._decoded[next(iter(self._decoded))]
            self._decoded[type, data] = known
        return known

    def _opened(self, type: str, data: bytes, keys: Keys) -> Any:
        subjects = subjects_in([data])
        key = keys.get(next(iter(subjects))) if len(subjects) == 1 else None
        if key is None:
            return self._decode(type, opened(type, orjson.loads(data), keys))
        if (known := key.decoded.get((type, data))) is None:
            known = self._decode(type, opened(type, orjson.loads(data), keys))
            if len(key.decoded) >= KEPT_EVENTS_OF_ONE:
                del key.decoded[next(iter(key.decoded))]
            key.decoded[type, data] = known
        return known

    def _decode(self, type: str, values: Any) -> Any:
        while (upcaster := self._upcasters.get(type)) is not None:
            type, values = upcaster.successor, upcaster.convert(values)
        try:
            event_class = self._types[type]
        except KeyError:
            raise UnknownEventType(type) from None
        return event_class.model_validate(values)

    async def heed_erasure(self) -> None:
        """A service that hears of an erasure reads nothing more of it, without waiting for its next look at the keys."""
        if self.keyring is not None:
            await self.keyring.look()

    async def sealing_key(self, subject: str) -> SubjectKey:
        """The key under which a service seals what else it keeps of a person. Raises `sealing.Shut`."""
        assert self.keyring is not None, "a service that keeps personal data has a keyring"
        return (await self.keyring.to_seal([subject]))[subject]

    async def opening_key(self, subject: str) -> SubjectKey:
        """The key that opens it; raises `sealing.Shut` when the person's data are restricted or erased."""
        assert self.keyring is not None, "a service that keeps personal data has a keyring"
        key = (await self.keyring.to_open([subject]))[subject]
        if key.is_shut:
            raise Shut(subject, key.instead == ERASED)
        return key

    async def read(self, stored: Sequence[StoredEvent]) -> list[Any]:
        """The events of what is stored, personal values opened for this service."""
        keys = await self.keys_of(event.data for event in stored)
        return [self.decode(event.type, event.data, keys) for event in stored]

    async def read_recorded(self, stored: Sequence[StoredEvent], sources: Sequence[str]) -> list[Recorded[Any]]:
        """What is stored with all that is known about it; `sources` says of each who published it."""
        keys = await self.keys_of(event.data for event in stored)
        return [Recorded(event, source, self, keys) for event, source in zip(stored, sources, strict=True)]

    def recorded(self, stored: StoredEvent, source: str, keys: Keys = NO_KEYS) -> Recorded[Any]:
        return Recorded(stored, source, self, keys)


def _personal(event_class: type[Any], payload: dict[str, Any]) -> PersonalValues:
    personal = getattr(event_class, "personal", None)
    return () if personal is None else personal(payload)


def _refuse_plain(type: str, personal: PersonalValues, values: Any) -> None:
    for place, _ in personal:
        value = values
        for step in place:
            value = value[step]
        if value not in (None, "") and not (isinstance(value, dict) and SEALED in value):
            raise PlainPersonalData(type, place)
