"""The store with ten million events against the store with a hundred thousand: it must not grow slower as it grows.

Append, sequencing (64 appends and a stamp), reading the tail (the newest 500 in sequence), reading far back, and loading
one aggregate of 20 events, on both stores in turns on the same server. Bounded: 500,000 against 50,000.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any, Final
from uuid import uuid4

import psutil

from bench.common.clients import rate
from bench.common.result import Goal, Result
from bench.common.servers import postgres
from bench.common.session import Contestant, Session
from bench.common.stores import store
from libs.events.postgres import PostgresStore
from libs.events.tests.bulk import fill_in_bulk
from libs.events.tests.shop import received

EACH: Final = 20
STREAMS_AT_ONCE: Final = 5_000
CLIENTS: Final = 8
SHARED_BUFFERS: Final = f"{psutil.virtual_memory().total // 4 // 2**20}MB"
"""A quarter of the memory, as PostgreSQL's manual has it for a server with data to match. With the 128 MB of `make run`
each page of the large store that is not looked at often is fetched from the system: loading an aggregate fell to 0.57."""
SIZES: Final = """
    select relname, pg_total_relation_size(oid)::bigint from pg_class
    where relnamespace = 'es'::regnamespace and relkind = 'r' and relname in ('event', 'sequence', 'stream')"""


async def fill(made: PostgresStore, events: int, advance: Callable[[int], None]) -> None:
    for first in range(1, events // EACH + 1, STREAMS_AT_ONCE):
        last = min(first + STREAMS_AT_ONCE - 1, events // EACH)
        await fill_in_bulk(made.pool, first, last, EACH)
        advance((last - first + 1) * EACH)
    await made.pool.execute("vacuum analyze")


async def append(made: PostgresStore) -> None:
    await made.append(f"item-{uuid4()}", 0, received(1, 2))


async def sequence(made: PostgresStore) -> None:
    await asyncio.gather(*(append(made) for _ in range(64)))
    await made.stamp()


async def tail(made: PostgresStore) -> None:
    last = await made.last_sequence()
    assert len(await made.read(last - 500, 500)) == 500


async def far_back(made: PostgresStore, events: int, random: Random) -> None:
    assert len(await made.read(random.randrange(events - 500), 500)) == 500


async def load(made: PostgresStore, events: int, random: Random) -> None:
    assert len(await made.load(f"bulk-{random.randrange(1, events // EACH + 1)}")) == EACH


def works(made: PostgresStore, events: int) -> dict[str, tuple[int, Callable[[], Awaitable[None]]]]:
    """What is measured, each with its number of clients."""
    random = Random(7)
    return {
        "append": (CLIENTS, partial(append, made)),
        "sequencing": (1, partial(sequence, made)),
        "tail": (2, partial(tail, made)),
        "far back": (2, partial(far_back, made, events, random)),
        "load": (CLIENTS, partial(load, made, events, random)),
    }


async def measure(session: Session) -> Result:
    small, large = session.size(50_000, 100_000), session.size(500_000, 10_000_000)
    seconds = float(session.size(1, 3))
    medians: dict[str, dict[str, float]] = {}
    with postgres({"shared_buffers": SHARED_BUFFERS}) as server:
        async with store(server, "small", CLIENTS) as little, store(server, "large", CLIENTS) as much:
            session.stage(f"filling {large:,} events", large + small)
            began = time.monotonic()
            await fill(little, small, session.advance)
            await fill(much, large, session.advance)
            filled_s = time.monotonic() - began
            both = works(little, small), works(much, large)
            for name, (clients, of_small) in both[0].items():
                turns: dict[str, Contestant] = {
                    "small": partial(rate, clients, seconds, of_small),
                    "large": partial(rate, clients, seconds, both[1][name][1]),
                }
                medians[name] = await session.in_turns(name, turns)
            sizes: dict[str, Any] = {row[0]: row[1] / large for row in await much.pool.fetch(SIZES)}
    ratios = {name: of["large"] / of["small"] for name, of in medians.items()}
    worst = min(ratios, key=lambda name: ratios[name])
    return Result(
        unit=f"share of the speed at {small:,} events that is left at {large:,}, the least",
        ours=ratios[worst],
        peers={name: of["small"] for name, of in medians.items()},
        ratios=ratios,
        goals=[Goal(f"of the speed at {small:,} events, {name}", ratio, least=0.9) for name, ratio in ratios.items()],
        runs=session.runs,
        limited_by=f"{worst}: the {EACH} events of an aggregate lie on as many pages, and the large store is in no cache of "
        "the processor",
        details={
            "events": {"small": small, "large": large},
            "bytes an event": {**sizes, "all": sum(sizes.values())},
            "each a second": medians,
            "filled in s": filled_s,
        },
    )
