"""Events a second from Apache Kafka to rows of a read model, each once, beside a bare aiokafka consumer that inserts.

Ours follows the chain of each partition, decodes, projects, merges and writes rows and position in one transaction; the
bare consumer decodes the JSON, inserts a row a record in one statement a batch, and commits its offsets to the broker:
what it does twice after a crash stays done twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final
from uuid import uuid4

import orjson
from aiokafka import AIOKafkaConsumer
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table

from bench.common.filling import fill
from bench.common.result import Goal, Result
from bench.common.servers import kafka, postgres
from bench.common.session import Session, rates
from bench.common.stores import store
from libs.events.codec import Recorded
from libs.events.consumer import BATCH, Consumer
from libs.events.kafka import KafkaBroker, KafkaSettings
from libs.events.postgres import PostgresStore
from libs.events.projection import Change, Projection, Put
from libs.events.relay import Relay
from libs.events.signals import Signal
from libs.events.subscribers import ProjectionSubscriber
from libs.events.tests.shop import CODEC, Event, ItemListed, ItemReceived

PARTITIONS: Final = 4
EACH: Final = 10
TOPIC: Final = "shop"
RECEIPTS = Table(
    "receipt",
    MetaData(),
    Column("id", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("quantity", BigInteger),
)
TABLE: Final = "create table receipt (id text, version int, quantity bigint, primary key (id, version))"
INSERT: Final = """
    insert into receipt (id, version, quantity)
    select * from unnest($1::text[], $2::int[], $3::bigint[]) on conflict do nothing"""


def receipts() -> Projection:
    """A row an event."""
    view = Projection("receipts", 1, [RECEIPTS])

    @view.on(ItemListed, ItemReceived)
    def happened(recorded: Recorded[Event]) -> Iterator[Change]:
        quantity = getattr(recorded.event, "quantity", 0)
        yield Put(RECEIPTS, {"id": recorded.key, "version": recorded.version, "quantity": quantity})

    return view


async def ours(made: PostgresStore, bootstrap: str, events: int) -> float:
    await made.pool.execute("truncate receipt; delete from es.position")
    broker = KafkaBroker(KafkaSettings(bootstrap, grouped=False, partitions=PARTITIONS))
    consumer = Consumer(broker, made, ProjectionSubscriber(receipts()), CODEC, [TOPIC])
    await consumer.start()
    try:
        handled = first = await consumer.step()  # connecting is not what is measured
        began = time.perf_counter()
        while handled < events:
            handled += await consumer.step()
        took = time.perf_counter() - began
    finally:
        await consumer.stop()
        await broker.close()
    assert await made.pool.fetchval("select count(*) from receipt") == events
    return (events - first) / took


async def bare(made: PostgresStore, bootstrap: str, events: int) -> float:
    await made.pool.execute("truncate receipt")
    consumer = AIOKafkaConsumer(
        TOPIC, bootstrap_servers=bootstrap, group_id=str(uuid4()), enable_auto_commit=False,
        auto_offset_reset="earliest", fetch_max_bytes=16 * 2**20,
    )  # fmt: skip
    await consumer.start()
    try:
        handled = first = await _insert(consumer, made)
        began = time.perf_counter()
        while handled < events:
            handled += await _insert(consumer, made)
        return (events - first) / (time.perf_counter() - began)
    finally:
        await consumer.stop()


async def _insert(consumer: AIOKafkaConsumer, made: PostgresStore) -> int:
    polled = await consumer.getmany(timeout_ms=1_000, max_records=BATCH)
    records = [record for of_one in polled.values() for record in of_one]
    if records:
        headers = [dict(record.headers) for record in records]
        await made.pool.execute(
            INSERT,
            [record.key.decode() for record in records],
            [int(one["ce_streamversion"]) for one in headers],
            [orjson.loads(record.value).get("quantity", 0) for record in records],
        )
        await consumer.commit()
    return len(records)


async def measure(session: Session) -> Result:
    events = session.size(20_000, 200_000)
    with postgres() as server, kafka() as running:
        async with store(server, "ours", 16) as made:
            await made.pool.execute(TABLE)
            session.stage("filling store and topic", events)
            await fill(made, events // EACH, EACH, session.advance)
            broker = KafkaBroker(KafkaSettings(running.bootstrap_servers, partitions=PARTITIONS))
            relay = Relay(made, broker, service="shop", topic=TOPIC, partitions=PARTITIONS, stamped=Signal())
            while await relay.step():
                pass
            await relay.close()
            await broker.close()
            medians = await session.in_turns(
                f"consuming {events:,} events",
                {
                    "ours": lambda: ours(made, running.bootstrap_servers, events),
                    "aiokafka": lambda: bare(made, running.bootstrap_servers, events),
                },
            )
    peers = {"aiokafka": medians["aiokafka"]}
    ratios = rates(medians["ours"], peers)
    return Result(
        unit="events/s",
        ours=medians["ours"],
        peers=peers,
        ratios=ratios,
        goals=[Goal("times a bare aiokafka consumer", ratios["aiokafka"], least=0.6)],
        runs=session.runs,
        limited_by="aiokafka's consumer in Python; beside it each record's chain, types and rows",
        details={"events": events, "batch": BATCH},
    )
