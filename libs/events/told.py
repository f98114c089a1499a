"""Whom a store tells of what was stamped and of work that was asked for: both kinds of store alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from libs.events.envelope import StoredEvent

Heed = Callable[[Sequence[StoredEvent] | None], None]


class Told:
    """A part of a store (`libs.events.store.Store`)."""

    def __init__(self) -> None:
        self._heeding: list[Heed] = []
        self._waking: list[Callable[[], None]] = []

    def on_stamped(self, heed: Heed) -> None:
        self._heeding.append(heed)

    def on_scheduled(self, wake: Callable[[], None]) -> None:
        self._waking.append(wake)

    def _tell_stamped(self, events: Sequence[StoredEvent] | None) -> None:
        for heed in self._heeding:
            heed(events)

    def _tell_scheduled(self) -> None:
        for wake in self._waking:
            wake()
