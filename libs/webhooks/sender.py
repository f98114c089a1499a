"""One attempt at a delivery, over HTTP, within bounds whatever the receiver does."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final, Self

import aiohttp

from libs.webhooks.address import AddressRefused, Reach

GONE: Final = 410
SLOW_DOWN: Final = frozenset({429, 502, 504})
ANSWER_BYTES_MAX: Final = 64 * 1024
CONNECT_S: Final = 5.0
TOTAL_S: Final = 15.0
HEADERS: Final = {
    "content-type": "application/cloudevents+json; charset=utf-8",
    "user-agent": "Puhui-Webhooks/1",
    "accept-encoding": "identity",
}


class Verdict(StrEnum):
    """What an attempt came to."""

    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    SLOW_DOWN = "SLOW_DOWN"
    """Failed, and the receiver wants less: 429, 502 or 504."""
    GONE = "GONE"
    """410: the receiver wants nothing any more."""


@dataclass(frozen=True, slots=True)
class Post:
    """What is sent, and where."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """An attempt as it is written down. `status` is 0 when no answer came."""

    verdict: Verdict
    status: int
    error: str
    elapsed_ms: int
    retry_after_s: int | None = None


class Sender:
    """Sends over connections that are kept for a while. Follows no redirect, reads no proxy setting, keeps no cookie.

    `trust`: for receivers whose certificates a private authority signed; never a context that does not verify.
    """

    def __init__(self, reach: Reach, *, total_s: float = TOTAL_S, trust: ssl.SSLContext | None = None) -> None:
        self._reach, self._total_s, self._trust = reach, total_s, trust
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=0,  # who sends bounds what goes to one endpoint; a bound over all would let a slow one hold the rest
            limit_per_host=0,
            keepalive_timeout=20,
            ttl_dns_cache=5,
            happy_eyeballs_delay=None,
            socket_factory=self._reach.socket,
            ssl=self._trust or True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=self._total_s, sock_connect=min(CONNECT_S, self._total_s)),
            max_line_size=8190,
            max_field_size=8190,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, post: Post) -> Outcome:
        """Never raises for anything that the receiver or the network does."""
        assert self._session is not None, "entered"
        started = time.perf_counter()
        status, error, retry_after_s = 0, "", None
        try:
            self._reach.check_url(post.url)
            async with self._session.post(
                post.url, data=post.body, headers={**HEADERS, **post.headers}, allow_redirects=False
            ) as answer:
                status, retry_after_s = answer.status, _retry_after_s(answer.headers.get("retry-after", ""))
                error = await _read(answer)
        except AddressRefused as refused:
            error = f"address refused: {refused}"
        except aiohttp.ClientConnectorError as failed:
            ours = _refusal(failed)
            error = f"address refused: {ours}" if ours else f"no connection: {type(failed).__name__}"
        except TimeoutError:
            error = f"no whole answer within {self._total_s:g} s"
        except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as failed:
            error = f"no answer: {type(failed).__name__}"
        elapsed_ms = int((time.perf_counter() - started) * 1000)
        return Outcome(_verdict(status, error), status, error, elapsed_ms, retry_after_s)


def _verdict(status: int, error: str) -> Verdict:
    if status == GONE:
        return Verdict.GONE
    if 200 <= status < 300 and not error:
        return Verdict.DELIVERED
    return Verdict.SLOW_DOWN if status in SLOW_DOWN else Verdict.FAILED


async def _read(answer: aiohttp.ClientResponse) -> str:
    """What is wrong with an answer; its body is read only so far that the connection can be used again."""
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > ANSWER_BYTES_MAX:
            answer.close()
            return f"the answer is longer than {ANSWER_BYTES_MAX} bytes"
    if 200 <= answer.status < 300:
        return ""
    return "a redirect, which is not followed" if 300 <= answer.status < 400 else f"answered {answer.status}"


def _refusal(error: BaseException | None) -> AddressRefused | None:
    """Our own refusal among the causes of a connection that failed."""
    found: Any = error
    while found is not None:
        for candidate in (found, getattr(found, "os_error", None)):
            if isinstance(candidate, AddressRefused):
                return candidate
        found = found.__cause__ or found.__context__
    return None


def _retry_after_s(text: str) -> int | None:
    """Seconds that the receiver asks for, given as such or as a date (RFC 9110, 10.2.3)."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0, round((at - datetime.now(UTC)).total_seconds()))
