"""The migrations make exactly the tables that the service's code knows."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from libs.service.testing import Served
from services.application import identifiers, views

OTHERS = {"alembic_version", "business_date"}


def differences(connection: Connection) -> list[Any]:
    known = MetaData()
    for metadata in (identifiers.METADATA, views.METADATA):
        for table in metadata.tables.values():
            table.to_metadata(known)
    context = MigrationContext.configure(
        connection, opts={"include_name": lambda name, kind, _parents: kind != "table" or name not in OTHERS}
    )
    return list(compare_metadata(context, known))


async def test_the_database_is_what_the_code_expects(running: Served) -> None:
    async with running.runtime.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
