"""All services behind one port: dispatch by the first part of the path, one documentation page for all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.service.app_factory import ServiceApp
from libs.service.docs_pages import docs_routes, problems_endpoint
from libs.service.problems import NOT_FOUND, UNAVAILABLE, VALIDATION_FAILED, Problem
from libs.service.settling import NotSettled, settle

KEEP_ALIVE_S: Final = 75
"""How long a server keeps an idle connection: longer than clients do, so that none sends on one that is being closed."""

SETTLE_S: Final = 60.0


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
        on_stop: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        """`others`: further applications by the first part of their path, such as the local issuer; `on_stop`: what
        the services share, to be closed after all of them."""
        self._on_stop = on_stop
        self._services = dict(services)
        self._apps: dict[str, ASGIApp] = {**(others or {}), **self._services}
        specs = {name: f"/{name}/openapi.json" for name in self._services}
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
            yield

    async def _home(self, _request: Request) -> Response:
        return RedirectResponse("/docs")

    async def _live(self, request: Request) -> Response:
        answers = {name: await service.health.live_endpoint(request) for name, service in self._services.items()}
        return _together(answers)

    async def _settled(self, request: Request) -> Response:
        """`GET /operations/settled`: answers once all that has happened is handled by every service, those left out
        (`?but=audit`) excepted; 503 when that takes too long. Says nothing of what has happened, so it needs no token."""
        but = frozenset(request.query_params.getlist("but"))
        if unknown := sorted(but - self._services.keys()):
            detail = f"but: {', '.join(unknown)} is no service; there are {', '.join(sorted(self._services))}."
            return Problem(VALIDATION_FAILED, detail).response()
        services = {name: service.state.runtime.side for name, service in self._services.items()}
        try:
            await settle(services, SETTLE_S, but=but)
        except NotSettled as error:
            return Problem(UNAVAILABLE, str(error), headers={"retry-after": "1"}).response()
        return JSONResponse({"settled": sorted(services.keys() - but)})

    async def _ready(self, request: Request) -> Response:
        answers = {name: await service.health.ready_endpoint(request) for name, service in self._services.items()}
        return _together(answers)


def _together(answers: Mapping[str, Response]) -> Response:
    passed = all(answer.status_code == 200 for answer in answers.values())
    services = {name: "pass" if answer.status_code == 200 else "fail" for name, answer in answers.items()}
    document = {"status": "pass" if passed else "fail", "services": services}
    return JSONResponse(document, status_code=200 if passed else 503)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return Problem(NOT_FOUND).response()
