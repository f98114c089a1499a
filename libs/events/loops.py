"""Keeps background loops running: a loop that fails begins anew after a pause, and is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from libs.events import metrics

log = structlog.get_logger(__name__)

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
HEALTHY_S: Final = 30.0
"""A loop that ran this long before it failed is not failing again and again."""


async def keep_running(service: str, name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run until cancelled. Passing faults of broker and database are expected; each is logged with its cause."""
    pause_s = FIRST_PAUSE_S
    while True:
        began = asyncio.get_running_loop().time()
        try:
            await run()
            return
        except Exception as error:
            metrics.LOOP_FAILURES.labels(service, name).inc()
            log.warning("loop failed and begins anew", service=service, loop=name, exc_info=error)
        if asyncio.get_running_loop().time() - began > HEALTHY_S:
            pause_s = FIRST_PAUSE_S
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
