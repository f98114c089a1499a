"""Feeds a subscriber from the service's own sequence."""

from __future__ import annotations

import asyncio
from typing import Final

from libs.events import metrics
from libs.events.codec import Codec
from libs.events.delivery import Delivery, Item, Subscriber
from libs.events.errors import NotYet
from libs.events.loops import beat, finishing
from libs.events.signals import Signal
from libs.events.store import OWN, Fenced, Position, Store

IDLE_S: Final = 0.5
BATCH: Final = 500
GATHER_S: Final = 0.01
"""After something came, for more to come with it: a transaction of ten events costs hardly more than one of one."""


class Tail:
    """Reads the sequence in order from the subscriber's position; several processes may run it, one gets on."""

    def __init__(self, store: Store, subscriber: Subscriber, codec: Codec, source: str, stamped: Signal) -> None:
        self._store, self._subscriber, self._source, self._stamped = store, subscriber, source, stamped
        self._delivery = Delivery(store, subscriber, codec)
        self._position: Position | None = None
        self._known = False
        self._lag = metrics.Lag(subscriber.consumer, OWN, 0)

    async def step(self) -> int:
        """Deliver one batch; how many events were passed. 0 as well when another process or a cause comes first."""
        if not self._known:
            self._position = (await self._store.positions(self._subscriber.consumer)).get((OWN, 0))
            self._known = True
        after = self._position.last_sequence if self._position else 0
        stored = await self._store.read(after, BATCH)
        if not stored:
            return 0
        assert stored[0].sequence == after + 1, "the sequence has no gaps"
        items = [Item(event, self._source, event.sequence) for event in stored if self._delivery.wants(event)]
        new = Position(stored[-1].sequence, stored[-1].sequence + 1)
        self._lag.begin(stored[0])
        try:
            await finishing(self._delivery.deliver(OWN, 0, items, self._position, new))
        except (Fenced, NotYet):
            self._known = False
            return 0
        except BaseException:
            self._known = False
            raise
        self._position = new
        self._lag.end()
        metrics.HANDLED.labels(self._subscriber.consumer).inc(len(items))
        metrics.CONSUMER_POSITION.labels(self._subscriber.consumer, OWN, "0").set(new.last_sequence)
        return len(stored)

    async def run(self) -> None:
        while True:
            beat()
            if await self.step() < BATCH:
                await self._stamped.wait(IDLE_S)
                await asyncio.sleep(GATHER_S)
