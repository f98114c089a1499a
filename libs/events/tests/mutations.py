"""Planted bugs, each a protocol of the kit left out or done in the wrong order: the simulator must find every one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest.mock import patch

from libs.events import commands, consumer, relay
from libs.events.broker import Publisher, Record
from libs.events.chain import Links
from libs.events.commands import CommandHandler
from libs.events.consumer import Consumer
from libs.events.delivery import Delivery, Item, Move
from libs.events.envelope import NewEvent, from_record
from libs.events.memory import MemoryStore
from libs.events.memory.store import MemorySession
from libs.events.relay import Relay
from libs.events.store import Answer, ConcurrencyError, Position, RelayState, Session


@dataclass(frozen=True)
class Mutation:
    """A bug: what is left out, and the code that does without it."""

    name: str
    what: str
    target: Any
    attribute: str
    instead: Any

    @contextmanager
    def planted(self) -> Iterator[None]:
        with patch.object(self.target, self.attribute, self.instead):
            yield


async def _position_first(self: Delivery, moves: Sequence[Move]) -> None:
    for move in moves:
        await self._store.advance(self._subscriber.consumer, move.topic, move.partition, move.old, move.new)
    async with self._store.transaction() as session:
        await self._subscriber.handle(session, await self._read([item for move in moves for item in move.items]))


async def _effects_first(self: Delivery, moves: Sequence[Move]) -> None:
    async with self._store.transaction() as session:
        await self._subscriber.handle(session, await self._read([item for move in moves for item in move.items]))
    for move in moves:
        await self._store.advance(self._subscriber.consumer, move.topic, move.partition, move.old, move.new)


async def _unfenced_position(
    self: MemorySession,
    consumer: str,
    topic: str,
    partition: int,
    _old: Any,
    new: Position,
    streams: Any = (),
    **_: Any,
) -> set[str]:
    self._effects.append(lambda: self._tables.positions.__setitem__((consumer, topic, partition), new))
    return {place[2] for place in self._tables.parked if place[:2] == (consumer, topic) and place[2] in streams}


async def _append_again(
    self: CommandHandler, decider: Any, stream_id: str, command: Any, cause: Any, *, key: Any = None, **_: Any
) -> None:
    state, version = await self.state(decider, stream_id)
    events = decider.decide(command, state)
    answer = Answer(key.key, key.fingerprint, b"answer")
    while True:
        try:
            await self._store.append(stream_id, version, await self._new(events, cause), answer)
            return
        except ConcurrencyError:
            _, version = await self.state(decider, stream_id)
        except commands.AlreadyAnswered:
            return


async def _unfenced_relay(self: MemoryStore, _epoch: int, state: RelayState) -> None:
    self._relay = state


def _any_successor(last: int, records: Sequence[Record]) -> Links:
    links = Links()
    for record in records:
        delivered = from_record(record.value, record.headers)
        if delivered.event.sequence > last:
            links.fresh.append(Item(delivered.event, delivered.source, record.offset))
            last = delivered.event.sequence
    return links


def _twice_if_it_comes_twice(_last: int, records: Sequence[Record]) -> Links:
    delivered = [(from_record(record.value, record.headers), record.offset) for record in records]
    return Links([Item(one.event, one.source, offset) for one, offset in delivered])


async def _from_where_it_ended(self: Consumer, places: Sequence[Any]) -> Mapping[Any, int]:
    """An offset of another life of the broker is taken as it is, and the last sequence for what is there."""
    stored = await self._store.positions(self._subscriber.consumer)
    for place in places:
        self._positions[place] = replace(stored.get(place, Position()), last_sequence=1 << 40)
    return {place: stored[place].next_offset if place in stored else 0 for place in places}


async def _without_looking(self: Relay, _epoch: int) -> Publisher:
    if self._publisher is None:
        self._publisher = self._broker.publisher(self._topic, self._partitions)
        await self._publisher.start()
        state = await self._store.relay_state()
        known = state.previous or (0,) * self._partitions
        self._state = replace(state, previous=known, offsets=state.offsets or (0,) * self._partitions)
    return self._publisher


async def _saved_first(self: Relay, epoch: int) -> int:
    publisher = await self._ready(epoch)
    events = await self._store.read(self._state.position, relay.BATCH)
    if not events:
        return 0
    previous = list(self._state.previous)
    messages = self._messages(events, previous)
    self._state = replace(self._state, position=events[-1].sequence, previous=tuple(previous))
    await self._store.relay_save(epoch, self._state)
    await publisher.publish(messages)
    return len(events)


async def _nothing_held(self: Delivery, _session: Session, move: Move, _held: Any) -> list[Item]:
    return list(move.items)


async def _without_answer(
    self: MemoryStore, stream_id: str, expected: int, events: Sequence[NewEvent], _answer: Answer | None = None
) -> int:
    async with self.transaction() as session:
        return await session.append(stream_id, expected, events)


async def _any_version(
    self: MemoryStore, stream_id: str, _expected: int, events: Sequence[NewEvent], answer: Answer | None = None
) -> int:
    async with self.transaction() as session:
        return await session.append(stream_id, len(await session.load(stream_id)), events, answer)


async def _unlocked_stamp(self: MemoryStore) -> int:
    """What became visible is numbered without waiting for what committed before it."""
    waiting = self.tables.unstamped
    last = len(self.tables.sequence)
    if waiting:
        self.tables.sequence.append(waiting.pop()._replace(sequence=last + 1))
    return len(self.tables.sequence)


def _patch(name: str, what: str, target: Any, attribute: str, instead: Callable[..., Any]) -> Mutation:
    assert hasattr(target, attribute), f"{name}: the kit no longer has {attribute}"
    return Mutation(name, what, target, attribute, instead)


MUTATIONS: Final = (
    _patch(
        "checkpoint before effect", "the position is kept before the effects", Delivery, "_together", _position_first
    ),
    _patch("effect before checkpoint", "the position is kept after the effects", Delivery, "_together", _effects_first),
    _patch("fence missing", "a position is set whatever it was", MemorySession, "advance", _unfenced_position),
    _patch("re-append", "after a conflict the same events again", CommandHandler, "handle", _append_again),
    _patch("owner without epoch", "whoever owned the relay once may save", MemoryStore, "relay_save", _unfenced_relay),
    _patch("offset reset", "reading goes on at an offset of another life", Consumer, "_assigned", _from_where_it_ended),
    _patch("chain ignored", "a missing predecessor is not noticed", consumer, "follow", _any_successor),
    _patch(
        "doubles handled", "a record that came before is handled again", consumer, "follow", _twice_if_it_comes_twice
    ),
    _patch("no refill", "a broker that lost its data is not filled", Relay, "_ready", _without_looking),
    _patch("checkpoint before publishing", "the relay saves, then publishes", Relay, "_publish", _saved_first),
    _patch("parked alone", "what follows a parked event is handled", Delivery, "_set_aside", _nothing_held),
    _patch("answer forgotten", "the key is not kept with the events", MemoryStore, "append", _without_answer),
    _patch("any version", "an append takes the version it finds", MemoryStore, "append", _any_version),
    _patch("late comers first", "the sequence does not follow the streams", MemoryStore, "stamp", _unlocked_stamp),
)
