"""Publishes a service's sequence to its topic, in order, resuming where the broker last acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID
from zlib import crc32

import structlog

from libs.events import metrics
from libs.events.broker import Broker, BrokerUnavailable, Message, Publisher
from libs.events.envelope import StoredEvent, to_headers
from libs.events.ids import new_id
from libs.events.loops import beat, finishing
from libs.events.pace import ENOUGH, pace
from libs.events.signals import Signal
from libs.events.store import Fenced, RelayState, Store

log = structlog.get_logger(__name__)

BATCH: Final = 500
IDLE_S: Final = 0.5
GATHER_S: Final = 0.008
"""After something came, for more to come with it."""
LEASE: Final = timedelta(seconds=3)
CLAIM_S: Final = 1.0
"""How often the ownership is renewed: recording progress needs it in any case, and fails without it."""
RELEASE_S: Final = 1.0
"""How long the store may take to hear that the ownership is given up."""
CHECK_S: Final = 1.0
"""How often the broker is asked whether it still holds what it acknowledged."""


def partition_of(stream_id: str, partitions: int) -> int:
    """The partition of a stream: CRC-32 of its name. Fixed for ever, like the number of partitions of a topic."""
    return crc32(stream_id.encode()) % partitions


class Relay:
    """The event table is the outbox. One relay of a service works at a time, fenced by an epoch.

    The checkpoint is the highest sequence up to which everything is acknowledged. After any fault of the broker a new
    publisher starts there, so records may be doubled and readers pass over what they know. When the broker is another
    one or holds less than it acknowledged, the topic is filled again from the first event.
    """

    def __init__(
        self,
        store: Store,
        broker: Broker,
        *,
        service: str,
        topic: str,
        partitions: int,
        stamped: Signal,
        publishes: Callable[[str], bool] = lambda _type: True,
    ) -> None:
        self._store, self._broker, self._service = store, broker, service
        self._topic, self._partitions, self._stamped, self._publishes = topic, partitions, stamped, publishes
        self._owner: UUID = new_id()
        self._epoch: int | None = None
        self._publisher: Publisher | None = None
        self._state = RelayState()
        self._checked_at = self._claimed_at = 0.0
        self._losses = store.losses

    async def step(self) -> int:
        """Publish one batch when this relay is the owner; how many events were passed.

        Raises `BrokerUnavailable`; the next step begins from the checkpoint.
        """
        if self._losses != self._store.losses:
            await self._look_back()
        if self._epoch is None or time.monotonic() - self._claimed_at > CLAIM_S:
            self._epoch = await self._store.relay_claim(self._owner, LEASE)
            self._claimed_at = time.monotonic()
        metrics.RELAY_OWNER.labels(self._service).set(self._epoch is not None)
        if self._epoch is None:
            await self.close()
            return 0
        try:
            return await finishing(self._publish(self._epoch))
        except Fenced:
            self._epoch = None
            await self.close()
            return 0
        except BaseException:
            await self._leave()
            raise

    async def _leave(self) -> None:
        """Let another process take over at once, one that may reach the broker where this one does not."""
        if self._epoch is not None:
            self._epoch = None
            metrics.RELAY_OWNER.labels(self._service).set(0)
            try:
                async with asyncio.timeout(RELEASE_S):
                    await self._store.relay_release(self._owner)
            except Exception as error:  # noqa: BLE001 - without it the lease ends by itself
                log.info("the relay was left without saying so", service=self._service, error=repr(error))
        await self.close()

    async def _look_back(self) -> None:
        """The server may have crashed, and be behind what is remembered here: then a new publisher begins where it is."""
        losses = self._store.losses
        if self._publisher is not None and await self._store.relay_state() != self._state:
            await self.close()
        self._losses = losses

    async def _publish(self, epoch: int) -> int:
        publisher = await self._ready(epoch)
        events = await self._store.read(self._state.position, BATCH)
        if not events:
            return 0
        previous = list(self._state.previous)
        offsets = list(self._state.offsets)
        messages = self._messages(events, previous)
        if messages:
            for partition, end in (await publisher.publish(messages)).items():
                offsets[partition] = end
        self._state = RelayState(events[-1].sequence, self._state.broker, tuple(previous), tuple(offsets))
        await self._store.relay_save(epoch, self._state)
        metrics.PUBLISHED.labels(self._service).inc(len(messages))
        metrics.RELAY_POSITION.labels(self._service).set(self._state.position)
        return len(events)

    def _messages(self, events: Sequence[StoredEvent], previous: list[int]) -> list[Message]:
        messages = []
        for event in events:
            if self._publishes(event.type):
                partition = partition_of(event.stream_id, self._partitions)
                headers = to_headers(event, f"/puhui/{self._service}", previous[partition])
                messages.append(Message(partition, event.stream_id.encode(), event.data, headers))
                previous[partition] = event.sequence
        return messages

    async def _ready(self, epoch: int) -> Publisher:
        """A publisher on a broker that holds what it acknowledged; otherwise the refill begins."""
        publisher = self._publisher
        if publisher is None:
            publisher = self._broker.publisher(self._topic, self._partitions)
            await publisher.start()
            self._publisher = publisher
            self._state = await self._store.relay_state()
            if len(self._state.previous) not in (0, self._partitions):
                # Streams would move to other partitions, where their later events may overtake the earlier ones.
                raise ValueError(
                    f"{self._topic} was begun with {len(self._state.previous)} partitions: keep that number"
                )
        elif time.monotonic() - self._checked_at < CHECK_S:
            return publisher
        held = await publisher.state()
        if len(held.end_offsets) != self._partitions:
            raise BrokerUnavailable(f"{self._topic} has {len(held.end_offsets)} partitions, not {self._partitions}")
        self._checked_at = time.monotonic()
        state = self._state
        lost = state.broker != held.broker or any(
            end < promised for end, promised in zip(held.end_offsets, state.offsets, strict=False)
        )
        if lost:
            if state.position:
                log.warning("the broker lost what it acknowledged, filling it again", topic=self._topic)
                metrics.REFILLS.labels(self._service).inc()
            self._state = RelayState(0, held.broker, (0,) * self._partitions, tuple(held.end_offsets))
            await self._store.relay_save(epoch, self._state)
        return publisher

    async def close(self) -> None:
        if self._publisher is not None:
            publisher, self._publisher = self._publisher, None
            await publisher.stop()

    async def run(self) -> None:
        try:
            while True:
                beat()
                passed = await self.step()
                if passed < BATCH:
                    await self._stamped.wait(IDLE_S)
                if passed < ENOUGH:
                    await pace.gather(GATHER_S, self._service)
        finally:
            await self._leave()
