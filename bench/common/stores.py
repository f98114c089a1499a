"""Databases for a benchmark on one server: the kit's store with the sample shop's tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.events.postgres import PostgresStore, connect, schema_sql
from libs.events.tests.shop import TABLES_SQL
from standalone.postgres import EmbeddedPostgres


@asynccontextmanager
async def store(server: EmbeddedPostgres, name: str, connections: int = 8) -> AsyncIterator[PostgresStore]:
    """A new database with the kit's tables, and as many connections as are asked for, all open."""
    server.create_database(name)
    made = await connect(server.dsn(name), min_size=connections, max_size=connections)
    try:
        await made.pool.execute(schema_sql() + TABLES_SQL)
        yield made
    finally:
        await made.close()
