"""An aggregate of 10, 100 and 1,000 events: read from the store, decoded and folded, one after another."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final
from uuid import UUID

from bench.common.filling import fill
from bench.common.result import Goal, Result
from bench.common.servers import postgres
from bench.common.session import Contestant, Session, durations
from bench.common.stores import store
from bench.peers.eventsourcing_shop import Item, Shop, shop
from libs.events.postgres import PostgresStore
from libs.events.tests.shop import ITEM, commands

LENGTHS: Final = (10, 100, 1_000)
MICROSECONDS: Final = 1_000_000


def longer(peer: Shop, length: int) -> UUID:
    """An item of the peer with so many events."""
    item = Item.listed("item")
    for number in range(1, length):
        item.receive(number)
    peer.save(item)
    made: UUID = item.id
    return made


async def ours(made: PostgresStore, loads: int, length: int) -> float:
    began = time.perf_counter()
    for _ in range(loads):
        state, version = await commands(made).state(ITEM, "item-0")
        assert (version, state.quantity) == (length, length * (length - 1) // 2)
    return (time.perf_counter() - began) / loads * MICROSECONDS


async def theirs(load: Callable[[], Item], loads: int, length: int) -> float:
    began = time.perf_counter()
    for _ in range(loads):
        assert load().version == length
    return (time.perf_counter() - began) / loads * MICROSECONDS


async def measure(session: Session) -> Result:
    medians: dict[int, dict[str, float]] = {}
    with postgres() as server:
        server.create_database("peer")
        with shop(server.dsn("peer"), 2) as peer:
            for length in LENGTHS:
                loads = session.size(3_000, 30_000) // length
                item = longer(peer, length)
                async with store(server, f"ours_{length}", 2) as made:
                    await fill(made, streams=1, each=length)
                    turns: dict[str, Contestant] = {
                        "ours": partial(ours, made, loads, length),
                        "eventsourcing": partial(theirs, partial(peer.repository.get, item), loads, length),
                    }
                    medians[length] = await session.in_turns(f"{length} events", turns)
    ratios = {n: durations(of["ours"], {"eventsourcing": of["eventsourcing"]}) for n, of in medians.items()}
    longest = max(LENGTHS)
    return Result(
        unit=f"µs to load {longest} events",
        ours=medians[longest]["ours"],
        peers={"eventsourcing": medians[longest]["eventsourcing"]},
        ratios=ratios[longest],
        goals=[Goal(f"times eventsourcing, {n} events", ratios[n]["eventsourcing"], least=2.0) for n in LENGTHS],
        runs=session.runs,
        limited_by="one round trip to the server for few events, making objects of rows for many",
        details={"µs by events": {str(n): of for n, of in medians.items()}},
    )
