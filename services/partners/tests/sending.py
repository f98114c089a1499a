"""A dispatcher as a process of its own, to be killed."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine

from libs.events.postgres import PostgresStore, connect
from libs.events.signals import Signal
from libs.service.migrations import migrate
from libs.webhooks import Reach
from services.partners.dispatcher import Dispatcher
from services.partners.lane import Address
from services.partners.library import delivery_policy
from services.partners.secrets_of import Secrets

SECRETS = Secrets(b"k" * 32)
LOOPBACK = Reach.of(["127.0.0.1/32"])
MIGRATIONS = Path(__file__).parents[1] / "migrations"


@asynccontextmanager
async def migrated(dsn: str, connections: int = 2) -> AsyncIterator[PostgresStore]:
    """The service's database without the service."""
    engine = create_async_engine(dsn.replace("postgresql://", "postgresql+asyncpg://", 1))
    try:
        await migrate(engine, MIGRATIONS)
    finally:
        await engine.dispose()
    store = await connect(dsn, min_size=connections, max_size=connections)
    try:
        yield store
    finally:
        await store.close()


async def _nobody(_address: Address) -> None:
    """No endpoint of this test is gone."""


def dispatcher(store: PostgresStore, wake: Signal | None = None) -> Dispatcher:
    return Dispatcher(store.pool, LOOPBACK, SECRETS, delivery_policy(), wake or Signal(), _nobody)


def send(dsn: str) -> None:
    """Until it is killed."""

    async def run() -> None:
        store = await connect(dsn, min_size=2, max_size=2)
        await dispatcher(store).run()

    asyncio.run(run())


@contextmanager
def sending(dsn: str) -> Iterator[None]:
    """A process that sends; SIGKILL at the end. It is forked from one that has imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=send, args=(dsn,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()
