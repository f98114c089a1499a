"""An audit that has heard of three loans, one a module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from libs.service.testing import Served, served
from services.audit.app import service
from services.audit.tests.life import tell


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(postgres_server: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """Loans 1 to 3 of `life`, told and handled."""
    name = f"test_{uuid4().hex[:12]}"
    postgres_server.create_database(name)
    directory = tmp_path_factory.mktemp("audit")
    async with served(service, postgres_server.dsn(name), directory, data_dir=directory / "data") as running:
        await tell(running, 1, 2, 3)
        yield running
        assert await running.parked() == []
    postgres_server.drop_database(name)
