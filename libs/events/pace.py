"""How long loops wait for more to come with what has come: batches cost less, and somebody may be waiting for the last.

While a caller waits until everything is handled, loops of this process gather no more: what he waits for goes through
one loop after another, and would be held up by each. He may leave services out that he does not wait for: theirs go on
gathering.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

ENOUGH: Final = 8
"""A batch of so many events is worth its transaction: nobody need wait for more to come with the next. Where little comes,
waiting makes one batch of what is one chain of work; where much comes, it only makes everything late."""


class Pace:
    """Of one process."""

    def __init__(self) -> None:
        self._left_out: list[Collection[str]] = []

    async def gather(self, pause_s: float, service: str = "") -> None:
        """Let more come, as long as nobody waits for this service; without a name, for any."""
        hurries = any(service not in left_out for left_out in self._left_out)
        await asyncio.sleep(0 if hurries else pause_s)

    @contextmanager
    def hurried(self, but: Collection[str] = ()) -> Iterator[None]:
        """Somebody waits until everything is handled, by all services but these."""
        self._left_out.append(but)
        try:
            yield
        finally:
            self._left_out.remove(but)


pace: Final = Pace()
