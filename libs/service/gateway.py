"""All services behind one port: dispatch by the first part of the path, one documentation page for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
)
from functools import partial
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.events.operations import Side
from libs.service.app_factory import ServiceApp
from libs.service.docs_pages import docs_routes, problems_endpoint
from libs.service.problems import NOT_FOUND, UNAVAILABLE, VALIDATION_FAILED, Problem
from libs.service.settling import Look, NotSettled, settle

KEEP_ALIVE_S: Final = 75
"""How long a server keeps an idle connection: longer than clients do, so that none sends on one that is being closed."""

SETTLE_S: Final = 60.0


class Neighbour(Protocol):
    """A process beside this one that serves some of the services."""

    @property
    def services(self) -> Collection[str]:
        """Their names."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Entered once they serve; what leads to them is closed at the end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request for one of them."""

    async def health(self, kind: str) -> Mapping[str, bool]:
        """Whether each is `live` or `ready`; none is while it cannot be reached."""

    async def side(self, service: str) -> Side:
        """How far one of them is; raises `ConnectionError`."""

    def hurried(self, but: Collection[str]) -> AbstractContextManager[None]:
        """Somebody waits until everything is handled there too (`libs.events.pace`)."""


class Gateway:
    """Serves each service under `/<name>`, and what belongs to all of them beside that.

    The path is passed on whole, so a service answers the same addresses here and when it is served alone. Starting
    the gateway starts every service, stopping it stops them in reverse order.
    """

    def __init__(
        self,
        services: Mapping[str, ServiceApp],
        *,
        others: Mapping[str, ASGIApp] | None = None,
        neighbours: Sequence[Neighbour] = (),
        on_stop: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        """`others`: further applications by the first part of their path, such as the local issuer; `neighbours`:
        processes that serve further services; `on_stop`: what the services share, to be closed after all of them."""
        self._on_stop = on_stop
        self._services = dict(services)
        self._neighbours = neighbours
        self._looks: dict[str, Look] = {name: partial(_side, service) for name, service in self._services.items()}
        self._looks |= {name: partial(other.side, name) for other in neighbours for name in other.services}
        self._apps: dict[str, ASGIApp] = {**(others or {}), **self._services}
        self._apps |= {name: other for other in neighbours for name in other.services}
        specs = {name: f"/{name}/openapi.json" for name in self._looks}
        self._front = Starlette(
            routes=[
                Route("/", self._home),
                Route("/health/live", self._live),
                Route("/health/ready", self._ready),
                Route("/operations/settled", self._settled),
                Route("/problems", problems_endpoint),
                *docs_routes("/docs", title="Puhui", specs=specs),
            ],
            lifespan=self._lifespan,
            exception_handlers={404: _not_found},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            first = scope["path"].split("/", 2)[1] if scope["path"].startswith("/") else ""
            await self._apps.get(first, self._front)(scope, receive, send)
        else:
            await self._front(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _front: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as running:
            for close in self._on_stop:
                running.push_async_callback(close)
            for service in self._services.values():
                await running.enter_async_context(service.router.lifespan_context(service))
            for neighbour in self._neighbours:
                await running.enter_async_context(neighbour.running())
            yield

    async def _home(self, _request: Request) -> Response:
        return RedirectResponse("/docs")

    async def _live(self, _request: Request) -> Response:
        return _together(await self.health("live"))

    async def _ready(self, _request: Request) -> Response:
        return _together(await self.health("ready"))

    async def health(self, kind: str) -> Mapping[str, bool]:
        """Whether each service is `live` or `ready`."""
        own = {name: await service.health.passed(kind) for name, service in self._services.items()}
        others = await asyncio.gather(*(neighbour.health(kind) for neighbour in self._neighbours))
        return {name: passed for answers in (own, *others) for name, passed in answers.items()}

    async def side(self, service: str) -> Side:
        """How far a service is; raises `ConnectionError` when it is elsewhere and cannot be reached."""
        return await self._looks[service]()

    async def _settled(self, request: Request) -> Response:
        """`GET /operations/settled`: answers once all that has happened is handled by every service, those left out
        (`?but=audit`) excepted; 503 when that takes too long. Says nothing of what has happened, so it needs no token."""
        but = frozenset(request.query_params.getlist("but"))
        if unknown := sorted(but - self._looks.keys()):
            detail = f"but: {', '.join(unknown)} is no service; there are {', '.join(sorted(self._looks))}."
            return Problem(VALIDATION_FAILED, detail).response()
        try:
            with ExitStack() as hurried:
                for neighbour in self._neighbours:
                    hurried.enter_context(neighbour.hurried(but))
                await settle(self._looks, SETTLE_S, but=but)
        except (NotSettled, ConnectionError) as error:
            return Problem(UNAVAILABLE, str(error), headers={"retry-after": "1"}).response()
        return JSONResponse({"settled": sorted(self._looks.keys() - but)})


async def _side(service: ServiceApp) -> Side:
    side: Side = await service.state.runtime.side()
    return side


def _together(passed: Mapping[str, bool]) -> Response:
    services = {name: "pass" if one else "fail" for name, one in passed.items()}
    well = all(passed.values())
    return JSONResponse({"status": "pass" if well else "fail", "services": services}, status_code=200 if well else 503)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return Problem(NOT_FOUND).response()
