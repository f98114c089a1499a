from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from libs.service.testing import Served
from services.ledger.views import METADATA

NOT_OURS = {"alembic_version", "business_date"}


async def test_the_migrations_make_the_tables_that_the_code_means(ledger: Served) -> None:
    def differences(connection: Connection) -> list[Any]:
        def ours(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
            return not (kind == "table" and name in NOT_OURS)

        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        return list(compare_metadata(context, METADATA))

    async with ledger.runtime.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
