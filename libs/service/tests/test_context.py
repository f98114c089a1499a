from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from starlette.types import Message, Receive, Scope, Send

from libs.service.context import current, new_context, working_in
from libs.service.middleware import RequestMiddleware
from libs.service.tests.in_process import Caller

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_a_trace_is_continued_with_a_span_of_our_own() -> None:
    context = new_context(traceparent=f"00-{TRACE}-{SPAN}-01", tracestate="vendor=1")
    version, trace_id, span_id, flags = context.traceparent.split("-")
    assert (version, trace_id, flags) == ("00", TRACE, "01")
    assert span_id != SPAN
    assert context.tracestate == "vendor=1"


def test_a_later_version_of_the_header_is_understood() -> None:
    assert new_context(traceparent=f"cc-{TRACE}-{SPAN}-00-more").trace_id == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "x",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
    ],
)
def test_a_malformed_trace_is_replaced_with_its_state(header: str | None) -> None:
    context = new_context(traceparent=header, tracestate="vendor=1")
    assert context.trace_id != TRACE
    assert len(context.trace_id) == 32
    assert context.tracestate == ""
    assert context.traceparent.endswith("-00")


def test_an_overlong_state_is_dropped() -> None:
    assert new_context(traceparent=f"00-{TRACE}-{SPAN}-01", tracestate="x" * 513).tracestate == ""


@given(st.text(max_size=100))
def test_only_plain_ids_of_clients_are_kept(text: str) -> None:
    context = new_context(request_id=text, correlation_id=text)
    assert context.request_id.isascii()
    assert context.request_id.isprintable()
    assert len(context.request_id) <= 80
    assert context.correlation_id in (text, context.request_id)


def test_the_correlation_of_a_client_is_kept() -> None:
    context = new_context(request_id="r-1", correlation_id="c-1")
    assert (context.request_id, context.correlation_id) == ("r-1", "c-1")
    assert new_context(request_id="r-1").correlation_id == "r-1"


@contextmanager
def span_of_an_sdk() -> Iterator[None]:
    span = NonRecordingSpan(SpanContext(int(TRACE, 16), int(SPAN, 16), is_remote=False, trace_flags=TraceFlags(1)))
    token = otel_context.attach(trace.set_span_in_context(span))
    try:
        yield
    finally:
        otel_context.detach(token)


def test_a_span_that_an_sdk_made_is_ours_too() -> None:
    with span_of_an_sdk():
        context = new_context(traceparent=f"00-{'1' * 32}-{'2' * 16}-00")
    assert context.traceparent == f"00-{TRACE}-{SPAN}-01"


def test_the_context_is_there_inside_and_gone_outside() -> None:
    outer, inner = new_context(), new_context()
    assert current() is None
    with working_in(outer):
        with working_in(inner):
            assert current() is inner
        assert current() is outer
    assert current() is None


def test_the_request_id_of_a_client_comes_back(call: Caller) -> None:
    assert call("GET", "/ledger/health/live", headers={"x-request-id": "r-42"}).headers["x-request-id"] == "r-42"
    assert call("GET", "/ledger/health/live", headers={"x-request-id": "a b"}).headers["x-request-id"] != "a b"


def run(
    app: Any, *, observed: list[tuple[str, str | None, int]] | None = None, failures: list[str] | None = None
) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        sent.append(message)

    middleware = RequestMiddleware(
        app,
        observers=[
            lambda c, method, route, status, s: None if observed is None else observed.append((method, route, status))
        ],
        log_failure=lambda event, error: None if failures is None else failures.append(event),
    )
    scope: Scope = {"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": []}
    asyncio.run(middleware(scope, receive, send))
    return sent


def test_an_error_after_the_answer_began_breaks_it_off() -> None:
    observed: list[tuple[str, str | None, int]] = []
    failures: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"private")]})
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        run(app, observed=observed, failures=failures)
    assert observed == [("GET", None, 200)]
    assert failures == ["unexpected_error"]


def test_a_request_without_an_answer_is_observed_as_closed_by_the_client() -> None:
    observed: list[tuple[str, str | None, int]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        return

    assert run(app, observed=observed) == []
    assert observed == [("GET", None, 499)]


def test_other_protocols_pass_untouched() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError("not to be called")

    middleware = RequestMiddleware(app, log_failure=lambda event, error: None)
    asyncio.run(middleware({"type": "lifespan"}, nothing, nothing))
    assert seen == ["lifespan"]
