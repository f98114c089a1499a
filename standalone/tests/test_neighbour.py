"""Requests passed on between processes, and what two processes tell each other, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from standalone.forwarding import forward, forwarding_session
from standalone.link import Link


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The application on a loopback port; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, server_header=False))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


async def mirror(request: Request) -> Response:
    body = await request.body()
    return JSONResponse(
        {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": request.scope["query_string"].decode(),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers.raw],
            "body": body.decode("latin-1"),
        }
    )


async def stream(_request: Request) -> Response:
    async def lines() -> AsyncIterator[bytes]:
        for number in range(3):
            yield f"{number}\n".encode()

    return StreamingResponse(lines(), media_type="application/x-ndjson", headers={"etag": '"7"'})


async def elsewhere(_request: Request) -> Response:
    return RedirectResponse("http://127.0.0.1:9/never-followed")


async def too_large(_request: Request) -> Response:
    return JSONResponse({"title": "too large"}, status_code=413)


BEHIND = Starlette(
    routes=[
        Route("/stream", stream),
        Route("/elsewhere", elsewhere),
        Route("/too-large", too_large, methods=["POST"]),
        Route("/{path:path}", mirror, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
    ]
)


@asynccontextmanager
async def in_front(of: str) -> AsyncIterator[httpx.AsyncClient]:
    async with forwarding_session() as session:

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await forward(session, of, scope, receive, send)

        async with (
            served(app) as url,
            httpx.AsyncClient(base_url=url) as client,
        ):
            yield client


async def test_a_request_arrives_as_it_was_sent() -> None:
    async with served(BEHIND) as url, in_front(url) as client:
        answer = await client.post(
            "/a%2Fb/%E4%B8%AD//c?x=1&x=%20&y", content=b"\x00\xff body", headers={"X-One": "1", "accept": "text/plain"}
        )
    seen = answer.json()
    assert (seen["method"], seen["path"], seen["query"]) == ("POST", "/a%2Fb/%E4%B8%AD//c", "x=1&x=%20&y")
    assert seen["body"] == "\x00\xff body"
    headers = dict(seen["headers"])
    assert (headers["x-one"], headers["accept"], headers["content-length"]) == ("1", "text/plain", "7")
    assert headers["host"] == client.base_url.netloc.decode()
    assert "content-type" not in headers
    assert len(answer.headers.get_list("date")) == 1


async def test_a_body_that_comes_in_parts_arrives_whole() -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 10_000

    async with served(BEHIND) as url, in_front(url) as client:
        assert len((await client.post("/", content=parts())).json()["body"]) == 200_000


async def test_an_answer_is_passed_on_as_it_is() -> None:
    async with served(BEHIND) as url, in_front(url) as client:
        streamed = await client.get("/stream")
        assert (streamed.text, streamed.headers["etag"]) == ("0\n1\n2\n", '"7"')
        assert streamed.headers["content-type"] == "application/x-ndjson"
        moved = await client.get("/elsewhere")
        assert (moved.status_code, moved.headers["location"]) == (307, "http://127.0.0.1:9/never-followed")
        refused = await client.post("/too-large", content=b"x" * 3_000_000)
        assert refused.status_code == 413
        head = await client.head("/stream")
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", '"7"')


async def test_where_nobody_listens_the_answer_says_to_come_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    async with in_front(f"http://127.0.0.1:{port}") as client:
        answer = await client.get("/anything")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "application/problem+json"


@contextmanager
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


async def test_one_end_asks_tells_and_learns_that_the_other_is_gone() -> None:
    heard: list[Any] = []

    async def double(number: int) -> int:
        return 2 * number

    async def fail() -> None:
        raise ValueError("no such thing")

    async def never() -> None:
        await asyncio.Event().wait()

    with ends() as (one, other):
        here, there = Link({}), Link({"say": heard.append}, {"double": double, "fail": fail, "never": never})
        with pytest.raises(ConnectionError, match="not there"):
            await here.ask("double", 1)
        running = [asyncio.create_task(link.run(await link.open(end))) for link, end in ((here, one), (there, other))]
        here.tell("say", ["told"])
        assert await asyncio.gather(here.ask("double", 1), here.ask("double", 2)) == [2, 4]
        assert heard == [["told"]]
        with pytest.raises(ConnectionError, match="ValueError: no such thing"):
            await here.ask("fail")
        waiting = asyncio.create_task(here.ask("never"))
        assert await here.ask("double", 3) == 6  # so the one before has been asked
        running[1].cancel()
        with pytest.raises(ConnectionError, match="gone"):
            await waiting
        await running[0]
        with pytest.raises(ConnectionError, match="not there"):
            await here.ask("double", 1)
