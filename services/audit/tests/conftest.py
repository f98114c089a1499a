"""An audit that has heard of three loans, one a module; and one, a test, that has heard of nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from libs.contracts import ledger
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


@pytest.fixture
async def book(database: str, tmp_path: Path) -> AsyncIterator[Served]:
    """An audit that has heard of nothing but the day."""
    async with served(service, database, tmp_path, data_dir=tmp_path / "data") as running:
        await running.publish("businessday-cn", ledger.BusinessDayOpened(business_date=date(2026, 5, 31)))
        await running.settle()
        yield running
        assert await running.parked() == []
