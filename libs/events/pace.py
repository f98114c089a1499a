"""How long loops wait for more to come with what has come: batches cost less, and somebody may be waiting for the last.

While a caller waits until everything is handled, loops of this process gather no more: what he waits for goes through
one loop after another, and would be held up by each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final


class Pace:
    """Of one process."""

    def __init__(self) -> None:
        self._waiting = 0

    async def gather(self, pause_s: float) -> None:
        """Let more come, as long as nobody waits."""
        await asyncio.sleep(0 if self._waiting else pause_s)

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Somebody waits until everything is handled."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1


pace: Final = Pace()
