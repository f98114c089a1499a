"""A store that an earlier version made is given what this one needs, without losing anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from libs.events.envelope import NewEvent
from libs.events.ids import new_id
from libs.events.postgres import PostgresStore, connect, functions_mark
from libs.service.migrations import migrate

pytestmark = pytest.mark.integration

MIGRATION: Final = """
from alembic import op
from libs.service.migrations import create_kit
revision, down_revision, branch_labels, depends_on = "0001", None, None, None
def upgrade():
    create_kit(op)
"""
MARK: Final = "select obj_description('es'::regnamespace, 'pg_namespace')"
EARLIER: Final = """
    drop function es.stamp_and_read;
    drop function es.read;
    create or replace function es.unstamped() returns bigint language sql stable as 'select -1::bigint';
    comment on schema es is null;
"""
"""What differs from a store as it was made before the kit's functions were told apart."""


@asynccontextmanager
async def _store(database: str, versions: Path) -> AsyncIterator[PostgresStore]:
    """As a service begins with it."""
    engine = create_async_engine(database.replace("postgresql://", "postgresql+asyncpg://", 1))
    await migrate(engine, versions)
    await engine.dispose()
    store = await connect(database)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    (tmp_path / "0001.py").write_text(MIGRATION)
    return tmp_path


async def test_a_store_of_an_earlier_version_is_given_the_functions_of_this_one(database: str, versions: Path) -> None:
    event = NewEvent(new_id(), "type", b"{}", b"{}")
    async with _store(database, versions) as store:
        await store.append("item-1", 0, [event])
        await store.pool.execute(EARLIER)
    async with _store(database, versions) as store:
        assert (await store.progress()).unstamped == 1
        assert await store.stamp() == 1
        assert [each.event_id for each in await store.read(0, 10)] == [event.event_id]
        assert await store.pool.fetchval(MARK) == functions_mark()


async def test_functions_that_are_this_versions_are_left_alone(database: str, versions: Path) -> None:
    unchanged = "select max(xmin::text::bigint) from pg_proc where pronamespace = 'es'::regnamespace"
    async with _store(database, versions) as store:
        before = await store.pool.fetchval(unchanged)
    async with _store(database, versions) as store:
        assert await store.pool.fetchval(unchanged) == before
