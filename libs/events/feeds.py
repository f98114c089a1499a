"""All of a subscriber's events once more: from the service's own sequence, or from other services' topics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from libs.events.broker import Broker, Reader, Record
from libs.events.chain import follow
from libs.events.delivery import Item
from libs.events.envelope import StoredEvent
from libs.events.store import OWN, Position, Store

BATCH: Final = 1_000
PATIENCE_S: Final = 30.0

Place: TypeAlias = tuple[str, int]
"""A topic and a partition; (`OWN`, 0) is the service's own sequence."""


class FeedIncomplete(Exception):
    """The broker does not hold all that was handled from it: try again when the topic has been filled again."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The next events of one place, and where one is after them."""

    place: Place
    items: Sequence[Item]
    reached: Position


class Feed(Protocol):
    """A source of events that can be read again."""

    async def ends(self) -> Mapping[Place, int]:
        """The last sequence of each place now."""
        ...

    def batches(self, after: Mapping[Place, Position], until: Mapping[Place, int]) -> AsyncGenerator[Batch, None]:
        """What follows `after`, up to the sequence `until` of each place, in order within each; no other places.

        Raises `FeedIncomplete` when it cannot be had.
        """
        ...


class OwnFeed:
    """The service's own sequence; `source` is its CloudEvents source."""

    def __init__(self, store: Store, source: str) -> None:
        self._store, self._source = store, source

    async def ends(self) -> Mapping[Place, int]:
        return {(OWN, 0): await self._store.last_sequence()}

    async def batches(self, after: Mapping[Place, Position], until: Mapping[Place, int]) -> AsyncGenerator[Batch, None]:
        place = (OWN, 0)
        reached = after.get(place, Position()).last_sequence
        end = until.get(place, 0)
        coming = asyncio.ensure_future(self._next(reached, end))
        try:
            while reached < end:
                events = await coming
                if not events:
                    raise FeedIncomplete(f"the sequence ends at {reached}, not at {end}")
                reached = events[-1].sequence
                # The store reads on while the caller works on these.
                coming = asyncio.ensure_future(self._next(reached, end))
                items = [Item(event, self._source, event.sequence) for event in events]
                yield Batch(place, items, Position(reached, reached + 1))
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    async def _next(self, reached: int, end: int) -> Sequence[StoredEvent]:
        return await self._store.read(reached, min(BATCH, end - reached)) if reached < end else ()


class TopicFeed:
    """Topics of a broker. `group` is a name that no consumer has, since all partitions are needed here."""

    def __init__(self, broker: Broker, topics: Sequence[str], group: str, patience_s: float = PATIENCE_S) -> None:
        self._broker, self._topics, self._group, self._patience_s = broker, topics, group, patience_s

    async def ends(self) -> Mapping[Place, int]:
        """Nothing: a broker knows offsets, not sequences, so that only what a consumer has handled is an end."""
        return {}

    async def batches(self, after: Mapping[Place, Position], until: Mapping[Place, int]) -> AsyncGenerator[Batch, None]:
        reached = {place: after.get(place, Position()) for place in until}
        missing = {place for place, end in until.items() if reached[place].last_sequence < end}
        if not missing:
            return
        reader = self._broker.reader(self._topics, self._group)

        async def assigned(places: Sequence[Place]) -> Mapping[Place, int]:
            # One record before the next, as a consumer does: the chain shows whether the broker is still the same.
            return {place: max(reached.get(place, Position()).next_offset - 1, 0) for place in places}

        await reader.start(assigned)
        try:
            async with aclosing(self._read(reader, reached, until, missing)) as batches:
                async for batch in batches:
                    yield batch
        finally:
            await reader.stop()

    async def _read(
        self, reader: Reader, reached: dict[Place, Position], until: Mapping[Place, int], missing: set[Place]
    ) -> AsyncGenerator[Batch, None]:
        now = asyncio.get_running_loop().time
        rewound: set[Place] = set()
        last_news = now()
        while missing:
            for place, records in (await reader.poll(0.2, BATCH)).items():
                if place not in missing:
                    continue
                batch, gap = self._batch(place, records, reached[place], until[place])
                if gap and place not in rewound:
                    rewound.add(place)
                    await reader.seek(*place, 0)
                if batch is not None:
                    last_news = now()
                    reached[place] = batch.reached
                    if batch.reached.last_sequence >= until[place]:
                        missing.discard(place)
                    yield batch
            if missing and now() - last_news > self._patience_s:
                raise FeedIncomplete(f"the broker does not hold what is missing of {sorted(missing)}")

    @staticmethod
    def _batch(place: Place, records: Sequence[Record], reached: Position, end: int) -> tuple[Batch | None, bool]:
        links = follow(reached.last_sequence, records)
        items = [item for item in links.fresh if item.event.sequence <= end]
        if not items:
            return None, links.gap
        return Batch(place, items, Position(items[-1].event.sequence, items[-1].offset + 1)), links.gap
