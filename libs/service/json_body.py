"""Request bodies: limited in size, JSON unless an operation admits another type, read strictly and once."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.service.problems import BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, Problem
from libs.service.strict_json import parse_strict

BODY_BYTES_MAX: Final = 256 * 1024

RAW_BODY: Final = "puhui.body"
"""Scope key: the body's bytes as received, for signatures over them."""
JSON_BODY: Final = "puhui.json"
"""Scope key: the parsed body; absent when there was none."""

_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class JsonBodyMiddleware:
    """Reads and checks the body before anything else sees it, and hands it on whole."""

    def __init__(
        self, app: ASGIApp, *, body_bytes_max: int = BODY_BYTES_MAX, raw_media_types: frozenset[str] = frozenset()
    ) -> None:
        """`raw_media_types`: media types besides JSON that pass unread, under the size limit alone."""
        self.app = app
        self.body_bytes_max = body_bytes_max
        self.raw_media_types = raw_media_types

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _BODILESS:
            await self.app(scope, receive, send)
            return
        try:
            raw = await self._read(scope, receive)
            if raw is None:  # the client went away; there is nobody to answer
                return
            if raw and self._is_json(scope):
                scope[JSON_BODY] = parse_strict(raw)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        scope[RAW_BODY] = raw
        await self.app(scope, _replay(raw, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        announced = _header(scope, b"content-length")
        if announced.isdecimal() and (len(announced) > 18 or int(announced) > self.body_bytes_max):
            raise self._too_large()
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):  # the usual case, one chunk
            chunks, size = [message.get("body", b"")], len(message.get("body", b""))
        else:
            chunks, size = [], 0
            while True:
                if message["type"] == "http.disconnect":
                    return None
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if size > self.body_bytes_max or not message.get("more_body"):
                    break
                message = await receive()
        if size > self.body_bytes_max:
            raise self._too_large()
        return b"".join(chunks)

    def _is_json(self, scope: Scope) -> bool:
        """Whether the body is JSON; False for an admitted raw type, `Problem` 415 for anything else."""
        media_type, _, parameters = _header(scope, b"content-type").partition(";")
        media_type = media_type.strip().lower()
        encoding = _header(scope, b"content-encoding").strip().lower()
        if encoding in ("", "identity"):
            if media_type in self.raw_media_types:
                return False
            charset = parameters.strip().lower().replace('"', "")
            is_json = media_type == "application/json" or (
                media_type.startswith("application/") and media_type.endswith("+json")
            )
            if is_json and (not charset.startswith("charset=") or charset in ("charset=utf-8", "charset=utf8")):
                return True
        raise Problem(UNSUPPORTED_MEDIA_TYPE, headers={"accept": "application/json"})

    def _too_large(self) -> Problem:
        return Problem(
            BODY_TOO_LARGE,
            f"Send at most {self.body_bytes_max} bytes.",
            extra={"bytes_max": self.body_bytes_max},
            headers={"connection": "close"},
        )


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return ""


def _replay(raw: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then whatever comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": raw, "more_body": False}

    return replay
