"""So many clients at once for so long: how many pieces of work a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor


async def rate(clients: int, seconds: float, work: Callable[[], Awaitable[object]]) -> float:
    """Tasks of this loop, each doing one piece after another."""
    end = time.monotonic() + seconds

    async def client() -> int:
        count = 0
        while time.monotonic() < end:
            await work()
            count += 1
        return count

    began = time.monotonic()
    counts = await asyncio.gather(*(client() for _ in range(clients)))
    return sum(counts) / (time.monotonic() - began)


async def thread_rate(clients: int, seconds: float, work: Callable[[], object]) -> float:
    """Threads, for what is synchronous."""
    end = time.monotonic() + seconds

    def client() -> int:
        count = 0
        while time.monotonic() < end:
            work()
            count += 1
        return count

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(clients) as executor:
        began = time.monotonic()
        counts = await asyncio.gather(*(loop.run_in_executor(executor, client) for _ in range(clients)))
        return sum(counts) / (time.monotonic() - began)
