"""The service on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from libs.service.testing import Served, served
from services.approval.app import service
from services.approval.tests.exposures import counted_as_kept
from services.approval.tests.requests import application_id, scored


@pytest.fixture
async def approval(database: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(service, database, tmp_path) as running:
        yield running
        assert await running.parked() == []
        await counted_as_kept(running)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_referred(postgres_server: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A service with one referred application, for the tests of a module that leave nothing behind."""
    name = f"test_{uuid4().hex[:12]}"
    postgres_server.create_database(name)
    async with served(service, postgres_server.dsn(name), tmp_path_factory.mktemp("approval")) as running:
        await running.publish(f"assessment-{application_id()}", scored())
        await running.settle()
        yield running
    postgres_server.drop_database(name)
