"""Wakes a loop as soon as there is something to do, without polling fast when there is not."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Signal:
    """Set by one side, awaited by another; what is set while nobody waits is not lost."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, timeout_s: float) -> bool:
        """Until set or until the time is over; whether it was set. Clears it."""
        if not self._event.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._event.wait()
        was_set = self._event.is_set()
        self._event.clear()
        return was_set


class Fanout:
    """One setter, many waiters, each with a signal of its own."""

    def __init__(self) -> None:
        self._signals: list[Signal] = []

    def subscribe(self) -> Signal:
        signal = Signal()
        self._signals.append(signal)
        return signal

    def unsubscribe(self, signal: Signal) -> bool:
        """Whether anybody is left."""
        self._signals.remove(signal)
        return bool(self._signals)

    def set(self) -> None:
        for signal in self._signals:
            signal.set()
