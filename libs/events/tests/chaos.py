"""Two services and what is between them, disturbed at every await: a seed decides what fails, stops and starts when."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any, Final

from libs.events.broker import Broker, BrokerUnavailable
from libs.events.clock import Clock
from libs.events.codec import Recorded
from libs.events.commands import CommandHandler
from libs.events.consumer import Consumer
from libs.events.delivery import Delivery
from libs.events.envelope import Metadata, NewEvent
from libs.events.ids import derive_id
from libs.events.operations import Side, unsettled
from libs.events.relay import Relay
from libs.events.signals import Signal
from libs.events.store import Session, Store
from libs.events.tests.shop import CAUSE, CODEC, ITEM, TYPES, Receive, commands

ROUNDS_MAX: Final = 3_000
EXPECTED: Final = (ConnectionResetError, BrokerUnavailable, asyncio.CancelledError)


class Disturbed:
    """Stands before a store, a broker, or anything that these hand out: each call may fail before or after its work."""

    def __init__(self, target: Any, chaos: Chaos) -> None:
        self._target, self._chaos = target, chaos

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if name == "transaction":
            return self._transaction
        if name in ("publisher", "reader"):
            return lambda *args: Disturbed(value(*args), self._chaos)
        if name == "stop":
            return value  # whoever dies without it is expelled by the broker after a while: the same, only later
        if inspect.iscoroutinefunction(value):
            return lambda *args, **kwargs: self._chaos.call(lambda: value(*args, **kwargs))
        return value

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        await self._chaos.pause()
        async with self._target.transaction() as session:
            yield Disturbed(session, self._chaos)
            self._chaos.maybe_fail()
        self._chaos.maybe_fail()


class Chaos:
    """The source of disturbance. While `quiet`, there is none."""

    def __init__(self, random: Random, rate: float) -> None:
        self.random, self.rate, self.quiet = random, rate, False

    def maybe_fail(self) -> None:
        if not self.quiet and self.random.random() < self.rate:
            raise ConnectionResetError

    async def pause(self) -> None:
        for _ in range(0 if self.quiet else self.random.randrange(3)):
            await asyncio.sleep(0)

    async def call(self, work: Callable[[], Awaitable[Any]]) -> Any:
        await self.pause()
        self.maybe_fail()
        result = await work()
        await self.pause()
        self.maybe_fail()
        return result


class Copies:
    """Copies each event to a stream of its own service, at the same version: out of order or twice, it conflicts."""

    consumer = "copies"
    types = frozenset(TYPES)

    def __init__(self) -> None:
        self.poison: set[tuple[str, int]] = set()

    async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
        for recorded in batch:
            if (recorded.stream_id, recorded.version) in self.poison:
                raise ValueError("poison")
            type_name, data = CODEC.encode(recorded.event)
            metadata = Metadata(recorded.metadata.recorded_at, recorded.metadata.actor, "copy").to_bytes()
            copy = NewEvent(derive_id(recorded.event_id, "copy"), type_name, data, metadata)
            await session.append(f"copy-{recorded.stream_id}", recorded.version - 1, [copy])


class World:
    """Service A writes and publishes, service B copies; two relays, two consumers, commands to A all the time.

    `paced`: between two decisions something may end, as what waits for real servers needs.
    """

    def __init__(self, seed: int, a: Store, b: Store, log: Broker, topic: str, rate: float = 0.02) -> None:
        self.paced = False
        self.random = Random(seed)
        self.chaos = Chaos(self.random, rate)
        self.a, self.b, self.log, self.topic = a, b, log, topic
        self.copies = Copies()
        disturb = lambda target: Disturbed(target, self.chaos)  # noqa: E731  # named once, used four times below
        self._a, self._b, self._log = disturb(a), disturb(b), disturb(log)
        self.relays = [self.new_relay() for _ in range(2)]
        self.consumers: list[Consumer | None] = [None, None]
        self.handler = CommandHandler(self._a, CODEC, Clock())
        self.running: dict[str, asyncio.Task[Any]] = {}

    def new_relay(self) -> Relay:
        return Relay(self._a, self._log, service="a", topic=self.topic, partitions=2, stamped=Signal())

    async def write(self) -> None:
        await self.handler.handle(ITEM, f"item-{self.random.randrange(5)}", Receive(1), CAUSE)

    async def relay(self, index: int) -> None:
        if self.random.random() < 0.03:
            abandoned, self.relays[index] = self.relays[index], self.new_relay()
            await abandoned.close()
        await self.relays[index].step()

    async def consume(self, index: int) -> None:
        consumer = self.consumers[index]
        if consumer is None:
            consumer = Consumer(self._log, self._b, self.copies, CODEC, [self.topic])
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self.consumers[index] = consumer
        if self.random.random() < 0.03:
            self.consumers[index] = None
            await consumer.stop()
            return
        await consumer.step(0.0)

    async def round(self) -> None:
        """Begin something, or stop something where it stands."""
        actors: dict[str, Callable[[], Awaitable[Any]]] = {
            "write": self.write,
            "stamp": self._a.stamp,
            "relay 0": lambda: self.relay(0),
            "relay 1": lambda: self.relay(1),
            "consumer 0": lambda: self.consume(0),
            "consumer 1": lambda: self.consume(1),
        }
        name = self.random.choice(list(actors))
        task = self.running.get(name)
        if task is None or task.done():
            await self.reap(name)
            self.running[name] = asyncio.create_task(_awaited(actors[name]))
        elif self.random.random() < 0.1:
            task.cancel()
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)
        if self.paced and (busy := [task for task in self.running.values() if not task.done()]):
            await asyncio.wait(busy, timeout=0.02, return_when=asyncio.FIRST_COMPLETED)

    async def reap(self, name: str) -> None:
        task = self.running.pop(name, None)
        if task is not None:
            with suppress(*EXPECTED):
                await task

    async def calm_down(self) -> None:
        """End all disturbance, and go on until everything is handled."""
        self.chaos.quiet = True
        for task in self.running.values():
            task.cancel()
        for name in list(self.running):
            await self.reap(name)
        for consumer in self.consumers:
            if consumer is not None:
                await consumer.stop()
        self.consumers = [None, None]
        for _ in range(ROUNDS_MAX):
            for step in (self._a.stamp, self._b.stamp, *(r.step for r in self.relays), lambda: self.consume(0)):
                with suppress(BrokerUnavailable):
                    await step()
            if not await self.on_its_way():
                return
        raise AssertionError(f"never settled: {await self.on_its_way()}")

    async def on_its_way(self) -> list[str]:
        a = Side("a", self.topic, await self.a.progress())
        b = Side("b", "", await self.b.progress(), {"copies": [self.topic]})
        return unsettled([a, b])

    async def close(self) -> None:
        for relay in self.relays:
            await relay.close()
        for consumer in self.consumers:
            if consumer is not None:
                await consumer.stop()

    async def check(self) -> int:
        """Every event of A that is not parked is in B once and in order, and nothing else is; how many."""
        held = {parked.event.stream_id for parked in await self.b.parked("copies")}
        assert held == {stream for stream, _ in self.copies.poison}
        total = 0
        for number in range(5):
            stream = f"item-{number}"
            originals = await self.a.load(stream)
            copied = await self.b.load(f"copy-{stream}")
            if stream in held:
                originals = originals[: len(copied)]
            assert [event.event_id for event in copied] == [derive_id(e.event_id, "copy") for e in originals]
            assert [event.version for event in copied] == list(range(1, len(copied) + 1))
            total += len(copied)
        sequence = [event.sequence for event in await self.a.read(0, 100_000)]
        assert sequence == list(range(1, len(sequence) + 1))
        return total

    async def repair(self) -> None:
        self.copies.poison.clear()
        delivery = Delivery(self.b, self.copies, CODEC)
        for stream in sorted({parked.event.stream_id for parked in await self.b.parked("copies")}):
            await delivery.redrive(stream)


async def _awaited(work: Callable[[], Awaitable[Any]]) -> Any:
    return await work()


async def seed_poison(world: World) -> None:
    """Some events of A that B cannot handle."""
    handler = commands(world.a)
    for _ in range(3):
        await handler.handle(ITEM, "item-1", Receive(1), CAUSE)
    world.copies.poison = {("item-1", 2)}
