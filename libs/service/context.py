"""The request at hand: its ids, its place in a distributed trace and its actor, reachable from anywhere below."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from opentelemetry import trace

from libs.service.actor import Actor

_TRACEPARENT: Final = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")
_TRACESTATE_CHARS_MAX: Final = 512  # W3C Trace Context 3.3.1.5: propagate at least 512 characters
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16


@dataclass(slots=True)
class RequestContext:
    """Ids of one unit of work: an HTTP request, or the handling of one event."""

    request_id: str
    correlation_id: str
    """Shared by everything that follows from one intent; travels in every event."""
    trace_id: str
    span_id: str
    sampled: bool = False
    tracestate: str = ""
    actor: Actor | None = None
    waited_s: float = 0.0
    """For how long it waited since its client asked for that: no part of what the answer took."""

    @property
    def traceparent(self) -> str:
        """This unit of work as the parent of what it causes (W3C Trace Context level 1)."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


_current: ContextVar[RequestContext | None] = ContextVar("puhui_request", default=None)


def current() -> RequestContext | None:
    """The context of the work at hand, or None outside of any."""
    return _current.get()


@contextmanager
def working_in(context: RequestContext) -> Iterator[RequestContext]:
    """Make `context` the current one inside the block: for consumers, jobs and tests as well as requests."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def new_context(
    *,
    traceparent: str | None = None,
    tracestate: str | None = None,
    request_id: str | None = None,
    correlation_id: str | None = None,
) -> RequestContext:
    """A context that continues the given trace; what is missing or malformed is made anew, never refused."""
    span = trace.get_current_span().get_span_context()
    parent = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if parent and (parent[2] == _NO_TRACE or parent[3] == _NO_SPAN or (parent[1] == "00" and parent[5])):
        parent = None
    if span.is_valid:  # an OpenTelemetry SDK is at work and has already made this request's span
        trace_id, span_id = f"{span.trace_id:032x}", f"{span.span_id:016x}"
        sampled = bool(span.trace_flags.sampled)
    else:
        trace_id = parent[2] if parent else os.urandom(16).hex()
        span_id = os.urandom(8).hex()
        sampled = parent is not None and bool(int(parent[4], 16) & 1)
    own_id = _accepted(request_id) or str(UUID(bytes=os.urandom(16), version=4))
    kept_state = tracestate if parent and tracestate and len(tracestate) <= _TRACESTATE_CHARS_MAX else ""
    return RequestContext(
        request_id=own_id,
        correlation_id=_accepted(correlation_id) or own_id,
        trace_id=trace_id,
        span_id=span_id,
        sampled=sampled,
        tracestate=kept_state,
    )


def _accepted(client_id: str | None) -> str | None:
    """A client's own id where it is short and plain; it goes into logs and headers."""
    return client_id if client_id and _CLIENT_ID.fullmatch(client_id) else None
