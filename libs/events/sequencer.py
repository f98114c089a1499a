"""Keeps giving committed events their place in the total order, soon after they are committed."""

from __future__ import annotations

from typing import Final

from libs.events import metrics
from libs.events.loops import beat
from libs.events.pace import pace
from libs.events.signals import Fanout, Signal
from libs.events.store import Store

IDLE_S: Final = 0.5
"""How long events of another process may stay unstamped when nothing happens in this one."""
BUSY_S: Final = 0.01
"""After finding another one at work, who may have looked before our events were committed."""
GATHER_S: Final = 0.003
"""After an append, for others to come with it: one small statement every few milliseconds, not one an append."""


class Sequencer:
    """Any number may run; at each moment one of them works."""

    def __init__(self, store: Store, service: str, appended: Signal, stamped: Fanout, idle_s: float = IDLE_S) -> None:
        self._store, self._service, self._appended, self._stamped = store, service, appended, stamped
        self._idle_s = idle_s
        self._last = -1
        self._busy = False

    async def step(self) -> bool:
        """Stamp what there is; whether anything is new."""
        last = await self._store.stamp()
        self._busy = last is None
        if last is None or last == self._last:
            return False
        self._last = last
        metrics.SEQUENCE.labels(self._service).set(last)
        self._stamped.set()
        return True

    async def run(self) -> None:
        """Until cancelled. Raises `ForeignCluster` before anything is stamped with another cluster's transactions."""
        await self._store.verify_cluster()
        while True:
            beat()
            await self.step()
            await self._appended.wait(BUSY_S if self._busy else self._idle_s)
            await pace.gather(GATHER_S, self._service)
