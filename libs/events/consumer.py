"""Feeds a subscriber from the topics of other services, exactly once in effect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from libs.events import metrics
from libs.events.broker import Broker, Reader, Record
from libs.events.chain import Links, follow
from libs.events.codec import Codec
from libs.events.delivery import GATHER_S, Delivery, Move, Subscriber
from libs.events.envelope import BrokenRecord, from_record
from libs.events.errors import NotYet
from libs.events.loops import beat, finishing
from libs.events.operations import Reached
from libs.events.pace import ENOUGH, pace
from libs.events.store import Fenced, Position, Store

log = structlog.get_logger(__name__)

POLL_S: Final = 1.0
WAIT_S: Final = 0.02
BATCH: Final = 500
COMMIT_S: Final = 5.0
"""How often the broker is told how far we are, for lag tooling."""
SAVE_S: Final = 0.5
"""How often a position is written down that moved past events which are not for this subscriber."""
REWIND_S: Final = 5.0
LONGEST_REWIND_S: Final = 300.0
"""A partition with a gap is read from its first record at once, and again after this time, doubled each time up to
that one: what is missing may be on its way, and a gap for ever must not cost all our time."""

Place = tuple[str, int]


@dataclass(slots=True)
class _Gap:
    """A missing record of a partition: when to look for it again, and how long to wait after that."""

    again_at: float
    pause_s: float = REWIND_S


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a poll brought of one partition; without a move there was nothing new."""

    place: Place
    links: Links
    move: Move | None = None


class Consumer:
    """Reads the partitions it is given, from the position in the subscriber's own database.

    Every record names its predecessor in its partition. So a record at or below the last sequence is one we have
    handled; one whose predecessor is our last is the next; and any other says that something is missing (a broker
    that lost its data): then the partition is read from its first record, and what we have handled is passed over.
    The same where a position finds an older record at its place than the one it was left at: the offset is of
    another life of the broker, and what is next may lie before it.
    """

    def __init__(
        self,
        broker: Broker,
        store: Store,
        subscriber: Subscriber,
        codec: Codec,
        topics: Sequence[str],
        reached: Reached | None = None,
    ) -> None:
        self._broker, self._store, self._subscriber, self._topics = broker, store, subscriber, topics
        self._delivery = Delivery(store, subscriber, codec)
        self._positions: dict[Place, Position] = {}
        self._saved: dict[Place, Position] = {}
        self._saved_at = 0.0
        self._reached = reached if reached is not None else {}
        self._gaps: dict[Place, _Gap] = {}
        self._unhandled: set[Place] = set()
        self._resumed: set[Place] = set()
        """Places whose first record since they were assigned has not come."""
        self._losses = store.losses
        self._interrupted = False
        """Whether a poll did not return: it may have taken records that nobody has seen."""
        self._lags: dict[Place, metrics.Lag] = {}
        self._committed_at = time.monotonic()
        self._reader: Reader | None = None

    async def _assigned(self, places: Sequence[Place]) -> Mapping[Place, int]:
        """Where to read on: one record before the next, so that the chain is checked against what the broker holds."""
        stored = await self._store.positions(self._subscriber.consumer)
        for place in places:
            self._positions.pop(place, None)
            self._saved.pop(place, None)
            if place in stored:
                self._positions[place] = self._saved[place] = stored[place]
                self._resumed.add(place)
        return {place: max(stored[place].next_offset - 1, 0) if place in stored else 0 for place in places}

    async def start(self) -> None:
        self._reader = self._broker.reader(self._topics, self._subscriber.consumer)
        await self._reader.start(self._assigned)

    async def stop(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            await reader.stop()

    async def step(self, timeout_s: float = POLL_S) -> int:
        """Poll once and deliver what came; how many events were handled.

        Whatever it raises, the next step begins with what was not handled.
        """
        if self._interrupted:
            await self.stop()
            await self.start()
        assert self._reader is not None, "started before stepped"
        if self._losses != self._store.losses:
            await self._look_back()
        for place in sorted(self._unhandled):
            await self._again(self._reader, place)
        await self._look_for_missing(self._reader)
        beat()
        self._interrupted = True
        polled = await self._reader.poll(timeout_s, BATCH)
        self._interrupted = False
        self._unhandled |= polled.keys()
        elsewhere = [place for place, records in polled.items() if self._is_elsewhere(place, records)]
        taken = [self._follow(place, records) for place, records in polled.items()]
        moves = [one.move for one in taken if one.move and one.move.items]
        is_delivered = await finishing(self._delivery.deliver_at_once(moves))
        handled = 0
        for one in taken:
            place = one.place
            try:
                handled += await finishing(self._take(self._reader, one, is_delivered))
                self._unhandled.discard(place)
            except Fenced:
                await self._again(self._reader, place)
            except NotYet as waiting:
                log.debug("partition waits", topic=place[0], partition=place[1], reason=str(waiting))
                await self._again(self._reader, place)
                await asyncio.sleep(WAIT_S)
        for place in elsewhere:
            await self._rewind(self._reader, place)
        await self._save_positions(self._reader)
        if time.monotonic() - self._committed_at > COMMIT_S:
            self._committed_at = time.monotonic()
            await self._reader.commit({place: held.next_offset for place, held in self._positions.items()})
        return handled

    def _is_elsewhere(self, place: Place, records: Sequence[Record]) -> bool:
        """Whether the first record since a place was assigned is an older one than that at which it was left."""
        if place not in self._resumed or not records:
            return False
        self._resumed.discard(place)
        position, first = self._positions[place], records[0]
        try:
            found = from_record(first.value, first.headers).event.sequence
        except BrokenRecord:
            found = 0
        return first.offset < position.next_offset and found < position.last_sequence

    def _follow(self, place: Place, records: Sequence[Record]) -> _Taken:
        old = self._positions.get(place)
        links = follow(old.last_sequence if old else 0, records)
        self._note_broken(place[0], links)
        if not links.fresh:
            return _Taken(place, links)
        self._lag(place).begin(links.fresh[0].event)
        items = [item for item in links.fresh if self._delivery.wants(item.event)]
        new = Position(links.fresh[-1].event.sequence, links.fresh[-1].offset + 1)
        return _Taken(place, links, Move(*place, items, self._saved.get(place), new))

    async def _take(self, reader: Reader, taken: _Taken, is_delivered: bool) -> int:
        place, move = taken.place, taken.move
        if move is not None:
            if move.items:
                if not is_delivered:
                    await self._delivery.deliver(move)
                self._saved[place] = move.new
            self._positions[place] = move.new
            self._reached[self._subscriber.consumer, *place] = move.new.last_sequence
            self._gaps.pop(place, None)
            self._lag(place).end()
            metrics.HANDLED.labels(self._subscriber.consumer).inc(len(move.items))
            labels = (self._subscriber.consumer, place[0], str(place[1]))
            metrics.CONSUMER_POSITION.labels(*labels).set(move.new.last_sequence)
        if taken.links.gap and place not in self._gaps:
            self._gaps[place] = _Gap(time.monotonic() + REWIND_S)
            await self._rewind(reader, place)
        return len(move.items) if move is not None else 0

    async def _save_positions(self, reader: Reader) -> None:
        """Write down now and then how far we are where nothing was for us: passing over costs no transaction."""
        if time.monotonic() - self._saved_at < SAVE_S:
            return
        self._saved_at = time.monotonic()
        for place, new in list(self._positions.items()):
            if self._saved.get(place) != new and place not in self._unhandled:
                try:
                    await self._store.advance(
                        self._subscriber.consumer, *place, self._saved.get(place), new, lasting=False
                    )
                    self._saved[place] = new
                except Fenced:
                    await self._again(reader, place)

    def _lag(self, place: Place) -> metrics.Lag:
        if place not in self._lags:
            self._lags[place] = metrics.Lag(self._subscriber.consumer, *place)
        return self._lags[place]

    async def _look_back(self) -> None:
        """The server may have crashed, and be behind what is remembered here."""
        losses, stored = self._store.losses, await self._store.positions(self._subscriber.consumer)
        self._unhandled |= {place for place in self._positions if stored.get(place) != self._saved.get(place)}
        self._losses = losses

    async def _again(self, reader: Reader, place: Place) -> None:
        """Read a partition from what the database says. Each is a step: where a broker is away, many would be too long."""
        beat()
        for assigned, offset in (await self._assigned([place])).items():
            await reader.seek(*assigned, offset)
        self._unhandled.discard(place)

    async def _look_for_missing(self, reader: Reader) -> None:
        now = time.monotonic()
        for place, gap in self._gaps.items():
            if now >= gap.again_at:
                gap.pause_s = min(gap.pause_s * 2, LONGEST_REWIND_S)
                gap.again_at = now + gap.pause_s
                await self._rewind(reader, place)

    async def _rewind(self, reader: Reader, place: Place) -> None:
        beat()
        metrics.REWINDS.labels(self._subscriber.consumer, place[0]).inc()
        log.warning("chain broken, reading the partition from its first record", topic=place[0], partition=place[1])
        await reader.seek(*place, 0)

    def _note_broken(self, topic: str, links: Links) -> None:
        for record, error in links.broken:
            log.error("record passed over", topic=topic, offset=record.offset, error=str(error))
            metrics.BROKEN_RECORDS.labels(self._subscriber.consumer, topic).inc()

    async def run(self) -> None:
        gather_s = getattr(self._subscriber, "gather_s", GATHER_S)
        enough = ENOUGH if gather_s <= GATHER_S else BATCH  # who gathers for longer wants larger batches
        service = self._subscriber.consumer.partition(".")[0]
        try:
            await self.start()
            while True:
                beat()
                if 0 < await self.step() < enough:
                    await pace.gather(gather_s, service)
        finally:
            await self.stop()
