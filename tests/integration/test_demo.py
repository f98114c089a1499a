"""The demonstration's own parts, where its whole play would show too little for the time that it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

import pytest

from standalone.demo.colenders import CoLenders
from standalone.demo.play import today
from standalone.http import Platform
from tests.integration.running import PlatformProcess

pytestmark = pytest.mark.integration

SEED: Final = __name__


def test_begun_again_after_a_kill_its_co_lenders_are_told_where_they_were_told_before(
    start_platform: Callable[[str], AbstractContextManager[PlatformProcess]],
) -> None:
    """Their addresses are part of requests, which are sent again under the same keys."""
    with start_platform("tansu") as process:
        told = asyncio.run(_begun(process))
        process.kill()
        process.start()
        assert asyncio.run(_begun(process)) == told
        assert all(told)


async def _begun(process: PlatformProcess) -> list[str]:
    """The endpoints of the co-lenders once they are there."""
    platform = Platform.at(process.url, process.layout.identity, seed=SEED)
    colenders = CoLenders(platform, lambda _what, _count: None, process.layout.colenders)
    try:
        await colenders.begin(await today(platform))
        return colenders.endpoints
    finally:
        await colenders.close()
        await platform.close()
