"""The message log over Kafka's wire protocol: Apache Kafka, and brokers that speak it less completely."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError
from aiokafka.producer.message_accumulator import BatchBuilder

from libs.events.broker import Assigned, BrokerUnavailable, Message, Record, TopicState
from libs.events.loops import beat

log = structlog.get_logger(__name__)

TOPIC_EXISTS: Final = 36
"""Kafka's error code TOPIC_ALREADY_EXISTS, which some brokers answer without an exception."""
IDENTITY_CHECK_S: Final = 2.0
METADATA_AGE_MS: Final = 30_000
"""How often a reader asks which topics and partitions there are; aiokafka's own is five minutes."""
PROBE_TIMEOUT_S: Final = 10.0
PUBLISH_TIMEOUT_S: Final = 30.0
MAX_REQUEST_BYTES: Final = 2**20
STOP_S: Final = 15.0
"""How long a client may take to say goodbye, longer than one request: to a broker that is gone it might never end."""
TOLD_WITHIN_S: Final = 5.0
ASKED_AGAIN_S: Final = 0.05


@asynccontextmanager
async def _as_unavailable() -> AsyncIterator[None]:
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(repr(error)) from error


async def _start(start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]) -> None:
    """Start a client, and let go of what it has opened when it cannot start."""
    try:
        await start()
    except BaseException:
        await stop()
        raise


async def _stop(client: str, stop: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.current_task()
    assert task is not None, "clients live in tasks"
    try:
        async with asyncio.timeout(STOP_S):
            await stop()
    except TimeoutError:
        log.info("client left without a goodbye to the broker", client=client)
    except asyncio.CancelledError:
        if task.cancelling():
            raise
        log.info("client let a cancellation of its own escape", client=client)  # its broker went away meanwhile


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach a broker, and what it can do.

    `idempotent`: the broker has the idempotent producer; one without it is not trusted to list exact ends either.
    `grouped`: members of a group share the partitions; without, this process takes all of them at once, as a
    single-process deployment does. `fetch_wait_ms`: how long a fetch may wait at the broker; brokers that do not wake a
    waiting fetch want it short. `partitions`: of a topic that a reader wants before its publisher has made it.
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
        self._identity = ""
        self._identified_at = -math.inf
        self._probing = asyncio.Lock()
        self._ends: dict[Any, tuple[int, int]] = {}

    def publisher(self, topic: str, partitions: int) -> KafkaPublisher:
        return KafkaPublisher(self, topic, partitions)

    def reader(self, topics: Sequence[str], group: str) -> KafkaReader:
        return KafkaReader(self, topics, group)

    async def _connected(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        async with self._connecting:
            if self._admin is None:
                admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.bootstrap, request_timeout_ms=10_000)
                await _start(admin.start, admin.close)
                self._admin = admin
            if self._watcher is None:
                watcher = AIOKafkaConsumer(
                    bootstrap_servers=self.settings.bootstrap, request_timeout_ms=10_000, enable_auto_commit=False
                )
                await _start(watcher.start, watcher.stop)
                self._watcher = watcher
            return self._admin, self._watcher

    async def identity(self, max_age_s: float = 0.0) -> str:
        """The cluster's id: another one is another broker, with nothing of what the last one held.

        An answer that was given within `max_age_s` is given again: relays and readers of a process share the question.
        """
        if time.monotonic() - self._identified_at > max_age_s:
            async with _as_unavailable():
                admin, _ = await self._connected()
                identity = str((await admin.describe_cluster())["cluster_id"])
            if identity != self._identity:
                self._ends.clear()
            self._identity = identity
            self._identified_at = time.monotonic()
        return self._identity

    async def partitions(self, topics: Sequence[str]) -> list[tuple[str, int]]:
        """All partitions of these topics; raises `BrokerUnavailable` while the broker does not tell them all.

        A topic that was just made is unknown to the broker for a moment. Who took that for no partitions would never
        read them.
        """
        async with _as_unavailable():
            admin, _ = await self._connected()
            described = await admin.describe_topics(list(topics))
        told = {one["topic"] for one in described if not one["error_code"] and one["partitions"]}
        if missing := set(topics) - told:
            raise BrokerUnavailable(f"the broker does not tell the partitions of {', '.join(sorted(missing))} yet")
        return [(one["topic"], partition) for one in described for partition in range(len(one["partitions"]))]

    async def end_offsets(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The next offset of each partition."""
        async with _as_unavailable():
            wanted = [TopicPartition(*place) for place in places]
            if not wanted:
                return {}
            _, watcher = await self._connected()
            ends = await watcher.end_offsets(wanted)
            if not self.settings.idempotent:
                ends = await self._true_ends(watcher, ends)
        return {(place.topic, place.partition): end for place, end in ends.items()}

    async def _true_ends(self, watcher: AIOKafkaConsumer, listed: Mapping[TopicPartition, int]) -> dict[Any, int]:
        """What a fetch says of the ends, for brokers that list the first offset of the last batch, plus one.

        A partition whose listed end is the same as last time has had no batch since, and is not asked again.
        """
        async with self._probing:
            changed = [place for place, end in listed.items() if end and self._ends.get(place, (0, 0))[0] != end]
            if changed:
                watcher.assign(changed)
                for place in changed:
                    watcher.seek(place, listed[place] - 1)
                async with asyncio.timeout(PROBE_TIMEOUT_S):
                    while missing := [place for place in changed if watcher.highwater(place) is None]:
                        await watcher.getmany(*missing, timeout_ms=50, max_records=1)
                self._ends |= {place: (listed[place], watcher.highwater(place)) for place in changed}
                watcher.unsubscribe()
        return {place: self._ends[place][1] if end else 0 for place, end in listed.items()}

    async def ensure_topics(self, topics: Iterable[str], partitions: int) -> None:
        """Make the topics that are missing, before anybody's metadata request makes them otherwise."""
        async with _as_unavailable():
            admin, _ = await self._connected()
            for topic in topics:
                beat()
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
        self._identity = ""

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
            await _start(producer.start, producer.stop)
        self._producer = producer

    async def state(self) -> TopicState:
        identity = await self._broker.identity()
        if identity != self._identity:
            await self._broker.ensure_topics([self._topic], self._partitions)
            held = len(await self._broker.partitions([self._topic]))
            if held < self._partitions:  # more do no harm: whose metadata request made the topic, decides
                raise BrokerUnavailable(f"{self._topic} has {held} partitions, not {self._partitions}")
            self._identity = identity
        ends = await self._broker.end_offsets((self._topic, partition) for partition in range(self._partitions))
        return TopicState(identity, [ends[self._topic, partition] for partition in range(self._partitions)])

    async def publish(self, messages: Sequence[Message]) -> Mapping[int, int]:
        assert self._producer is not None, "started before used"
        batches = _in_batches(messages, self._producer.create_batch)
        async with _as_unavailable(), asyncio.timeout(PUBLISH_TIMEOUT_S):
            sent = [await self._producer.send_batch(batch, self._topic, partition=at) for at, batch in batches]
            acknowledged = await asyncio.gather(*sent)
        return {
            partition: first.offset + batch.record_count()
            for (partition, batch), first in zip(batches, acknowledged, strict=True)
        }

    async def stop(self) -> None:
        if self._producer is not None:
            await _stop(self._topic, self._producer.stop)


def _in_batches(messages: Sequence[Message], create: Callable[[], BatchBuilder]) -> list[tuple[int, BatchBuilder]]:
    """Partition and batch, in the order of the messages of each partition. Sent one by one, a record costs thrice that."""
    batches: list[tuple[int, BatchBuilder]] = []
    filling: dict[int, BatchBuilder] = {}
    for message in messages:
        batch = filling.get(message.partition)
        if batch is None or not _put(batch, message):
            batch = filling[message.partition] = create()
            batches.append((message.partition, batch))
            _put(batch, message)  # the first of a batch always fits
    return batches


def _put(batch: BatchBuilder, message: Message) -> bool:
    """Whether there was room for it."""
    return batch.append(timestamp=None, key=message.key, value=message.value, headers=list(message.headers)) is not None


class KafkaReader(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka carries no types
    """`libs.events.broker.Reader` on an aiokafka consumer."""

    def __init__(self, broker: KafkaBroker, topics: Sequence[str], group: str) -> None:
        self._broker, self._topics, self._group = broker, list(topics), group
        self._assigned: Assigned | None = None
        self._identity = ""
        self._checked_at = 0.0
        self._consumer = self._new_consumer()

    def _new_consumer(self) -> AIOKafkaConsumer:
        settings = self._broker.settings
        return AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            group_id=self._group if settings.grouped else None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=settings.fetch_wait_ms,
            fetch_max_bytes=16 * MAX_REQUEST_BYTES,
            request_timeout_ms=12_000,  # longer than a rebalance may take
            session_timeout_ms=10_000,
            heartbeat_interval_ms=3_000,
            max_poll_interval_ms=300_000,
            metadata_max_age_ms=METADATA_AGE_MS,
        )

    async def start(self, assigned: Assigned) -> None:
        self._assigned = assigned
        await self._broker.ensure_topics(self._topics, self._broker.settings.partitions)
        self._identity = await self._broker.identity()
        self._checked_at = time.monotonic()
        async with _as_unavailable():
            if self._broker.settings.grouped:
                self._consumer.subscribe(self._topics, listener=self)
                await self._consumer.start()
            else:
                await self._consumer.start()
                await self._take_all()

    async def _take_all(self) -> None:
        places = [TopicPartition(*place) for place in await self._partitions()]
        self._consumer.assign(places)
        await self._place(places)

    async def _partitions(self) -> list[tuple[str, int]]:
        """Of topics that were just made a broker may not tell everything at once: it is asked again for a while."""
        until = time.monotonic() + TOLD_WITHIN_S
        while True:
            try:
                return await self._broker.partitions(self._topics)
            except BrokerUnavailable:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(ASKED_AGAIN_S)

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
        await self._seek_all(wanted)

    async def poll(self, timeout_s: float, limit: int) -> Mapping[tuple[str, int], Sequence[Record]]:
        if time.monotonic() - self._checked_at > IDENTITY_CHECK_S:
            await self._check_identity()
        async with _as_unavailable():
            polled = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=limit)
        # aiokafka's records have all that ours have: they are handed on as they are.
        return {(place.topic, place.partition): records for place, records in polled.items()}

    async def _check_identity(self) -> None:
        """A client reconnects silently to a broker that lost everything, and would wait for ever at its old offset."""
        identity = await self._broker.identity(IDENTITY_CHECK_S)
        if identity != self._identity:
            log.warning("another broker answers, reading from where it can be", group=self._group)
            await self._broker.ensure_topics(self._topics, self._broker.settings.partitions)
            if self._broker.settings.grouped:
                await self._join_anew()
            else:
                await self._take_all()
            self._identity = identity
        self._checked_at = time.monotonic()

    async def _join_anew(self) -> None:
        """Join the group with a new client. The old one may have joined it while a topic was not made again yet: it was
        assigned nothing of that topic, and hears of it only when it happens to ask for all topics again."""
        await _stop(self._group, self._consumer.stop)
        self._consumer = self._new_consumer()
        self._consumer.subscribe(self._topics, listener=self)
        async with _as_unavailable():
            await self._consumer.start()

    def attend(self, places: Iterable[tuple[str, int]]) -> None:
        wanted = {TopicPartition(*place) for place in places}
        ours = self._consumer.assignment()
        self._consumer.pause(*(ours - wanted))
        self._consumer.resume(*(ours & wanted))

    async def seek(self, topic: str, partition: int, offset: int) -> None:
        await self._seek_all({(topic, partition): offset})

    async def _seek_all(self, wanted: Mapping[tuple[str, int], int]) -> None:
        """A fetch beyond the end waits for ever at some brokers, so nobody is sent there."""
        ours = {
            place: offset for place, offset in wanted.items() if TopicPartition(*place) in self._consumer.assignment()
        }
        ends = await self._broker.end_offsets(place for place, offset in ours.items() if offset)
        for place, offset in ours.items():
            if TopicPartition(*place) in self._consumer.assignment():
                self._consumer.seek(TopicPartition(*place), offset if offset < ends.get(place, 0) else 0)

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        ours = {TopicPartition(*place): offset for place, offset in offsets.items()}
        ours = {place: offset for place, offset in ours.items() if place in self._consumer.assignment()}
        if not self._broker.settings.grouped or not ours:
            return
        try:
            await self._consumer.commit(ours)
        except KafkaError as error:
            log.info("progress was not told to the broker", group=self._group, error=repr(error))

    async def stop(self) -> None:
        await _stop(self._group, self._consumer.stop)
