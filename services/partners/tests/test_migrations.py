"""Migrations and tables agree."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from libs.service.testing import served
from services.partners.app import service
from services.partners.reconciliation_views import RECONCILIATION
from services.partners.records import RECORDS
from services.partners.standings import STANDINGS
from services.partners.views import METADATA


async def test_migrations_and_tables_agree(database: str, tmp_path: Path) -> None:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _compared_to: object) -> bool:
        return not (kind == "table" and name in {"alembic_version", "business_date"})

    async with served(service, database, tmp_path) as running, running.runtime.engine.connect() as connection:
        found = await connection.run_sync(
            lambda open: compare_metadata(
                MigrationContext.configure(open, opts={"include_object": ours}),
                [METADATA, RECORDS, RECONCILIATION, STANDINGS],
            )
        )
        assert found == []
