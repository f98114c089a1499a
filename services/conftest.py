"""Services are tested on databases that are migrated once and copied for each test."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from libs.service.migrations import migrate

if TYPE_CHECKING:
    from conftest import DatabaseServer

SERVICES = Path(__file__).parent


@pytest.fixture(scope="session")
def templates(postgres_server: DatabaseServer) -> dict[str, str]:
    """The migrated database of each service that was asked for, by the service's name."""
    return {}


@pytest.fixture
def database(
    request: pytest.FixtureRequest, postgres_server: DatabaseServer, templates: dict[str, str]
) -> Iterator[str]:
    """The URL of a new database of the service whose test asks for it, as its migrations leave it."""
    service = request.path.relative_to(SERVICES).parts[0]
    if service not in templates:
        templates[service] = _template(postgres_server, service)
    name = f"test_{uuid.uuid4().hex[:12]}"
    postgres_server.create_database(name, copy_of=templates[service])
    yield postgres_server.dsn(name)
    postgres_server.drop_database(name)


def _template(server: DatabaseServer, service: str) -> str:
    name = f"template_{service}"
    server.create_database(name)

    async def prepare() -> None:
        engine = create_async_engine(server.dsn(name).replace("postgresql://", "postgresql+asyncpg://", 1))
        await migrate(engine, import_module(f"services.{service}.app").service.migrations)
        await engine.dispose()

    asyncio.run(prepare())
    return name
