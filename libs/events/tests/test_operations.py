"""A client can tell from reports laid side by side whether anything is still on its way."""

from __future__ import annotations

import orjson
import pytest

from libs.events.memory import MemoryLog, MemoryStore
from libs.events.operations import OWN, Handled, Progress, Side, unsettled
from libs.events.relay import Relay
from libs.events.signals import Signal
from libs.events.store import Store
from libs.events.tail import Tail
from libs.events.tests.shop import CODEC, SOURCE, Ledger, fill
from libs.events.tests.test_consumer import consumer_of, drain

SETTLED = Progress(
    last_sequence=9,
    relay_position=9,
    published=(8, 9),
    handled=(Handled("view", OWN, 0, 9), Handled("peer", "b", 0, 4), Handled("peer", "b", 1, 5)),
    parked=1,
    tasks_later=2,
    tasks_failed=1,
)


def test_a_report_comes_back_from_json() -> None:
    assert Progress.from_json(orjson.loads(orjson.dumps(SETTLED.to_json()))) == SETTLED


def test_a_consumer_that_has_not_begun_is_at_zero() -> None:
    assert SETTLED.last_handled("peer", "b", 1) == 5
    assert SETTLED.last_handled("peer", "b", 2) == 0
    assert SETTLED.last_handled("nobody", OWN) == 0


SUBSCRIPTIONS = {"view": [OWN], "peer": ["b"]}


def sides(a: Progress = SETTLED, published: tuple[int, ...] = (4, 5)) -> list[Side]:
    b = Progress(last_sequence=5, relay_position=5, published=published)
    return [Side("a", "topic-a", a, SUBSCRIPTIONS), Side("b", "b", b), Side("c", "", Progress(last_sequence=3))]


def test_what_waits_for_a_person_or_for_its_time_is_not_on_its_way() -> None:
    assert unsettled(sides()) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (sides(Progress(last_sequence=0, unstamped=2)), "a: 2 events are not in the sequence yet"),
        (sides(Progress(last_sequence=9, relay_position=8)), "a: published up to 8 of 9"),
        (sides(Progress(last_sequence=9, relay_position=9)), "a: view is at 0 of 9 in own/0"),
        (sides(Progress(tasks_open=1)), "a: 1 tasks are open"),
        (sides(published=(4, 7)), "a: peer is at 5 of 7 in b/1"),
        (sides(published=(4, 5, 6)), "a: peer is at 0 of 6 in b/2"),
    ],
)
def test_each_thing_that_is_on_its_way_is_named(given: list[Side], expected: str) -> None:
    assert expected in unsettled(given)


async def test_a_pipeline_is_settled_when_everything_has_been_handled(store: Store) -> None:
    log, other, view, peer = MemoryLog(), MemoryStore(), Ledger("view"), Ledger("peer")
    tail = Tail(store, view, CODEC, SOURCE, Signal())
    relay = Relay(store, log, service="shop", topic="topic", partitions=2, stamped=Signal())
    consumer = await consumer_of(log, other, peer)

    async def on_its_way() -> int:
        shop = Side("shop", "topic", await store.progress(), {"view": [OWN]})
        return len(unsettled([shop, Side("peer", "", await other.progress(), {"peer": ["topic"]})]))

    assert await on_its_way() == 0
    await fill(store, streams=4, each=2)
    assert await on_its_way() > 0
    for step in (relay.step, tail.step, lambda: drain(consumer)):
        assert await on_its_way() > 0
        await step()
    assert await on_its_way() == 0
    await consumer.stop()
