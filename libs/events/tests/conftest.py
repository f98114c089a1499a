"""Stores and logs for the kit's tests: every kind that keeps a contract, behind one fixture."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
import structlog

from libs.events.memory import MemoryStore
from libs.events.postgres import PostgresStore, connect, schema_sql
from libs.events.store import Store
from libs.events.tests.shop import TABLES_SQL


@pytest.fixture(autouse=True)
def _quiet_log() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


async def new_postgres(dsn: str) -> PostgresStore:
    store = await connect(dsn, max_size=8)
    await store.pool.execute(schema_sql() + TABLES_SQL)
    return store


@pytest.fixture
async def postgres(database: str) -> AsyncIterator[PostgresStore]:
    """A store on PostgreSQL with the read-model tables of the sample shop."""
    store = await new_postgres(database)
    yield store
    await store.close()


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Each kind of store in turn."""
    if request.param == "memory":
        yield MemoryStore()
        return
    store = await new_postgres(request.getfixturevalue("database"))
    yield store
    await store.close()
