"""One reader of the broker for all consumers of a process: a record is fetched once, and only when there is one.

A process that runs several services would otherwise keep one long poll a consumer and pay for each, at both ends,
whether or not anything was published. Here whoever publishes says up to where, so nothing is asked for in vain; what
other processes publish is found by a look now and then, unless they tell it too (`Hub.tell`). Everything still goes
through the broker.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from libs.events.broker import Assigned, Broker, Message, Place, Publisher, Reader, Record, TopicState
from libs.events.pace import pace
from libs.events.signals import Signal

log = structlog.get_logger(__name__)

IDLE_S: Final = 1.0
"""How often to look for what other processes published."""
GATHER_S: Final = 0.004
"""After something was published, for more to come with it."""
POLL_S: Final = 0.1
BATCH: Final = 2000
HELD_BYTES: Final = 4 * 2**20
"""Of one partition, for readers that are slower than others."""
PATIENCE_S: Final = 2.0
"""How long the fastest reader waits for the slowest once that much is held; then the slowest reads it again."""


def _size(record: Record) -> int:
    return len(record.value or b"") + sum(len(value) for _, value in record.headers)


@dataclass(slots=True)
class Shelf:
    """What is held of a partition: records up to `next`, the next offset to fetch. `end` is where it is said to end:
    beyond `next` there is something to fetch, before it the broker is not the one it was."""

    records: deque[Record] = field(default_factory=deque)
    next: int = 0
    end: int = 0
    size: int = 0
    full_since: float | None = None

    @property
    def base(self) -> int:
        return self.records[0].offset if self.records else self.next

    def clear(self, next_offset: int) -> None:
        self.records.clear()
        self.next, self.size, self.full_since = next_offset, 0, None

    def put(self, records: Sequence[Record]) -> None:
        self.records.extend(records)
        self.size += sum(map(_size, records))
        self.next = records[-1].offset + 1
        self.end = max(self.end, self.next)

    @property
    def is_settled(self) -> bool:
        return self.next == self.end

    def after(self, offset: int, limit: int) -> list[Record]:
        start = bisect_left(self.records, offset, key=lambda record: record.offset)
        return [self.records[index] for index in range(start, min(start + limit, len(self.records)))]

    def shrink(self, read_by_all: int) -> None:
        """Let go of what everybody has read, and in the end of what is too much."""
        late = self.full_since is not None and time.monotonic() - self.full_since > PATIENCE_S
        while self.records and self.size > HELD_BYTES and (self.records[0].offset < read_by_all or late):
            self.size -= _size(self.records.popleft())
        if self.size <= HELD_BYTES:
            self.full_since = None
        elif self.full_since is None:
            self.full_since = time.monotonic()


class Hub:
    """`libs.events.broker.Broker` for all consumers of a process, over one reader of `inner` on all `topics`."""

    def __init__(self, inner: Broker, topics: Sequence[str]) -> None:
        self._inner, self._topics = inner, tuple(topics)
        self.tell: list[Callable[[str, Mapping[int, int]], None]] = []
        """Hubs of other processes, to be told what is published here."""
        self._reader: Reader | None = None
        self._shelves: dict[Place, Shelf] = {}
        self._readers: list[HubReader] = []
        self._rewinds: dict[Place, int] = {}
        self._nudge = Signal()
        self._look = False
        self._attended: set[Place] | None = None
        self._starting = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None

    def publisher(self, topic: str, partitions: int) -> HubPublisher:
        return HubPublisher(self, self._inner.publisher(topic, partitions), topic)

    def reader(self, topics: Sequence[str], group: str) -> HubReader:
        if unknown := set(topics) - set(self._topics):
            raise ValueError(f"the hub does not read {', '.join(sorted(unknown))}")
        return HubReader(self, topics, group)

    async def end_offsets(self, places: Iterable[Place]) -> Mapping[Place, int]:
        return await self._inner.end_offsets(places)

    def published(self, topic: str, ends: Mapping[int, int]) -> None:
        """Somebody has published to a topic, up to these offsets by partition."""
        for partition, end in ends.items():
            if (shelf := self._shelves.get((topic, partition))) is None:
                self._look = True  # the reader has yet to hear of this partition
            else:
                shelf.end = end
        self._nudge.set()

    async def join(self, reader: HubReader) -> None:
        async with self._starting:
            self._readers.append(reader)
            try:
                if self._running is None:
                    await self._open()
                    self._running = asyncio.create_task(self._run(), name="hub")
                else:
                    await self._place(reader, [place for place in self._shelves if place[0] in reader.topics])
            except BaseException:
                self._readers.remove(reader)
                raise

    async def leave(self, reader: HubReader) -> None:
        async with self._starting:
            if reader in self._readers:
                self._readers.remove(reader)
            reader.positions.clear()
            if not self._readers:
                await self.close()

    async def close(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await self._close_reader()

    def shelf(self, place: Place) -> Shelf | None:
        return self._shelves.get(place)

    def rewind(self, place: Place, offset: int) -> None:
        """Have the records from `offset` on the shelf again."""
        self._rewinds[place] = min(offset, self._rewinds.get(place, offset))
        self._nudge.set()

    async def _open(self) -> None:
        self._shelves.clear()
        reader = self._inner.reader(self._topics, "hub")
        try:
            await reader.start(self._assigned)
        except BaseException:
            await reader.stop()
            raise
        self._reader, self._look, self._attended = reader, True, None

    async def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.stop()

    async def _assigned(self, places: Sequence[Place]) -> Mapping[Place, int]:
        """Called by the inner reader: at its start, and when another broker answers. Where each partition begins is
        where the first of our readers is; those that nobody reads yet begin when somebody comes."""
        self._attended = None  # what is assigned anew is fetched from
        for place in places:
            self._shelves[place] = Shelf()
            self._rewinds.pop(place, None)
        for reader in self._readers:
            reader.positions = {place: at for place, at in reader.positions.items() if place not in places}
        for reader in self._readers:
            await self._place(reader, [place for place in places if place[0] in reader.topics])
        for place in places:
            self._shelves[place].clear(self._rewinds.pop(place, 0))
        return {place: self._shelves[place].next for place in places}

    async def _place(self, reader: HubReader, places: Sequence[Place]) -> None:
        """Put a reader where it wants to be; an offset that is not there means the first record."""
        if not places:
            return
        wanted = await reader.wanted(places)
        ends = await self.end_offsets([place for place, offset in wanted.items() if offset])
        for place, offset in wanted.items():
            self.seek(reader, place, offset if offset < ends.get(place, 0) else 0)

    def seek(self, reader: HubReader, place: Place, offset: int) -> None:
        alone = not any(place in other.positions for other in self._readers if other is not reader)
        reader.positions[place] = offset
        shelf = self._shelves.get(place)
        if shelf is None or alone or offset < shelf.base:
            self.rewind(place, offset)
        reader.arrived.set()
        self._nudge.set()

    async def _run(self) -> None:
        pause_s = 0.1
        while True:
            try:
                if self._reader is None:
                    await self._open()
                assert self._reader is not None, "opened"
                await self._fetch(self._reader)
                pause_s = 0.1
            except Exception as error:
                log.warning("the hub begins anew", exc_info=error)
                await self._close_reader()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 5.0)

    async def _fetch(self, reader: Reader) -> None:
        """One round: what was published here at once, what others published now and then."""
        rewinds, self._rewinds = self._rewinds, {}
        for place, offset in rewinds.items():
            if (shelf := self._shelves.get(place)) is not None:
                shelf.clear(offset)
                shelf.end = max(shelf.end, offset + 1)
                await reader.seek(*place, offset)
        wanted = {place for place, shelf in self._shelves.items() if not shelf.is_settled and not self._waits(place)}
        if not wanted:
            self._attend(reader, wanted)
            if not self._look and await self._nudge.wait(IDLE_S):
                await pace.gather(GATHER_S)
                return
            wanted = await self._looked()
        self._attend(reader, wanted)
        polled = await reader.poll(POLL_S if wanted else 0.0, BATCH)
        for place, records in polled.items():
            self._put(place, records)
        if not polled:  # what was said to be there is not: the next look finds out
            for shelf in (self._shelves[place] for place in wanted if place in self._shelves):
                shelf.end = shelf.next

    async def _looked(self) -> set[Place]:
        """The partitions that are not as they were last time: others published there, or the broker is another one."""
        self._look = False
        looked_at = [place for place in self._shelves if not self._waits(place)]
        for place, end in (await self.end_offsets(looked_at)).items():
            if (shelf := self._shelves.get(place)) is not None:
                shelf.end = max(shelf.end, end) if end >= shelf.next else end
        return {place for place in looked_at if place in self._shelves and not self._shelves[place].is_settled}

    def _attend(self, reader: Reader, places: set[Place]) -> None:
        """A partition that is attended to is fetched from again and again, whether or not anybody polls."""
        if places != self._attended:
            reader.attend(places)
            self._attended = places

    def _waits(self, place: Place) -> bool:
        """Whether a partition is not read on: for a reader that is far behind, or because nobody reads it."""
        positions = [reader.positions[place] for reader in self._readers if place in reader.positions]
        if not positions:
            return True
        self._shelves[place].shrink(min(positions))
        return self._shelves[place].full_since is not None

    def _put(self, place: Place, records: Sequence[Record]) -> None:
        shelf = self._shelves[place]
        if records[0].offset < shelf.next:  # the broker did not hold what was asked for: it begins from its first
            shelf.clear(records[0].offset)
            for reader in self._readers:
                if place in reader.positions:
                    reader.positions[place] = min(reader.positions[place], records[0].offset)
        shelf.put(records)
        for reader in self._readers:
            if place in reader.positions:
                reader.arrived.set()


class HubPublisher:
    """A publisher that tells the hub what it has published."""

    def __init__(self, hub: Hub, inner: Publisher, topic: str) -> None:
        self._hub, self._inner, self._topic = hub, inner, topic

    async def start(self) -> None:
        await self._inner.start()

    async def state(self) -> TopicState:
        return await self._inner.state()

    async def publish(self, messages: Sequence[Message]) -> Mapping[int, int]:
        ends = await self._inner.publish(messages)
        self._hub.published(self._topic, ends)
        for tell in self._hub.tell:
            tell(self._topic, ends)
        return ends

    async def stop(self) -> None:
        await self._inner.stop()


class HubReader:
    """`libs.events.broker.Reader` on the shelves of a hub; it has all partitions of its topics for itself."""

    def __init__(self, hub: Hub, topics: Sequence[str], group: str) -> None:
        self._hub, self.topics, self.group = hub, frozenset(topics), group
        self.positions: dict[Place, int] = {}
        self.arrived = Signal()
        self._assigned: Assigned | None = None

    async def start(self, assigned: Assigned) -> None:
        self._assigned = assigned
        await self._hub.join(self)

    async def wanted(self, places: Sequence[Place]) -> Mapping[Place, int]:
        assert self._assigned is not None, "started before placed"
        return await self._assigned(places)

    async def poll(self, timeout_s: float, limit: int) -> Mapping[Place, Sequence[Record]]:
        found = self._take(limit)
        if not found and await self.arrived.wait(timeout_s):
            found = self._take(limit)
        return found

    def _take(self, limit: int) -> dict[Place, Sequence[Record]]:
        found: dict[Place, Sequence[Record]] = {}
        for place, position in self.positions.items():
            shelf = self._hub.shelf(place)
            if shelf is None or position >= shelf.next or limit <= 0:
                continue
            if position < shelf.base:
                self._hub.rewind(place, position)
                continue
            found[place] = records = shelf.after(position, limit)
            self.positions[place] = records[-1].offset + 1
            limit -= len(records)
        return found

    async def seek(self, topic: str, partition: int, offset: int) -> None:
        place = (topic, partition)
        if place in self.positions:
            ends = await self._hub.end_offsets([place]) if offset else {}
            self._hub.seek(self, place, offset if offset < ends.get(place, 0) else 0)

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        """There is no group whose lag anybody could look at."""

    def attend(self, places: Iterable[Place]) -> None:
        """Everything is on the shelves."""

    async def stop(self) -> None:
        await self._hub.leave(self)
