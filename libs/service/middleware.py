"""The outermost layer of a service: opens the request context, answers what nobody else did, tells observers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.service.context import RequestContext, new_context, working_in
from libs.service.problems import INTERNAL_ERROR, MALFORMED_REQUEST, UNAVAILABLE, Problem

Observer = Callable[[RequestContext, str, str | None, int, float], None]
"""Told once a request: its context, method, route (None: no route fits), status, seconds. Must not raise nor block."""
FailureLog = Callable[[str, BaseException], None]
"""Told of an exception that nobody handled, with the name of the event to log."""

UNAVAILABILITY: Final[tuple[type[Exception], ...]] = (ConnectionError, TimeoutError)
"""Exceptions that mean a store or broker is out of reach: 503, and the client may repeat."""

_RETRY_AFTER_S: Final = 2
_STATUS_CLIENT_CLOSED: Final = 499  # nginx's convention; seen in logs and metrics only

_DEFAULT_HEADERS: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_CONTEXT_HEADERS: Final = {
    b"traceparent": "traceparent",
    b"tracestate": "tracestate",
    b"x-request-id": "request_id",
    b"x-correlation-id": "correlation_id",
}


class RequestMiddleware:
    """Wraps every request in a `RequestContext`; unexpected exceptions become a 500 problem without any detail."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        prefix: str = "",
        observers: Sequence[Observer] = (),
        log_failure: FailureLog,
        unavailability: tuple[type[Exception], ...] = UNAVAILABILITY,
    ) -> None:
        self.app = app
        self.prefix = prefix
        self.observers = tuple(observers)
        self.log_failure = log_failure
        self.unavailability = unavailability

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started_at = perf_counter()
        found = {_CONTEXT_HEADERS[key]: value for key, value in scope["headers"] if key in _CONTEXT_HEADERS}
        context = new_context(**{key: value.decode("latin-1") for key, value in found.items()})
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _completed(message.get("headers", ()), context)
            await send(message)

        with working_in(context):
            try:
                if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
                    problem = Problem(MALFORMED_REQUEST, "Take the null character out of the path or query.")
                    await problem.response()(scope, receive, send_with_headers)
                else:
                    await self.app(scope, receive, send_with_headers)
            except Exception as error:
                problem = self._problem(error)
                if status:  # the answer is under way and cannot be replaced: break it off
                    raise
                await problem.response()(scope, receive, send_with_headers)
            finally:
                elapsed_s = perf_counter() - started_at - context.waited_s
                route = _route(scope, self.prefix)
                for observe in self.observers:
                    observe(context, scope["method"], route, status or _STATUS_CLIENT_CLOSED, elapsed_s)

    def _problem(self, error: Exception) -> Problem:
        if isinstance(error, self.unavailability):
            self.log_failure("dependency_unavailable", error)
            return Problem(UNAVAILABLE, headers={"retry-after": str(_RETRY_AFTER_S)})
        self.log_failure("unexpected_error", error)
        return Problem(INTERNAL_ERROR)


def _completed(headers: Sequence[tuple[bytes, bytes]], context: RequestContext) -> list[tuple[bytes, bytes]]:
    """The response's headers with the request id, whether it waited as preferred (RFC 7240, 3), and with the defaults
    that it does not set itself."""
    present = {key for key, _ in headers}
    result = [*headers, (b"x-request-id", context.request_id.encode("ascii"))]
    if context.waited_s:
        result.append((b"preference-applied", b"wait"))
    result.extend(default for default in _DEFAULT_HEADERS if default[0] not in present)
    return result


def _route(scope: Scope, prefix: str) -> str | None:
    """The template of the path: the path itself may hold personal identifiers, and has no end of values."""
    route = scope.get("route")
    if route is None:
        return None
    path: str = route.path
    return path if path.startswith(prefix + "/") else prefix + path
