"""Makes a projection anew beside the live one: fill, compare, switch; and the proof that a live one equals its replay."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog

from libs.events.codec import Codec
from libs.events.delivery import Item
from libs.events.errors import is_transient
from libs.events.feeds import Batch, Feed, Place
from libs.events.postgres import shadow
from libs.events.postgres.shadow import Difference
from libs.events.postgres.store import PostgresSession, PostgresStore
from libs.events.projection import Change, Projection
from libs.events.sealing import Keys
from libs.events.store import Fenced, Position

log = structlog.get_logger(__name__)

REBUILD: Final = "__rebuild"
VERIFY: Final = "__verify"
SHOWN: Final = 100
"""Differing rows that are named, of each table."""

POSITIONS: Final = "select topic, partition, last_sequence, next_offset from es.position where consumer = $1"
LOCK_POSITIONS: Final = POSITIONS + " order by topic, partition for update"
SET_POSITION: Final = """
    insert into es.position (consumer, topic, partition, last_sequence, next_offset) values ($1, $2, $3, $4, $5)
    on conflict (consumer, topic, partition) do update
    set last_sequence = excluded.last_sequence, next_offset = excluded.next_offset"""
FORGET_POSITIONS: Final = "delete from es.position where consumer = $1"
FORGET_PARKED: Final = """
    delete from es.parked where consumer = $1 and topic = $2 and partition = $3 and sequence <= $4"""

# A batch that a crash of the server takes back takes its position back with it, and is simply filled in again.
NOT_WAITING: Final = "set local synchronous_commit = off"

OnProgress = Callable[[int, int], None]
"""Told how far it is and how far it has to go, in sequence numbers summed over places."""


class RebuildFailed(Exception):
    """An event could not be projected. The live projection is untouched; the rebuild goes on where it stopped."""


class NotComparable(Exception):
    """The live projection is behind the rebuilt one: let it catch up, then compare."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Live against rebuilt, both at `positions`. `differing` counts rows; `differences` names the first of them."""

    positions: Mapping[Place, int]
    rows: int
    differing: int
    differences: Sequence[Difference]

    @property
    def equal(self) -> bool:
        return self.differing == 0


class Rebuild:
    """One rebuild of one projection, in tables of the same name with a suffix. It may be stopped and resumed."""

    def __init__(
        self,
        store: PostgresStore,
        projection: Projection,
        codec: Codec,
        feed: Feed,
        *,
        suffix: str = REBUILD,
        on_progress: OnProgress = lambda _done, _total: None,
    ) -> None:
        self._store, self._projection, self._codec, self._feed = store, projection, codec, feed
        self._suffix, self._on_progress = suffix, on_progress
        self._consumer = projection.consumer + suffix

    async def fill(self, until: Mapping[Place, int] | None = None) -> None:
        """Fill the new tables up to `until`: as a rule, as far as the live ones are, or all when those never began.

        Begins where an earlier call stopped. Raises `RebuildFailed` at the first event that cannot be projected.
        """
        async with self._store.transaction() as session:
            await shadow.create(session.connection, self._projection.tables, self._suffix)
        if until is None:
            until = await self.live_ends() or await self._feed.ends()
        reached = await self._positions(self._store.pool, self._consumer)
        async with aclosing(self._batches(reached, until)) as batches:
            async for batch in batches:
                async with self._store.transaction() as session:
                    await session.connection.execute(NOT_WAITING)
                    await self._write(session, batch, reached)

    async def live_ends(self) -> dict[Place, int]:
        """The last sequence that the live projection has handled of each place."""
        return await self._ends(self._store.pool)

    async def compare(self) -> Comparison:
        """Bring the new tables to the place of the live ones and compare all rows, in one snapshot.

        The live projection goes on meanwhile. Raises `NotComparable`.
        """
        async with self._snapshot() as session:
            ends = await self._ends(session.connection)
            for place, held in (await self._catch_up(session, ends)).items():
                if held.last_sequence != ends.get(place, 0):
                    raise NotComparable(f"{self._consumer} is at {held.last_sequence} of {place}, live: {ends}")
            differing, found = 0, list[Difference]()
            for table in self._projection.tables:
                of_table, shown = await shadow.differences(session.connection, table, self._suffix, SHOWN)
                differing += of_table
                found += shown
            rows = await shadow.count(session.connection, self._projection.tables, self._suffix)
            return Comparison(ends, rows, differing, found)

    async def switch(self, record: Callable[[PostgresSession], Awaitable[None]] | None = None) -> None:
        """Put the new tables in the place of the live ones, at the same place or further; drop the old ones.

        One transaction: the live projection waits at its position meanwhile, and then goes on in the new tables.
        What was parked of the live projection is in the new tables, and is no longer parked. `record` writes the
        switch down in the same transaction.
        """
        consumer = self._projection.consumer
        async with self._store.transaction() as session:
            live = _by_place(await session.connection.fetch(LOCK_POSITIONS, consumer))
            reached = await self._catch_up(session, {place: held.last_sequence for place, held in live.items()})
            await shadow.lock(session.connection, self._projection.tables)
            await shadow.switch(session.connection, self._projection.tables, self._suffix)
            for (topic, partition), held in reached.items():
                place = (consumer, topic, partition)
                await session.connection.execute(SET_POSITION, *place, held.last_sequence, held.next_offset)
                await session.connection.execute(FORGET_PARKED, *place, held.last_sequence)
            await session.connection.execute(FORGET_POSITIONS, self._consumer)
            if record is not None:
                await record(session)
        log.info("projection switched to its rebuilt tables", projection=consumer)

    async def drop(self) -> None:
        """Give the rebuild up, with all that it has made."""
        async with self._store.transaction() as session:
            await shadow.drop(session.connection, self._projection.tables, self._suffix)
            await session.connection.execute(FORGET_POSITIONS, self._consumer)

    async def _catch_up(self, session: PostgresSession, ends: Mapping[Place, int]) -> dict[Place, Position]:
        reached = await self._positions(session.connection, self._consumer)
        async with aclosing(self._batches(reached, ends)) as batches:
            async for batch in batches:
                await self._write(session, batch, reached)
        return reached

    async def _batches(self, reached: dict[Place, Position], until: Mapping[Place, int]) -> AsyncGenerator[Batch, None]:
        total = sum(until.values())
        async with aclosing(self._feed.batches(dict(reached), until)) as batches:
            async for batch in batches:
                yield batch
                self._on_progress(sum(held.last_sequence for held in reached.values()), total)

    async def _write(self, session: PostgresSession, batch: Batch, reached: dict[Place, Position]) -> None:
        changes = self._project(batch.items, await self._codec.keys_of(item.event.data for item in batch.items))
        try:
            await session.advance(self._consumer, *batch.place, reached.get(batch.place), batch.reached)
            await session.apply(changes, self._suffix)
        except Exception as error:
            if isinstance(error, Fenced) or is_transient(error):
                raise
            first, last = batch.items[0].event.sequence, batch.items[-1].event.sequence
            raise RebuildFailed(f"{self._consumer} at sequence {first} to {last}: {error!r}") from error
        reached[batch.place] = batch.reached

    def _project(self, items: Sequence[Item], keys: Keys) -> list[Change]:
        types = self._codec.stored_types(self._projection.types)
        wanted = [item for item in items if item.event.type in types]
        try:
            return self._projection.changes([self._codec.recorded(item.event, item.source, keys) for item in wanted])
        except Exception as error:
            if len(wanted) > 1:  # which of them it is, is found one by one
                return [change for item in wanted for change in self._project([item], keys)]
            event = wanted[0].event
            raise RebuildFailed(f"{self._consumer} at sequence {event.sequence}, {event.type}: {error!r}") from error

    async def _ends(self, connection: Any) -> dict[Place, int]:
        held = await self._positions(connection, self._projection.consumer)
        return {place: position.last_sequence for place, position in held.items()}

    @staticmethod
    async def _positions(connection: Any, consumer: str) -> dict[Place, Position]:
        return _by_place(await connection.fetch(POSITIONS, consumer))

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[PostgresSession]:
        async with (
            self._store.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read"),
        ):
            yield PostgresSession(connection)


def _by_place(rows: Sequence[Any]) -> dict[Place, Position]:
    return {(topic, partition): Position(last, offset) for topic, partition, last, offset in rows}


async def verify(
    store: PostgresStore,
    projection: Projection,
    codec: Codec,
    feed: Feed,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Comparison:
    """Whether the live tables equal a replay of all events from the first one, at the same place.

    Works in tables of its own, which are gone afterwards; the live projection goes on meanwhile.
    """
    rebuild = Rebuild(store, projection, codec, feed, suffix=VERIFY, on_progress=on_progress)
    await rebuild.drop()
    try:
        await rebuild.fill(await rebuild.live_ends())
        return await rebuild.compare()
    finally:
        await rebuild.drop()
