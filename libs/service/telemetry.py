"""Metrics as a catalogue: every metric is declared once, with its type, its labels and a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from opentelemetry import trace
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from libs.service.context import RequestContext

LATENCY_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
UNMATCHED: Final = "unmatched"
"""The route of a request that fits none: a path as a label would let strangers make series without limit."""


def settle_tracing() -> None:
    """Without a tracing SDK, say so once: otherwise OpenTelemetry looks for one in the environment at each request."""
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(trace.NoOpTracerProvider())


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name carries the unit, its sentence says what one more means."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    sentence: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = LATENCY_BUCKETS_S


REQUEST_SECONDS: Final = Metric(
    "puhui_http_request_duration_seconds",
    "histogram",
    "Time from a request's first byte to the end of its answer, by route and status.",
    ("method", "route", "status"),
)
UNEXPECTED_ERRORS: Final = Metric(
    "puhui_http_unexpected_errors_total", "counter", "Requests that ended in an error nobody handled; alert on any."
)
HTTP_METRICS: Final = (REQUEST_SECONDS, UNEXPECTED_ERRORS)


class Telemetry:
    """The metrics of one service, in a registry of its own: several services may share a process."""

    def __init__(self, service: str, metrics: Iterable[Metric] = ()) -> None:
        """Raises `ValueError` when two metrics share a name."""
        self.service = service
        self.registry = CollectorRegistry()
        self.catalogue: dict[str, Metric] = {}
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in (*HTTP_METRICS, *metrics):
            self.declare(metric)
        self._request_seconds: dict[tuple[str, str, int], Histogram] = {}

    def declare(self, metric: Metric) -> None:
        """Add a metric; each carries the label `service` besides its own."""
        if metric.name in self.catalogue:
            raise ValueError(f"metric {metric.name} is declared twice")
        labels = ("service", *metric.labels)
        self.catalogue[metric.name] = metric
        if metric.kind == "counter":
            self._counters[metric.name] = Counter(metric.name, metric.sentence, labels, registry=self.registry)
        elif metric.kind == "gauge":
            self._gauges[metric.name] = Gauge(metric.name, metric.sentence, labels, registry=self.registry)
        else:
            self._histograms[metric.name] = Histogram(
                metric.name, metric.sentence, labels, registry=self.registry, buckets=metric.buckets
            )

    def count(self, metric: Metric, by: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self._counters[metric.name].labels(service=self.service, **labels).inc(by)

    def set(self, metric: Metric, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._gauges[metric.name].labels(service=self.service, **labels).set(value)

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """Add an observation to a histogram."""
        self._histograms[metric.name].labels(service=self.service, **labels).observe(value)

    def observe_request(
        self, _context: RequestContext, method: str, route: str | None, status: int, elapsed_s: float
    ) -> None:
        """Record one HTTP request."""
        if method not in _METHODS:
            method = "other"
        key = (method, route or UNMATCHED, status)
        child = self._request_seconds.get(key)
        if child is None:
            child = self._histograms[REQUEST_SECONDS.name].labels(self.service, method, key[1], str(status))
            self._request_seconds[key] = child
        child.observe(elapsed_s)

    def exposition(self) -> bytes:
        """Every metric in Prometheus' text format."""
        return generate_latest(self.registry)

    async def endpoint(self, _request: Request) -> Response:
        """`GET /metrics`."""
        return Response(self.exposition(), media_type=CONTENT_TYPE_LATEST)


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
