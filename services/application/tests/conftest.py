"""The service on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from libs.service.testing import Served, served
from services.application.app import service


@pytest.fixture
async def running(database: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(service, database, tmp_path) as running:
        await running.settle()
        yield running


@pytest.fixture
async def customer(running: Served) -> httpx.AsyncClient:
    return await running.client("customer")
