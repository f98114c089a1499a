"""Writers of every kind, readers that never look back, and what both saw: the experiment about the total order.

The usual reader, `xid < pg_snapshot_xmin()`, runs beside as negative control. A run in which it sees nothing out of
order was too weak to say anything about ours.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from libs.events.envelope import StoredEvent
from libs.events.postgres import PostgresStore, connect
from libs.events.store import Answer, ConcurrencyError
from libs.events.tests.shop import received

WRITERS: Final = 16
READERS: Final = 3
STAMPERS: Final = 2
EACH_STREAM: Final = 400
"""Events a stream has, about, at the end: few streams make conflicts, too many hide inversions."""
LONGEST_PAUSE_S: Final = 0.01
POLL_S: Final = 0.004
VIOLATIONS_SHOWN: Final = 10

USUAL_READER: Final = """
    select e.xid::text::bigint, e.append_id, s.stream_id, e.version
    from es.event e join es.stream s using (stream_no)
    where e.xid >= $1::bigint::text::xid8 and (e.xid > $1::bigint::text::xid8 or e.append_id > $2)
      and e.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by e.xid, e.append_id limit 1000"""
STREAM_VERSIONS: Final = "select stream_id, version from es.stream order by stream_no"

OnProgress = Callable[[int, int], None]


@dataclass
class Seen:
    """What a run saw. `violations`: promises that were broken; none, if the kit keeps them."""

    seed: int
    events: int = 0
    streams: int = 0
    seconds: float = 0.0
    transactions: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0
    stamps: int = 0
    looks_back: int = 0
    usual_events: int = 0
    usual_inversions: int = 0
    usual_example: str = ""
    violations: list[str] = field(default_factory=list)

    @property
    def strong_enough(self) -> bool:
        """Whether the usual reader was caught."""
        return self.usual_inversions > 0

    def broken(self, what: str) -> None:
        if len(self.violations) < VIOLATIONS_SHOWN:
            self.violations.append(what)


class Writers:
    """Writers of every kind on few streams, until there are enough events."""

    def __init__(self, store: PostgresStore, events: int, seen: Seen, on_progress: OnProgress) -> None:
        self.store, self.events, self.seen, self.on_progress = store, events, seen, on_progress
        self.random, self.written, self.keys = Random(seen.seed), 0, 0
        self.streams = max(12, events // EACH_STREAM)
        self.kinds: dict[str, Callable[[str], Awaitable[int]]] = {
            "short": self.short,
            "short again": self.short,
            "long": self.long,
            "id taken early": self.early,
            "savepoints": self.savepoints,
            "rolled back": self.rolled_back,
            "two streams": self.two_streams,
        }

    async def write(self) -> None:
        names = list(self.kinds)
        while self.written < self.events:
            # A few streams are hot: there conflicts and short distances between versions happen.
            hot = self.random.random() < 0.5
            stream = f"item-{self.random.randrange(6 if hot else self.streams)}"
            name = self.random.choice(names)
            try:
                count = await self.kinds[name](stream)
                self.written += count
                self.seen.transactions[name.removesuffix(" again")] += 1
            except ConcurrencyError:
                self.seen.conflicts += 1
            self.on_progress(self.written, self.events)

    async def append(self, session: Any, stream: str, answer: Answer | None = None) -> int:
        count = self.random.randint(1, 4)
        version = await session.connection.fetchval("select version from es.stream where stream_id = $1", stream)
        await session.append(stream, version or 0, received(*range(count)), answer)
        return count

    async def pause(self) -> None:
        await asyncio.sleep(self.random.random() * LONGEST_PAUSE_S)

    async def short(self, stream: str) -> int:
        return await self.append(self.store, stream)

    async def long(self, stream: str) -> int:
        async with self.store.transaction() as session:
            count = await self.append(session, stream)
            await self.pause()
            return count

    async def early(self, stream: str) -> int:
        """Takes its transaction id with an idempotency row, long before it appends."""
        self.keys += 1
        key = f"key-{self.keys}"
        async with self.store.transaction() as session:
            await session.append(stream, 0, [], Answer(key, b"", b""))
            await self.pause()
            return await self.append(session, stream)

    async def savepoints(self, stream: str) -> int:
        async with self.store.transaction() as session:
            with suppress(ZeroDivisionError):
                async with session.connection.transaction():
                    await self.append(session, stream)
                    raise ZeroDivisionError
            async with session.connection.transaction():
                count = await self.append(session, stream)
            await self.pause()
            return count

    async def rolled_back(self, stream: str) -> int:
        with suppress(ZeroDivisionError):
            async with self.store.transaction() as session:
                await self.append(session, stream)
                raise ZeroDivisionError
        return 0

    async def two_streams(self, stream: str) -> int:
        """As a reaction does; in the order of names, so that two of them do not wait crosswise."""
        other = f"item-{self.random.randrange(self.streams)}"
        async with self.store.transaction() as session:
            counts = [await self.append(session, one) for one in sorted({stream, other})]
            return sum(counts)


class Readers:
    """Readers as relays and projections are; each checks every event as it comes, and now and then looks back."""

    def __init__(self, store: PostgresStore, seen: Seen, writing: asyncio.Future[Any]) -> None:
        self.store, self.seen, self.writing = store, seen, writing
        self.order: list[tuple[str, int]] = []

    async def stamp(self) -> None:
        while not self.writing.done():
            self.seen.stamps += await self.store.stamp() is not None
            await asyncio.sleep(POLL_S)

    async def follow(self, number: int) -> None:
        random, batch = Random(self.seen.seed + number), (500, 97, 7)[number % 3]
        read, versions, ids = 0, dict[str, int](), list[Any]()
        ended = False
        while not ended:
            ended = self.writing.done() and await self.store.stamp() == read
            events = await self.store.read(read, batch)
            for event in events:
                self._check(event, read, versions)
                read += 1
                ids.append(event.event_id)
                if number == 0:
                    self.order.append((event.stream_id, event.version))
            if ids and random.random() < 0.05:
                await self._look_back(random.randrange(len(ids)), ids)
            if not events:
                await asyncio.sleep(POLL_S)
        if number == 0:
            self.seen.events = read

    def _check(self, event: StoredEvent, read: int, versions: dict[str, int]) -> None:
        if event.sequence != read + 1:
            self.seen.broken(f"sequence {event.sequence} was read after {read}")
        if event.version != versions.get(event.stream_id, 0) + 1:
            known = versions.get(event.stream_id, 0)
            self.seen.broken(f"{event.stream_id}: version {event.version} at {event.sequence} follows {known}")
        versions[event.stream_id] = event.version

    async def _look_back(self, after: int, ids: list[Any]) -> None:
        self.seen.looks_back += 1
        again = [event.event_id for event in await self.store.read(after, 50)]
        if again[: len(ids) - after] != ids[after : after + len(again)]:
            self.seen.broken(f"what is after sequence {after} is no longer what was read there")

    async def usual(self) -> None:
        """The negative control."""
        cursor, last = (0, 0), dict[str, int]()
        ended = False
        while not ended:
            over = self.writing.done()
            rows = await self.store.pool.fetch(USUAL_READER, *cursor)
            for xid, append_id, stream, version in rows:
                cursor = (xid, append_id)
                self.seen.usual_events += 1
                if version < last.get(stream, 0):
                    self.seen.usual_inversions += 1
                    self.seen.usual_example = self.seen.usual_example or (
                        f"{stream}: version {version} after version {last[stream]}"
                    )
                last[stream] = max(version, last.get(stream, 0))
            ended = over and not rows
            await asyncio.sleep(POLL_S)


async def run(dsn: str, events: int, seed: int, on_progress: OnProgress = lambda _done, _total: None) -> Seen:
    """Write so many events into an empty store and say what was seen."""
    seen = Seen(seed)
    store = await connect(dsn, max_size=WRITERS + READERS + STAMPERS + 2)
    began = time.monotonic()
    try:
        writers = Writers(store, events, seen, on_progress)
        writing = asyncio.gather(*(writers.write() for _ in range(WRITERS)))
        readers = Readers(store, seen, writing)
        await asyncio.gather(
            *(readers.follow(number) for number in range(READERS)),
            *(readers.stamp() for _ in range(STAMPERS)),
            readers.usual(),
            writing,
        )
        seen.seconds = time.monotonic() - began
        await _compare(store, writers, readers, seen)
    finally:
        await store.close()
    return seen


async def _compare(store: PostgresStore, writers: Writers, readers: Readers, seen: Seen) -> None:
    """The order that was read against the streams as they are stored."""
    if seen.events != writers.written:
        seen.broken(f"{writers.written} events were committed, {seen.events} were read")
    read = Counter(stream for stream, _ in readers.order)
    stored = {row[0]: row[1] for row in await store.pool.fetch(STREAM_VERSIONS)}
    seen.streams = len(stored)
    if read != stored:
        seen.broken(f"the streams' versions differ: {sorted(set(read.items()) ^ set(stored.items()))[:3]}")
    if (unstamped := (await store.progress()).unstamped) != 0:
        seen.broken(f"{unstamped} events have no place in the order")
