"""A simple projection made anew beside the live one: events a second, read, decoded, projected and written.

The reading process has one core, PostgreSQL the other: per core is what the reading process does in a second. A plain
copy of the rows of events through the same driver is what reading alone allows.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from bench.common.filling import fill
from bench.common.result import Goal, Result
from bench.common.servers import postgres
from bench.common.session import Session, rates
from bench.common.stores import store
from libs.events.codec import Recorded
from libs.events.feeds import OwnFeed
from libs.events.postgres import PostgresStore
from libs.events.projection import Add, Change, Projection, Put
from libs.events.rebuild import Rebuild
from libs.events.tests.shop import CODEC, ITEMS, SOURCE, ItemListed, ItemReceived

EACH = 20


def stock() -> Projection:
    """How much there is of each item."""
    view = Projection("stock", 1, [ITEMS])

    @view.on(ItemListed)
    def listed(recorded: Recorded[ItemListed]) -> Iterator[Change]:
        yield Put(ITEMS, {"id": recorded.key, "name": recorded.event.name})

    @view.on(ItemReceived)
    def received(recorded: Recorded[ItemReceived]) -> Iterator[Change]:
        yield Add(ITEMS, {"id": recorded.key}, {"quantity": recorded.event.quantity})

    return view


async def rebuild(made: PostgresStore, events: int, processor_s: list[float]) -> float:
    one = Rebuild(made, stock(), CODEC, OwnFeed(made, SOURCE))
    await one.drop()
    began, worked = time.perf_counter(), time.process_time()
    await one.fill({("", 0): events})
    took = time.perf_counter() - began
    processor_s.append(time.process_time() - worked)
    rows = await made.pool.fetchrow('select count(*), sum(quantity) from "item__rebuild"')
    assert rows is not None
    assert tuple(rows) == (events // EACH, events // EACH * sum(range(EACH)))
    return events / took


async def read_alone(made: PostgresStore, events: int) -> float:
    began, after = time.perf_counter(), 0
    while after < events:
        after = (await made.read(after, 1_000))[-1].sequence
    return events / (time.perf_counter() - began)


async def measure(session: Session) -> Result:
    events, processor_s = session.size(60_000, 500_000), list[float]()
    with postgres() as server:
        async with store(server, "ours", 16) as made:
            session.stage("filling the store", events)
            await fill(made, events // EACH, EACH, session.advance)
            medians = await session.in_turns(
                f"rebuilding from {events:,} events",
                {"ours": lambda: rebuild(made, events, processor_s), "read_alone": lambda: read_alone(made, events)},
            )
    peers = {"read_alone": medians["read_alone"]}
    return Result(
        unit="events/s",
        ours=medians["ours"],
        peers=peers,
        ratios=rates(medians["ours"], peers),
        goals=[Goal("events/s, simple projection", medians["ours"], least=50_000)],
        runs=session.runs,
        limited_by="making objects of rows and JSON in one Python process",
        details={"events": events, "processor_us_an_event": statistics.median(processor_s) / events * 1e6},
    )
