"""Metrics as a catalogue: every metric is declared once, with its type, its labels and a sentence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import Final

from opentelemetry import trace
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from libs.events import metrics as kit
from libs.events.metrics import Metric
from libs.service.context import RequestContext
from libs.service.logging import get_logger

UNMATCHED: Final = "unmatched"
"""The route of a request that fits none: a path as a label would let strangers make series without limit."""


def is_traced() -> bool:
    """Whether a tracing SDK is at work. Where there is none, that is settled for this process: otherwise OpenTelemetry
    looks for one in the environment at each request."""
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(trace.NoOpTracerProvider())
    return not isinstance(trace.get_tracer_provider(), trace.NoOpTracerProvider)


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
        self._log = get_logger(service)
        self.registry = CollectorRegistry()
        self.catalogue: dict[str, Metric] = {}
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in (*HTTP_METRICS, *metrics):
            self.declare(metric)
        self._request_seconds: dict[tuple[str, str, int], Histogram] = {}
        self._refresh: Callable[[], Awaitable[None]] | None = None

    def show_kit(self, consumers: Collection[str], refresh: Callable[[], Awaitable[None]]) -> None:
        """Show the event kit's figures of this service and these consumers; `refresh` reads those of progress."""
        if self._refresh is None:
            self.registry.register(_KitFigures(self.service, consumers))
        self._refresh = refresh

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
        """`GET /metrics`. What cannot be read now is shown as it was last."""
        if self._refresh is not None:
            try:
                await self._refresh()
            except Exception as error:  # noqa: BLE001 - whatever is wrong, the other figures are what is looked for now
                self._log.warning("figures_not_read", exc_info=error)
        return Response(self.exposition(), media_type=CONTENT_TYPE_LATEST)


class _KitFigures(Collector):
    """One service's part of the kit's figures: several services may share a process."""

    def __init__(self, service: str, consumers: Collection[str]) -> None:
        self._service, self._consumers = service, consumers

    def collect(self) -> Iterator[Family]:
        for family in kit.REGISTRY.collect():
            own = [sample for sample in family.samples if self._is_ours(sample.labels)]
            if own:
                shown = Family(family.name, family.documentation, family.type)
                shown.samples = own
                yield shown

    def _is_ours(self, labels: dict[str, str]) -> bool:
        return labels.get("service") == self._service or labels.get("consumer") in self._consumers


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
