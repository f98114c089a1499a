"""The service on a database of its own, and the loan that most tests are about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.service.testing import Served, served
from services.collections.app import service
from services.collections.tests.loans import TheLoan


@pytest.fixture
async def running(database: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(service, database, tmp_path) as running:
        yield running
        assert await running.parked() == []


@pytest.fixture
def loan(running: Served) -> TheLoan:
    return TheLoan(running)
