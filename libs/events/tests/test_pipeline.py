"""Store, sequencer, relay, log, consumer, store: every event has its effect once and in order, whatever fails when."""

from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from libs.events.memory import MemoryLog, MemoryStore
from libs.events.postgres import PostgresStore
from libs.events.tests.chaos import World, seed_poison
from libs.events.tests.conftest import WipedLog, new_postgres

SEEDS = range(40)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.events.delivery.RETRY_DELAYS_S", (0.0, 0.0))
    monkeypatch.setattr("libs.events.consumer.REWIND_S", 0.0)
    monkeypatch.setattr("libs.events.relay.CHECK_S", -1.0)
    monkeypatch.setattr("libs.events.kafka.IDENTITY_CHECK_S", 0.0)


def running_clock() -> Callable[[], datetime]:
    """A second passes at every look, so that leases run out and ownership wanders."""
    seconds = 0

    def now() -> datetime:
        nonlocal seconds
        seconds += 1
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)

    return now


async def disturb(world: World, rounds: int, wipe: Callable[[], None] | None = None) -> None:
    wipes = {world.random.randrange(rounds) for _ in range(3)} if wipe else set()
    for turn in range(rounds):
        if turn in wipes and wipe:
            wipe()
        await world.round()
    await world.calm_down()


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_effect_happens_once_and_in_order_in_memory(seed: int) -> None:
    log = MemoryLog()
    world = World(seed, MemoryStore(running_clock()), MemoryStore(), log, "topic")
    await disturb(world, 400, log.wipe if seed % 2 else None)
    assert await world.check() > 10
    await world.close()


@pytest.mark.parametrize("seed", [100, 101, 102, 103])
async def test_a_poison_event_parks_its_stream_alone_and_is_handed_over_in_order_once_repaired(seed: int) -> None:
    log = MemoryLog()
    world = World(seed, MemoryStore(running_clock()), MemoryStore(), log, "topic")
    await seed_poison(world)
    await disturb(world, 300, log.wipe)
    assert [one.event.version for one in await world.b.parked("copies")][:2] == [2, 3]
    before = await world.check()
    assert len(await world.b.load("copy-item-1")) == 1
    await world.repair()
    assert await world.check() > before + 1
    await world.close()


# A client that is cancelled while it connects leaves that connection to the garbage collector: aiokafka's, not ours.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", [200, 201])
async def test_every_effect_happens_once_and_in_order_on_postgresql_and_a_broker_that_loses_all(
    seed: int, postgres: PostgresStore, kit_databases: tuple[str, str], wiped_log: WipedLog, topic: str
) -> None:
    other = await new_postgres(kit_databases[1])
    world = World(seed, postgres, other, wiped_log.broker, topic, rate=0.01)
    world.paced = True
    await seed_poison(world)
    await disturb(world, 250, wiped_log.wipe)
    assert await world.check() > 3
    await world.repair()
    await world.calm_down()
    assert await world.check() > 5
    await world.close()
    await other.close()
    gc.collect()
