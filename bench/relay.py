"""Events a second from the store to Apache Kafka, beside a bare aiokafka producer that sends the same bytes.

The relay reads the sequence, chains and addresses the records, waits until all replicas have them and keeps its place;
the bare producer has the records ready in memory, sends as many at once, and waits for as many. A second one builds
whole batches, as the relay does: what aiokafka allows at best.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from bench.common.filling import fill
from bench.common.result import Goal, Result
from bench.common.servers import kafka, postgres
from bench.common.session import Session, rates
from bench.common.stores import store
from libs.events.broker import Message
from libs.events.envelope import to_headers
from libs.events.kafka import MAX_REQUEST_BYTES, KafkaBroker, KafkaSettings
from libs.events.postgres import PostgresStore
from libs.events.relay import BATCH, Relay, partition_of
from libs.events.signals import Signal

PARTITIONS: Final = 4
EACH: Final = 10
NOTHING_PUBLISHED: Final = (
    "update es.relay set owner = null, position = 0, broker = '', previous = '{}', offsets = '{}'"
)


async def relay(made: PostgresStore, broker: KafkaBroker, events: int) -> float:
    """From the first event to the last, to a topic that is new."""
    await made.pool.execute(NOTHING_PUBLISHED)
    one = Relay(made, broker, service="shop", topic=f"relay-{uuid4()}", partitions=PARTITIONS, stamped=Signal())
    await one.step()  # connecting is not what is measured
    began, passed = time.perf_counter(), 0
    while count := await one.step():
        passed += count
    took = time.perf_counter() - began
    await one.close()
    assert passed == events - BATCH
    return passed / took


async def messages(made: PostgresStore, events: int) -> list[Message]:
    """The records as the relay makes them."""
    prepared = []
    for event in await made.read(0, events):
        headers = to_headers(event, "/puhui/shop", event.sequence - 1)
        partition = partition_of(event.stream_id, PARTITIONS)
        prepared.append(Message(partition, event.stream_id.encode(), event.data, headers))
    return prepared


Send = Callable[[AIOKafkaProducer, str, Sequence[Message]], Awaitable[None]]


async def bare(prepared: Sequence[Message], bootstrap: str, broker: KafkaBroker, send: Send) -> float:
    topic = f"bare-{uuid4()}"
    await broker.ensure_topics([topic], PARTITIONS)
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True,
        max_batch_size=MAX_REQUEST_BYTES // 4, max_request_size=MAX_REQUEST_BYTES,
    )  # fmt: skip
    await producer.start()
    try:
        await send(producer, topic, prepared[:BATCH])
        began = time.perf_counter()
        for first in range(BATCH, len(prepared), BATCH):
            await send(producer, topic, prepared[first : first + BATCH])
        return (len(prepared) - BATCH) / (time.perf_counter() - began)
    finally:
        await producer.stop()


async def in_batches(producer: AIOKafkaProducer, topic: str, batch: Sequence[Message]) -> None:
    built = [producer.create_batch() for _ in range(PARTITIONS)]
    for one in batch:
        fits = built[one.partition].append(timestamp=None, key=one.key, value=one.value, headers=list(one.headers))
        assert fits, "a page of small records fills no batch"
    for future in [await producer.send_batch(one, topic, partition=number) for number, one in enumerate(built)]:
        await future


async def one_by_one(producer: AIOKafkaProducer, topic: str, batch: Sequence[Message]) -> None:
    sent = [
        await producer.send(topic, one.value, one.key, partition=one.partition, headers=list(one.headers))
        for one in batch
    ]
    for future in sent:
        await future


async def measure(session: Session) -> Result:
    events = session.size(20_000, 200_000)
    with postgres() as server, kafka() as running:
        broker = KafkaBroker(KafkaSettings(running.bootstrap_servers, partitions=PARTITIONS))
        async with store(server, "ours", 16) as made:
            session.stage("filling the store", events)
            await fill(made, events // EACH, EACH, session.advance)
            prepared = await messages(made, events)
            medians = await session.in_turns(
                f"publishing {events:,} events",
                {
                    "ours": lambda: relay(made, broker, events),
                    "aiokafka": lambda: bare(prepared, running.bootstrap_servers, broker, one_by_one),
                    "aiokafka_batches": lambda: bare(prepared, running.bootstrap_servers, broker, in_batches),
                },
            )
            await broker.close()
    peers = {name: medians[name] for name in ("aiokafka", "aiokafka_batches")}
    ratios = rates(medians["ours"], peers)
    return Result(
        unit="events/s",
        ours=medians["ours"],
        peers=peers,
        ratios=ratios,
        goals=[Goal("times a bare aiokafka producer", ratios["aiokafka"], least=0.6)],
        runs=session.runs,
        limited_by="reading the store and making each record's headers, in Python",
        details={"events": events, "batch": BATCH},
    )
