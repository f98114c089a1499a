"""An event loop whose time passes only when everything waits: what takes hours takes no time, and always the same way."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch


class Stuck(Exception):
    """Everything waits, and nothing will ever come."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs what is ready in the order in which it became so; time is moved, never waited for."""

    def __init__(self) -> None:
        super().__init__(_Skipping(self))
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s


class _Skipping(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck
        self._loop.now_s += max(timeout, 0.0)
        return []


@contextmanager
def virtual_time() -> Iterator[VirtualLoop]:
    """A loop, and its time in those of the kit's modules that ask for the time themselves."""
    loop = VirtualLoop()
    clock = SimpleNamespace(monotonic=loop.time)
    try:
        with patch("libs.events.consumer.time", clock), patch("libs.events.relay.time", clock):
            yield loop
    finally:
        loop.close()
