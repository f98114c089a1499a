"""The library `eventsourcing` 9.5 with an aggregate of the same shape as ours, on PostgreSQL.

Its fastest documented way: psycopg with the C extension, and the insert as a function in the database
(`POSTGRES_ENABLE_DB_FUNCTIONS`), which spares round trips and the lock of its table. Threads, since it is synchronous;
each has its connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import StoredEvent


class Item(Aggregate):
    """A stock item: listed, received, received, ..."""

    class Listed(Aggregate.Created):
        name: str

    class Received(Aggregate.Event):
        quantity: int

        def apply(self, aggregate: Aggregate) -> None:
            assert isinstance(aggregate, Item)
            aggregate.quantity += self.quantity

    def __init__(self, name: str) -> None:
        self.name = name
        self.quantity = 0

    @classmethod
    def listed(cls, name: str) -> Item:
        return cls._create(cls.Listed, id=uuid4(), name=name)

    def receive(self, quantity: int) -> None:
        self.trigger_event(self.Received, quantity=quantity)


class Shop(Application[UUID]):
    """The application: saves and loads items."""

    def prepared(self, item: Item) -> Sequence[StoredEvent]:
        """The pending events of an item as its recorder takes them."""
        return [self.mapper.to_stored_event(event) for event in item.collect_events()]


def shop(dsn: str, connections: int) -> Shop:
    """An application on this database, with as many connections as it may need at once."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    return Shop(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": unquote(parts.path.lstrip("/")),
            "POSTGRES_HOST": query["host"][0] if "host" in query else (parts.hostname or ""),
            "POSTGRES_PORT": str(parts.port or 5432),
            "POSTGRES_USER": unquote(parts.username or ""),
            "POSTGRES_PASSWORD": unquote(parts.password or "none"),
            "POSTGRES_POOL_SIZE": str(connections),
            "POSTGRES_MAX_OVERFLOW": "0",
            "POSTGRES_MAX_WAITING": "1000",
            "POSTGRES_ENABLE_DB_FUNCTIONS": "y",
        }
    )


def item_with_two_events() -> Item:
    item = Item.listed("item")
    item.receive(5)
    return item
