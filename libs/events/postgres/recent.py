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
        self._told = 0

    def told(self, last_sequence: int) -> None:
        """The sequence has got so far: whoever reads from now on is given everything up to there."""
        self._told = max(self._told, last_sequence)

    async def read(self, after_sequence: int, limit: int) -> list[StoredEvent]:
        """As `libs.events.store.Store.read`: fewer than `limit` only at the end of what this process was told of."""
        known = self._known(after_sequence, limit)
        if known and self._is_whole(known, limit):
            return known
        if not known and not self._follows(after_sequence):
            return await self._fetch(after_sequence, limit)
        async with self._fetching:
            known = self._known(after_sequence, limit)
            if known and self._is_whole(known, limit):
                return known
            fetched = await self._fetch(known[-1].sequence if known else after_sequence, limit - len(known))
            if fetched:
                if self._events and fetched[0].sequence != self._events[-1].sequence + 1:
                    self._events.clear()
                self._events.extend(fetched)
            return known + fetched

    def _is_whole(self, known: list[StoredEvent], limit: int) -> bool:
        return len(known) == limit or known[-1].sequence >= self._told

    def _known(self, after_sequence: int, limit: int) -> list[StoredEvent]:
        """What is kept directly after a place."""
        if not self._events or not self._events[0].sequence <= after_sequence + 1 <= self._events[-1].sequence:
            return []
        start = after_sequence + 1 - self._events[0].sequence
        return list(islice(self._events, start, start + limit))

    def _follows(self, after_sequence: int) -> bool:
        """Whether it is the end that is asked for, and not the past, which nobody else is likely to want."""
        return not self._events or after_sequence >= self._events[-1].sequence
