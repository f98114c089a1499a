"""Fills stores with many events quickly: what is measured afterwards is not how they came there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from libs.events.postgres import PostgresStore
from libs.events.store import Store
from libs.events.tests.shop import CAUSE, ItemListed, ItemReceived, commands

AT_ONCE = 64


async def fill(store: Store, streams: int, each: int, advance: Callable[[int], None] = lambda _count: None) -> int:
    """`streams` items with `each` events: listed, then goods received; stamped. How many events."""
    handler = commands(store)
    events = [ItemListed(name="item"), *(ItemReceived(quantity=number) for number in range(1, each))]
    numbers = iter(range(streams))

    async def client() -> None:
        for number in numbers:
            for first in range(0, each, 100):
                await handler.append(f"item-{number}", first, events[first : first + 100], CAUSE, within=store)
            advance(each)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    await store.stamp()
    if isinstance(store, PostgresStore):
        await store.pool.execute("analyze")
    return streams * each
