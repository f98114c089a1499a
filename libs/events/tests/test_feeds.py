"""A projection of other services' topics is read again from the first record, and proved equal to its replay."""

from __future__ import annotations

import pytest

from libs.events.broker import Broker
from libs.events.consumer import Consumer
from libs.events.feeds import FeedIncomplete, TopicFeed
from libs.events.memory import MemoryLog, MemoryStore
from libs.events.postgres import PostgresStore
from libs.events.rebuild import Rebuild, verify
from libs.events.relay import Relay
from libs.events.signals import Signal
from libs.events.store import Position
from libs.events.subscribers import ProjectionSubscriber
from libs.events.tests.shop import CODEC, Ledger, fill, shop_view
from libs.events.tests.test_consumer import TOPIC, put


async def project(store: PostgresStore, log: Broker, topic: str, count: int) -> None:
    consumer = Consumer(log, store, ProjectionSubscriber(shop_view()), CODEC, [topic])
    await consumer.start()
    handled = 0
    while handled < count:
        handled += await consumer.step(0.05)
    await consumer.stop()


async def test_a_projection_of_topics_equals_its_replay(postgres: PostgresStore, log: Broker, topic: str) -> None:
    shop = MemoryStore()
    relay = Relay(shop, log, service="shop", topic=topic, partitions=2, stamped=Signal())
    await fill(shop, streams=6, each=5)
    while await relay.step():
        pass
    await project(postgres, log, topic, 30)
    feed = TopicFeed(log, [topic], f"feed-{topic}")
    assert await feed.ends() == {}
    comparison = await verify(postgres, shop_view(), CODEC, feed)
    assert comparison.equal
    assert comparison.rows == 6 + 4
    assert max(comparison.positions.values()) == 30
    await postgres.pool.execute("update item set name = 'wrong' where id = '2'")
    comparison = await verify(postgres, shop_view(), CODEC, feed)
    assert [one.key for one in comparison.differences] == [{"id": "2"}]
    rebuild = Rebuild(postgres, shop_view(), CODEC, feed)
    await rebuild.fill()
    await fill(shop, streams=8, each=3)
    while await relay.step():
        pass
    await project(postgres, log, topic, 2 + 8 * 2)
    assert (await rebuild.compare()).differing == 1
    await rebuild.switch()
    assert (await verify(postgres, shop_view(), CODEC, feed)).equal
    await relay.close()


async def test_a_feed_reads_only_what_is_asked_for_and_again_from_the_first_record_after_a_gap() -> None:
    log = MemoryLog()
    put(log, (5, 2), (2, 0), (5, 2), (9, 5), (12, 9))
    put(log, (3, 0), partition=1)
    feed = TopicFeed(log, [TOPIC], "feed")
    batches = [batch async for batch in feed.batches({}, {(TOPIC, 0): 9})]
    assert [item.event.sequence for batch in batches for item in batch.items] == [2, 5, 9]
    assert batches[-1].reached == Position(9, 4)
    after = {(TOPIC, 0): Position(5, 5)}
    batches = [batch async for batch in feed.batches(after, {(TOPIC, 0): 12})]
    assert [item.event.sequence for batch in batches for item in batch.items] == [9, 12]
    assert [batch async for batch in feed.batches(after, {(TOPIC, 0): 5})] == []


async def test_a_feed_says_so_when_the_broker_does_not_hold_what_was_handled() -> None:
    log = MemoryLog()
    put(log, (2, 0))
    feed = TopicFeed(log, [TOPIC], "feed", patience_s=0.0)
    with pytest.raises(FeedIncomplete):
        _ = [batch async for batch in feed.batches({}, {(TOPIC, 0): 9})]
    assert log.groups["feed"] == []


async def test_a_subscriber_without_a_size_of_its_own_takes_moderate_batches() -> None:
    assert not hasattr(Ledger(), "batch_size")
    assert ProjectionSubscriber(shop_view()).batch_size > 100
