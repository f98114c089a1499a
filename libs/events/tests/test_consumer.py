"""Records of other services have their effects once, whatever the broker loses, repeats or reorders."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events import consumer as module
from libs.events.broker import Record
from libs.events.chain import follow
from libs.events.codec import Recorded
from libs.events.consumer import Consumer
from libs.events.envelope import StoredEvent, to_headers
from libs.events.errors import NotYet
from libs.events.memory import MemoryLog, MemoryStore
from libs.events.memory.log import MemoryReader
from libs.events.operations import Reached
from libs.events.store import Position, Session, Store
from libs.events.tests.shop import CODEC, SOURCE, TYPES, Ledger, effects, received

TOPIC = "topic"


def event(sequence: int, stream: str = "item-1", version: int | None = None) -> StoredEvent:
    new = received(1)[0]
    return StoredEvent(stream, version or sequence, new.event_id, new.type, new.data, new.metadata, sequence)


def record(sequence: int, previous: int, offset: int = 0, stream: str = "item-1") -> Record:
    stored = event(sequence, stream)
    return Record(TOPIC, 0, offset, stored.data, to_headers(stored, SOURCE, previous))


def put(log: MemoryLog, *pairs: tuple[int, int], partition: int = 0, stream: str = "item-1") -> None:
    """Add records (sequence, previous) to a partition, as a relay would have published them."""
    log.ensure(TOPIC, 2)
    held = log.topics[TOPIC][partition]
    for sequence, previous in pairs:
        made = record(sequence, previous, stream=stream)
        held.append(Record(TOPIC, partition, len(held), made.value, made.headers))
    log.arrived(TOPIC)


async def consumer_of(log: MemoryLog, store: Store, ledger: Ledger) -> Consumer:
    consumer = Consumer(log, store, ledger, CODEC, [TOPIC])
    await consumer.start()
    return consumer


async def drain(consumer: Consumer, polls: int = 4) -> None:
    for _ in range(polls):
        await consumer.step(0.0)


def chain_of(length: int) -> list[tuple[int, int]]:
    """Sequences with holes, as a partition has them: other partitions have the rest."""
    return [(3 * n, 3 * (n - 1)) for n in range(1, length + 1)]


@given(st.data())
def test_a_chain_is_followed_through_doubles_and_never_over_a_gap(data: st.DataObject) -> None:
    chain = chain_of(8)
    indices = data.draw(st.lists(st.integers(0, 7), max_size=40))
    last = data.draw(st.sampled_from([0, 3, 9]))
    at = last // 3
    gap = False
    expected = []
    for index in indices:
        if index == at:
            expected.append(chain[index][0])
            at += 1
        elif index > at:
            gap = True
    links = follow(last, [record(*chain[index], offset=n) for n, index in enumerate(indices)])
    assert [link.event.sequence for link in links.fresh] == expected
    assert links.gap is gap
    assert [indices[link.offset] * 3 + 3 for link in links.fresh] == expected


def test_what_is_no_event_is_set_apart() -> None:
    broken = Record(TOPIC, 0, 1, b"{}", [("ce_id", b"1")])
    links = follow(0, [record(3, 0, 0), broken, record(6, 3, 2)])
    assert [link.event.sequence for link in links.fresh] == [3, 6]
    assert [one for one, _ in links.broken] == [broken]
    assert not links.gap


async def test_each_record_has_its_effect_once_and_the_position_is_the_consumers_own(store: Store) -> None:
    log, ledger = MemoryLog(), Ledger()
    put(log, (2, 0), (5, 2), (5, 2), (2, 0), (9, 5))
    consumer = await consumer_of(log, store, ledger)
    assert await consumer.step(0.0) == 3
    assert await effects(store) == {"item-1/2": 1, "item-1/5": 1, "item-1/9": 1}
    assert await store.positions("ledger") == {(TOPIC, 0): Position(9, 5)}
    await consumer.stop()
    again = await consumer_of(log, store, ledger)
    await drain(again)
    assert set((await effects(store)).values()) == {1}
    await again.stop()
    await again.stop()


async def test_a_broken_record_is_passed_over(store: Store) -> None:
    log, ledger = MemoryLog(), Ledger()
    put(log, (2, 0))
    log.topics[TOPIC][0].append(Record(TOPIC, 0, 1, None, []))
    put(log, (5, 2))
    consumer = await consumer_of(log, store, ledger)
    await drain(consumer)
    assert [version for _, version in ledger.order] == [2, 5]


async def test_events_that_nobody_wants_move_the_position(store: Store) -> None:
    log = MemoryLog()
    put(log, (2, 0), (5, 2))
    consumer = await consumer_of(log, store, Ledger(types=frozenset()))
    assert await consumer.step(0.0) == 0
    assert await store.positions("ledger") == {(TOPIC, 0): Position(5, 2)}


class Batches(Ledger):
    """Notes what it is handed in one transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[list[tuple[str, int]]] = []

    async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
        self.handed.append([(recorded.stream_id, recorded.version) for recorded in batch])
        await super().handle(session, batch)


async def of_two_partitions(store: Store, ledger: Ledger) -> Consumer:
    log = MemoryLog()
    put(log, (1, 0), (3, 1))
    put(log, (2, 0), partition=1, stream="item-2")
    return await consumer_of(log, store, ledger)


async def test_what_came_of_several_partitions_is_handled_in_one_transaction(store: Store) -> None:
    ledger = Batches()
    consumer = await of_two_partitions(store, ledger)
    assert await consumer.step(0.0) == 3
    assert ledger.handed == [[("item-1", 1), ("item-1", 3), ("item-2", 2)]]
    assert await store.positions("ledger") == {(TOPIC, 0): Position(3, 2), (TOPIC, 1): Position(2, 1)}


@pytest.mark.parametrize("error", [ValueError("poison"), NotYet("comes later")], ids=["poison", "not yet"])
async def test_what_is_wrong_in_one_partition_holds_up_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("libs.events.delivery.RETRY_DELAYS_S", ())
    monkeypatch.setattr(module, "WAIT_S", 0.0)
    ledger = Batches()
    ledger.poison, ledger.error = {("item-2", 2)}, error
    consumer = await of_two_partitions(store, ledger)
    await consumer.step(0.0)
    assert await effects(store) == {"item-1/1": 1, "item-1/3": 1}
    assert (await store.positions("ledger"))[TOPIC, 0] == Position(3, 2)
    assert len(await store.parked("ledger")) == (0 if isinstance(error, NotYet) else 1)


async def test_a_partition_that_another_one_has_taken_holds_up_no_other(store: Store) -> None:
    ledger = Batches()
    consumer = await of_two_partitions(store, ledger)
    await store.advance("ledger", TOPIC, 1, None, Position(2, 1))
    await drain(consumer)
    assert await effects(store) == {"item-1/1": 1, "item-1/3": 1}
    assert await store.positions("ledger") == {(TOPIC, 0): Position(3, 2), (TOPIC, 1): Position(2, 1)}


async def test_more_than_one_transaction_may_hold_is_handled_by_partition(store: Store) -> None:
    ledger = Batches()
    ledger.batch_size = 2  # type: ignore[attr-defined]  # which a subscriber may have
    consumer = await of_two_partitions(store, ledger)
    assert await consumer.step(0.0) == 3
    assert ledger.handed == [[("item-1", 1), ("item-1", 3)], [("item-2", 2)]]


async def test_after_a_wipe_reading_begins_anew_and_what_was_handled_is_passed_over(store: Store) -> None:
    log, ledger = MemoryLog(), Ledger()
    put(log, (2, 0), (5, 2), (9, 5))
    consumer = await consumer_of(log, store, ledger)
    await drain(consumer)
    log.wipe()
    put(log, (2, 0), (5, 2))
    await drain(consumer)
    put(log, (9, 5), (12, 9))
    await drain(consumer)
    assert [version for _, version in ledger.order] == [2, 5, 9, 12]
    assert set((await effects(store)).values()) == {1}


@pytest.mark.parametrize("where", [3, 4])
async def test_an_offset_of_another_life_hides_nothing_that_lies_before_it(store: Store, where: int) -> None:
    """What was published twice stands behind what is next: whoever begins among it would wait for the event after."""
    log, ledger = MemoryLog(), Ledger()
    put(log, (2, 0), (5, 2), (9, 5), (12, 9), (2, 0), (5, 2), (9, 5))
    await store.advance("ledger", TOPIC, 0, None, Position(5, where + 1), lasting=False)
    consumer = await consumer_of(log, store, ledger)
    await drain(consumer)
    assert [version for _, version in ledger.order] == [9, 12]
    await consumer.stop()


async def test_a_gap_leads_to_the_first_record_and_then_waits_for_what_is_missing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay publishes once more before it notices that the broker was wiped, then fills it again."""
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    log, ledger = MemoryLog(), Ledger()
    put(log, (2, 0), (5, 2))
    consumer = await consumer_of(log, store, ledger)
    await drain(consumer)
    log.wipe()
    put(log, (12, 9))
    await drain(consumer)
    put(log, (2, 0), (5, 2), (9, 5), (12, 9))
    await drain(consumer)
    assert [version for _, version in ledger.order] == [2, 5, 9, 12]
    assert consumer._gaps == {}


async def test_a_gap_for_ever_is_looked_at_again_ever_more_seldom(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, rewinds = 0.0, list[float]()
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    log, ledger = MemoryLog(), Ledger()
    put(log, (2, 0), (9, 5))
    consumer = await consumer_of(log, store, ledger)
    rewind = consumer._rewind

    async def noted(*args: Any) -> None:
        rewinds.append(now)
        await rewind(*args)

    monkeypatch.setattr(consumer, "_rewind", noted)
    for second in range(800):
        now = float(second)
        await consumer.step(0.0)
    assert [version for _, version in ledger.order] == [2]
    assert rewinds == [0.0, 5.0, 15.0, 35.0, 75.0, 155.0, 315.0, 615.0]
    put(log, (5, 2), (9, 5))
    await drain(consumer)
    assert [version for _, version in ledger.order] == [2, 5, 9]


async def test_a_consumer_that_was_overtaken_goes_on_from_what_is_stored(store: Store) -> None:
    log, ours, theirs = MemoryLog(), Ledger(), Ledger()
    put(log, (2, 0))
    first = await consumer_of(log, store, ours)
    await drain(first)
    await store.advance("ledger", TOPIC, 0, Position(2, 1), Position(5, 2))
    put(log, (5, 2), (9, 5))
    assert await first.step(0.0) == 0
    await drain(first)
    assert [version for _, version in ours.order] == [2, 9]
    assert theirs.order == []


async def test_after_a_fault_the_next_step_begins_with_what_was_not_handled(store: Store) -> None:
    log, ledger = MemoryLog(), Ledger()
    put(log, (2, 0), (5, 2))
    put(log, (3, 0), (6, 3), partition=1, stream="item-2")
    ledger.poison, ledger.error = {("item-1", 5)}, ConnectionResetError()
    consumer = await consumer_of(log, store, ledger)
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            await consumer.step(0.0)
    ledger.poison.clear()
    await drain(consumer)
    assert sorted(ledger.order) == [("item-1", 2), ("item-1", 5), ("item-2", 3), ("item-2", 6)]
    assert set((await effects(store)).values()) == {1}
    assert await store.parked("ledger") == []


async def test_places_that_are_read_again_one_by_one_are_as_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    log, store, ledger = MemoryLog(), MemoryStore(), Ledger()
    put(log, (3, 0))
    put(log, (4, 0), partition=1, stream="item-2")
    consumer = await consumer_of(log, store, ledger)
    await drain(consumer)
    happened: list[str] = []
    seek = MemoryReader.seek

    async def seeking(reader: MemoryReader, topic: str, partition: int, offset: int) -> None:
        happened.append("seek")
        await seek(reader, topic, partition, offset)

    monkeypatch.setattr(MemoryReader, "seek", seeking)
    monkeypatch.setattr(module, "beat", lambda: happened.append("beat"))
    consumer._unhandled = {(TOPIC, 0), (TOPIC, 1)}
    await consumer.step(0.0)
    assert happened[:5] == ["beat", "seek", "beat", "seek", "beat"], "each may take as long as a broker lets one wait"
    await consumer.stop()


async def test_what_an_interrupted_poll_took_is_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    log, ledger = MemoryLog(), Ledger()
    put(log, (2, 0), (5, 2))
    consumer = await consumer_of(log, store, ledger)
    poll = MemoryReader.poll

    async def interrupted(*given: Any) -> Any:
        assert await poll(*given), "it took something"
        raise asyncio.CancelledError

    with monkeypatch.context() as once:
        once.setattr(MemoryReader, "poll", interrupted)
        with pytest.raises(asyncio.CancelledError):
            await consumer.step(0.0)
    await drain(consumer)
    assert [version for _, version in ledger.order] == [2, 5]
    await consumer.stop()


async def test_a_partition_waits_for_another_topic_while_others_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.events.consumer.WAIT_S", 0.0)
    log, ledger = MemoryLog(), Ledger()
    put(log, (2, 0), (5, 2))
    put(log, (3, 0), partition=1, stream="item-2")
    ledger.poison, ledger.error = {("item-1", 5)}, NotYet("a contract")
    consumer = await consumer_of(log, store, ledger)
    await drain(consumer)
    assert sorted(ledger.order) == [("item-1", 2), ("item-2", 3)]
    ledger.poison.clear()
    await drain(consumer)
    assert ledger.order[-1] == ("item-1", 5)
    assert await store.parked("ledger") == []


async def test_members_of_a_group_have_each_effect_once_through_rebalances() -> None:
    log, store = MemoryLog(), MemoryStore()
    ledgers = [Ledger() for _ in range(3)]
    consumers: list[Consumer] = []
    chains: dict[int, Iterable[tuple[int, int]]] = {0: iter(chain_of(60)), 1: iter(chain_of(60))}

    published: set[str] = set()

    async def some() -> None:
        for partition, chain in chains.items():
            pairs = list(islice(chain, 10))
            put(log, *pairs, partition=partition, stream=f"item-{partition}")
            published.update(f"item-{partition}/{sequence}" for sequence, _ in pairs)
        await asyncio.gather(*(consumer.step(0.0) for consumer in consumers))

    for ledger in ledgers:
        consumers.append(await consumer_of(log, store, ledger))
        await some()
    while consumers:
        await consumers.pop(0).stop()
        if consumers:
            await some()
    last = await consumer_of(log, store, ledgers[0])
    await drain(last, 8)
    assert await effects(store) == dict.fromkeys(published, 1)
    assert len(published) == 100


async def test_the_broker_is_told_how_far_we_are_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = 0.0, list[Mapping[tuple[str, int], int]]()
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    log = MemoryLog()
    consumer = await consumer_of(log, MemoryStore(), Ledger())
    assert consumer._reader is not None

    async def commit(offsets: Mapping[tuple[str, int], int]) -> None:
        told.append(offsets)

    monkeypatch.setattr(consumer._reader, "commit", commit)
    put(log, (2, 0))
    for second in (1, 4, 6, 7):
        now = float(second)
        await consumer.step(0.0)
    assert told == [{(TOPIC, 0): 1}]


async def test_a_running_consumer_stops_when_it_is_cancelled() -> None:
    log, store, ledger = MemoryLog(), MemoryStore(), Ledger()
    consumer = Consumer(log, store, ledger, CODEC, [TOPIC])
    running = asyncio.create_task(consumer.run())
    put(log, (2, 0))
    while not ledger.order:
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert log.groups["ledger"] == []


async def test_passing_over_is_known_at_once_and_written_down_now_and_then(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, reached = MemoryLog(), Reached()
    put(log, (2, 0), (5, 2))
    consumer = Consumer(log, store, Ledger(types=frozenset()), CODEC, [TOPIC], reached)
    await consumer.start()
    await consumer.step(0.0)
    put(log, (7, 5))
    monkeypatch.setattr("libs.events.consumer.SAVE_S", math.inf)
    await consumer.step(0.0)
    assert await store.positions("ledger") == {(TOPIC, 0): Position(5, 2)}
    assert (await store.progress()).ahead(reached).last_handled("ledger", TOPIC) == 7
    monkeypatch.setattr("libs.events.consumer.SAVE_S", 0.0)
    await consumer.step(0.0)
    assert await store.positions("ledger") == {(TOPIC, 0): Position(7, 3)}
    await consumer.stop()


async def test_what_was_passed_over_and_not_written_down_is_passed_over_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.events.consumer.SAVE_S", math.inf)
    log, ledger = MemoryLog(), Ledger(types=frozenset())
    put(log, (2, 0), (5, 2))
    consumer = await consumer_of(log, store, ledger)
    await consumer.step(0.0)
    await consumer.stop()
    assert await store.positions("ledger") == {}
    ledger.types = frozenset(TYPES)
    again = await consumer_of(log, store, ledger)
    assert await again.step(0.0) == 2
    assert await store.positions("ledger") == {(TOPIC, 0): Position(5, 2)}
    await again.stop()
