"""The total order under concurrency: no gap, no inversion, nothing missed, nothing ever changed.

The usual reader, `xid < pg_snapshot_xmin()`, runs beside as negative control: it shows what the sequencer is spared.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random
from typing import Any, Final

import asyncpg
import pytest

from libs.events.envelope import StoredEvent
from libs.events.postgres import PostgresStore, connect
from libs.events.postgres.store import PostgresSession
from libs.events.store import Answer, ConcurrencyError
from libs.events.tests.shop import received

WRITERS: Final = 10
STREAMS: Final = 12
EVENTS: Final = 5_000
USUAL_READER: Final = """
    select s.stream_id, e.version from es.event e join es.stream s using (stream_no)
    where xid < pg_snapshot_xmin(pg_current_snapshot()) order by e.xid, e.append_id"""


@pytest.fixture
async def wide(postgres: PostgresStore, kit_database: str) -> AsyncIterator[PostgresStore]:
    """The same store with a connection for each writer."""
    store = await connect(kit_database, max_size=WRITERS + 4)
    yield store
    await store.close()


class Writers:
    """Writers of every kind on few streams, until there are enough events."""

    def __init__(self, store: PostgresStore, seed: int) -> None:
        self.store, self.random, self.written, self.number = store, Random(seed), 0, 0

    async def write(self) -> None:
        kinds = [self.short, self.short, self.long, self.early, self.savepoint, self.rolled_back]
        while self.written < EVENTS:
            stream = f"item-{self.random.randrange(STREAMS)}"
            with suppress(ConcurrencyError):
                count = await self.random.choice(kinds)(stream)
                self.written += count

    async def append(self, session: Any, stream: str, answer: Answer | None = None) -> int:
        count = self.random.randint(1, 4)
        version = await session.connection.fetchval("select version from es.stream where stream_id = $1", stream)
        await session.append(stream, version or 0, received(*range(count)), answer)
        return count

    async def pause(self) -> None:
        await asyncio.sleep(self.random.random() * 0.01)

    async def short(self, stream: str) -> int:
        return await self.append(self.store, stream)

    async def long(self, stream: str) -> int:
        async with self.store.transaction() as session:
            count = await self.append(session, stream)
            await self.pause()
            return count

    async def early(self, stream: str) -> int:
        """Takes its transaction id with an idempotency row, long before it appends."""
        self.number += 1
        key = f"key-{self.number}"
        async with self.store.transaction() as session:
            await session.append(stream, 0, [], Answer(key, b"", b""))
            await self.pause()
            return await self.append(session, stream)

    async def savepoint(self, stream: str) -> int:
        async with self.store.transaction() as session:
            with suppress(ZeroDivisionError):
                async with session.connection.transaction():
                    await self.append(session, stream)
                    raise ZeroDivisionError
            async with session.connection.transaction():
                count = await self.append(session, stream)
            await self.pause()
            return count

    async def rolled_back(self, stream: str) -> int:
        with suppress(ZeroDivisionError):
            async with self.store.transaction() as session:
                await self.append(session, stream)
                raise ZeroDivisionError
        return 0


async def stamp_all(store: PostgresStore, writing: asyncio.Future[Any]) -> None:
    while not writing.done():
        await store.stamp()
        await asyncio.sleep(0)


async def follow(store: PostgresStore, writing: asyncio.Future[Any]) -> list[StoredEvent]:
    """A reader that never looks back, as relays and projections are."""
    seen: list[StoredEvent] = []
    ended = False
    while not ended:
        ended = writing.done() and await store.stamp() == len(seen)
        seen += await store.read(len(seen), 500)
    return seen


def inversions(order: list[tuple[str, int]]) -> int:
    last: dict[str, int] = {}
    found = 0
    for stream, version in order:
        found += version < last.get(stream, 0)
        last[stream] = max(version, last.get(stream, 0))
    return found


async def test_writers_of_every_kind_leave_one_order_without_gap_or_inversion(wide: PostgresStore) -> None:
    writers = Writers(wide, seed=20261123)
    writing = asyncio.gather(*(writers.write() for _ in range(WRITERS)))
    seen, *_ = await asyncio.gather(follow(wide, writing), *(stamp_all(wide, writing) for _ in range(2)), writing)
    assert len(seen) == writers.written >= EVENTS
    assert [event.sequence for event in seen] == list(range(1, len(seen) + 1))
    for number in range(STREAMS):
        stream = f"item-{number}"
        versions = [event.version for event in seen if event.stream_id == stream]
        assert versions == list(range(1, len(versions) + 1))
        assert [e.event_id for e in seen if e.stream_id == stream] == [e.event_id for e in await wide.load(stream)]
    assert await wide.read(0, EVENTS * 2) == seen
    assert (await wide.progress()).unstamped == 0
    usual = [(row[0], row[1]) for row in await wide.pool.fetch(USUAL_READER)]
    assert len(usual) == len(seen)
    assert inversions(usual) > 0, "a run that shows the usual reader nothing wrong is too weak"


async def test_an_early_transaction_id_deceives_the_usual_reader_and_not_the_sequencer(postgres: PostgresStore) -> None:
    async with postgres.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("select pg_current_xact_id()")
        await postgres.append("item-1", 0, received(1))
        await postgres.stamp()
        await PostgresSession(connection).append("item-1", 1, received(2))
        await transaction.commit()
    await postgres.stamp()
    assert [row[1] for row in await postgres.pool.fetch(USUAL_READER)] == [2, 1]
    assert [event.version for event in await postgres.read(0, 10)] == [1, 2]


async def test_an_open_transaction_holds_the_usual_reader_up_and_not_the_sequencer(postgres: PostgresStore) -> None:
    async with postgres.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await PostgresSession(connection).append("item-1", 0, received(1))
        await postgres.append("item-2", 0, received(1))
        await postgres.stamp()
        assert await postgres.pool.fetch(USUAL_READER) == []
        assert [event.stream_id for event in await postgres.read(0, 10)] == ["item-2"]
        assert (await postgres.progress()).unstamped == 0
        await transaction.commit()
    assert (await postgres.progress()).unstamped == 1
    await postgres.stamp()
    assert [event.stream_id for event in await postgres.read(0, 10)] == ["item-2", "item-1"]


async def test_a_stamp_that_is_undone_is_done_again_the_same_way(postgres: PostgresStore) -> None:
    await postgres.append("item-1", 0, received(1, 2))
    async with postgres.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert await connection.fetchval("select es.stamp()") == 2
        assert await postgres.stamp() is None, "another one is at it"
        await transaction.rollback()
    assert await postgres.last_sequence() == 0
    assert await postgres.stamp() == 2


async def test_the_snapshot_moves_on_where_nothing_is_appended(postgres: PostgresStore) -> None:
    """Otherwise the sequencer would look at more and more transaction ids of other work."""
    await postgres.stamp()
    before = await postgres.pool.fetchval("select snapshot::text from es.sequencer")
    await postgres.pool.execute(
        "do $$ begin for i in 1..10001 loop begin perform pg_current_xact_id(); commit; end; end loop; end $$"
    )
    await postgres.stamp()
    assert await postgres.pool.fetchval("select snapshot::text from es.sequencer") != before


async def test_connections_carry_no_state_from_one_use_to_the_next(postgres: PostgresStore) -> None:
    with pytest.raises(asyncpg.PostgresError):
        async with postgres.transaction() as session:
            await session.connection.execute("select 1/0")
    assert await postgres.append("item-1", 0, received(1)) == 1
