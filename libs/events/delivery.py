"""Hands events to a subscriber: position and effects in one transaction, retries, and the parking of poison."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

import structlog

from libs.events.codec import Codec, Recorded
from libs.events.conflicts import in_transaction
from libs.events.envelope import StoredEvent
from libs.events.errors import NotYet, is_transient
from libs.events.loops import beat
from libs.events.store import Fenced, Parked, Position, Session, Store

log = structlog.get_logger(__name__)

RETRY_DELAYS_S: Final = (0.02, 0.1, 0.5)
"""Between attempts at one event. What still fails after the last is not a passing fault, and waits for a person."""
BATCH_SIZE: Final = 50
"""Events handled in one transaction, unless a subscriber says otherwise: each may lock streams until the end of it."""

GATHER_S: Final = 0.01
"""After a batch, for the next one to gather, unless a subscriber says otherwise: a transaction of ten events costs
hardly more than one of one."""


class Subscriber(Protocol):
    """Whoever is given events: reactions, a projection, an archive.

    It may have a `batch_size`, how many events at most it takes in one transaction (`BATCH_SIZE`), and be `repairable`:
    then an event that it cannot handle may be handed to it with other data, if a person says so. One that is `derived`
    leaves nothing behind but rows that follow from its events: what a crash of the server takes back it does again, so
    its commits do not wait for the disk.
    """

    @property
    def consumer(self) -> str:
        """The name under which its progress is kept."""
        ...

    @property
    def types(self) -> frozenset[str]:
        """The current type names it wants; others are passed over."""
        ...

    async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
        """Do all that follows from these events, in order, within the session's transaction."""
        ...


class Item(NamedTuple):
    """An event on its way to a subscriber; `offset` is where it stood in its partition."""

    event: StoredEvent
    source: str
    offset: int


@dataclass(frozen=True, slots=True)
class Move:
    """Events of one partition to handle, and the position before and after them."""

    topic: str
    partition: int
    items: Sequence[Item]
    old: Position | None
    new: Position


def _after(item: Item) -> Position:
    return Position(item.event.sequence, item.offset + 1)


OnRecord = Callable[[Session, Parked], Awaitable[None]]
"""Writes down an act on a parked event, in the transaction of the act."""


async def _unrecorded(_session: Session, _parked: Parked) -> None:
    """Nothing is written down."""


class NotRepairable(Exception):
    """This subscriber follows from the events as they are: a read model, an archive. Mend its code, hand over again."""


class Delivery:
    """Delivers to one subscriber, exactly once in effect.

    The subscriber's position moves in the transaction of its effects, by compare-and-set: a second holder of the
    partition, or the same event a second time, changes nothing. An event that keeps failing is parked together with
    everything later of its stream; the others flow.
    """

    def __init__(self, store: Store, subscriber: Subscriber, codec: Codec) -> None:
        self._store, self._subscriber, self._codec = store, subscriber, codec
        self._batch_size = getattr(subscriber, "batch_size", BATCH_SIZE)
        self._lasting = not getattr(subscriber, "derived", False)
        self._types = codec.stored_types(subscriber.types)

    def wants(self, event: StoredEvent) -> bool:
        return event.type in self._types

    async def deliver(self, move: Move) -> None:
        """Handle the events of one partition.

        Raises `Fenced` when somebody else moved the position, `NotYet` of an event when all before it are handled, and
        passing faults of the database as they are; what was handled until then stays handled.
        """
        old, items = move.old, move.items
        while True:
            beat()
            batch, items = items[: self._batch_size], items[self._batch_size :]
            reached = _after(batch[-1]) if items else move.new
            await self._deliver_batch(replace(move, items=batch, old=old, new=reached))
            if not items:
                return
            old = reached

    async def deliver_at_once(self, moves: Sequence[Move]) -> bool:
        """Handle the events of several partitions in one transaction, unless they are too many; whether that was done.

        When something is wrong with one of them nothing is done: it shows which where each is delivered by itself.
        Raises passing faults of the database as they are.
        """
        if len(moves) < 2 or sum(len(move.items) for move in moves) > self._batch_size:
            return False
        try:
            await self._together(moves)
        except Exception as error:
            if is_transient(error) and not isinstance(error, NotYet):
                raise
            return False
        return True

    async def _deliver_batch(self, move: Move) -> None:
        try:
            await self._together([move])
        except Fenced:
            raise
        except Exception as error:
            alone = len(move.items) == 1
            if is_transient(error) and (alone or not isinstance(error, NotYet)):
                raise
            await self._one_by_one(move)

    async def _together(self, moves: Sequence[Move]) -> None:
        async def work(session: Session) -> None:
            ready: list[Item] = []
            for move in moves:
                streams = list({item.event.stream_id for item in move.items})
                held = await session.advance(
                    self._subscriber.consumer,
                    move.topic,
                    move.partition,
                    move.old,
                    move.new,
                    streams,
                    lasting=self._lasting,
                )
                ready += await self._set_aside(session, move, held) if held else move.items
            if ready:
                await self._subscriber.handle(session, await self._read(ready))

        await in_transaction(self._store, work)

    async def _set_aside(self, session: Session, move: Move, held: Container[str]) -> list[Item]:
        """Park what belongs to a stream that has something parked; the rest."""
        for item in move.items:
            if item.event.stream_id in held:
                await session.park(self._parked(move, item, "waits for an earlier event of its stream", 0))
        return [item for item in move.items if item.event.stream_id not in held]

    async def _one_by_one(self, move: Move) -> None:
        position = move.old
        for item in move.items:
            beat()
            alone = replace(move, items=[item], old=position, new=_after(item))
            error = await self._attempt(alone)
            if error is not None:
                await self._park(alone, error)
            position = alone.new
        if position != move.new:
            async with self._store.transaction() as session:
                await session.advance(self._subscriber.consumer, move.topic, move.partition, position, move.new)

    async def _attempt(self, alone: Move) -> Exception | None:
        failure: Exception | None = None
        for delay_s in (0.0, *RETRY_DELAYS_S):
            await asyncio.sleep(delay_s)
            try:
                await self._together([alone])
                return None
            except Fenced:
                raise
            except Exception as error:
                if is_transient(error):
                    raise
                failure = error
        return failure

    async def _park(self, alone: Move, error: Exception) -> None:
        (item,) = alone.items
        log.error(
            "event parked",
            consumer=self._subscriber.consumer,
            stream_id=item.event.stream_id,
            sequence=item.event.sequence,
            type=item.event.type,
            exc_info=error,
        )
        async with self._store.transaction() as session:
            await session.advance(self._subscriber.consumer, alone.topic, alone.partition, alone.old, alone.new)
            await session.park(self._parked(alone, item, repr(error), len(RETRY_DELAYS_S) + 1))

    def _parked(self, move: Move, item: Item, error: str, attempts: int) -> Parked:
        place = self._subscriber.consumer, move.topic, move.partition
        return Parked(*place, item.source, item.event, error[:2000], attempts)

    async def _read(self, items: Sequence[Item]) -> list[Recorded[Any]]:
        return await self._codec.read_recorded([item.event for item in items], [item.source for item in items])

    async def redrive(self, stream_id: str, record: OnRecord = _unrecorded) -> int:
        """Hand over what is parked of a stream again, in order, each in its own transaction; how many went through.

        Ends when nothing is left, what is parked meanwhile included. Raises what the first failing one raises: it and
        the later ones stay parked; and `Fenced` when somebody else hands over or skips the same at the same time.
        """
        done = 0
        while waiting := await self._store.parked(self._subscriber.consumer, stream_id):
            for parked in waiting:
                await in_transaction(self._store, partial(self._hand_over, parked, record))
                done += 1
        return done

    async def _hand_over(self, parked: Parked, record: OnRecord, session: Session) -> None:
        await self._unpark(session, parked)
        await self._subscriber.handle(session, await self._codec.read_recorded([parked.event], [parked.source]))
        await record(session, parked)

    async def skip(self, stream_id: str, record: OnRecord = _unrecorded) -> int:
        """Give up the first parked event of a stream, so that those after it can be handed over; its sequence.

        Raises `LookupError` when nothing of it is parked.
        """
        first = next(iter(await self._store.parked(self._subscriber.consumer, stream_id)), None)
        if first is None:
            raise LookupError(f"nothing of {stream_id} is parked for {self._subscriber.consumer}")

        async def give_up(session: Session) -> None:
            await self._unpark(session, first)
            await record(session, first)

        await in_transaction(self._store, give_up)
        return first.event.sequence

    async def repair(self, stream_id: str, sequence: int, data: bytes, record: OnRecord = _unrecorded) -> None:
        """Have the consumer handed `data` in place of a parked event's own; `record` sees it as it was.

        The event itself stays what it is, in its service, in the topic and for every other consumer. Raises
        `LookupError` when it is not parked, `NotRepairable` for a subscriber that must have events as they are, and
        `ValueError` when `data` are no data of the event's type.
        """
        if not getattr(self._subscriber, "repairable", False):
            raise NotRepairable(self._subscriber.consumer)
        waiting = await self._store.parked(self._subscriber.consumer, stream_id)
        found = next((parked for parked in waiting if parked.event.sequence == sequence), None)
        if found is None:
            raise LookupError(f"sequence {sequence} of {stream_id} is not parked for {self._subscriber.consumer}")
        mended = replace(found, event=found.event._replace(data=data))
        self._codec.decode(mended.event.type, mended.event.data)

        async def exchange(session: Session) -> None:
            await self._unpark(session, found)
            await session.park(mended)
            await record(session, found)

        await in_transaction(self._store, exchange)

    @staticmethod
    async def _unpark(session: Session, parked: Parked) -> None:
        await session.unpark(parked.consumer, parked.topic, parked.event.stream_id, parked.event.sequence)
