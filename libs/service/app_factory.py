"""Puts a service's HTTP side together: every service is the same house with other rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Lifespan

from libs.service.auth import TokenVerifier, roles_required
from libs.service.dispatch import Dispatcher, refuse_unless_run
from libs.service.docs_pages import PageRoute, docs_routes, problems_endpoint
from libs.service.headers import headers_read
from libs.service.health import HealthChecks
from libs.service.json_body import BODY_BYTES_MAX, JsonBodyMiddleware
from libs.service.logging import RequestLog
from libs.service.middleware import UNAVAILABILITY, RequestMiddleware
from libs.service.openapi import described
from libs.service.query import QueryGuard
from libs.service.telemetry import UNEXPECTED_ERRORS, Telemetry, is_traced


class ServiceApp(FastAPI):
    """One service's ASGI application; everything it serves is under `/<service name>`."""

    service: str
    health: HealthChecks
    metrics: Telemetry
    headers: Mapping[str, list[dict[str, Any]]]
    roles: Mapping[str, list[str]]
    token_url: str | None = None

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = described(
                super().openapi(), headers=self.headers, roles=self.roles, token_url=self.token_url
            )
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        """Our own layers alone: each request is run as `dispatch` says."""
        app: ASGIApp = Dispatcher(self.router)
        for layer in reversed(self.user_middleware):
            app = layer.cls(app, *layer.args, **layer.kwargs)
        return app


def create_app(
    name: str,
    *,
    title: str,
    description: str,
    routers: Sequence[APIRouter],
    verifier: TokenVerifier,
    lifespan: Lifespan[Any] | None = None,
    health: HealthChecks | None = None,
    telemetry: Telemetry | None = None,
    body_bytes_max: int = BODY_BYTES_MAX,
    raw_media_types: frozenset[str] = frozenset(),
    token_url: str | None = None,
    cors_origins: Sequence[str] = (),
    unavailability: tuple[type[Exception], ...] = (),
) -> ServiceApp:
    """The service `name` with its routers under `/<name>`.

    `unavailability`: further exceptions that mean a store or broker is out of reach (503 instead of 500).
    """
    health = health or HealthChecks(name)
    telemetry = telemetry or Telemetry(name)
    prefix = f"/{name}"
    app = ServiceApp(
        title=title,
        description=description,
        version=_version(),
        lifespan=lifespan,
        openapi_url=None,  # these pages are ours: they work without a network
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(QueryGuard())],
        generate_unique_id_function=_operation_id,
        middleware=_middleware(name, telemetry, body_bytes_max, raw_media_types, cors_origins, unavailability),
        telemetry={"tracing": is_traced(), "metrics": False, "logs": False, "operation_spans": False},
    )
    app.service, app.health, app.metrics, app.token_url = (name, health, telemetry, token_url)
    app.headers, app.roles = _headers(routers), _roles(routers)
    app.state.verifier = verifier
    own_routes = _own_routes(app, prefix)
    for router in routers:
        _refuse_shadows(router, prefix, own_routes)
        for route in router.routes:
            if isinstance(route, APIRoute):
                refuse_unless_run(route)
        app.include_router(router, prefix=prefix)
    app.router.routes.extend(own_routes)  # last, since they are asked for least
    return app


def _refuse_shadows(router: APIRouter, prefix: str, own_routes: Sequence[Route]) -> None:
    """Raise `ValueError` when a path of the router would take the place of the health checks or documentation."""
    for route in router.routes:
        for own in own_routes:
            if isinstance(route, APIRoute) and route.path_regex.match(own.path.removeprefix(prefix)):
                raise ValueError(f"{prefix}{route.path} would hide {own.path}: put it under a name of its own")


def _middleware(
    name: str,
    telemetry: Telemetry,
    body_bytes_max: int,
    raw_media_types: frozenset[str],
    cors_origins: Sequence[str],
    unavailability: tuple[type[Exception], ...],
) -> list[Middleware]:
    log = RequestLog(name)

    def failed(event: str, error: BaseException) -> None:
        log.failure(event, error)
        telemetry.count(UNEXPECTED_ERRORS)

    layers = [
        Middleware(
            RequestMiddleware,
            prefix=f"/{name}",
            observers=(log, telemetry.observe_request),
            log_failure=failed,
            unavailability=UNAVAILABILITY + unavailability,
        ),
        Middleware(JsonBodyMiddleware, body_bytes_max=body_bytes_max, raw_media_types=raw_media_types),
    ]
    if cors_origins:
        exposed = ["etag", "x-request-id", "location", "retry-after", "preference-applied"]
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(cors_origins),
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=exposed,
        )
        layers.insert(1, cors)
    return layers


def _own_routes(app: ServiceApp, prefix: str) -> list[Route]:
    async def openapi(_request: Request) -> Response:
        return JSONResponse(app.openapi())

    return [
        PageRoute(f"{prefix}/health/live", app.health.live_endpoint),
        PageRoute(f"{prefix}/health/ready", app.health.ready_endpoint),
        PageRoute(f"{prefix}/metrics", app.metrics.endpoint),
        PageRoute(f"{prefix}/openapi.json", openapi),
        PageRoute(f"{prefix}/problems", problems_endpoint),
        *docs_routes(f"{prefix}/docs", title=app.title, specs={app.service: f"{prefix}/openapi.json"}),
    ]


def _headers(routers: Sequence[APIRouter]) -> dict[str, list[dict[str, Any]]]:
    """The headers that each operation's dependencies read; raises `ValueError` when two operations share an id."""
    found: dict[str, list[dict[str, Any]]] = {}
    for route in (route for router in routers for route in router.routes if isinstance(route, APIRoute)):
        if _operation_id(route) in found:
            raise ValueError(f"two operations are called {route.name}: clients are generated from these names")
        found[_operation_id(route)] = list(headers_read(route.dependant))
    return found


def _roles(routers: Sequence[APIRouter]) -> dict[str, list[str]]:
    """The roles that each operation admits; none where any token will do, or none is needed."""
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    return {_operation_id(route): sorted(roles_required(route.dependant)) for route in routes}


def _operation_id(route: APIRoute) -> str:
    """The function's name: it stays when a path or a tag changes."""
    return route.name


def _version() -> str:
    try:
        return version("puhui")
    except PackageNotFoundError:
        return "0+source"
