"""What keeps a service's loops going: signals, restarts, the sequencer, given-when-then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from structlog.testing import CapturingLogger

from libs.events.delivery import Subscriber
from libs.events.loops import LOOKS, beat, finishing, keep_running, where
from libs.events.memory import MemoryStore
from libs.events.postgres import PostgresStore
from libs.events.sequencer import Sequencer
from libs.events.signals import Fanout, Signal
from libs.events.store import OWN, ForeignCluster, Position, Session, Store
from libs.events.tail import Tail
from libs.events.testing import Scenario
from libs.events.tests.shop import (
    CODEC,
    ITEM,
    SOURCE,
    ItemListed,
    ItemReceived,
    ItemSold,
    Receive,
    Sell,
    Stock,
    received,
)

LONG_S = 3600.0


async def test_a_signal_that_is_set_while_nobody_waits_is_not_lost() -> None:
    signal = Signal()
    signal.set()
    signal.set()
    assert await signal.wait(LONG_S)
    assert not await signal.wait(0.0), "it is cleared by the wait that saw it"


async def test_a_signal_wakes_who_waits() -> None:
    fanout = Fanout()
    waiting = [asyncio.create_task(fanout.subscribe().wait(LONG_S)) for _ in range(3)]
    await asyncio.sleep(0)
    fanout.set()
    assert await asyncio.gather(*waiting) == [True, True, True]


def clock_of(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Sleeps of `keep_running` take no time, and are noted."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("libs.events.loops.asyncio.sleep", sleep)
    return slept


async def test_a_loop_that_fails_begins_anew_after_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = clock_of(monkeypatch)
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs <= 8:
            raise OSError

    await keep_running("shop", "loop", run)
    assert slept == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0]


async def test_a_failure_that_goes_on_is_told_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_of(monkeypatch)
    errors = [OSError("away")] * 9 + [ValueError("wrong")] * 2 + [OSError("away")]

    async def run() -> None:
        if errors:
            raise errors.pop(0)

    log = CapturingLogger()
    monkeypatch.setattr("libs.events.loops.log", log)
    await keep_running("shop", "loop", run)
    told = [(call.kwargs["times"], str(call.kwargs["exc_info"])) for call in log.calls]
    assert told == [*((times, "away") for times in (1, 2, 4, 8)), (1, "wrong"), (2, "wrong"), (1, "away")]


async def test_a_loop_that_ran_well_for_long_begins_anew_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = clock_of(monkeypatch)
    monkeypatch.setattr("libs.events.loops.HEALTHY_S", -1.0)
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs <= 3:
            raise OSError

    await keep_running("shop", "loop", run)
    assert slept == [0.1, 0.1, 0.1]


async def test_a_cancelled_loop_ends() -> None:
    began = asyncio.Event()

    async def run() -> None:
        began.set()
        await asyncio.sleep(LONG_S)

    loop = asyncio.create_task(keep_running("shop", "loop", run))
    await began.wait()
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop


async def test_a_loop_that_is_stuck_is_replaced_and_one_that_beats_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_of(monkeypatch)
    ends: list[str] = []

    async def run() -> None:
        try:
            if not ends:
                await asyncio.Event().wait()
            for _ in range(3 * LOOKS):
                beat()
                await asyncio.wait({asyncio.ensure_future(asyncio.Event().wait())}, timeout=0.01)
        except asyncio.CancelledError:
            ends.append("replaced")
            raise
        ends.append("done")

    await keep_running("shop", "loop", run, stuck_after_s=0.01 * LOOKS)
    assert ends == ["replaced", "done"]


async def test_what_a_stuck_loop_waits_in_is_told_to_the_innermost_function() -> None:
    async def innermost() -> None:
        await asyncio.Event().wait()

    async def outermost() -> None:
        async with asyncio.timeout(LONG_S):
            await finishing(innermost())

    task = asyncio.create_task(outermost())
    for _ in range(2):  # until the step that is finished in a task of its own has begun
        await asyncio.sleep(0)
    told = [place.rpartition(".")[2].partition(":")[0] for place in where(task)]
    task.cancel()
    assert told == ["outermost", "finishing", "innermost", "wait"]


async def test_a_loop_ended_by_a_stray_cancellation_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen of aiokafka when its broker is killed while a consumer stops: the loop was gone, without a word."""
    clock_of(monkeypatch)
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise asyncio.CancelledError

    await keep_running("shop", "loop", run)
    assert runs == 2


async def test_a_loop_that_cannot_be_cancelled_does_not_keep_its_successor_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock_of(monkeypatch)
    monkeypatch.setattr("libs.events.loops.FINISH_S", 0.0)
    released, runs = asyncio.Event(), 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        while runs == 1 and not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    await keep_running("shop", "loop", run, stuck_after_s=0.01 * LOOKS)
    assert runs == 2
    released.set()


class Halting:
    """A subscriber that halts in the middle of its first batch until it is told to go on."""

    consumer = "halting"
    types = frozenset({ItemReceived.type_name})
    batch_size = 2

    def __init__(self) -> None:
        self.halted, self.go_on = asyncio.Event(), asyncio.Event()
        self.handled = 0

    async def handle(self, session: Session, batch: Sequence[Any]) -> None:
        self.halted.set()
        await self.go_on.wait()
        session.after_commit(lambda: setattr(self, "handled", self.handled + len(batch)))


def tail_of(store: Store, subscriber: Subscriber) -> Tail:
    return Tail(store, subscriber, CODEC, SOURCE, Signal())


async def test_a_loop_that_is_asked_to_end_finishes_the_batch_that_it_has_begun(store: Store) -> None:
    await store.append("item-1", 0, received(1, 2, 3, 4, 5))
    await store.stamp()
    subscriber = Halting()
    loop = asyncio.create_task(keep_running("shop", "tail", tail_of(store, subscriber).run))
    await subscriber.halted.wait()
    loop.cancel()
    await asyncio.sleep(0)
    subscriber.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await loop
    assert subscriber.handled == 5
    assert (await store.positions("halting"))[OWN, 0] == Position(5, 6)


async def test_a_batch_that_does_not_end_is_cut_off_and_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.events.loops.FINISH_S", 0.05)
    await store.append("item-1", 0, received(1, 2, 3, 4, 5))
    await store.stamp()
    subscriber = Halting()
    loop = asyncio.create_task(tail_of(store, subscriber).run())
    await subscriber.halted.wait()
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop
    assert (subscriber.handled, await store.positions("halting")) == (0, {})


async def test_a_stuck_handler_is_replaced_and_its_events_are_handled_once(store: Store) -> None:
    await store.append("item-1", 0, received(1, 2, 3, 4, 5))
    await store.stamp()
    subscriber = Halting()
    everything = asyncio.Event()

    async def run() -> None:
        tail = tail_of(store, subscriber)
        if subscriber.halted.is_set():
            subscriber.go_on.set()
        while await tail.step():
            beat()
        everything.set()

    loop = asyncio.create_task(keep_running("shop", "tail", run, stuck_after_s=0.01 * LOOKS))
    await everything.wait()
    await loop
    assert subscriber.handled == 5
    assert (await store.positions("halting"))[OWN, 0] == Position(5, 6)


async def test_what_a_step_raises_is_raised() -> None:
    async def fails() -> None:
        raise OSError("the broker is away")

    with pytest.raises(OSError, match="the broker is away"):
        await finishing(fails())


async def test_the_sequencer_wakes_who_waits_when_something_is_new(store: Store) -> None:
    stamped = Fanout()
    waiting = stamped.subscribe()
    sequencer = Sequencer(store, "shop", Signal(), stamped)
    assert await sequencer.step(), "what others stamped before this one began is new to those who wait here"
    await waiting.wait(0.0)
    assert not await sequencer.step()
    await store.append("item-1", 0, received(1))
    assert await sequencer.step()
    assert await waiting.wait(0.0)
    assert not await sequencer.step()


async def test_a_sequencer_sees_what_another_process_stamped(store: Store) -> None:
    ours, theirs = (Sequencer(store, "shop", Signal(), Fanout()) for _ in range(2))
    await ours.step()
    await theirs.step()
    await store.append("item-1", 0, received(1))
    assert await theirs.step()
    assert await ours.step()


async def test_a_running_sequencer_stamps_what_is_appended(store: Store) -> None:
    appended, stamped = Signal(), Fanout()
    waiting = stamped.subscribe()
    running = asyncio.create_task(Sequencer(store, "shop", appended, stamped, idle_s=LONG_S).run())
    for version in range(3):
        await store.append("item-1", version, received(1))
        appended.set()
        while await store.last_sequence() <= version:
            await waiting.wait(LONG_S)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await store.last_sequence() == 3


async def test_sequencers_of_many_processes_stamp_each_event_once(postgres: PostgresStore) -> None:
    appended, stamped = Signal(), Fanout()
    waiting = stamped.subscribe()
    running = [asyncio.create_task(Sequencer(postgres, "shop", appended, stamped, 0.01).run()) for _ in range(3)]

    async def write(stream: int) -> None:
        for version in range(40):
            await postgres.append(f"item-{stream}", version, received(1))
            appended.set()

    await asyncio.gather(*(write(stream) for stream in range(4)))
    while await postgres.last_sequence() < 160:
        await waiting.wait(LONG_S)
    for one in running:
        one.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    events = await postgres.read(0, 1000)
    assert [event.sequence for event in events] == list(range(1, 161))
    assert len({event.event_id for event in events}) == 160


async def test_while_another_one_stamps_the_sequencer_comes_back_soon(postgres: PostgresStore) -> None:
    stamped = Fanout()
    waiting = stamped.subscribe()
    await postgres.append("item-1", 0, received(1))
    async with postgres.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("select * from es.sequencer for update")
        sequencer = Sequencer(postgres, "shop", Signal(), stamped, idle_s=LONG_S)
        assert not await sequencer.step()
        running = asyncio.create_task(sequencer.run())
        await transaction.rollback()
    assert await waiting.wait(LONG_S)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await postgres.last_sequence() == 1


async def test_a_store_from_another_cluster_is_refused_until_it_is_adopted(postgres: PostgresStore) -> None:
    """As after a restore: the identifier is another one, and the transaction ids of its events mean nothing here."""
    for version in range(3):
        await postgres.append("item-1", version, received(1))
    await postgres.stamp()
    await postgres.append("item-1", 3, received(1, 1))
    await postgres.append("item-2", 0, received(1))
    before = await postgres.read(0, 10)
    await postgres.pool.execute(
        "update es.sequencer set system_identifier = 1, snapshot = '900000000:900000000:'::pg_snapshot"
    )
    with pytest.raises(ForeignCluster, match="adopt"):
        await postgres.verify_cluster()
    with pytest.raises(ForeignCluster):
        await Sequencer(postgres, "shop", Signal(), Fanout()).run()
    assert await postgres.last_sequence() == 3
    assert await postgres.adopt() == 6
    await postgres.verify_cluster()
    events = await postgres.read(0, 10)
    assert events[:3] == before
    assert [(event.stream_id, event.version) for event in events[3:]] == [("item-1", 4), ("item-1", 5), ("item-2", 1)]
    assert await postgres.adopt() == 6
    await postgres.append("item-2", 1, received(1))
    assert await postgres.stamp() == 7


async def test_ids_of_another_cluster_make_no_event_young_again_when_they_come_here(postgres: PostgresStore) -> None:
    """The cluster that a store comes from may have given out many more transaction ids than this one."""
    for version in range(3):
        await postgres.append("item-1", version, received(1))
    await postgres.stamp()
    await postgres.pool.execute("update es.event set xid = (xid::text::bigint + 20)::text::xid8")
    await postgres.pool.execute("update es.sequencer set system_identifier = 1")
    assert await postgres.adopt() == 3
    assert (await postgres.progress()).unstamped == 0
    for version in range(3, 43):  # each takes an id, until those from elsewhere have come and gone
        await postgres.append("item-1", version, received(1))
        assert await postgres.stamp() == version + 1
    placed = "select count(*), count(distinct (stream_no, version)) from es.sequence"
    assert tuple(await postgres.pool.fetchrow(placed)) == (43, 43)


def test_a_scenario_tells_what_followed() -> None:
    given = Scenario(ITEM).given(ItemListed(name="tea"), ItemReceived(quantity=3))
    assert given.when(Sell(2)).then(ItemSold(quantity=2)) == Stock(True, 1)
    assert given.when(Sell(4)).refused("not-in-stock").args == ("not-in-stock",)
    assert given.when(Sell(4)).refused().args == ("not-in-stock",)
    assert Scenario(ITEM).when(Receive(1)).then(ItemReceived(quantity=1)) == Stock(False, 1)


@pytest.mark.parametrize(
    "claim",
    [
        lambda given: given.when(Sell(2)).then(),
        lambda given: given.when(Sell(2)).then(ItemSold(quantity=1)),
        lambda given: given.when(Sell(9)).then(ItemSold(quantity=9)),
        lambda given: given.when(Sell(2)).refused(),
        lambda given: given.when(Sell(9)).refused("another-code"),
    ],
)
def test_a_scenario_refuses_a_wrong_claim(claim: Callable[[Scenario[Stock]], object]) -> None:
    with pytest.raises(AssertionError):
        claim(Scenario(ITEM).given(ItemReceived(quantity=3)))


def test_a_scenario_does_not_take_a_fault_for_a_refusal() -> None:
    with pytest.raises(TypeError):
        Scenario(ITEM).given(object()).when(None).refused()


async def test_memory_has_no_other_cluster() -> None:
    await MemoryStore().verify_cluster()
