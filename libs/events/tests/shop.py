"""A small domain for the kit's tests: a shop's stock, with its read models."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from pydantic import BaseModel
from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, String, Table
from sqlalchemy.dialects.postgresql import JSONB

from libs.events.clock import Clock
from libs.events.codec import Codec, Recorded
from libs.events.commands import Cause, CommandHandler
from libs.events.decider import Decider
from libs.events.envelope import Actor, Metadata, NewEvent, StoredEvent
from libs.events.ids import new_id
from libs.events.projection import Add, Change, Patch, Projection, Put, Remove
from libs.events.store import Session, Store

SOURCE: Final = "/puhui/shop"
CAUSE: Final = Cause(Actor("tester", "clerk"), "correlation-1")


class Event(BaseModel, frozen=True):
    type_name: ClassVar[str]

    def payload(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class ItemListed(Event):
    type_name: ClassVar[str] = "shop.item-listed.v1"
    name: str


class ItemReceived(Event):
    type_name: ClassVar[str] = "shop.item-received.v1"
    quantity: int


class ItemSold(Event):
    type_name: ClassVar[str] = "shop.item-sold.v1"
    quantity: int


class ItemDelisted(Event):
    type_name: ClassVar[str] = "shop.item-delisted.v1"


TYPES: Final[Mapping[str, type[Event]]] = {e.type_name: e for e in (ItemListed, ItemReceived, ItemSold, ItemDelisted)}
CODEC: Final = Codec(TYPES)


class Refused(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Stock:
    listed: bool = False
    quantity: int = 0


@dataclass(frozen=True)
class ListItem:
    name: str


@dataclass(frozen=True)
class Receive:
    quantity: int


@dataclass(frozen=True)
class Sell:
    quantity: int


@dataclass(frozen=True)
class Delist:
    pass


def decide(command: ListItem | Receive | Sell | Delist, state: Stock) -> Sequence[Event]:
    match command:
        case ListItem(name):
            return [] if state.listed else [ItemListed(name=name)]
        case Receive(quantity):
            return [ItemReceived(quantity=quantity)]
        case Sell(quantity):
            if quantity > state.quantity:
                raise Refused("not-in-stock")
            return [ItemSold(quantity=quantity)]
        case Delist():
            return [ItemDelisted()] if state.listed else []


def evolve(state: Stock, event: Event) -> Stock:
    match event:
        case ItemListed():
            return replace(state, listed=True)
        case ItemReceived(quantity=quantity):
            return replace(state, quantity=state.quantity + quantity)
        case ItemSold(quantity=quantity):
            return replace(state, quantity=state.quantity - quantity)
        case _:
            return replace(state, listed=False)


ITEM: Final = Decider("item", Stock(), decide, evolve)

METADATA = MetaData()
ITEMS = Table(
    "item",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String),
    Column("quantity", BigInteger, nullable=False, default=0),
    Column("listed", Boolean, nullable=False, default=True),
    Column("note", JSONB),
)
TOTALS = Table(
    "total",
    METADATA,
    Column("what", String, primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("events", BigInteger, nullable=False, default=0),
    Column("quantity", BigInteger),
)
TABLES_SQL: Final = """
    create table item (id text primary key, name text, quantity bigint not null, listed boolean not null, note jsonb);
    create index item_by_name on item (name);
    create table total (what text, part int, events bigint not null, quantity bigint, primary key (what, part));
"""


def shop_view() -> Projection:
    """A projection that makes every kind of change."""
    view = Projection("shop", 1, [ITEMS, TOTALS])

    @view.on(ItemListed)
    def listed(recorded: Recorded[ItemListed]) -> Iterator[Change]:
        yield Put(ITEMS, {"id": recorded.key, "name": recorded.event.name, "note": {"at": recorded.version}})
        yield Add(TOTALS, {"what": "listed", "part": 0}, {"events": 1})

    @view.on(ItemReceived, ItemSold)
    def moved(recorded: Recorded[ItemReceived | ItemSold]) -> Iterator[Change]:
        sign = 1 if isinstance(recorded.event, ItemReceived) else -1
        yield Add(ITEMS, {"id": recorded.key}, {"quantity": sign * recorded.event.quantity})
        yield Patch(ITEMS, {"id": recorded.key}, {"note": {"at": recorded.version}})
        yield Add(
            TOTALS,
            {"what": "moved", "part": recorded.version % 3},
            {"events": 1, "quantity": sign * recorded.event.quantity},
        )

    @view.on(ItemDelisted)
    def delisted(recorded: Recorded[ItemDelisted]) -> Iterator[Change]:
        yield Remove(ITEMS, {"id": recorded.key})

    return view


def commands(store: Store, clock: Clock | None = None) -> CommandHandler:
    return CommandHandler(store, CODEC, clock or Clock())


def new_event(event: Event, **metadata: Any) -> NewEvent:
    type_name, data = CODEC.encode(event)
    circumstances = Metadata("2026-01-02T03:04:05.000006Z", Actor("tester"), "correlation-1", **metadata)
    return NewEvent(new_id(), type_name, data, circumstances.to_bytes())


def received(*quantities: int) -> list[NewEvent]:
    return [new_event(ItemReceived(quantity=quantity)) for quantity in quantities]


async def fill(store: Store, streams: int, each: int) -> None:
    """Append `each` events to each of `streams` streams, turn by turn, and stamp them."""
    handler = commands(store)
    for stream in range(streams):
        await handler.handle(ITEM, f"item-{stream}", ListItem(f"item {stream}"), CAUSE)
    for turn in range(each - 1):
        for stream in range(streams):
            await handler.handle(ITEM, f"item-{stream}", Receive(turn + stream), CAUSE)
    await store.stamp()


class Ledger:
    """A subscriber whose effects are rows that can be counted; it fails where it is told to.

    It notes every event it handled in a table (`item`, id = stream/version) with `quantity` as the number of times,
    so an effect that happens twice is seen.
    """

    def __init__(self, consumer: str = "ledger", types: frozenset[str] = frozenset(TYPES)) -> None:
        self.consumer, self.types = consumer, types
        self.poison: set[tuple[str, int]] = set()
        self.order: list[tuple[str, int]] = []
        self.error: Exception = ValueError("poison")

    async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
        for recorded in batch:
            place = (recorded.stream_id, recorded.version)
            if place in self.poison:
                raise self.error
            await asyncio.sleep(0)
            await session.apply([Add(ITEMS, {"id": "/".join(map(str, place))}, {"quantity": 1})])
        self.order += [(recorded.stream_id, recorded.version) for recorded in batch]


async def effects(store: Any) -> dict[str, int]:
    """How often each event had its effect, by stream/version."""
    if store.connection is None:
        return {row["id"]: row["quantity"] for row in store.rows("item").values()}
    return {row["id"]: row["quantity"] for row in await store.pool.fetch("select id, quantity from item")}


def names(events: Sequence[StoredEvent]) -> list[str]:
    return [f"{event.stream_id}/{event.version}" for event in events]
