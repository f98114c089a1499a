"""Two events, from objects to durable rows: appends a second with 1, 8 and 32 clients.

Beside the library `eventsourcing` on the same server (an aggregate saved with its two events), and beside the same rows
written by hand with asyncpg in one statement: what the database and the driver give to whoever needs nothing else.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from uuid import uuid4

import orjson

from bench.common.clients import rate, thread_rate
from bench.common.result import Goal, Result
from bench.common.servers import postgres
from bench.common.session import Contestant, Session, rates
from bench.common.stores import store
from bench.peers.eventsourcing_shop import Shop, item_with_two_events, shop
from libs.events.envelope import leaf_bytes
from libs.events.ids import new_id
from libs.events.merkle import leaf_hash
from libs.events.postgres import PostgresStore
from libs.events.tests.shop import CAUSE, Event, ItemListed, ItemReceived, commands

CLIENTS: Final = (1, 8, 32)
EVENTS: Final[list[Event]] = [ItemListed(name="item"), ItemReceived(quantity=5)]

BY_HAND: Final = """
    with made as (insert into es.stream (stream_id, version) values ($1, 2) returning stream_no)
    insert into es.event (stream_no, version, event_id, type, data, metadata, leaf_hash)
    select made.stream_no, e.nth, e.id, e.type, e.data, e.metadata, e.hash
    from made, unnest($2::uuid[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[]) with ordinality
        as e (id, type, data, metadata, hash, nth)"""


async def by_hand(made: PostgresStore) -> None:
    """The same rows without a kit: no check of a version, no clock, no types."""
    stream = f"item-{uuid4()}"
    columns: list[list[Any]] = [[], [], [], [], []]
    for version, event in enumerate(EVENTS, 1):
        event_id, data = new_id(), orjson.dumps(event.payload())
        metadata = orjson.dumps(
            {"actor": {"role": "clerk", "subject": "tester"}, "correlation_id": "correlation-1",
             "recorded_at": "2026-01-02T03:04:05.000006Z"}
        )  # fmt: skip
        hashed = leaf_hash(leaf_bytes(stream, version, event_id, event.type_name, data, metadata))
        for column, value in zip(columns, (event_id, event.type_name, data, metadata, hashed), strict=True):
            column.append(value)
    await made.pool.execute(BY_HAND, stream, *columns)


def contestants(made: PostgresStore, peer: Shop, clients: int, seconds: float) -> dict[str, Contestant]:
    handler = commands(made)

    async def append() -> None:
        await handler.append(f"item-{uuid4()}", 0, EVENTS, CAUSE, within=made)

    return {
        "ours": partial(rate, clients, seconds, append),
        "eventsourcing": partial(thread_rate, clients, seconds, lambda: peer.save(item_with_two_events())),
        "by_hand": partial(rate, clients, seconds, partial(by_hand, made)),
    }


async def measure(session: Session) -> Result:
    seconds = session.size(bounded=1, full=5)
    medians: dict[int, dict[str, float]] = {}
    with postgres() as server:
        server.create_database("peer")
        with shop(server.dsn("peer"), max(CLIENTS)) as peer:
            async with store(server, "ours", max(CLIENTS)) as made:
                for clients in CLIENTS:
                    turns = contestants(made, peer, clients, float(seconds))
                    medians[clients] = await session.in_turns(f"{clients} clients", turns)
    ratios = {
        clients: rates(of.pop("ours"), of) | {"ours": 1.0} for clients, of in ((c, dict(medians[c])) for c in CLIENTS)
    }
    most = medians[max(CLIENTS)]
    return Result(
        unit="appends/s",
        ours=most["ours"],
        peers={name: most[name] for name in ("eventsourcing", "by_hand")},
        ratios={name: ratios[max(CLIENTS)][name] for name in ("eventsourcing", "by_hand")},
        goals=[
            *(Goal(f"times eventsourcing, {c} clients", ratios[c]["eventsourcing"], least=8.0) for c in CLIENTS),
            *(Goal(f"times asyncpg by hand, {c} clients", ratios[c]["by_hand"], least=0.8) for c in CLIENTS),
        ],
        runs=session.runs,
        limited_by="one client waits for one round trip and one write to disk an append, as everybody does: even by hand "
        "it is far from 8 times. With 32 the core of the client's Python is full",
        details={"by_clients": {str(clients): of for clients, of in medians.items()}},
    )
