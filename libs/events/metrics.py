"""Every figure that the kit shows, in one list: what it is called, what it counts."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

SEQUENCE: Final = Gauge("puhui_sequence", "The last place in a service's total order.", ["service"])
RELAY_POSITION: Final = Gauge("puhui_relay_position", "The last sequence that the broker acknowledged.", ["service"])
PUBLISHED: Final = Counter("puhui_relay_published", "Records published, doubles after a fault included.", ["service"])
REFILLS: Final = Counter("puhui_relay_refills", "Times a topic was filled again from the store.", ["service"])
CONSUMER_POSITION: Final = Gauge(
    "puhui_consumer_position", "The last sequence that a consumer has handled.", ["consumer", "topic", "partition"]
)
HANDLED: Final = Counter("puhui_consumer_handled", "Events that a consumer has handled.", ["consumer"])
REWINDS: Final = Counter(
    "puhui_consumer_rewinds",
    "Times a partition was read from its first record for a missing one.",
    ["consumer", "topic"],
)
BROKEN_RECORDS: Final = Counter(
    "puhui_consumer_broken_records", "Records passed over since they are no events.", ["consumer", "topic"]
)
TASKS: Final = Counter("puhui_tasks", "Attempts at work on the outside world.", ["service", "kind", "result"])
LOOP_FAILURES: Final = Counter(
    "puhui_loop_failures", "Times a background loop failed and began anew.", ["service", "loop"]
)
LOOPS_STUCK: Final = Counter(
    "puhui_loops_stuck", "Times a background loop made no progress and was replaced.", ["service", "loop"]
)
