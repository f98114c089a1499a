"""The database that the migrations make is the one that the code expects."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from libs.service.testing import Served
from services.contract.records import METADATA as RECORDS
from services.contract.tests.story import offered
from services.contract.views import METADATA as VIEWS

KIT_TABLES = {"alembic_version", "business_date"}


def _differences(connection: Connection) -> list[Any]:
    def ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compared_to: Any) -> bool:
        return not (kind == "table" and name in KIT_TABLES)

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, [VIEWS, RECORDS]))


async def test_migrations_and_tables_agree(running: Served) -> None:
    async with running.runtime.engine.connect() as connection:
        assert await connection.run_sync(_differences) == []


async def test_a_document_can_be_neither_changed_nor_removed(running: Served) -> None:
    await offered(running)
    for statement in ("update document set content = ''", "delete from document", "truncate document"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="never changed"):
            await running.runtime.store.pool.execute(statement)
