"""Queries that wait for what is not there yet: `Prefer: wait=5` (RFC 7240, 4.3).

What a command leads to in another service happens in its own time. A front end that looks again and again costs it more
than what it looks for; so it may ask to be answered once there is something new: an answer other than 404, or than 304
where it names with If-None-Match what it knows. When the time is over, it is answered as things are.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar, cast

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from libs.contracts.problems import Rejected
from libs.events.decider import Decider
from libs.service.context import current
from libs.service.headers import reads_header
from libs.service.problems import Problem
from libs.service.runtime import Runtime

WAIT_MOST_S: Final = 8
"""Shorter than the grace that a server has when it is told to stop."""
LOOK_S: Final = 0.5
"""How soon it is seen what another process of the service has appended. What this one appends is seen at once."""
WAITING_MOST: Final = 1000
"""In a process, at once; whoever comes beside them is answered as things are."""
_WAIT: Final = re.compile(r'wait\s*=\s*"?([0-9]{1,6})"?', re.IGNORECASE)

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

_waiting = 0


@reads_header(
    "Prefer",
    f"`wait=5`: answer once there is something new, at the latest after so many seconds ({WAIT_MOST_S} at most): "
    "another answer than 404, or than 304 beside If-None-Match.",
    example="wait=5",
)
async def wait_preferred(request: Request) -> int:
    """A dependency that gives for how many seconds the client would wait, 0 where it would not. A preference that is not
    understood is none (RFC 7240, 2)."""
    for value in request.headers.getlist("Prefer"):
        for preference in value.split(","):
            found = _WAIT.fullmatch(preference.partition(";")[0].strip())
            if found is not None:
                return min(int(found[1]), WAIT_MOST_S)
    return 0


def awaited(decider: Decider[Any, Any, Any], parameter: str) -> Callable[[F], F]:
    """Have a query on one stream wait where its client would: `parameter` of its path names the stream. The query itself
    says who sees what, each time anew: a stream that somebody may not see is one that is not there."""

    def decorate(query: F) -> F:
        @wraps(query)
        async def waits(*, wait_s: int, **given: Any) -> Any:
            if not wait_s or _waiting >= WAITING_MOST:
                return await query(**given)
            runtime: Runtime = given["request"].app.state.runtime
            return await _awaited(runtime, decider.stream_id(given[parameter]), wait_s, lambda: query(**given))

        declared = inspect.signature(query)
        assert {"request", parameter} <= declared.parameters.keys(), f"{query.__name__} takes request and {parameter}"
        preference = inspect.Parameter(
            "wait_s", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[int, Depends(wait_preferred)]
        )
        waits.__signature__ = declared.replace(  # type: ignore[attr-defined]  # what FastAPI reads
            parameters=[*declared.parameters.values(), preference]
        )
        return cast(F, waits)

    return decorate


async def _awaited(runtime: Runtime, stream_id: str, wait_s: int, query: Callable[[], Awaitable[Any]]) -> Any:
    global _waiting  # noqa: PLW0603  # a count over all services of a process
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    _waiting += 1
    try:
        with runtime.commands.moves(stream_id) as moved:
            while (left := deadline - loop.time()) > 0:
                try:
                    answer = await query()
                except (Rejected, Problem) as refused:
                    if refused.status != HTTPStatus.NOT_FOUND:
                        raise
                else:
                    if not isinstance(answer, Response) or answer.status_code != HTTPStatus.NOT_MODIFIED:
                        return answer
                began = loop.time()
                await moved.wait(min(left, LOOK_S))
                if (context := current()) is not None:
                    context.waited_s += loop.time() - began
    finally:
        _waiting -= 1
    return await query()
