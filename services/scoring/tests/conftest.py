"""The service under test, on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from libs.service.testing import Served, served
from services.scoring import asking
from services.scoring.app import create_scoring, service
from services.scoring.tests.outside import FAULTS, ON, SEED, Outside, simulated


@pytest.fixture
async def scoring(database: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(service, database, tmp_path) as running:
        yield running


@pytest.fixture
def behaving() -> Any:
    """How both sources behave; a module has others by a fixture of its own."""
    return FAULTS


@pytest.fixture
async def outside(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaving: Any
) -> AsyncIterator[Outside]:
    """The service beside a bureau and a registry."""
    for source in ("BUREAU", "REGISTRY"):
        monkeypatch.setenv(f"PUHUI_SCORING_{source}_URL", f"http://{source.lower()}.test")
        monkeypatch.setenv(f"PUHUI_SCORING_{source}_TOKEN", "shared")
    monkeypatch.setattr(asking, "FIRST_DELAY", timedelta(milliseconds=1))
    bureau = simulated.create_source("bureau", seed=SEED, faults=behaving, token="shared")
    registry = simulated.create_source("registry", seed=SEED, faults=behaving, token="shared")
    beside = create_scoring({"bureau": httpx.ASGITransport(bureau), "registry": httpx.ASGITransport(registry)})
    async with served(beside, database, tmp_path) as running:
        out = Outside(running, bureau.state.questions)
        await out.opens(ON)
        yield out


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def empty_scoring(postgres_server: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One for all tests of a module that leave nothing behind."""
    name = f"test_{uuid4().hex[:12]}"
    postgres_server.create_database(name)
    async with served(service, postgres_server.dsn(name), tmp_path_factory.mktemp("scoring")) as running:
        yield running
    postgres_server.drop_database(name)
