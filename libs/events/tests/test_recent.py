"""What is kept of the sequence's end is what the store would have given."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.envelope import StoredEvent
from libs.events.ids import new_id
from libs.events.postgres import recent as module
from libs.events.postgres.recent import Recent


class Sequence:
    """A store's sequence, and what was asked of it."""

    def __init__(self, length: int = 0) -> None:
        self.events: list[StoredEvent] = []
        self.asked: list[int] = []
        self.grow(length)

    def grow(self, by: int) -> None:
        for sequence in range(len(self.events) + 1, len(self.events) + by + 1):
            self.events.append(StoredEvent("item-1", sequence, new_id(), "type", b"{}", b"{}", sequence))

    async def fetch(self, after: int, limit: int) -> list[StoredEvent]:
        self.asked.append(after)
        await asyncio.sleep(0)
        return self.events[after : after + limit]


STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(1, 8), st.none() | st.integers(0, 4)), max_size=40
)
"""How many events come, after which and how many are read, and with how many of the latest its end is told, if it is."""


@given(STEPS, st.integers(1, 12))
def test_it_gives_what_the_store_holds_up_to_where_it_was_told(
    steps: list[tuple[int, int, int, int | None]], kept: int
) -> None:
    async def follow() -> None:
        sequence = Sequence(3)
        recent, told = Recent(sequence.fetch), None
        for grown, after, limit, latest in steps:
            sequence.grow(grown)
            if latest is not None:
                told = len(sequence.events)
                recent.told(told, sequence.events[told - latest :] if latest <= told else sequence.events)
            found = await recent.read(after, limit)
            held = sequence.events[after : after + limit]
            assert found == held[: len(found)]
            assert len(found) >= min(limit, (told or 0) - after)
            assert bool(found) == bool(held) or (told is not None and after >= told)
            assert recent.reached is None or recent.reached <= len(sequence.events)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "KEPT_EVENTS", kept)
        asyncio.run(follow())


async def test_followers_at_the_end_share_one_look_at_the_store() -> None:
    sequence = Sequence(4)
    recent = Recent(sequence.fetch)
    assert await recent.read(0, 10) == sequence.events
    sequence.grow(2)
    recent.told(6)
    sequence.asked.clear()
    read = await asyncio.gather(*(recent.read(after, 10) for after in (4, 4, 2, 4)))
    assert [len(events) for events in read] == [2, 2, 4, 2]
    assert sequence.asked == [4]


async def test_the_past_is_asked_of_the_store_and_not_kept() -> None:
    sequence = Sequence(3000)
    recent = Recent(sequence.fetch)
    await recent.read(2500, 600)
    assert await recent.read(10, 5) == sequence.events[10:15]
    sequence.asked.clear()
    assert await recent.read(2600, 5) == sequence.events[2600:2605]
    assert sequence.asked == []


async def test_what_was_stamped_here_is_not_fetched() -> None:
    sequence = Sequence(5)
    recent = Recent(sequence.fetch)
    assert recent.reached is None, "it has not heard of the end"
    recent.told(5)
    assert recent.reached == 5
    sequence.grow(2)
    recent.told(7, sequence.events[5:])
    assert await recent.read(5, 10) == sequence.events[5:]
    assert await recent.read(6, 10) == sequence.events[6:]
    assert sequence.asked == []
    assert await recent.read(3, 10) == sequence.events[3:]
    assert sequence.asked == [3], "what came before is the store's to give"


async def test_who_is_at_the_end_asks_again_only_when_nobody_tells_of_it_any_more() -> None:
    sequence = Sequence(3)
    recent = Recent(sequence.fetch)
    with pytest.MonkeyPatch.context() as patch:
        now = 100.0
        patch.setattr(module.time, "monotonic", lambda: now)
        recent.told(3)
        sequence.grow(1)
        assert await recent.read(3, 10) == []
        assert sequence.asked == []
        now += module.FRESH_S
        assert await recent.read(3, 10) == sequence.events[3:]


async def test_a_gap_is_not_papered_over() -> None:
    sequence = Sequence(2)
    recent = Recent(sequence.fetch)
    await recent.read(0, 10)
    sequence.grow(5)
    recent.told(7, sequence.events[5:])
    assert await recent.read(2, 10) == sequence.events[2:]
    assert sequence.asked == [0, 2]
