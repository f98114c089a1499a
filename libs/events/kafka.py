"""The message log over Kafka's wire protocol: Apache Kafka, and brokers that speak it less completely."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from libs.events.broker import Assigned, BrokerUnavailable, Message, Record, TopicState

TOPIC_EXISTS: Final = 36
"""Kafka's error code TOPIC_ALREADY_EXISTS, which some brokers answer without an exception."""
IDENTITY_CHECK_S: Final = 2.0
PUBLISH_TIMEOUT_S: Final = 30.0
MAX_REQUEST_BYTES: Final = 2**20


@asynccontextmanager
async def _as_unavailable() -> AsyncIterator[None]:
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(repr(error)) from error


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach a broker, and what it can do.

    `idempotent`: the broker has the idempotent producer. `grouped`: members of a group share the partitions; without,
    this process takes all of them at once, as a single-process deployment does. `fetch_wait_ms`: how long a fetch may
    wait at the broker; brokers that do not wake a waiting fetch want it short.
    """

    bootstrap: str
    idempotent: bool = True
    grouped: bool = True
    fetch_wait_ms: int = 500
    replication: int = 1
    partitions: int = 4


class KafkaBroker:
    """`libs.events.broker.Broker` on Kafka's protocol; one a process and broker."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._admin: AIOKafkaAdminClient | None = None
        self._watcher: AIOKafkaConsumer | None = None
        self._connecting = asyncio.Lock()

    def publisher(self, topic: str, partitions: int) -> KafkaPublisher:
        return KafkaPublisher(self, topic, partitions)

    def reader(self, topics: Sequence[str], group: str) -> KafkaReader:
        return KafkaReader(self, topics, group)

    async def _connected(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        async with self._connecting:
            if self._admin is None:
                admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.bootstrap, request_timeout_ms=10_000)
                await admin.start()
                self._admin = admin
            if self._watcher is None:
                watcher = AIOKafkaConsumer(
                    bootstrap_servers=self.settings.bootstrap, request_timeout_ms=10_000, enable_auto_commit=False
                )
                await watcher.start()
                self._watcher = watcher
            return self._admin, self._watcher

    async def identity(self) -> str:
        """The cluster's id: another one is another broker, with nothing of what the last one held."""
        async with _as_unavailable():
            admin, _ = await self._connected()
            return str((await admin.describe_cluster())["cluster_id"])

    async def end_offsets(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        async with _as_unavailable():
            _, watcher = await self._connected()
            ends = await watcher.end_offsets([TopicPartition(*place) for place in places])
            return {(place.topic, place.partition): end for place, end in ends.items()}

    async def ensure_topics(self, topics: Iterable[str], partitions: int) -> None:
        """Make the topics that are missing, before anybody's metadata request makes them otherwise."""
        async with _as_unavailable():
            admin, _ = await self._connected()
            for topic in topics:
                new = NewTopic(topic, partitions, self.settings.replication, topic_configs={"retention.ms": "-1"})
                try:
                    response = await admin.create_topics([new])
                except TopicAlreadyExistsError:
                    continue
                for error in getattr(response, "topic_errors", ()):
                    if error[1] not in (0, TOPIC_EXISTS):
                        raise BrokerUnavailable(f"{topic} cannot be made: error {error[1]}")

    async def close(self) -> None:
        if self._admin is not None:
            await self._admin.close()
        if self._watcher is not None:
            await self._watcher.stop()
        self._admin = self._watcher = None


class KafkaPublisher:
    """`libs.events.broker.Publisher` on an aiokafka producer."""

    def __init__(self, broker: KafkaBroker, topic: str, partitions: int) -> None:
        self._broker, self._topic, self._partitions = broker, topic, partitions
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        await self._broker.ensure_topics([self._topic], self._partitions)
        settings = self._broker.settings
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.bootstrap,
            acks="all",
            enable_idempotence=settings.idempotent,
            max_batch_size=MAX_REQUEST_BYTES // 4,
            max_request_size=MAX_REQUEST_BYTES,
            request_timeout_ms=10_000,
        )
        async with _as_unavailable():
            await producer.start()
        self._producer = producer

    async def state(self) -> TopicState:
        identity = await self._broker.identity()
        await self._broker.ensure_topics([self._topic], self._partitions)
        ends = await self._broker.end_offsets((self._topic, partition) for partition in range(self._partitions))
        return TopicState(identity, [ends[self._topic, partition] for partition in range(self._partitions)])

    async def publish(self, messages: Sequence[Message]) -> Mapping[int, int]:
        assert self._producer is not None, "started before used"
        async with _as_unavailable(), asyncio.timeout(PUBLISH_TIMEOUT_S):
            futures = [
                await self._producer.send(
                    self._topic,
                    value=message.value,
                    key=message.key,
                    partition=message.partition,
                    headers=list(message.headers),
                )
                for message in messages
            ]
            acknowledged = await asyncio.gather(*futures)
        return {one.partition: one.offset + 1 for one in acknowledged}

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()


class KafkaReader(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka carries no types
    """`libs.events.broker.Reader` on an aiokafka consumer."""

    def __init__(self, broker: KafkaBroker, topics: Sequence[str], group: str) -> None:
        self._broker, self._topics, self._group = broker, list(topics), group
        self._assigned: Assigned | None = None
        self._identity = ""
        self._checked_at = 0.0
        settings = broker.settings
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            group_id=group if settings.grouped else None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=settings.fetch_wait_ms,
            fetch_max_bytes=16 * MAX_REQUEST_BYTES,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=3_000,
            max_poll_interval_ms=300_000,
        )

    async def start(self, assigned: Assigned) -> None:
        self._assigned = assigned
        settings = self._broker.settings
        await self._broker.ensure_topics(self._topics, settings.partitions)
        self._identity = await self._broker.identity()
        self._checked_at = time.monotonic()
        async with _as_unavailable():
            if settings.grouped:
                self._consumer.subscribe(self._topics, listener=self)
                await self._consumer.start()
            else:
                places = [TopicPartition(topic, p) for topic in self._topics for p in range(settings.partitions)]
                await self._consumer.start()
                self._consumer.assign(places)
                await self._place(places)

    async def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Nothing to hand over: what was not committed to the database did not happen."""

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        await self._place(list(assigned))

    async def _place(self, places: Sequence[Any]) -> None:
        """Put each partition where its consumer wants to read; an offset that is not there means the first record."""
        assert self._assigned is not None, "started before assigned"
        if not places:
            return
        wanted = await self._assigned([(place.topic, place.partition) for place in places])
        ends = await self._broker.end_offsets(wanted)
        for place, offset in wanted.items():
            self._consumer.seek(TopicPartition(*place), offset if offset <= ends[place] else 0)

    async def poll(self, timeout_s: float, limit: int) -> Mapping[tuple[str, int], Sequence[Record]]:
        if time.monotonic() - self._checked_at > IDENTITY_CHECK_S:
            await self._check_identity()
        async with _as_unavailable():
            polled = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=limit)
        return {
            (place.topic, place.partition): [
                Record(place.topic, place.partition, r.offset, r.value, r.headers) for r in records
            ]
            for place, records in polled.items()
        }

    async def _check_identity(self) -> None:
        """A client reconnects silently to a broker that lost everything, and would wait for ever at its old offset."""
        identity = await self._broker.identity()
        self._checked_at = time.monotonic()
        if identity != self._identity:
            self._identity = identity
            await self._broker.ensure_topics(self._topics, self._broker.settings.partitions)
            await self._place(list(self._consumer.assignment()))

    async def seek(self, topic: str, partition: int, offset: int) -> None:
        self._consumer.seek(TopicPartition(topic, partition), offset)

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        if self._broker.settings.grouped and offsets:
            async with _as_unavailable():
                await self._consumer.commit({TopicPartition(*place): offset for place, offset in offsets.items()})

    async def stop(self) -> None:
        await self._consumer.stop()
