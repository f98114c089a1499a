"""Waits until everything that has happened is handled everywhere: for tests, demonstrations and orderly shutdowns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import Final

from libs.events.operations import Side, unsettled
from libs.events.pace import pace

PAUSE_S: Final = 0.01
LONGEST_PAUSE_S: Final = 0.05
GROWTH: Final = 1.3
"""Between two looks: each costs every service a query, and who has much to do is not done the sooner for being asked."""
SHOWN: Final = 10

Look = Callable[[], Awaitable[Side]]
"""Asks one service how far it is."""


class NotSettled(TimeoutError):
    """Something was still on its way when the time was over; the message says what."""


async def settle(services: Mapping[str, Look], timeout_s: float, *, but: Collection[str] = ()) -> None:
    """Until nothing is on its way within and between these services, those in `but` left out; raises `NotSettled`.

    All are asked in one round, since only their reports side by side prove that nothing is on its way
    (`libs.events.operations`). One that is at work itself is then asked alone until it is done.
    """
    found: list[str] = ["nobody was asked yet"]
    services = {name: look for name, look in services.items() if name not in but}
    try:
        async with asyncio.timeout(timeout_s):
            with pace.hurried(but):
                pauses = _pauses()
                while found:
                    await _round(services, found, pauses)
    except TimeoutError:
        raise NotSettled("; ".join(found[:SHOWN])) from None


def _pauses() -> Iterator[float]:
    """Ever longer, up to the longest."""
    pause_s = PAUSE_S
    while True:
        yield pause_s
        pause_s = min(pause_s * GROWTH, LONGEST_PAUSE_S)


async def _round(services: Mapping[str, Look], found: list[str], pauses: Iterator[float]) -> None:
    """Find what is on its way when all are asked at once; if anything is, wait for each that is at work itself."""
    found[:] = unsettled(await asyncio.gather(*(look() for look in services.values())))
    if not found:
        return
    await asyncio.sleep(next(pauses))
    for look in services.values():
        while at_work := unsettled([await look()]):
            found[:] = at_work
            await asyncio.sleep(next(pauses))
