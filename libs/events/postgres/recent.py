"""The youngest events of the sequence, read once for all who follow it.

A service has several followers: its relay, its read models, its reactions. Each stands near the end of the sequence,
where events never change, so what one has fetched serves the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Final

from libs.events.envelope import StoredEvent

KEPT_EVENTS: Final = 2000

Fetch = Callable[[int, int], Awaitable[list[StoredEvent]]]
"""Events after a place, from the database."""


class Recent:
    """Contiguous events up to the last one that anybody has fetched."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._events: deque[StoredEvent] = deque(maxlen=KEPT_EVENTS)
        self._fetching = asyncio.Lock()

    async def read(self, after_sequence: int, limit: int) -> list[StoredEvent]:
        if (known := self._known(after_sequence, limit)) is not None:
            return known
        if not self._follows(after_sequence):
            return await self._fetch(after_sequence, limit)
        async with self._fetching:
            if (known := self._known(after_sequence, limit)) is not None:
                return known
            fetched = await self._fetch(after_sequence, limit)
            if fetched:
                if self._events and fetched[0].sequence != self._events[-1].sequence + 1:
                    self._events.clear()
                self._events.extend(fetched)
            return fetched

    def _known(self, after_sequence: int, limit: int) -> list[StoredEvent] | None:
        """What is kept after a place; None when nothing is, or not what follows directly."""
        if not self._events or not self._events[0].sequence <= after_sequence + 1 <= self._events[-1].sequence:
            return None
        start = after_sequence + 1 - self._events[0].sequence
        return list(islice(self._events, start, start + limit))

    def _follows(self, after_sequence: int) -> bool:
        """Whether it is the end that is asked for, and not the past, which nobody else is likely to want."""
        return not self._events or after_sequence >= self._events[-1].sequence
