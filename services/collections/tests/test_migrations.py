"""The database that the migrations make is the one that the tables in code describe."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from libs.service.testing import Served
from services.collections.records import RECORDS
from services.collections.views import metadata

KIT_TABLES = {"alembic_version", "business_date"}


def _differences(connection: Connection) -> list[Any]:
    def ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compared_to: Any) -> bool:
        return not (kind == "table" and name in KIT_TABLES)

    whole = MetaData()
    for described in (RECORDS, metadata):
        for table in described.sorted_tables:
            table.to_metadata(whole)
    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, whole))


async def test_migrations_and_tables_agree(running: Served) -> None:
    async with running.runtime.engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
