"""Reads the figures of progress from a store, for whoever asks for metrics: so a loop that is stuck shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Final

from libs.events import metrics
from libs.events.broker import Broker, BrokerUnavailable
from libs.events.operations import OWN
from libs.events.postgres.store import PostgresStore
from libs.events.rebuild import REBUILD, VERIFY

BROKER_S: Final = 2.0
"""Figures that the broker does not give in this time are left as they were."""

PROGRESS: Final = """
    with young as materialized (
        select e.append_id, e.metadata from es.sequencer s join es.event e on e.xid >= pg_snapshot_xmax(s.snapshot))
    select s.last_seq, r.position, es.unstamped(),
        coalesce((select extract(epoch from now()
                                 - (convert_from(metadata, 'UTF8')::json ->> 'recorded_at')::timestamptz)
                  from young order by append_id limit 1), 0)::float8,
        (select count(*) from es.task where status = 'pending' and (due_at <= now() or attempts > 0)),
        (select count(*) from es.task where status = 'pending' and not (due_at <= now() or attempts > 0)),
        (select count(*) from es.task where status = 'failed')
    from es.sequencer s, es.relay r"""
POSITIONS: Final = "select consumer, topic, partition, last_sequence, next_offset from es.position"
PARKED: Final = "select consumer, count(*), count(distinct (topic, stream_id)) from es.parked group by consumer"


async def read_figures(service: str, store: PostgresStore, broker: Broker, consumers: Collection[str]) -> None:
    """Set every gauge of progress of a service and of its consumers."""
    row = await store.pool.fetchrow(PROGRESS)
    assert row is not None, "the schema makes the rows of sequencer and relay"
    last, published, unstamped, delay_s, is_open, later, failed = row
    metrics.SEQUENCE.labels(service).set(last)
    metrics.UNSTAMPED.labels(service).set(unstamped)
    metrics.SEQUENCER_DELAY.labels(service).set(max(delay_s, 0.0))
    metrics.RELAY_POSITION.labels(service).set(published)
    metrics.RELAY_BACKLOG.labels(service).set(last - published)
    for state, count in (("open", is_open), ("later", later), ("failed", failed)):
        metrics.TASKS_WAITING.labels(service, state).set(count)
    parked = {consumer: counts for consumer, *counts in await store.pool.fetch(PARKED)}
    for consumer in consumers:
        events, keys = parked.get(consumer, (0, 0))
        metrics.PARKED_EVENTS.labels(consumer).set(events)
        metrics.PARKED_KEYS.labels(consumer).set(keys)
    positions = await store.pool.fetch(POSITIONS)
    _rebuilds(positions, consumers)
    await _lags([row for row in positions if row[0] in consumers], last, broker)


def _rebuilds(positions: Collection[Any], consumers: Collection[str]) -> None:
    reached: dict[str, int] = {}
    for consumer, _, _, last_sequence, _ in positions:
        reached[consumer] = reached.get(consumer, 0) + last_sequence
    for consumer in consumers:
        made = next((reached[name] for name in (consumer + REBUILD, consumer + VERIFY) if name in reached), None)
        if made is not None:
            metrics.REBUILD_PROGRESS.labels(consumer).set(made / max(reached.get(consumer, 0), made, 1))
        else:
            metrics.REBUILD_PROGRESS.remove_by_labels({"consumer": consumer})


async def _lags(positions: Collection[Any], last: int, broker: Broker) -> None:
    ends: Mapping[tuple[str, int], int] = {}
    try:
        async with asyncio.timeout(BROKER_S):
            ends = await broker.end_offsets(
                [(topic, partition) for _, topic, partition, _, _ in positions if topic != OWN]
            )
    except (BrokerUnavailable, TimeoutError):
        pass  # it shows in the relay's backlog
    for consumer, topic, partition, last_sequence, next_offset in positions:
        place = (consumer, topic, str(partition))
        metrics.CONSUMER_POSITION.labels(*place).set(last_sequence)
        if topic == OWN:
            metrics.LAG_EVENTS.labels(*place).set(last - last_sequence)
        elif (topic, partition) in ends:
            metrics.LAG_EVENTS.labels(*place).set(max(ends[topic, partition] - next_offset, 0))
