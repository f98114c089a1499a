"""A service that hears another: consumes its topic into rows, and says when each event was there to be seen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

import uvloop

from libs.events.codec import Recorded
from libs.events.consumer import Consumer
from libs.events.kafka import KafkaBroker, KafkaSettings
from libs.events.postgres import connect
from libs.events.projection import Put
from libs.events.store import Session
from libs.events.tests.shop import CODEC, ITEMS, TYPES
from libs.service.collector import relax_collector

PARTITIONS: Final = 4


class Visible:
    """Writes a row an event; once it is committed, notes the time (which all processes of a machine share)."""

    consumer = "listener"
    types = frozenset(TYPES)

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}

    async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
        await session.apply([Put(ITEMS, {"id": f"{one.key}/{one.version}", "name": one.type}) for one in batch])
        ids = [str(one.event_id) for one in batch]
        session.after_commit(lambda: self.seen.update(dict.fromkeys(ids, time.monotonic())))


def listen(database: str, bootstrap: str, topic: str, pipe: Connection) -> None:
    """The process: consumes until told to stop, then sends what it saw."""
    uvloop.run(_listen(database, bootstrap, topic, pipe))


async def _listen(database: str, bootstrap: str, topic: str, pipe: Connection) -> None:
    store = await connect(database, min_size=2)
    broker = KafkaBroker(KafkaSettings(bootstrap, grouped=False, partitions=PARTITIONS))
    visible = Visible()
    consuming = asyncio.create_task(Consumer(broker, store, visible, CODEC, [topic]).run())
    relax_collector()
    pipe.send("ready")
    while not await asyncio.to_thread(pipe.poll, 1.0):
        if consuming.done():
            consuming.result()
    pipe.recv()
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
    pipe.send(visible.seen)
    await broker.close()
    await store.close()
