"""From the commit in one service until the row can be seen in another, through sequencer, relay and Apache Kafka.

Two processes, each with its own database. First the highest load that the way carries is found, then half of it is
sent evenly and every event's time is taken; the clock is one for all processes of a machine.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Final
from uuid import uuid4

from bench.common.result import Goal, Result
from bench.common.servers import kafka, postgres
from bench.common.session import Session
from bench.common.stores import store
from bench.peers.listener import PARTITIONS, listen
from libs.events.kafka import KafkaBroker, KafkaSettings
from libs.events.postgres import PostgresStore
from libs.events.relay import Relay
from libs.events.sequencer import Sequencer
from libs.events.signals import Fanout, Signal
from libs.events.tests.shop import received
from libs.service.collector import relax_collector

CLIENTS: Final = 16
SETTLE_S: Final = 30.0


@contextmanager
def listener(database: str, bootstrap: str, topic: str) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=listen, args=(database, bootstrap, topic, theirs))
    process.start()
    try:
        assert ours.recv() == "ready"
        yield ours
    finally:
        process.join(30)
        if process.is_alive():
            process.kill()


class Publishing:
    """The first service: commits at a rate, with its sequencer and relay at work."""

    def __init__(self, made: PostgresStore, broker: KafkaBroker, topic: str) -> None:
        self.made, self.appended, stamped = made, Signal(), Fanout()
        relay = Relay(made, broker, service="shop", topic=topic, partitions=PARTITIONS, stamped=stamped.subscribe())
        self.loops = [
            asyncio.create_task(Sequencer(made, "shop", self.appended, stamped).run()),
            asyncio.create_task(relay.run()),
        ]
        self.committed: dict[str, float] = {}

    async def one(self) -> None:
        (event,) = received(1)
        await self.made.append(f"item-{uuid4()}", 0, [event])
        self.committed[str(event.event_id)] = time.monotonic()
        self.appended.set()

    async def as_fast_as_it_goes(self, seconds: float) -> float:
        """Events a second from the first commit until all are published."""
        end, began = time.monotonic() + seconds, time.monotonic()

        async def client() -> None:
            while time.monotonic() < end:
                await self.one()

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        await self.published()
        return len(self.committed) / (time.monotonic() - began)

    async def evenly(self, rate: float, seconds: float) -> None:
        began = time.monotonic()
        tasks = []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            tasks.append(asyncio.create_task(self.one()))
        await asyncio.gather(*tasks)
        await self.published()

    async def published(self) -> None:
        async with asyncio.timeout(SETTLE_S):
            while not await self._all_published():  # noqa: ASYNC110  # what is waited for is in the database
                await asyncio.sleep(0.05)

    async def _all_published(self) -> bool:
        progress = await self.made.progress()
        return not progress.unstamped and progress.relay_position == progress.last_sequence

    async def stop(self) -> None:
        for loop in self.loops:
            loop.cancel()
        await asyncio.gather(*self.loops, return_exceptions=True)


async def measure(session: Session) -> Result:
    seconds = float(session.size(bounded=3, full=15))
    highest: list[float] = []
    p50, p99 = list[float](), list[float]()
    session.stage("two services", session.runs * 2)
    with postgres() as server, kafka() as running:
        for turn in range(session.runs):
            async with store(server, f"a_{turn}", 8) as a, store(server, f"b_{turn}", 1) as b:
                highest.append((await _run(a, server.dsn(f"b_{turn}"), running.bootstrap_servers, None, seconds))[0])
                session.advance()
                del b
            async with store(server, f"c_{turn}", 8) as c, store(server, f"d_{turn}", 1):
                half = statistics.median(highest) / 2
                _, times = await _run(c, server.dsn(f"d_{turn}"), running.bootstrap_servers, half, seconds)
                p50.append(_percentile(times, 50))
                p99.append(_percentile(times, 99))
                session.advance()
    return Result(
        unit="ms, 99th percentile",
        ours=statistics.median(p99),
        goals=[Goal("ms from commit to visible elsewhere, p99", statistics.median(p99), most=50.0)],
        runs=session.runs,
        limited_by="processes that wait for a core while others of the same machine have it",
        details={
            "p50_ms": statistics.median(p50),
            "p99_ms": statistics.median(p99),
            "highest_load_events_s": statistics.median(highest),
            "each_p99_ms": p99,
        },
    )


async def _run(
    made: PostgresStore, listening: str, bootstrap: str, rate: float | None, seconds: float
) -> tuple[float, list[float]]:
    """The load carried, and each event's milliseconds."""
    topic = f"latency-{uuid4()}"
    broker = KafkaBroker(KafkaSettings(bootstrap, partitions=PARTITIONS))
    await broker.ensure_topics([topic], PARTITIONS)
    with listener(listening, bootstrap, topic) as pipe:
        publishing = Publishing(made, broker, topic)
        await publishing.one()
        await publishing.published()
        await asyncio.sleep(2.0)  # until everything is connected; what is measured begins after it
        relax_collector()
        publishing.committed.clear()
        carried = 0.0
        if rate is None:
            carried = await publishing.as_fast_as_it_goes(seconds)
        else:
            await publishing.evenly(rate, seconds)
        await asyncio.sleep(2.0)
        await publishing.stop()
        pipe.send("stop")
        seen: dict[str, float] = await asyncio.to_thread(pipe.recv)
    await broker.close()
    missing = publishing.committed.keys() - seen.keys()
    assert rate is None or not missing, f"{len(missing)} events were not seen in time"
    return carried, [(seen[one] - at) * 1000 for one, at in publishing.committed.items() if one in seen]


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
