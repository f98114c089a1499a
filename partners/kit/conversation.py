"""How one call goes, whoever carries it: a token, the request, what is repeated and when, and what the answer means.

A conversation is a generator. It yields what is to be done next, a request or a pause, and is sent what came of it. So
there is one set of rules under the synchronous client and the asynchronous one, and tests need no server to play it.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeAlias, TypeVar

import httpx

from partners.kit.calls import Call
from partners.kit.problems import NotAuthenticated, Unreachable, problem_of
from partners.kit.signature import SignBytes, sign, sign_with_key

T = TypeVar("T")
REPEATED: Final = frozenset({429, 500, 502, 503, 504})
"""Answers after which the same request is sent again: commands carry their keys, and are done once."""
IN_PROGRESS: Final = "idempotency-in-progress"
RENEWED_BEFORE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so long before going on."""

    seconds: float


Step: TypeAlias = httpx.Request | Pause
Outcome: TypeAlias = httpx.Response | httpx.TransportError | None
Conversation: TypeAlias = Generator[Step, Outcome, T]


@dataclass(frozen=True, slots=True)
class Credentials:
    """OAuth 2.0 client credentials of the partner's system (RFC 6749 4.4)."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the kit repeats by itself: pauses double with jitter; `Retry-After` is honoured as far as there is time."""

    attempts_max: int = 6
    first_pause_s: float = 0.5
    pause_max_s: float = 30.0
    whole_s: float = 120.0

    def pause_s(self, attempt: int, retry_after: str, chance: float, now: datetime) -> float:
        """Before the next attempt; `chance` is between 0 and 1."""
        grown = min(self.first_pause_s * 2.0 ** (attempt - 1), self.pause_max_s)
        return max(grown * (0.5 + chance / 2), asked_s(retry_after, now))


@dataclass(slots=True)
class Talk:
    """What a client remembers between conversations, and how each goes."""

    base_url: str
    credentials: Credentials
    patience: Patience = Patience()
    clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    secrets: Sequence[str] = ()
    """That sign callbacks, the newest first."""
    sign_bytes: SignBytes | None = None
    """Signs them instead, with a key of the partner's own."""
    _token: str = ""
    _token_until: float = 0.0

    def hold(self, call: Call[T]) -> Conversation[T]:
        """One call to its answer; raises a `Problem`, or `Unreachable`."""
        renewed = False
        waited_s, attempt = 0.0, 0
        while True:
            attempt += 1
            if not call.signed and self.clock() >= self._token_until:
                yield from self._new_token()
            outcome = yield self._request(call)
            if isinstance(outcome, httpx.Response):
                if outcome.status_code < 400:
                    return call.read(outcome.content)
                problem = problem_of(outcome.status_code, outcome.content, call.name)
                if isinstance(problem, NotAuthenticated) and not call.signed and not renewed:
                    renewed, self._token_until = True, 0.0  # revoked, or the clocks differ
                    continue
                if outcome.status_code not in REPEATED and problem.code != IN_PROGRESS:
                    raise problem
                failure: Exception = problem
                retry_after = outcome.headers.get("retry-after", "")
            else:
                failure, retry_after = Unreachable(f"{call.name}: {outcome!r}. {Unreachable.advice}"), ""
            pause_s = self.patience.pause_s(attempt, retry_after, self.chance(), self._now())
            waited_s += pause_s
            if attempt >= self.patience.attempts_max or waited_s > self.patience.whole_s:
                raise failure
            yield Pause(pause_s)

    def _new_token(self) -> Conversation[None]:
        asked = self.credentials
        form = {"grant_type": "client_credentials", "client_id": asked.client_id, "client_secret": asked.client_secret}
        request = httpx.Request("POST", asked.token_url, data=form)
        outcome = yield request
        if not isinstance(outcome, httpx.Response):
            raise Unreachable(f"POST {asked.token_url}: {outcome!r}. {Unreachable.advice}")
        if outcome.status_code >= 400:
            raise problem_of(outcome.status_code, outcome.content, f"POST {asked.token_url}")
        answer = json.loads(outcome.content)
        self._token = str(answer["access_token"])
        self._token_until = self.clock() + int(answer.get("expires_in", 300)) - RENEWED_BEFORE_S

    def _request(self, call: Call[T]) -> httpx.Request:
        headers = {"accept": "application/json, text/csv, application/pdf, application/problem+json"}
        if call.body is not None:
            headers["content-type"] = "application/json"
        if call.signed:
            headers |= self._signature(call)
        else:
            headers["authorization"] = f"Bearer {self._token}"
            if call.key:
                headers["idempotency-key"] = f'"{call.key}"'
        url = self.base_url.rstrip("/") + call.path
        return httpx.Request(call.method, url, params=call.query or None, headers=headers, content=call.body)

    def _signature(self, call: Call[T]) -> dict[str, str]:
        body, at = call.body or b"", int(self.clock())
        if self.sign_bytes is not None:
            return sign_with_key(self.sign_bytes, call.key, at, body)
        if not self.secrets:
            raise ValueError(
                "a callback is signed: `sign_with` the secrets of `ask.callback_secrets()`, or `sign_with_key`"
            )
        return sign(self.secrets[0], call.key, at, body)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)


def asked_s(retry_after: str, now: datetime) -> float:
    """`Retry-After` in seconds: a number, or a date (RFC 9110 10.2.3); 0 for what is neither."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max(0.0, (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now.timestamp())
