"""No statement of the kit looks through a whole table or sorts what an index has in order, however large it is."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import pytest

from libs.events.envelope import StoredEvent
from libs.events.ids import new_id
from libs.events.postgres import PostgresStore, connect
from libs.events.postgres import store as statements
from libs.events.store import Answer, Parked, Position, Task
from libs.events.tests.bulk import fill_in_bulk
from libs.events.tests.conftest import new_postgres
from libs.events.tests.shop import SOURCE, received

SCANS: Final = """
    select relname, seq_scan from pg_stat_user_tables where schemaname = 'es' and relname not in ('sequencer', 'relay')"""
"""Of every table but those with one row."""


@pytest.fixture
async def grown(kit_database: str) -> AsyncIterator[PostgresStore]:
    """A store whose tables have grown since their statistics were made, on one connection, so that plans are kept."""
    await (await new_postgres(kit_database)).close()
    store = await connect(kit_database, max_size=1)
    await store.pool.execute("analyze")
    for _ in range(8):  # more often than the server plans anew: what is planned now is planned for an empty store
        await _everything(store)
    await fill_in_bulk(store.pool, 1, 200, 20)
    yield store
    await store.close()


async def _everything(store: PostgresStore) -> None:
    """Every call of the store that reads or writes events or progress, at least once."""
    stream, key = f"item-{uuid4()}", str(uuid4())
    await store.append(stream, 0, received(1, 2), Answer(key, b"", b""))
    async with store.transaction() as session:
        await session.append(stream, 2, received(3))
        await session.load(stream)
    await store.load(stream, 1)
    await store.stamp()
    last = await store.last_sequence()
    events = await store.read(max(0, last - 3), 500)
    copied = [StoredEvent(f"copy-{stream}", e.version, new_id(), e.type, e.data, e.metadata) for e in events[-3:]]
    await store.copy(copied)
    await store.answered(key)
    consumer = f"consumer-{key}"
    await store.advance(consumer, "topic", 0, None, Position(1, 1), [stream])
    await store.advance(consumer, "topic", 0, Position(1, 1), Position(2, 2), [stream])
    await store.positions(consumer)
    await store.park(Parked(consumer, "topic", 0, SOURCE, events[-1], "error", 1))
    await store.unpark(consumer, "topic", events[-1].stream_id, events[-1].sequence)
    task = Task(new_id(), "kind", key, b"{}")
    await store.schedule([task])
    await store.claim_tasks(["kind"], 5, timedelta(seconds=60))
    await store.retry_task(task.task_id, "error", timedelta())
    await store.finish(task.task_id)
    await store.open_tasks()
    owner = new_id()
    if (epoch := await store.relay_claim(owner, timedelta())) is not None:
        await store.relay_save(epoch, await store.relay_state())
    await store.relay_release(owner)


async def test_nothing_is_looked_through_from_its_first_row_to_its_last(grown: PostgresStore) -> None:
    async def scans() -> dict[str, int]:
        await grown.pool.execute("select pg_stat_force_next_flush()")
        return {row[0]: row[1] for row in await grown.pool.fetch(SCANS)}

    before = await scans()
    await _everything(grown)
    assert await scans() == before


async def test_a_scan_would_be_noticed(grown: PostgresStore) -> None:
    """The proof of the one above."""
    before = await grown.pool.fetch(SCANS)
    async with grown.transaction() as session:
        await session.connection.execute("set local enable_seqscan = on")
        await session.connection.fetchval("select count(metadata) from es.event")
    await grown.pool.execute("select pg_stat_force_next_flush()")
    assert await grown.pool.fetch(SCANS) != before


@pytest.mark.parametrize("name", ["LOAD", "READ", "ANSWERED", "POSITIONS", "MOVE_POSITION", "UNPARK", "FINISH"])
async def test_a_plan_takes_what_it_needs_from_an_index_in_its_order(grown: PostgresStore, name: str) -> None:
    statement = getattr(statements, name)
    arguments = ", ".join(["null"] * max(int(number) for number in re.findall(r"\$(\d+)", statement)))
    await grown.pool.execute(f"set plan_cache_mode = force_generic_plan; prepare p as {statement}")
    text = await grown.pool.fetchval(f"explain (format json) execute p({arguments})")
    nodes = list(_nodes(json.loads(text)[0]["Plan"]))
    assert not [node for node in nodes if node["Node Type"] in ("Seq Scan", "Sort", "Hash Join", "Merge Join")], text
    assert [node for node in nodes if "Index" in node["Node Type"]]


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]
