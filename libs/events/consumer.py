"""Feeds a subscriber from the topics of other services, exactly once in effect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from libs.events import metrics
from libs.events.broker import Broker, Reader, Record
from libs.events.codec import Codec
from libs.events.delivery import Delivery, Item, Subscriber
from libs.events.envelope import BrokenRecord, Delivered, from_record
from libs.events.errors import NotYet
from libs.events.store import Fenced, Position, Store

log = structlog.get_logger(__name__)

POLL_S: Final = 1.0
WAIT_S: Final = 0.02
BATCH: Final = 500
REWIND_S: Final = 5.0
"""A gap that is still there after reading from the first record is looked at again after this time."""


class Consumer:
    """Reads the partitions it is given, from the position in the subscriber's own database.

    Every record names its predecessor in its partition. So a record at or below the last sequence is one we have
    handled; one whose predecessor is our last is the next; and any other says that something is missing (a broker
    that lost its data, an offset of another life): then the partition is read from its first record, and what we
    have handled is passed over.
    """

    def __init__(
        self, broker: Broker, store: Store, subscriber: Subscriber, codec: Codec, topics: Sequence[str]
    ) -> None:
        self._broker, self._store, self._subscriber, self._topics = broker, store, subscriber, topics
        self._delivery = Delivery(store, subscriber, codec)
        self._positions: dict[tuple[str, int], Position] = {}
        self._rewound_at: dict[tuple[str, int], float] = {}
        self._reader: Reader | None = None

    async def _assigned(self, places: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
        """Where to read on: one record before the next, so that the chain is checked against what the broker holds."""
        stored = await self._store.positions(self._subscriber.consumer)
        for place in places:
            self._positions.pop(place, None)
            if place in stored:
                self._positions[place] = stored[place]
        return {place: max(stored[place].next_offset - 1, 0) if place in stored else 0 for place in places}

    async def start(self) -> None:
        self._reader = self._broker.reader(self._topics, self._subscriber.consumer)
        await self._reader.start(self._assigned)

    async def stop(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            await reader.stop()

    async def step(self, timeout_s: float = POLL_S) -> int:
        """Poll once and deliver what came; how many events were handled."""
        assert self._reader is not None, "started before stepped"
        handled = 0
        polled = await self._reader.poll(timeout_s, BATCH)
        for place, records in polled.items():
            try:
                handled += await self._take(place, records)
            except NotYet as waiting:
                log.info("partition waits", topic=place[0], partition=place[1], reason=str(waiting))
                await self._again(place)
                await asyncio.sleep(WAIT_S)
        if polled:
            await self._reader.commit({p: self._positions[p].next_offset for p in polled if p in self._positions})
        return handled

    async def _take(self, place: tuple[str, int], records: Sequence[Record]) -> int:
        assert self._reader is not None, "started before stepped"
        old = self._positions.get(place)
        fresh, gap = self._following(old.last_sequence if old else 0, records)
        items = [
            Item(delivered.event, delivered.source, record.offset)
            for record, delivered in fresh
            if self._delivery.wants(delivered.event)
        ]
        if fresh:
            new = Position(fresh[-1][1].event.sequence, fresh[-1][0].offset + 1)
            try:
                await self._delivery.deliver(place[0], place[1], items, old, new)
            except Fenced:
                await self._again(place)
                return 0
            self._positions[place] = new
            metrics.HANDLED.labels(self._subscriber.consumer).inc(len(items))
            metrics.CONSUMER_POSITION.labels(self._subscriber.consumer, place[0], str(place[1])).set(new.last_sequence)
        if gap:
            await self._rewind(place)
        return len(items)

    async def _again(self, place: tuple[str, int]) -> None:
        """Read a partition from what the database says."""
        assert self._reader is not None, "started before stepped"
        for assigned, offset in (await self._assigned([place])).items():
            await self._reader.seek(*assigned, offset)

    def _following(self, last: int, records: Sequence[Record]) -> tuple[list[tuple[Record, Delivered]], bool]:
        """The records that continue the chain after `last`, and whether one was met whose predecessor is missing."""
        fresh: list[tuple[Record, Delivered]] = []
        gap = False
        for record in records:
            try:
                delivered = from_record(record.value, record.headers)
            except BrokenRecord as error:
                log.error("record passed over", topic=record.topic, offset=record.offset, error=str(error))
                metrics.BROKEN_RECORDS.labels(self._subscriber.consumer, record.topic).inc()
                continue
            if delivered.event.sequence <= last:
                continue
            if delivered.previous != last:
                gap = True
                continue
            fresh.append((record, delivered))
            last = delivered.event.sequence
        return fresh, gap

    async def _rewind(self, place: tuple[str, int]) -> None:
        assert self._reader is not None, "started before stepped"
        now = time.monotonic()
        if now - self._rewound_at.get(place, -REWIND_S) < REWIND_S:
            return
        self._rewound_at[place] = now
        metrics.REWINDS.labels(self._subscriber.consumer, place[0]).inc()
        log.warning("chain broken, reading the partition from its first record", topic=place[0], partition=place[1])
        await self._reader.seek(*place, 0)

    async def run(self) -> None:
        await self.start()
        try:
            while True:
                await self.step()
        finally:
            await self.stop()
