"""The service under test, with an approval that is ready to be heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from libs.service.testing import Served, served
from services.contract.app import service
from services.contract.press import press


@pytest.fixture(scope="session", autouse=True)
def one_press() -> Iterator[None]:
    """A press for all tests: it takes a second to start."""
    press.take()
    yield
    asyncio.run(press.stop())


@pytest.fixture
async def running(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setenv("PUHUI_CONTRACT_SEALING_KEY_FILE", str(tmp_path / "sealing.key"))
    async with served(service, database, tmp_path) as it:
        yield it
