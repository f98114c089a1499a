"""The youngest events of the sequence, read once for all who follow it.

A service has several followers: its relay, its read models, its reactions. Each stands near the end of the sequence,
where events never change, so what one has fetched serves the others; and what the sequencer of this process has just
stamped need not be fetched at all.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from libs.events.envelope import StoredEvent

KEPT_EVENTS: Final = 2000
FRESH_S: Final = 1.0
"""How long what was told of the end of the sequence spares those who have come so far a look. A sequencer tells it twice a
second where nothing happens, also of what another process has stamped."""

Fetch = Callable[[int, int], Awaitable[list[StoredEvent]]]
"""Events after a place, from the database."""


class Recent:
    """Contiguous events up to the last one that anybody has fetched."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._events: deque[StoredEvent] = deque(maxlen=KEPT_EVENTS)
        self._fetching = asyncio.Lock()
        self._told = 0
        self._told_at: float | None = None

    @property
    def reached(self) -> int | None:
        """The place after which events would follow those that are kept; None before anything was heard of the end."""
        if self._events:
            return self._events[-1].sequence
        return self._told if self._told_at is not None else None

    def told(self, last_sequence: int, events: Sequence[StoredEvent] = ()) -> None:
        """The sequence has got so far, and these are its latest events, or some of them: whoever reads from now on is
        given everything up to there."""
        self._told = max(self._told, last_sequence)
        self._told_at = time.monotonic()
        self._keep(events)

    async def read(self, after_sequence: int, limit: int) -> list[StoredEvent]:
        """As `libs.events.store.Store.read`: fewer than `limit` only at the end of what this process was told of."""
        known = self._known(after_sequence, limit)
        if self._is_whole(known, after_sequence, limit):
            return known
        if not known and not self._follows(after_sequence):
            return await self._fetch(after_sequence, limit)
        async with self._fetching:
            known = self._known(after_sequence, limit)
            if self._is_whole(known, after_sequence, limit):
                return known
            fetched = await self._fetch(known[-1].sequence if known else after_sequence, limit - len(known))
            self._keep(fetched)
            return known + fetched

    def _keep(self, events: Sequence[StoredEvent]) -> None:
        """What follows the events that are kept; where there is a gap, only what comes after it."""
        if self._events:
            events = [event for event in events if event.sequence > self._events[-1].sequence]
            if events and events[0].sequence != self._events[-1].sequence + 1:
                self._events.clear()
        self._events.extend(events)

    def _is_whole(self, known: list[StoredEvent], after_sequence: int, limit: int) -> bool:
        """Whether there is no more to give: as much as is wanted, or all that there was when it was last told."""
        if known:
            return len(known) == limit or known[-1].sequence >= self._told
        is_fresh = self._told_at is not None and time.monotonic() - self._told_at < FRESH_S
        return is_fresh and after_sequence >= self._told

    def _known(self, after_sequence: int, limit: int) -> list[StoredEvent]:
        """What is kept directly after a place."""
        if not self._events or not self._events[0].sequence <= after_sequence + 1 <= self._events[-1].sequence:
            return []
        start = after_sequence + 1 - self._events[0].sequence
        end = min(start + limit, len(self._events))
        return [self._events[place] for place in range(start, end)]  # a deque finds places near its end at once

    def _follows(self, after_sequence: int) -> bool:
        """Whether it is the end that is asked for, and not the past, which nobody else is likely to want."""
        return not self._events or after_sequence >= self._events[-1].sequence
