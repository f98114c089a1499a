from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.keys.postgres import connect
from libs.keys.store import KeyStore, MemoryKeyStore


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[KeyStore]:
    """Each kind of key store in turn."""
    if request.param == "memory":
        yield MemoryKeyStore()
        return
    made = await connect(request.getfixturevalue("database"))
    yield made
    await made.close()
