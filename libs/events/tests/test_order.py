"""The total order under concurrency: no gap, no inversion, nothing missed, nothing ever changed.

The usual reader, `xid < pg_snapshot_xmin()`, runs beside as negative control: it shows what the sequencer is spared.
"""

from __future__ import annotations

from typing import Final

import asyncpg
import pytest

from libs.events.postgres import PostgresStore, schema_sql
from libs.events.postgres.store import PostgresSession
from libs.events.tests.order import run
from libs.events.tests.shop import received

EVENTS: Final = 2_000
USUAL_READER: Final = """
    select s.stream_id, e.version from es.event e join es.stream s using (stream_no)
    where xid < pg_snapshot_xmin(pg_current_snapshot()) order by e.xid, e.append_id"""


async def test_writers_of_every_kind_leave_one_order_without_gap_or_inversion(
    postgres: PostgresStore, kit_database: str
) -> None:
    """The same at full size: `make stress`."""
    seen = await run(kit_database, EVENTS, seed=20261123)
    assert seen.violations == []
    assert seen.events >= EVENTS
    assert seen.conflicts > 0
    assert seen.looks_back > 0
    assert seen.usual_events == seen.events
    assert seen.strong_enough, "a run that shows the usual reader nothing wrong is too weak"


async def test_a_broken_order_is_noticed(postgres: PostgresStore, kit_database: str) -> None:
    """A sequencer that puts the events of a batch in the wrong order: the experiment must see it."""
    schema = schema_sql()
    begin = schema.index("create or replace function es.stamp()")
    stamp = schema[begin : schema.index("end $$;", begin) + len("end $$;")]
    broken = stamp.replace("order by young.append_id", "order by young.append_id desc")
    assert broken != stamp
    await postgres.pool.execute(broken)
    seen = await run(kit_database, 200, seed=7)
    assert any("follows" in violation for violation in seen.violations)


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
