"""A database of the partners service for each test, migrated once and copied."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from libs.service.migrations import migrate

if TYPE_CHECKING:
    from conftest import DatabaseServer

MIGRATIONS: Final = Path(__file__).parents[2] / "services" / "partners" / "migrations"
TEMPLATE: Final = "template_of_partners"


@pytest.fixture(scope="session")
def template(postgres_server: DatabaseServer) -> str:
    postgres_server.create_database(TEMPLATE)

    async def prepare() -> None:
        engine = create_async_engine(postgres_server.dsn(TEMPLATE).replace("postgresql://", "postgresql+asyncpg://", 1))
        await migrate(engine, MIGRATIONS)
        await engine.dispose()

    asyncio.run(prepare())
    return TEMPLATE


@pytest.fixture
def database(postgres_server: DatabaseServer, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    postgres_server.create_database(name, copy_of=template)
    yield postgres_server.dsn(name)
    postgres_server.drop_database(name)
