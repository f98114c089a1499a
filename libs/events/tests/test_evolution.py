"""What was stored years ago is read today: a member added, a new version, a new name, a service that is gone.

One store holds events of every version that was ever published; each change is made to the code alone, never to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from libs.events.canonical import canonical
from libs.events.clock import Clock
from libs.events.codec import Codec, Recorded, Upcaster
from libs.events.commands import CommandHandler
from libs.events.decider import Decider
from libs.events.delivery import Delivery, Item, Move
from libs.events.envelope import Actor, Metadata, NewEvent
from libs.events.feeds import OwnFeed
from libs.events.ids import new_id
from libs.events.projection import Add, Change, Projection
from libs.events.store import OWN, Position, Store
from libs.events.subscribers import ProjectionSubscriber
from libs.events.tests.shop import CAUSE, SOURCE, TOTALS, Event

HISTORY: tuple[tuple[str, dict[str, Any]], ...] = (
    ("shop.received.v1", {"pieces": 12}),
    ("shop.received.v2", {"dozens": 2}),
    ("shop.received.v3", {"quantity": 5}),
    ("shop.received.v3", {"quantity": 7, "supplier": "河南茶厂"}),
    ("shop.shrunk.v1", {"quantity": 1}),
    ("cafe.cup-sold.v1", {"cup": "large"}),
)
"""What was published, in the order of publishing: v3 got a member later, `shrunk` was renamed, the café was closed."""


class Received(Event):
    type_name: ClassVar[str] = "shop.received.v3"
    quantity: int
    supplier: str = ""


class Lost(Event):
    type_name: ClassVar[str] = "shop.lost.v1"
    quantity: int


TODAY = Codec(
    {event.type_name: event for event in (Received, Lost)},
    {
        "shop.received.v1": Upcaster("shop.received.v2", lambda data: {"dozens": data["pieces"] // 12}),
        "shop.received.v2": Upcaster("shop.received.v3", lambda data: {"quantity": data["dozens"] * 12}),
        "shop.shrunk.v1": Upcaster("shop.lost.v1", dict),
    },
)
STOCK: Decider[Any, int, Any] = Decider(
    "item", 0, lambda command, _state: [command],
    lambda state, event: state + event.quantity * (1 if isinstance(event, Received) else -1),
)  # fmt: skip
IN_STOCK = 12 + 24 + 5 + 7 - 1


def view() -> Projection:
    made = Projection("stock", 1, [TOTALS])

    @made.on(Received, Lost)
    def moved(recorded: Recorded[Any]) -> Iterator[Change]:
        sign = 1 if isinstance(recorded.event, Received) else -1
        yield Add(TOTALS, {"what": "stock", "part": 0}, {"events": 1, "quantity": sign * recorded.event.quantity})

    return made


async def store_history(store: Store) -> None:
    """The café's events are on a stream of their own, as every aggregate's are."""
    for type_name, data in HISTORY:
        stream = "cup-1" if type_name.startswith("cafe") else "item-1"
        metadata = Metadata("2026-01-02T03:04:05.000006Z", Actor("tester"), "once").to_bytes()
        version = len(await store.load(stream))
        await store.append(stream, version, [NewEvent(new_id(), type_name, canonical(data), metadata)])
    await store.stamp()


async def test_an_aggregate_is_folded_from_every_version_that_was_ever_stored(store: Store) -> None:
    await store_history(store)
    state, version = await CommandHandler(store, TODAY, Clock()).state(STOCK, "item-1")
    assert (state, version) == (IN_STOCK, 5)


async def test_what_is_stored_stays_as_it_is_while_new_events_have_their_new_form(store: Store) -> None:
    await store_history(store)
    before = [event.leaf_hash for event in await store.load("item-1")]
    handler = CommandHandler(store, TODAY, Clock())
    state, version = await handler.state(STOCK, "item-1")
    await handler.append("item-1", version, [Lost(quantity=2)], CAUSE, within=store)
    events = await store.load("item-1")
    assert [event.leaf_hash for event in events[:-1]] == before
    assert [event.type for event in events] == [*(name for name, _ in HISTORY[:5]), "shop.lost.v1"]
    assert state - 2 == (await handler.state(STOCK, "item-1"))[0]


async def test_a_projection_is_made_anew_from_all_of_them_and_passes_over_a_service_that_is_gone(store: Store) -> None:
    await store_history(store)
    delivery = Delivery(store, ProjectionSubscriber(view()), TODAY)
    feed = OwnFeed(store, SOURCE)
    seen: list[str] = []
    changes: list[Change] = []
    async for batch in feed.batches({}, await feed.ends()):
        wanted = [item for item in batch.items if delivery.wants(item.event)]
        seen += [item.event.type for item in batch.items]
        changes += view().changes([TODAY.recorded(item.event, item.source) for item in wanted])
    assert seen == [name for name, _ in HISTORY], "they are in the sequence for ever"
    assert sum(change.amounts["quantity"] for change in changes if isinstance(change, Add)) == IN_STOCK
    assert len(changes) == 5


async def test_events_of_a_removed_service_move_a_consumer_on(store: Store) -> None:
    await store_history(store)
    events = await store.read(0, 100)
    delivery = Delivery(store, ProjectionSubscriber(view()), TODAY)
    items = [Item(event, SOURCE, event.sequence) for event in events if delivery.wants(event)]
    end = Position(events[-1].sequence, 0)
    await delivery.deliver(Move(OWN, 0, items, None, end))
    assert (await store.positions("stock.v1"))[OWN, 0] == end
    assert await store.parked("stock.v1") == []


def test_a_chain_of_upcasters_that_ends_nowhere_is_refused_when_the_service_starts() -> None:
    with pytest.raises(ValueError, match="not known"):
        Codec({}, {"shop.received.v1": Upcaster("shop.received.v2", dict)})
