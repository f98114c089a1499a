"""Passes requests on to a server on loopback, bodies as they come, both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final
from urllib.parse import quote

import aiohttp
from multidict import CIMultiDict
from starlette.types import Message, Receive, Scope, Send
from yarl import URL

from libs.service.problems import UNAVAILABLE, Problem

CONNECTIONS_MAX: Final = 200
HEADER_BYTES_MAX: Final = 64 * 1024
OF_ONE_HOP: Final = frozenset(
    {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""RFC 9110, 7.6.1: what is between two neighbours and is not passed on."""
SET_AGAIN: Final = frozenset({"date"})
AS_IT_IS: Final = "".join(chr(code) for code in range(0x21, 0x7F))
ADDED_BY_CLIENT: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Disconnected(Exception):
    """Who asked went away before all of the request was there."""


def forwarding_session() -> aiohttp.ClientSession:
    """For `forward`: nothing is followed, unpacked, remembered or added."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        auto_decompress=False,
        skip_auto_headers=ADDED_BY_CLIENT,
        max_line_size=HEADER_BYTES_MAX,
        max_field_size=HEADER_BYTES_MAX,
    )


async def forward(session: aiohttp.ClientSession, to: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer an HTTP request with what the server at `to` (scheme and authority) answers; 503 when it is not there."""
    started = False

    async def answer(message: Message) -> None:
        nonlocal started
        started = True
        await send(message)

    try:
        body = await _body(receive)
        async with session.request(
            scope["method"],
            _url(to, scope),
            headers=CIMultiDict(_passed_on(scope["headers"])),
            data=body,
            allow_redirects=False,
        ) as response:
            await answer(
                {
                    "type": "http.response.start",
                    "status": response.status,
                    "headers": [
                        (name.lower(), value)
                        for name, value in response.raw_headers
                        if name.decode("latin-1").lower() not in OF_ONE_HOP | SET_AGAIN
                    ],
                }
            )
            async for chunk in response.content.iter_any():
                await answer({"type": "http.response.body", "body": chunk, "more_body": True})
            await answer({"type": "http.response.body", "body": b""})
    except Disconnected:
        return
    except aiohttp.ClientConnectionError:
        if started:  # what was sent is not whole: who asked must not take it for that
            raise
        problem = Problem(
            UNAVAILABLE,
            "This service is being started again. Send the same request again.",
            headers={"retry-after": "1"},
        )
        await problem.response()(scope, receive, send)


def _url(to: str, scope: Scope) -> URL:
    path = quote(scope["raw_path"], safe=AS_IT_IS)
    query = quote(scope["query_string"], safe=AS_IT_IS)
    return URL(f"{to}{path}{'?' if query else ''}{query}", encoded=True)


def _passed_on(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(_text(name), _text(value)) for name, value in headers if _text(name) not in OF_ONE_HOP]


def _text(given: bytes) -> str:
    """Of a header: sent as UTF-8, so what is UTF-8 arrives as it was."""
    try:
        return given.decode()
    except UnicodeDecodeError:
        return given.decode("latin-1")


async def _body(receive: Receive) -> bytes | AsyncIterator[bytes] | None:
    """All of it when it came at once, else as it comes; None where there is none."""
    first = await _part(receive)
    if not first.get("more_body", False):
        return first.get("body", b"") or None

    async def parts() -> AsyncIterator[bytes]:
        message = first
        while True:
            if chunk := message.get("body", b""):
                yield chunk
            if not message.get("more_body", False):
                return
            message = await _part(receive)

    return parts()


async def _part(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    return message
