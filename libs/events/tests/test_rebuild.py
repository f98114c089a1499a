"""A projection is made anew beside the live one, compared with it and switched, and the live one is never harmed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from libs.events.codec import Recorded
from libs.events.delivery import Delivery
from libs.events.feeds import FeedIncomplete, OwnFeed
from libs.events.postgres import PostgresStore
from libs.events.projection import Add, Change, Projection
from libs.events.rebuild import NotComparable, Rebuild, RebuildFailed, verify
from libs.events.signals import Signal
from libs.events.store import OWN, Parked
from libs.events.subscribers import ProjectionSubscriber
from libs.events.tail import Tail
from libs.events.tests.shop import (
    CAUSE,
    CODEC,
    ITEM,
    ITEMS,
    SOURCE,
    TOTALS,
    Delist,
    ItemReceived,
    Receive,
    commands,
    fill,
    shop_view,
)


async def follow(store: PostgresStore, view: Projection) -> None:
    tail = Tail(store, ProjectionSubscriber(view), CODEC, SOURCE, Signal())
    while await tail.step():
        pass


async def table_names(store: PostgresStore) -> set[str]:
    return {row[0] for row in await store.pool.fetch("select tablename from pg_tables where schemaname = 'public'")}


@pytest.fixture
async def live(postgres: PostgresStore) -> PostgresStore:
    await fill(postgres, streams=20, each=10)
    await commands(postgres).handle(ITEM, "item-3", Delist(), CAUSE)
    await postgres.stamp()
    await follow(postgres, shop_view())
    return postgres


def rebuild_of(store: PostgresStore, view: Projection | None = None) -> Rebuild:
    return Rebuild(store, view or shop_view(), CODEC, OwnFeed(store, SOURCE))


async def test_a_live_projection_equals_its_replay_and_nothing_is_left_behind(live: PostgresStore) -> None:
    told: list[tuple[int, int]] = []
    comparison = await verify(live, shop_view(), CODEC, OwnFeed(live, SOURCE), lambda *at: told.append(at))
    assert comparison.equal
    assert comparison.positions == {(OWN, 0): 201}
    assert comparison.rows == 19 + 4
    assert told[-1] == (201, 201)
    assert await table_names(live) == {"item", "total"}
    assert [one.consumer for one in (await live.progress()).handled] == ["shop.v1"]


async def test_planted_differences_are_found_and_named(live: PostgresStore) -> None:
    await live.pool.execute("update item set quantity = quantity + 1 where id = '7'")
    await live.pool.execute("delete from item where id = '5'")
    await live.pool.execute("insert into item values ('stray', null, 0, true, null)")
    await live.pool.execute("update total set quantity = null where (what, part) = ('moved', 1)")
    comparison = await verify(live, shop_view(), CODEC, OwnFeed(live, SOURCE))
    assert not comparison.equal
    assert comparison.differing == 4
    found = {(one.table, *one.key.values()): one for one in comparison.differences}
    assert set(found) == {("item", "5"), ("item", "7"), ("item", "stray"), ("total", "moved", 1)}
    seven, five, stray = found["item", "7"], found["item", "5"], found["item", "stray"]
    assert seven.live is not None
    assert seven.rebuilt is not None
    assert seven.live["quantity"] == seven.rebuilt["quantity"] + 1
    assert five.live is None
    assert stray.rebuilt is None


async def test_a_projection_that_never_began_equals_nothing(postgres: PostgresStore) -> None:
    await fill(postgres, streams=2, each=2)
    comparison = await verify(postgres, shop_view(), CODEC, OwnFeed(postgres, SOURCE))
    assert comparison.equal
    assert comparison.rows == 0


async def test_comparison_holds_while_the_live_projection_goes_on(live: PostgresStore) -> None:
    rebuild = rebuild_of(live)
    await rebuild.fill()
    await fill(live, streams=20, each=3)
    await follow(live, shop_view())
    assert (await rebuild.compare()).equal
    await rebuild.drop()


async def test_an_interrupted_rebuild_is_resumed_where_it_stopped(
    live: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.events.feeds.BATCH", 50)

    class Interrupted(Exception):
        pass

    def interrupt(done: int, _total: int) -> None:
        if done >= 100:
            raise Interrupted

    first = Rebuild(live, shop_view(), CODEC, OwnFeed(live, SOURCE), on_progress=interrupt)
    with pytest.raises(Interrupted):
        await first.fill()
    told: list[int] = []
    second = Rebuild(
        live, shop_view(), CODEC, OwnFeed(live, SOURCE), on_progress=lambda done, _total: told.append(done)
    )
    await second.fill()
    assert told == [150, 200, 201]
    assert (await second.compare()).equal


async def test_a_switch_puts_the_new_tables_in_place_and_the_live_projection_goes_on(live: PostgresStore) -> None:
    before = await live.pool.fetch("select * from item order by id")
    indexes = await live.pool.fetch("select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1")
    await live.pool.execute("update item set quantity = 0")
    tail = Tail(live, ProjectionSubscriber(shop_view()), CODEC, SOURCE, Signal())
    await tail.step()
    rebuild = rebuild_of(live)
    await rebuild.fill()
    assert not (await rebuild.compare()).equal
    await rebuild.switch()
    assert await live.pool.fetch("select * from item order by id") == before
    assert indexes == await live.pool.fetch(
        "select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1"
    )
    assert await table_names(live) == {"item", "total"}
    await commands(live).handle(ITEM, "item-4", Receive(1000), CAUSE)
    await live.stamp()
    assert await tail.step() == 1
    assert (await verify(live, shop_view(), CODEC, OwnFeed(live, SOURCE))).equal


async def test_readers_notice_nothing_of_a_switch_while_the_live_projection_goes_on(live: PostgresStore) -> None:
    """What they see is never empty, never older than what they saw, and never half of one and half of another."""
    tail = Tail(live, ProjectionSubscriber(shop_view()), CODEC, SOURCE, Signal())
    done = asyncio.Event()
    statement = "select (select sum(quantity) from total where what = 'moved'), sum(quantity) from item where id <> '3'"
    gone = await live.pool.fetchval("select sum(quantity) from total where what = 'moved'") - (
        await live.pool.fetchval("select sum(quantity) from item")
    )

    async def read() -> int:
        seen, looks = 0, 0
        while not done.is_set():
            moved, there = await live.pool.fetchrow(statement)  # type: ignore[misc]
            assert moved - there == gone, "both tables are of one moment"
            assert there >= seen, "nobody goes back in time"
            seen, looks = there, looks + 1
        return looks

    async def write() -> None:
        handler = commands(live)
        while not done.is_set():
            await handler.handle(ITEM, "item-4", Receive(1), CAUSE)
            await live.stamp()
            await tail.step()

    async def switch_twice() -> None:
        for _ in range(2):
            rebuild = rebuild_of(live)
            await rebuild.fill()
            assert (await rebuild.compare()).equal
            await rebuild.switch()
        done.set()

    looks, _, _ = await asyncio.gather(read(), write(), switch_twice())
    assert looks > 0
    assert (await verify(live, shop_view(), CODEC, OwnFeed(live, SOURCE))).equal


async def test_a_reader_of_two_tables_is_not_ended_by_a_switch(live: PostgresStore) -> None:
    rebuild = rebuild_of(live)
    await rebuild.fill()
    async with live.pool.acquire() as reader:
        async with reader.transaction():
            await reader.fetch("select * from total")
            switching = asyncio.create_task(rebuild.switch())
            waiting = (
                "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            )
            while not await live.pool.fetchval(waiting):
                pass
            assert await reader.fetchval("select count(*) from item") == 19
        await switching
    assert (await verify(live, shop_view(), CODEC, OwnFeed(live, SOURCE))).equal


async def test_a_switch_of_a_projection_that_never_began_sets_its_position(postgres: PostgresStore) -> None:
    await fill(postgres, streams=3, each=3)
    rebuild = rebuild_of(postgres)
    await rebuild.fill()
    with pytest.raises(NotComparable):
        await rebuild.compare()
    await rebuild.switch()
    assert (await postgres.progress()).last_handled("shop.v1", OWN) == 9
    assert (await verify(postgres, shop_view(), CODEC, OwnFeed(postgres, SOURCE))).equal


async def test_an_event_that_cannot_be_projected_stops_the_rebuild_and_leaves_the_live_one(
    live: PostgresStore,
) -> None:
    before = await live.pool.fetch("select * from item order by id")
    broken = Projection("shop", 1, [ITEMS, TOTALS])

    @broken.on(ItemReceived)
    def fails(recorded: Recorded[ItemReceived]) -> Iterator[Change]:
        if recorded.sequence == 77:
            raise ZeroDivisionError
        yield Add(ITEMS, {"id": recorded.key}, {"quantity": 1})

    rebuild = rebuild_of(live, broken)
    with pytest.raises(RebuildFailed, match="sequence 77"):
        await rebuild.fill()
    assert await live.pool.fetch("select * from item order by id") == before
    assert (await live.progress()).last_handled("shop.v1", OWN) == 201


async def test_a_row_that_the_database_refuses_stops_the_rebuild(live: PostgresStore) -> None:
    broken = Projection("shop", 1, [ITEMS, TOTALS])

    @broken.on(ItemReceived)
    def too_large(recorded: Recorded[ItemReceived]) -> Iterator[Change]:
        yield Add(ITEMS, {"id": recorded.key}, {"quantity": 2**63})

    with pytest.raises(RebuildFailed, match="sequence 1 to 201"):
        await rebuild_of(live, broken).fill()


async def test_what_was_parked_is_in_the_new_tables_and_no_longer_parked(live: PostgresStore) -> None:
    event = (await live.read(0, 1))[0]
    await live.park(Parked("shop.v1", OWN, 0, SOURCE, event, "once", 1))
    rebuild = rebuild_of(live)
    await rebuild.fill()
    await rebuild.switch()
    assert await live.parked("shop.v1") == []
    assert await Delivery(live, ProjectionSubscriber(shop_view()), CODEC).redrive(event.stream_id) == 0


async def test_a_feed_says_so_when_the_sequence_is_shorter_than_asked(postgres: PostgresStore) -> None:
    await fill(postgres, streams=1, each=2)
    feed = OwnFeed(postgres, SOURCE)
    assert await feed.ends() == {(OWN, 0): 2}
    with pytest.raises(FeedIncomplete):
        _ = [batch async for batch in feed.batches({}, {(OWN, 0): 3})]
