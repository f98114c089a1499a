"""The service under test, with an approval that is ready to be heard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.service.testing import Served, served
from services.contract.app import service


@pytest.fixture
async def running(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setenv("PUHUI_CONTRACT_SEALING_KEY_FILE", str(tmp_path / "sealing.key"))
    async with served(service, database, tmp_path) as it:
        yield it
