"""Every figure that the kit shows, in one list: what it is called, what it counts, in which unit.

Each belongs to a service or to one of its consumers, and the chassis shows each service its own. Figures of progress
are read from the store when they are asked for, so that one that is stuck shows it; the others count as things happen.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, Literal

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge

from libs.events.clock import parse_us
from libs.events.envelope import StoredEvent

LATENCY_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name carries the unit, its sentence says what one more means."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    sentence: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = LATENCY_BUCKETS_S


REGISTRY: Final = CollectorRegistry()
CATALOGUE: Final[dict[str, Metric]] = {}
"""All of them by name."""


def _gauge(name: str, sentence: str, *labels: str) -> Gauge:
    CATALOGUE[name] = Metric(name, "gauge", sentence, labels)
    return Gauge(name, sentence, labels, registry=REGISTRY)


def _counter(name: str, sentence: str, *labels: str) -> Counter:
    CATALOGUE[name] = Metric(name, "counter", sentence, labels)
    return Counter(name, sentence, labels, registry=REGISTRY)


PLACE: Final = ("consumer", "topic", "partition")

# Writing
CONFLICTS: Final = _counter(
    "puhui_append_conflicts_total",
    "Commands that were decided again since their stream had moved, by kind of stream.",
    "service",
    "category",
)
SEQUENCE: Final = _gauge("puhui_sequence", "The last place in a service's total order.", "service")
UNSTAMPED: Final = _gauge(
    "puhui_unstamped_events", "Events that are committed and have no place in the total order yet.", "service"
)
SEQUENCER_DELAY: Final = _gauge(
    "puhui_sequencer_delay_seconds", "Age of the oldest event that has no place in the total order yet.", "service"
)
# Publishing
RELAY_OWNER: Final = _gauge("puhui_relay_owner", "1 in the process that publishes for the service, else 0.", "service")
RELAY_POSITION: Final = _gauge("puhui_relay_position", "The last sequence that the broker has acknowledged.", "service")
RELAY_BACKLOG: Final = _gauge(
    "puhui_relay_backlog_events", "Events in the total order that the broker has not acknowledged.", "service"
)
PUBLISHED: Final = _counter(
    "puhui_relay_published_total", "Records published, doubles after a fault included.", "service"
)
REFILLS: Final = _counter("puhui_relay_refills_total", "Times a topic was filled again from the store.", "service")
# Consuming
CONSUMER_POSITION: Final = _gauge("puhui_consumer_position", "The last sequence that a consumer has handled.", *PLACE)
LAG_EVENTS: Final = _gauge(
    "puhui_consumer_lag_events", "Events that a consumer has still to handle (records, of a topic).", *PLACE
)
LAG_SECONDS: Final = _gauge(
    "puhui_consumer_lag_seconds",
    "Age of the oldest event that is at hand and not handled; 0 when there is none.",
    *PLACE,
)
HANDLED: Final = _counter("puhui_consumer_handled_total", "Events that a consumer has handled.", "consumer")
REWINDS: Final = _counter(
    "puhui_consumer_rewinds_total",
    "Times a partition was read from its first record for a missing one.",
    "consumer",
    "topic",
)
BROKEN_RECORDS: Final = _counter(
    "puhui_consumer_broken_records_total", "Records passed over since they are no events.", "consumer", "topic"
)
PARKED_EVENTS: Final = _gauge("puhui_parked_events", "Events that wait for a person; alert on any.", "consumer")
PARKED_KEYS: Final = _gauge("puhui_parked_keys", "Streams that have an event waiting for a person.", "consumer")
REBUILD_PROGRESS: Final = _gauge(
    "puhui_rebuild_progress_ratio", "How far a projection's rebuild is, from 0 to 1; absent without one.", "consumer"
)
# Work on the outside world
TASKS: Final = _counter("puhui_tasks_total", "Attempts at work on the outside world.", "service", "kind", "result")
TASKS_WAITING: Final = _gauge(
    "puhui_tasks_waiting", "Work on the outside world: open, for later, failed; alert on failed.", "service", "state"
)
# Loops
LOOP_FAILURES: Final = _counter(
    "puhui_loop_failures_total", "Times a background loop failed and began anew.", "service", "loop"
)
LOOPS_STUCK: Final = _counter(
    "puhui_loops_stuck_total", "Times a background loop made no progress and was replaced.", "service", "loop"
)


class Lag:
    """How long the oldest event at hand has been waiting for one consumer in one partition."""

    def __init__(self, consumer: str, topic: str, partition: int) -> None:
        self._since_us = 0
        LAG_SECONDS.labels(consumer, topic, str(partition)).set_function(self.seconds)

    def begin(self, event: StoredEvent) -> None:
        """`event` is the oldest of those that are about to be handled."""
        self._since_us = parse_us(orjson.loads(event.metadata)["recorded_at"])

    def end(self) -> None:
        """All that was at hand is handled."""
        self._since_us = 0

    def seconds(self) -> float:
        return max(time.time() - self._since_us / 1_000_000, 0.0) if self._since_us else 0.0
