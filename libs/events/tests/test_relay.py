"""The sequence is published in order, goes on where it was acknowledged, and is published again where it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID
from zlib import crc32

import pytest

from libs.events.broker import Broker, BrokerUnavailable, Message, Record, TopicState
from libs.events.chain import follow
from libs.events.envelope import from_record
from libs.events.memory import MemoryLog, MemoryStore
from libs.events.relay import Relay, partition_of
from libs.events.signals import Signal
from libs.events.store import Fenced, RelayState, Store
from libs.events.tests.conftest import WipedLog
from libs.events.tests.shop import fill, received
from libs.events.tests.test_log import PATIENCE_S, Reading

PARTITIONS = 2


@pytest.fixture(autouse=True)
def _checks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.events.relay.CHECK_S", -1.0)


def relay_of(store: Store, log: Broker, topic: str, **options: Any) -> Relay:
    return Relay(store, log, service="shop", topic=topic, partitions=PARTITIONS, stamped=Signal(), **options)


async def publish_all(relay: Relay) -> int:
    total = 0
    while passed := await relay.step():
        total += passed
    return total


async def append(store: Store, *streams: str) -> None:
    for stream in streams:
        await store.append(stream, len(await store.load(stream)), received(1))
    await store.stamp()


async def published(log: Broker, topic: str, count: int) -> dict[int, list[Record]]:
    """The first `count` records of a topic, by partition."""
    async with Reading(log, [topic], f"look-{topic}") as reading:
        await reading.until(lambda: len(reading.records) >= count)
        return {p: [r for r in reading.records if r.partition == p] for p in range(PARTITIONS)}


def sequences(records: Sequence[Record]) -> list[int]:
    return [from_record(record.value, record.headers).event.sequence for record in records]


async def test_every_event_is_published_in_the_order_of_the_sequence_and_each_names_its_predecessor(
    log: Broker, topic: str
) -> None:
    store = MemoryStore()
    await fill(store, streams=5, each=4)
    relay = relay_of(store, log, topic)
    assert await publish_all(relay) == 20
    events = await store.read(0, 100)
    for partition, records in (await published(log, topic, 20)).items():
        expected = [event for event in events if partition_of(event.stream_id, PARTITIONS) == partition]
        links = follow(0, records)
        assert [link.event for link in links.fresh] == expected
        assert not links.gap
        assert {link.source for link in links.fresh} == {"/puhui/shop"}
    state = await store.relay_state()
    assert state.position == 20
    assert sum(state.offsets) == 20
    await relay.close()


def test_a_stream_has_its_partition_for_ever() -> None:
    assert partition_of("item-1", 12) == crc32(b"item-1") % 12 == 9


async def test_types_that_are_not_for_others_stay_at_home(log: Broker, topic: str) -> None:
    store = MemoryStore()
    await fill(store, streams=3, each=2)
    relay = relay_of(store, log, topic, publishes=lambda name: name == "shop.item-listed.v1")
    assert await publish_all(relay) == 6
    records = await published(log, topic, 3)
    assert sorted(seq for held in records.values() for seq in sequences(held)) == [1, 2, 3]
    assert not any(follow(0, held).gap for held in records.values())
    await relay.close()


async def test_a_new_relay_goes_on_where_the_last_one_was_acknowledged(
    log: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.events.relay.CLAIM_S", 0.0)  # it looks at once whether it is still the owner
    store = MemoryStore()
    first, second = relay_of(store, log, topic), relay_of(store, log, topic)
    await append(store, "item-1", "item-2")
    assert await publish_all(first) == 2
    await append(store, "item-1")
    assert await second.step() == 0, "the first one lives"
    await store.relay_claim(second._owner, timedelta(microseconds=-1))
    assert await publish_all(second) == 1
    await append(store, "item-2")
    assert await first.step() == 0, "the second one lives"
    assert await publish_all(second) == 1
    records = await published(log, topic, 4)
    assert sorted(seq for held in records.values() for seq in sequences(held)) == [1, 2, 3, 4]
    await second.close()


class Faulty(MemoryLog):
    """A log whose publisher does as it is told before or after it publishes."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.meanwhile: Any = None
        self.started = 0

    def publisher(self, topic: str, partitions: int) -> Any:
        log, inner = self, super().publisher(topic, partitions)

        class Publisher:
            async def start(self) -> None:
                log.started += 1
                await inner.start()

            async def state(self) -> TopicState:
                return await inner.state()

            async def publish(self, messages: Sequence[Message]) -> Mapping[int, int]:
                if log.before:
                    raise log.before.pop()
                ends = await inner.publish(messages)
                if log.meanwhile:
                    await log.meanwhile()
                if log.after:
                    raise log.after.pop()
                return ends

            async def stop(self) -> None:
                await inner.stop()

        return Publisher()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_after_a_fault_of_the_broker_a_new_publisher_begins_at_the_checkpoint(when: str) -> None:
    store, log = MemoryStore(), Faulty()
    relay = relay_of(store, log, "topic")
    await append(store, "item-1")
    await publish_all(relay)
    await append(store, "item-1", "item-1")
    getattr(log, when).append(BrokerUnavailable("gone"))
    with pytest.raises(BrokerUnavailable):
        await relay.step()
    assert (await store.relay_state()).position == 1
    assert await publish_all(relay) == 2
    assert log.started == 2
    records = log.topics["topic"][partition_of("item-1", PARTITIONS)]
    assert sequences(records) == ([1, 2, 3] if when == "before" else [1, 2, 3, 2, 3])
    links = follow(0, records)
    assert ([link.event.sequence for link in links.fresh], links.gap) == ([1, 2, 3], False)


async def test_a_relay_whose_ownership_passed_while_it_published_records_nothing() -> None:
    store, log = MemoryStore(), Faulty()
    relay, other = relay_of(store, log, "topic"), relay_of(store, log, "topic")
    await append(store, "item-1", "item-1")

    async def overtaken() -> None:
        log.meanwhile = None
        await store.relay_claim(other._owner, timedelta(microseconds=-1))

    log.meanwhile = overtaken
    assert await relay.step() == 0
    assert (await store.relay_state()).position == 0
    assert await publish_all(other) == 2
    links = follow(0, log.topics["topic"][partition_of("item-1", PARTITIONS)])
    assert ([link.event.sequence for link in links.fresh], links.gap) == ([1, 2], False)


async def test_a_cancelled_relay_leaves_a_checkpoint_that_another_one_can_use() -> None:
    store, log = MemoryStore(), Faulty()
    relay = relay_of(store, log, "topic")
    await append(store, "item-1", "item-1")
    stuck = asyncio.Event()

    async def wait() -> None:
        log.meanwhile = None
        stuck.set()
        await asyncio.Event().wait()

    log.meanwhile = wait
    running = asyncio.create_task(relay.run())
    await stuck.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await store.relay_state()).position == 0
    assert await publish_all(relay) == 2
    assert sequences(log.topics["topic"][partition_of("item-1", PARTITIONS)]) == [1, 2, 1, 2]


async def test_where_the_owner_does_not_reach_the_broker_another_one_takes_over_at_once() -> None:
    store, log = MemoryStore(), Faulty()
    relay, other = relay_of(store, log, "topic"), relay_of(store, log, "topic")
    await append(store, "item-1")
    await publish_all(relay)
    await append(store, "item-1")
    assert await other.step() == 0, "the first one lives"
    log.before.append(BrokerUnavailable("gone"))
    with pytest.raises(BrokerUnavailable):
        await relay.step()
    assert await publish_all(other) == 1


async def test_who_ends_in_order_leaves_the_relay_to_another_one() -> None:
    store, log = MemoryStore(), MemoryLog()
    relay, other = relay_of(store, log, "topic"), relay_of(store, log, "topic")
    await append(store, "item-1")
    running = asyncio.create_task(relay.run())
    while (await store.relay_state()).position == 0:
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await append(store, "item-1")
    assert await other.step() == 1


async def test_a_store_that_does_not_hear_the_farewell_hides_no_error() -> None:
    class Deaf(MemoryStore):
        async def relay_release(self, owner: UUID) -> None:
            raise ConnectionError("the store is away as well")

    store, log = Deaf(), Faulty()
    relay = relay_of(store, log, "topic")
    await append(store, "item-1")
    log.before.append(BrokerUnavailable("gone"))
    with pytest.raises(BrokerUnavailable, match="gone"):
        await relay.step()


async def test_a_broker_that_lost_everything_is_filled_again(wiped_log: WipedLog, topic: str) -> None:
    store = MemoryStore()
    relay = relay_of(store, wiped_log.broker, topic)
    await fill(store, streams=4, each=3)
    await publish_all(relay)
    wiped_log.wipe()
    await append(store, "item-1")
    total = 0
    async with asyncio.timeout(PATIENCE_S):
        while total < 13:
            try:
                total += await relay.step()
            except BrokerUnavailable:
                total = 0
                await asyncio.sleep(0.05)
    records = await published(wiped_log.broker, topic, 13)
    for partition, held in records.items():
        links = follow(0, held)
        expected = [e.sequence for e in await store.read(0, 99) if partition_of(e.stream_id, PARTITIONS) == partition]
        assert ([link.event.sequence for link in links.fresh], links.gap) == (expected, False)
    await relay.close()


async def test_a_broker_that_holds_less_than_it_acknowledged_is_filled_again() -> None:
    store, log = MemoryStore(), MemoryLog()
    relay = relay_of(store, log, "topic")
    await append(store, "item-1", "item-1", "item-1")
    await publish_all(relay)
    partition = log.topics["topic"][partition_of("item-1", PARTITIONS)]
    del partition[1:]
    assert await publish_all(relay) == 3
    assert sequences(partition) == [1, 1, 2, 3]
    assert await publish_all(relay) == 0


async def test_a_broker_that_holds_everything_is_not_filled_again(log: Broker, topic: str) -> None:
    store = MemoryStore()
    relay = relay_of(store, log, topic)
    for streams in (["item-1"] * 5, ["item-2"] * 3, ["item-1"]):
        await append(store, *streams)
        assert await publish_all(relay) == len(streams)
    await relay.close()
    again = relay_of(store, log, topic)
    await store.relay_claim(again._owner, timedelta(microseconds=-1))
    assert await publish_all(again) == 0
    assert sum(len(held) for held in (await published(log, topic, 9)).values()) == 9
    await again.close()


async def test_the_number_of_partitions_of_a_live_topic_cannot_be_changed() -> None:
    store, log = MemoryStore(), MemoryLog()
    await append(store, "item-1")
    await publish_all(relay_of(store, log, "topic"))
    more = Relay(store, log, service="shop", topic="topic", partitions=3, stamped=Signal())
    await store.relay_claim(more._owner, timedelta(microseconds=-1))
    with pytest.raises(ValueError, match="2 partitions"):
        await more.step()


async def test_a_running_relay_publishes_what_is_stamped(store: Store) -> None:
    log, stamped = MemoryLog(), Signal()
    relay = Relay(store, log, service="shop", topic="topic", partitions=1, stamped=stamped)
    running = asyncio.create_task(relay.run())
    for turn in range(3):
        await append(store, "item-1")
        stamped.set()
        while (await store.relay_state()).position <= turn:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert sequences(log.topics["topic"][0]) == [1, 2, 3]


async def test_a_fence_is_raised_for_who_has_no_epoch() -> None:
    with pytest.raises(Fenced):
        await MemoryStore().relay_save(0, RelayState())
