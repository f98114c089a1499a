"""Waits until everything that has happened is handled everywhere: for tests, demonstrations and orderly shutdowns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from libs.events.operations import Side, unsettled

PAUSE_S: Final = 0.015
SHOWN: Final = 10

Look = Callable[[], Awaitable[Side]]
"""Asks one service how far it is."""


class NotSettled(TimeoutError):
    """Something was still on its way when the time was over; the message says what."""


async def settle(services: Mapping[str, Look], timeout_s: float) -> None:
    """Until nothing is on its way within and between these services; raises `NotSettled`.

    A service that is at work itself is asked alone until it is done; only then is it laid beside the others, in one
    round over all of them, since that alone proves that nothing is on its way (`libs.events.operations`).
    """
    found: list[str] = ["nobody was asked yet"]
    try:
        async with asyncio.timeout(timeout_s):
            while found:
                sides = []
                for look in services.values():
                    side = await look()
                    while found := unsettled([side]):
                        await asyncio.sleep(PAUSE_S)
                        side = await look()
                    sides.append(side)
                if found := unsettled(sides):
                    await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        raise NotSettled("; ".join(found[:SHOWN])) from None
