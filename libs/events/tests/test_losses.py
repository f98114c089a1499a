"""A crash of the server takes back what need not last. Who remembers how far he is looks again, also when nothing new
comes: a connection that was lost may have been lost to a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest

from libs.events.consumer import Consumer
from libs.events.memory import MemoryLog
from libs.events.memory.log import MemoryReader
from libs.events.postgres import PostgresStore
from libs.events.relay import Relay
from libs.events.signals import Signal
from libs.events.store import Position
from libs.events.tail import Tail
from libs.events.tests.shop import CODEC, SOURCE, Ledger, effects, received

TOPIC = "topic"
PATIENCE_S = 20.0


async def lose_a_connection(store: PostgresStore) -> None:
    """The server ends a connection that waits in the pool, as all are ended by its crash."""
    before = store.losses
    async with store.pool.acquire() as one:
        async with store.pool.acquire() as other:
            process = other.get_server_pid()
        await one.execute("select pg_terminate_backend($1)", process)
    async with asyncio.timeout(PATIENCE_S):
        while store.losses == before:
            await asyncio.sleep(0)


async def take_back(store: PostgresStore) -> None:
    """What a crash takes back: rows and positions of transactions that did not wait for the disk."""
    await store.pool.execute("delete from item; delete from es.position")
    await store.pool.execute("update es.relay set position = 0, previous = '{0, 0}', offsets = '{0, 0}'")


def relay_of(store: PostgresStore, log: MemoryLog) -> Relay:
    return Relay(store, log, service="shop", topic=TOPIC, partitions=2, stamped=Signal())


Step = Callable[[], Awaitable[int]]


async def steps_of(kind: str, store: PostgresStore, log: MemoryLog) -> Step:
    if kind == "tail":
        return Tail(store, Ledger(), CODEC, SOURCE, Signal()).step
    await relay_of(store, log).step()
    consumer = Consumer(log, store, Ledger(), CODEC, [TOPIC])
    await consumer.start()
    return lambda: consumer.step(0.0)


async def drained(step: Step) -> None:
    for _ in range(4):
        await step()


@pytest.mark.parametrize("kind", ["tail", "consumer"])
async def test_what_a_crash_took_back_is_handled_again_though_nothing_new_comes(
    kind: str, postgres: PostgresStore
) -> None:
    await postgres.append("item-1", 0, received(1, 2))
    await postgres.stamp()
    step = await steps_of(kind, postgres, MemoryLog())
    await drained(step)
    handled = {"item-1/1": 1, "item-1/2": 1}
    assert await effects(postgres) == handled
    await take_back(postgres)
    await drained(step)
    assert await effects(postgres) == {}, "nobody looks, as long as nothing tells that there was a crash"
    await lose_a_connection(postgres)
    await drained(step)
    assert await effects(postgres) == handled


async def test_a_connection_that_was_lost_without_a_crash_costs_a_look_and_nothing_is_read_anew(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, looks, sought = MemoryLog(), list[str](), list[int]()
    relay, positions = relay_of(postgres, log), postgres.positions
    await postgres.append("item-1", 0, received(1, 2))
    await postgres.stamp()
    await relay.step()
    consumer = Consumer(log, postgres, Ledger(), CODEC, [TOPIC])
    await consumer.start()
    await drained(lambda: consumer.step(0.0))

    async def looked(name: str) -> Mapping[tuple[str, int], Position]:
        looks.append(name)
        return await positions(name)

    async def seek(_reader: MemoryReader, _topic: str, _partition: int, offset: int) -> None:
        sought.append(offset)

    monkeypatch.setattr(postgres, "positions", looked)
    monkeypatch.setattr(MemoryReader, "seek", seek)
    await lose_a_connection(postgres)
    await drained(lambda: consumer.step(0.0))
    assert (looks, sought) == (["ledger"], [])
    publisher = relay._publisher
    assert await relay.step() == 0
    assert relay._publisher is publisher is not None


async def test_where_the_relay_is_is_written_down_again(postgres: PostgresStore) -> None:
    log = MemoryLog()
    relay = relay_of(postgres, log)
    await postgres.append("item-1", 0, received(1, 2))
    last = await postgres.stamp()
    assert await relay.step() == 2
    await take_back(postgres)
    await lose_a_connection(postgres)
    await relay.step()
    assert (await postgres.relay_state()).position == last
    assert await relay.step() == 0
