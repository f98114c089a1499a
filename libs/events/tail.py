"""Feeds a subscriber from the service's own sequence."""

from __future__ import annotations

import time
from typing import Final

from libs.events import metrics
from libs.events.codec import Codec
from libs.events.delivery import GATHER_S, Delivery, Item, Move, Subscriber
from libs.events.errors import NotYet
from libs.events.loops import beat, finishing
from libs.events.operations import Reached
from libs.events.pace import pace
from libs.events.signals import Signal
from libs.events.store import OWN, Fenced, Position, Store

IDLE_S: Final = 0.5
BATCH: Final = 500
SAVE_S: Final = 0.5
"""How often a position is written down that moved past events which are not for this subscriber."""
BUSY_S: Final = 0.2
QUIET_S: Final = 0.005


class Tail:
    """Reads the sequence in order from the subscriber's position; several processes may run it, one gets on."""

    def __init__(
        self,
        store: Store,
        subscriber: Subscriber,
        codec: Codec,
        source: str,
        stamped: Signal,
        reached: Reached | None = None,
    ) -> None:
        self._store, self._subscriber, self._source, self._stamped = store, subscriber, source, stamped
        self._delivery = Delivery(store, subscriber, codec)
        self._position: Position | None = None
        self._saved: Position | None = None
        self._saved_at = self._busy_at = 0.0
        self._reached = reached if reached is not None else {}
        self._known = False
        self._losses = store.losses
        self._lag = metrics.Lag(subscriber.consumer, OWN, 0)

    async def step(self) -> int:
        """Deliver one batch; how many events were passed. 0 as well when another process or a cause comes first."""
        if self._losses != self._store.losses:  # the server may have crashed, and be behind what is remembered here
            self._losses, self._known = self._store.losses, False
        if not self._known:
            self._position = (await self._store.positions(self._subscriber.consumer)).get((OWN, 0))
            self._saved, self._known = self._position, True
        after = self._position.last_sequence if self._position else 0
        stored = await self._store.read(after, BATCH)
        if not stored:
            await self._save()
            return 0
        assert stored[0].sequence == after + 1, "the sequence has no gaps"
        items = [Item(event, self._source, event.sequence) for event in stored if self._delivery.wants(event)]
        new = Position(stored[-1].sequence, stored[-1].sequence + 1)
        self._lag.begin(stored[0])
        try:
            if items:
                await finishing(self._delivery.deliver(Move(OWN, 0, items, self._saved, new)))
                self._saved = new
        except (Fenced, NotYet):
            self._known = False
            return 0
        except BaseException:
            self._known = False
            raise
        self._position = new
        self._reached[self._subscriber.consumer, OWN, 0] = new.last_sequence
        await self._save()
        self._lag.end()
        metrics.HANDLED.labels(self._subscriber.consumer).inc(len(items))
        metrics.CONSUMER_POSITION.labels(self._subscriber.consumer, OWN, "0").set(new.last_sequence)
        return len(stored)

    async def _save(self) -> None:
        """Write down now and then how far we are where nothing was for us: passing over costs no transaction."""
        if self._position in (None, self._saved) or time.monotonic() - self._saved_at < SAVE_S:
            return
        assert self._position is not None
        self._saved_at = time.monotonic()
        try:
            await self._store.advance(self._subscriber.consumer, OWN, 0, self._saved, self._position, lasting=False)
            self._saved = self._position
        except Fenced:
            self._known = False

    async def run(self) -> None:
        gather_s = getattr(self._subscriber, "gather_s", GATHER_S)
        service = self._subscriber.consumer.partition(".")[0]
        while True:
            beat()
            if await self.step() < BATCH:
                await self._stamped.wait(IDLE_S)
                await pace.gather(self._pause_s(gather_s), service)

    def _pause_s(self, gather_s: float) -> float:
        """For what comes alone hardly any, while much is coming as long as the subscriber bears."""
        now = time.monotonic()
        is_busy, self._busy_at = now - self._busy_at < BUSY_S, now
        return gather_s if is_busy else min(gather_s, QUIET_S)
