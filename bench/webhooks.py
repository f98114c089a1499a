"""Signed deliveries to 50 endpoints, from rows that wait until it is written down that each was taken.

Beside raw posts of the same bodies with httpx: no signature, no order, nothing kept. Then half of that load comes evenly
while one endpoint never answers and one is slow, and the time from each event to its first attempt is taken. What sends
is one process; the receivers are another, and PostgreSQL (which waits for the disk) shares the cores with both.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import uuid4

import httpx

from bench.common.result import Goal, Result
from bench.common.servers import postgres
from bench.common.session import Session, rates
from bench.peers.receivers import NEVER, Came, Receivers, receivers
from libs.contracts.ledger import RepaymentReceived
from libs.contracts.partners import MovementSplit
from libs.events.postgres import PostgresStore
from libs.events.signals import Signal
from services.partners import records
from services.partners.news import cloud_event
from services.partners.records import Told
from services.partners.tests.sending import dispatcher, migrated

ENDPOINTS: Final = 50
LOANS: Final = 40
"""An endpoint's loans: deliveries of one loan wait for one another."""
DEAD: Final = 0
SLOW: Final = 1
SLOW_S: Final = 5.0
GATHER_S: Final = 0.03
"""As `LoanNews` gathers events."""
PATIENCE_S: Final = 120.0
WAITING: Final = "select exists (select from delivery where status = 'PENDING')"
TYPE: Final = RepaymentReceived.type_name
REGISTER: Final = """
    insert into endpoint_v1 (endpoint_id, partner, url, types, status, generation, previous_until, registered_on)
    values ($1, $1, $2, $3, 'ACTIVE', 1, 0, '2026-01-01')"""


def told(endpoint: int, loan: int) -> Told:
    """A message as a partner gets it, with his part."""
    message_id, now, subject = uuid4(), datetime.now(UTC), f"loan-{endpoint}-{loan % LOANS}"
    data = RepaymentReceived.example | {"loan_id": subject, "your_part": MovementSplit.example["parts"][0]}
    body = cloud_event(str(message_id), "/puhui/ledger", TYPE, subject, now.isoformat(), loan, data)
    return Told(message_id, f"endpoint-{endpoint}", subject, TYPE, loan, body, now)


async def ours(store: PostgresStore, there: Receivers, count: int) -> float:
    """Deliveries a second, from the first look at the rows until the last is written down."""
    await store.pool.execute("truncate message, delivery, attempt")
    messages = [told(number % ENDPOINTS, number // ENDPOINTS) for number in range(count)]
    async with store.pool.acquire() as connection, connection.transaction():
        await records.tell(connection, messages)
    await store.pool.execute("vacuum analyze message, delivery, attempt")
    began = time.monotonic()
    async with working(store, Signal()):
        async with asyncio.timeout(PATIENCE_S):
            while await store.pool.fetchval(WAITING):  # noqa: ASYNC110  # what is waited for is in the database
                await asyncio.sleep(0.02)
        elapsed_s = time.monotonic() - began
    came = [one.webhook_id for one in there.take()]
    assert len(came) == len(set(came)) == count, "each came once"
    return count / elapsed_s


@asynccontextmanager
async def working(store: PostgresStore, wake: Signal) -> AsyncIterator[None]:
    task = asyncio.create_task(dispatcher(store, wake).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def raw(there: Receivers, count: int) -> float:
    """Posts a second of the same bodies. A client for each endpoint: one for all of them searches its pool each time."""
    bodies = [[told(endpoint, number).body for number in range(count // ENDPOINTS)] for endpoint in range(ENDPOINTS)]

    async def posting(port: int, of_one: Sequence[bytes]) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            for body in of_one:
                answer = await client.post(f"http://127.0.0.1:{port}/", content=body)
                assert answer.status_code == httpx.codes.NO_CONTENT

    began = time.monotonic()
    await asyncio.gather(*map(posting, there.ports, bodies))
    elapsed_s = time.monotonic() - began
    there.take()
    return count / elapsed_s


async def delays_ms(store: PostgresStore, there: Receivers, rate: float, seconds: float) -> tuple[list[float], float]:
    """Of each event for an endpoint that is well, milliseconds to its first attempt; and what share of all came."""
    await store.pool.execute("truncate message, delivery, attempt")
    wake, happened, count = Signal(), dict[str, float](), int(rate * seconds)
    async with working(store, wake):
        began, done = time.monotonic(), 0
        while done < count:
            await asyncio.sleep(GATHER_S)
            until = min(count, int((time.monotonic() - began) * rate))
            batch = [told(number % ENDPOINTS, number // ENDPOINTS) for number in range(done, until)]
            happened |= {
                f"msg_{one.message_id.hex}": began + number / rate for number, one in enumerate(batch, start=done)
            }
            async with store.pool.acquire() as connection, connection.transaction():
                await records.tell(connection, batch)
            wake.set()
            done = until
        well = {f"msg_{one}" for one in await _well(store)}
        came = there.take()
        async with asyncio.timeout(PATIENCE_S):
            while not well <= {one.webhook_id for one in came}:
                await asyncio.sleep(0.05)
                came += there.take()
    first = _first(came)
    return [(first[one] - happened[one]) * 1000 for one in well], len(first) / count


async def _well(store: PostgresStore) -> Sequence[str]:
    ill = [f"endpoint-{DEAD}", f"endpoint-{SLOW}"]
    rows = await store.pool.fetch("select message_id from message where partner <> all($1)", ill)
    return [row["message_id"].hex for row in rows]


def _first(came: Sequence[Came]) -> dict[str, float]:
    first: dict[str, float] = {}
    for one in came:
        first.setdefault(one.webhook_id, one.at)
    return first


async def _registered(store: PostgresStore, there: Receivers) -> None:
    await store.pool.execute("truncate endpoint_v1")
    await store.pool.executemany(
        REGISTER,
        [(f"endpoint-{number}", f"http://127.0.0.1:{port}/", f" {TYPE} ") for number, port in enumerate(there.ports)],
    )


async def measure(session: Session) -> Result:
    count, seconds = session.size(bounded=3_000, full=20_000), float(session.size(bounded=4, full=20))
    p50, p99 = list[float](), list[float]()
    with postgres() as server:
        server.create_database("partners")
        async with migrated(server.dsn("partners"), 6) as store:
            with receivers([0.0] * ENDPOINTS) as there:
                await _registered(store, there)
                turns = {"ours": partial(ours, store, there, count), "httpx": partial(raw, there, count)}
                medians = await session.in_turns(f"{ENDPOINTS} endpoints", turns)
            session.stage("half of it, one endpoint dead and one slow", session.runs)
            for _ in range(session.runs):
                with receivers([NEVER, SLOW_S, *[0.0] * (ENDPOINTS - 2)]) as ill:
                    await _registered(store, ill)
                    times, _ = await delays_ms(store, ill, medians["ours"] / 2, seconds)
                p50.append(statistics.median(times))
                p99.append(statistics.quantiles(times, n=100)[98])
                session.advance()
    peers = {"httpx": medians["httpx"]}
    return Result(
        unit="deliveries/s",
        ours=medians["ours"],
        peers=peers,
        ratios=rates(medians["ours"], peers),
        goals=[
            Goal("signed deliveries a second", medians["ours"], least=1_000.0),
            Goal("ms from event to first attempt at half of that, p99", statistics.median(p99), most=200.0),
        ],
        runs=session.runs,
        limited_by="one Python process that sends: the HTTP client, then the signature and the rows",
        details={
            "endpoints": ENDPOINTS,
            "half_load_s": medians["ours"] / 2,
            "p50_ms": statistics.median(p50),
            "p99_ms": statistics.median(p99),
            "each_p99_ms": p99,
        },
    )
