"""How an operation is found and run: addresses, dependencies, bodies, answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, BackgroundTasks, Body, Cookie, Depends, Header, Request, Response
from fastapi.security import SecurityScopes
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext

from libs.service.app_factory import create_app
from libs.service.dispatch import WatchedRoute
from libs.service.models import RequestModel, ResponseModel
from libs.service.tests.in_process import Caller, Identity


class Wish(RequestModel):
    """What somebody wants."""

    number: int


class Granted(ResponseModel):
    """What somebody gets."""

    number: int


def caller(identity: Identity, router: APIRouter) -> Caller:
    return Caller(create_app("x", title="X", description="", routers=[router], verifier=identity.verifier))


def named(name: str) -> Any:
    async def operation(request: Request) -> dict[str, Any]:
        return {"name": name, **request.path_params}

    return operation


@pytest.fixture
def addresses(identity: Identity) -> Caller:
    router = APIRouter()
    for method, path in [
        ("GET", "/loans/{loan}"),
        ("POST", "/loans/{loan}"),
        ("GET", "/loans/late"),
        ("GET", "/loans/{loan}/notes/{note}"),
        ("GET", "/{kind}/{key}/plan"),
    ]:
        router.add_api_route(path, named(f"{method} {path}"), methods=[method], name=f"{method} {path}")
    return caller(identity, router)


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", "/x/loans/1", {"name": "GET /loans/{loan}", "loan": "1"}),
        ("GET", "/x/loans/late", {"name": "GET /loans/late"}),
        ("POST", "/x/loans/late", {"name": "POST /loans/{loan}", "loan": "late"}),
        ("GET", "/x/loans/1/notes/2", {"name": "GET /loans/{loan}/notes/{note}", "loan": "1", "note": "2"}),
        ("GET", "/x/loans/1/plan", {"name": "GET /{kind}/{key}/plan", "kind": "loans", "key": "1"}),
    ],
)
def test_what_an_address_names_comes_before_what_may_stand_there(
    addresses: Caller, method: str, path: str, answer: dict[str, str]
) -> None:
    assert addresses(method, path).json() == answer


@pytest.mark.parametrize(
    "path", ["/x/loans", "/x/loans/", "/x/loans/1/", "/x/loans//plan", "/loans/1", "/x/loans/1/2/3"]
)
def test_an_address_is_whole_or_none(addresses: Caller, path: str) -> None:
    assert addresses("GET", path).status_code == 404


def test_all_methods_of_an_address_are_named(addresses: Caller) -> None:
    assert addresses("DELETE", "/x/loans/late").headers["allow"] == "GET, POST"
    assert addresses("DELETE", "/x/health/live").headers["allow"] == "GET, HEAD"
    assert addresses("HEAD", "/x/health/live").status_code == 200


CALLED: list[str] = []


async def first(part: int) -> int:
    CALLED.append("first")
    return part


async def second(of: Annotated[int, Depends(first)]) -> int:
    CALLED.append("second")
    return of + 1


async def third(a: Annotated[int, Depends(second)], b: Annotated[int, Depends(first)], wish: Wish) -> Granted:
    CALLED.append("third")
    return Granted(number=100 * a + 10 * b + wish.number)


def test_dependencies_are_called_once_and_before_what_needs_them(identity: Identity) -> None:
    CALLED.clear()
    router = APIRouter()
    router.add_api_route("/parts/{part}", third, methods=["POST"], status_code=201)
    call = caller(identity, router)
    answer = call("POST", "/x/parts/4", json={"number": 3})
    assert (answer.status_code, answer.content) == (201, b'{"number":543}')
    assert CALLED == ["first", "second", "third"]
    wrong = call("POST", "/x/parts/four", json={"number": "3"}).json()["errors"]
    assert [error.get("parameter") or error["pointer"] for error in wrong] == ["part", "#/number"]
    assert CALLED == ["first", "second", "third"], "not once more"


def test_a_body_may_be_left_out_where_it_has_a_default(identity: Identity) -> None:
    router = APIRouter()

    @router.post("/asked")
    async def asked(wish: Wish | None = None) -> Granted:
        return Granted(number=0 if wish is None else wish.number)

    @router.post("/needed")
    async def needed(wish: Wish) -> Granted:
        return Granted(number=wish.number)

    call = caller(identity, router)
    assert call("POST", "/x/asked").json() == {"number": 0}
    assert call("POST", "/x/asked", json={"number": 2}).json() == {"number": 2}
    assert call("POST", "/x/needed").json()["errors"][0]["code"] == "missing"
    assert call("POST", "/x/needed", json=None, headers={"content-type": "application/json"}, content=b"null").json()[
        "errors"
    ] == [{"pointer": "#", "code": "wrong-type", "detail": "Send an object."}]


def test_headers_that_an_operation_adds_stand_beside_its_answer(identity: Identity) -> None:
    router = APIRouter()

    @router.get("/added")
    async def added(response: Response) -> Granted:
        response.headers["etag"] = '"v7"'
        return Granted(number=7)

    answer = caller(identity, router)("GET", "/x/added")
    assert (answer.headers["etag"], answer.headers["content-length"]) == ('"v7"', str(len(answer.content)))


def test_an_answer_that_is_not_of_its_form_is_our_fault(identity: Identity) -> None:
    router = APIRouter()

    @router.get("/wrong")
    async def wrong() -> Granted:
        return {"number": "many"}  # type: ignore[return-value]  # that is what is shown

    answer = caller(identity, router)("GET", "/x/wrong")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:puhui:problem:internal-error")


def test_a_watched_route_is_told_before_the_answer_is_given(identity: Identity) -> None:
    class Shy(WatchedRoute):
        async def answered(self, request: Request, response: Response) -> None:
            response.headers["seen"] = f"{request.path_params['number']}: {response.status_code}"

    router = APIRouter(route_class=Shy)

    @router.get("/numbers/{number}")
    async def show(number: int) -> Granted:
        return Granted(number=number)

    assert caller(identity, router)("GET", "/x/numbers/5").headers["seen"] == "5: 200"


def test_a_span_is_named_by_the_route(addresses: Caller) -> None:
    told: dict[str, Any] = {}

    class Recording(NonRecordingSpan):
        def is_recording(self) -> bool:
            return True

        def update_name(self, name: str) -> None:
            told["name"] = name

        def set_attribute(self, key: str, value: Any) -> None:
            told[key] = value

    with trace.use_span(Recording(SpanContext(1, 2, is_remote=False))):
        addresses("GET", "/x/loans/1")
    assert told == {"name": "GET /x/loans/{loan}", "http.route": "/x/loans/{loan}"}


async def of_a_header(x: Annotated[str, Header()]) -> None: ...
async def of_a_cookie(x: Annotated[str, Cookie()]) -> None: ...
async def of_scopes(scopes: SecurityScopes) -> None: ...
async def of_tasks(tasks: BackgroundTasks) -> None: ...
async def of_two_bodies(a: Wish, b: Wish) -> None: ...
async def of_a_part(a: Annotated[Wish, Body(embed=True)]) -> None: ...
async def generated() -> AsyncIterator[int]:
    yield 1


async def reads_the_body(wish: Wish) -> int:
    return wish.number


async def of_a_generator(x: Annotated[int, Depends(generated)]) -> None: ...
async def of_the_body_twice(x: Annotated[int, Depends(reads_the_body)]) -> None: ...
async def of_one_not_kept(x: Annotated[int, Depends(of_tasks, use_cache=False)]) -> None: ...


@pytest.mark.parametrize(
    "operation",
    [
        *(of_a_header, of_a_cookie, of_scopes, of_tasks, of_two_bodies, of_a_part),
        *(of_a_generator, of_the_body_twice, of_one_not_kept),
    ],
)
def test_what_would_not_be_heeded_is_refused_at_the_start(identity: Identity, operation: Callable[..., Any]) -> None:
    router = APIRouter()
    router.add_api_route("/x", operation, methods=["POST"])
    with pytest.raises(ValueError, match="/x: "):
        caller(identity, router)


def test_a_parameter_is_one_whole_part_of_an_address(identity: Identity) -> None:
    for path in ("/loans/{path:path}", "/loans/{number:int}", "/loan-{number}", "/{a}-{b}/plan"):
        router = APIRouter()
        router.add_api_route(path, named("x"))
        with pytest.raises(ValueError, match="one whole part"):
            caller(identity, router)
