"""From an HTTP command to a durable event: one uvicorn worker, 8 clients.

Beside the bare save of the library `eventsourcing` (no HTTP, no token, no key), and beside a bare FastAPI handler with
one hand-written statement: what framework and database leave.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from bench.common.clients import rate, thread_rate
from bench.common.http import Connection
from bench.common.result import Goal, Result
from bench.common.servers import directory, postgres
from bench.common.session import Contestant, Session, rates
from bench.common.stores import store
from bench.peers.command_servers import BY_HAND_TABLE, ISSUER
from bench.peers.eventsourcing_shop import item_with_two_events, shop
from libs.service.issuer import Issuer
from standalone.postgres import EmbeddedPostgres
from standalone.processes import free_port

CLIENTS: Final = 8
CREATED: Final = 201


@contextmanager
def server(kind: str, port: int, database: str, keys: Path) -> Iterator[None]:
    """One of the two servers as a process."""
    environment = os.environ | {"DATABASE": database, "PORT": str(port), "DIRECTORY": str(keys)}
    process = subprocess.Popen(  # it writes its log as a service does; nobody reads it
        [sys.executable, "-m", "bench.peers.command_servers", kind], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


async def commands(port: int, seconds: float, headers: str) -> float:
    """Commands a second, on connections of their own: a server closes those that were idle in others' turns."""
    opened = [await Connection.open(port) for _ in range(CLIENTS)]
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for one in opened:
        free.put_nowait(one)
    figure = await rate(CLIENTS, seconds, partial(post, free, headers))
    for one in opened:
        await one.close()
    return figure


async def post(free: asyncio.Queue[Connection], authority: str) -> None:
    """A command on an item of its own, as applications, loans and cases are."""
    connection = free.get_nowait()
    status = await connection.post(
        f"/shop/items/{uuid4()}/receipts", b'{"quantity":5}', f'{authority}Idempotency-Key: "{uuid4()}"\r\n'
    )
    assert status == CREATED, f"answered {status}"
    free.put_nowait(connection)


async def measure(session: Session) -> Result:
    seconds = float(session.size(bounded=2, full=8))
    with directory() as keys, postgres() as running:
        issuer = Issuer.open(keys, issuer=ISSUER, audience="puhui")
        medians = await _measure(session, seconds, keys, running, issuer.token("loan-officer"))
    peers = {name: medians[name] for name in ("eventsourcing", "bare_fastapi")}
    ratios = rates(medians["ours"], peers)
    return Result(
        unit="commands/s",
        ours=medians["ours"],
        peers=peers,
        ratios=ratios,
        goals=[
            Goal("times eventsourcing's bare save", ratios["eventsourcing"], least=2.0),
            Goal("times a bare FastAPI handler", ratios["bare_fastapi"], least=0.5),
        ],
        runs=session.runs,
        limited_by="one Python process: uvicorn and asyncpg, then checking token, key and body, the event and the log",
    )


async def _measure(
    session: Session, seconds: float, keys: Path, running: EmbeddedPostgres, token: str
) -> dict[str, float]:
    running.create_database("peer")
    ours_port, bare_port = free_port(), free_port()
    authority = f"Authorization: Bearer {token}\r\n"
    async with store(running, "bare_tables", 1) as other:
        await other.pool.execute(BY_HAND_TABLE)
    with shop(running.dsn("peer"), CLIENTS) as peer:
        async with store(running, "ours", 1):
            with (
                server("ours", ours_port, running.dsn("ours"), keys),
                server("bare", bare_port, running.dsn("bare_tables"), keys),
            ):
                turns: dict[str, Contestant] = {
                    "ours": partial(commands, ours_port, seconds, authority),
                    "bare_fastapi": partial(commands, bare_port, seconds, ""),
                    "eventsourcing": partial(thread_rate, CLIENTS, seconds, lambda: peer.save(item_with_two_events())),
                }
                for name in ("ours", "bare_fastapi"):  # until it serves, and has planned its statements
                    await turns[name]()
                return await session.in_turns(f"{CLIENTS} clients", turns)
