"""The database that the migrations make is the one that the read models expect."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from libs.service.testing import Served
from services.scoring import records, views

KIT_TABLES = {"alembic_version", "business_date"}


def _differences(connection: Connection) -> list[Any]:
    def ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compared_to: Any) -> bool:
        return not (kind == "table" and name in KIT_TABLES)

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, [records.METADATA, views.METADATA]))


async def test_migrations_and_read_models_agree(scoring: Served) -> None:
    async with scoring.runtime.engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
