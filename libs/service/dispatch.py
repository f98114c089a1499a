"""From a request to the operation that answers it.

FastAPI says what an operation is: address, parameters, body, answer, dependencies; the API document is made of it. How
it is run is settled here, once: FastAPI's own way looks through all addresses twice a request and works out anew what
each dependency is given, which is half of what a command costs in Python, and four fifths of a simple query.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any, Final, TypeAlias

from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import ResponseValidationError
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from opentelemetry import trace
from starlette.convertors import StringConvertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Router
from starlette.types import Receive, Scope, Send

from libs.service.json_body import JSON_BODY, RAW_BODY
from libs.service.problem_handlers import invalid_request, problem_of
from libs.service.problems import METHOD_NOT_ALLOWED, NOT_FOUND, Problem

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_BODILESS: Final = frozenset({204, 205, 304})
_NOT_GIVEN: Final = (
    *("header_params", "cookie_params", "background_tasks_param_name"),
    *("http_connection_param_name", "websocket_param_name", "security_scopes_param_name"),
)


class WatchedRoute(APIRoute):
    """A route that is told of every answer before it is given."""

    async def answered(self, request: Request, response: Response) -> None:
        raise NotImplementedError


class Dispatcher:
    """The innermost layer: finds the operation at an address and answers with what it gives, or with its problem."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._root = _Node()
        for context in iter_route_contexts(router.routes):
            self._root.add(context)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        try:
            response = await self._endpoint(scope)(Request(scope, receive, send))
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            response = problem.response()
        await response(scope, receive, send)

    def _endpoint(self, scope: Scope) -> Endpoint:
        """What answers at this address; raises `Problem` 404 or 405."""
        reached = self._root.reached(scope["path"].split("/"))
        for node, values in reached:
            target = node.targets.get(scope["method"])
            if target is not None:
                scope["route"], scope["path_params"] = target.route, dict(zip(target.parameters, values, strict=True))
                span = trace.get_current_span()
                if span.is_recording():
                    span.update_name(f"{scope['method']} {target.path}")
                    span.set_attribute("http.route", target.path)
                return target.endpoint
        others = {method: target for node, _ in reached for method, target in node.targets.items()}
        if not others:
            raise Problem(NOT_FOUND)
        scope["route"] = next(iter(others.values())).route
        raise Problem(METHOD_NOT_ALLOWED, headers={"allow": ", ".join(sorted(others))})


@dataclass(frozen=True, slots=True)
class _Target:
    route: BaseRoute
    path: str
    parameters: Sequence[str]
    endpoint: Endpoint


@dataclass(slots=True)
class _Node:
    """One part of an address: what may follow it by name, what may follow it with any name, what answers here."""

    named: dict[str, _Node] = field(default_factory=dict)
    other: _Node | None = None
    targets: dict[str, _Target] = field(default_factory=dict)

    def add(self, context: RouteContext) -> None:
        node, parameters = self, []
        for part in str(context.path_format).split("/"):
            if part.startswith("{"):
                parameters.append(part[1:-1])
                node.other = node = node.other or _Node()
            else:
                node = node.named.setdefault(part, _Node())
        route = context.original_route
        endpoint: Any = Operation(context) if isinstance(route, APIRoute) else context.endpoint
        target = _Target(route, str(context.path_format), parameters, endpoint)
        for method in context.methods or ():
            node.targets.setdefault(method, target)

    def reached(self, parts: Sequence[str]) -> list[tuple[_Node, tuple[str, ...]]]:
        """The nodes at an address with the values of its parameters; those that name more of it come first."""
        found: list[tuple[_Node, tuple[str, ...]]] = [(self, ())]
        for part in parts:
            found = [step for node, values in found for step in node._after(part, values)]
        return found

    def _after(self, part: str, values: tuple[str, ...]) -> Iterator[tuple[_Node, tuple[str, ...]]]:
        if (named := self.named.get(part)) is not None:
            yield named, values
        if self.other is not None and part:
            yield self.other, (*values, part)


Results: TypeAlias = dict[object, Any]
"""What the dependencies of a request gave, by their functions; beside it the request itself, and the response whose
headers an operation may add to, by their classes."""
Errors: TypeAlias = list[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Call:
    """A dependency, or the operation's own function: what it is given by others and of the address."""

    function: Callable[..., Awaitable[Any]]
    given: Sequence[tuple[str, object]]
    path: Sequence[ModelField]
    query: Sequence[ModelField]

    def arguments(self, results: Results, errors: Errors) -> dict[str, Any] | None:
        """None when something of it is wrong, of which the errors tell."""
        parameters = self._parameters(results[Request], errors) if self.path or self.query else {}
        if parameters is None:
            return None
        try:
            return parameters | {name: results[source] for name, source in self.given}
        except KeyError:  # a dependency was not called, since something of it is wrong
            return None

    def _parameters(self, request: Request, errors: Errors) -> dict[str, Any] | None:
        before = len(errors)
        values: dict[str, Any] = {}
        for part in self.path:
            values[part.name], wrong = part.validate(request.path_params[part.alias], loc=("path", part.alias))
            errors += wrong
        if self.query:
            found, wrong = request_params_to_args(self.query, request.query_params)
            values |= found
            errors += wrong
        return values if len(errors) == before else None


def _calls(dependant: Dependant, known: set[object]) -> Iterator[_Call]:
    """Each dependency once, those that it needs before it."""
    for inner in dependant.dependencies:
        if inner.call not in known:
            yield from _calls(inner, known)
    known.add(dependant.call)
    assert dependant.call is not None, "FastAPI makes a dependant of a function"
    given: list[tuple[str | None, object]] = [
        (dependant.request_param_name, Request),
        (dependant.response_param_name, Response),
        *((inner.name, inner.call) for inner in dependant.dependencies),
    ]
    yield _Call(
        function=dependant.call,
        given=[(name, source) for name, source in given if name is not None],
        path=dependant.path_params,
        query=dependant.query_params,
    )


class Operation:
    """One operation: its dependencies in the order in which they are called, its body, its answer."""

    def __init__(self, context: RouteContext) -> None:
        *self._dependencies, self._function = _calls(context.dependant, set())
        self._body: ModelField | None = next(iter(context.dependant.body_params), None)
        self._answer: ModelField | None = context.response_field
        self._status: int = context.status_code or 200
        self._adds_headers = any(
            source is Response for call in (*self._dependencies, self._function) for _, source in call.given
        )
        route = context.original_route
        self._watching = route if isinstance(route, WatchedRoute) else None

    async def __call__(self, request: Request) -> Response:
        """Calls each dependency, then the function. What is wrong with parameters and body is told together, once all
        dependencies have agreed: who may not do something is not told how it is done."""
        added = Response() if self._adds_headers else None
        results: Results = {Request: request, Response: added}
        errors: Errors = []
        for call in self._dependencies:
            arguments = call.arguments(results, errors)
            if arguments is not None:
                results[call.function] = await call.function(**arguments)
        arguments = self._function.arguments(results, errors)
        if self._body is not None:
            body, wrong = _validated(self._body, request.scope)
            errors += wrong
            if arguments is not None:
                arguments[self._body.name] = body
        if errors or arguments is None:
            raise invalid_request(errors, request.scope.get(JSON_BODY))
        result = await self._function.function(**arguments)
        response = result if isinstance(result, Response) else self._written(result, added)
        if self._watching is not None:
            await self._watching.answered(request, response)
        return response

    def _written(self, result: object, added: Response | None) -> Response:
        if self._status in _BODILESS:
            response = Response(status_code=self._status)
        elif self._answer is None:
            response = JSONResponse(jsonable_encoder(result), self._status)
        else:
            value, wrong = self._answer.validate(result, loc=("response",))
            if wrong:
                raise ResponseValidationError(wrong)
            response = Response(self._answer.serialize_json(value), self._status, media_type="application/json")
        if added is not None:
            response.raw_headers += [header for header in added.raw_headers if header[0] != b"content-length"]
        return response


def _validated(body: ModelField, scope: Scope) -> tuple[Any, Sequence[Mapping[str, Any]]]:
    """The body's value, and what is wrong with it. What is not JSON is no value of any model."""
    if JSON_BODY in scope or scope.get(RAW_BODY):
        return body.validate(scope.get(JSON_BODY, scope[RAW_BODY]), loc=("body",))
    if body.field_info.is_required():
        return None, [{"type": "missing", "loc": ("body",)}]
    return body.default, []


def refuse_unless_run(route: APIRoute) -> None:
    """Raise `ValueError` for what an operation may not be declared with, since it would not be heeded here.

    A function that is no coroutine is among it: each request would wait for a thread, and for its turn.
    """
    whole = [part for part in route.path_format.split("/") if part.startswith("{")]
    if [type(each) for each in route.param_convertors.values()] != [StringConvertor] * len(whole):
        raise ValueError(f"{route.path}: a parameter is one whole part of an address")
    body = route.dependant.body_params
    if len(body) > 1 or any(getattr(each.field_info, "embed", None) for each in body):
        raise ValueError(f"{route.path}: the body is one value")
    for found in _dependants(route.dependant):
        call = found.call
        if not any(map(iscoroutinefunction, (call, getattr(call, "__call__", None)))):  # noqa: B004
            raise ValueError(f"{route.path}: {call} is no coroutine function")
        if not found.use_cache or any(getattr(found, name) for name in _NOT_GIVEN):
            raise ValueError(f"{route.path}: {call} takes what is not given here; read it from the request")
        if found.body_params and found is not route.dependant:
            raise ValueError(f"{route.path}: {call} reads the body, which is the operation's")


def _dependants(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _dependants(inner)
