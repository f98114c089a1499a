"""A front end's way to the platform: one client an actor, keys made from what is done, problems as exceptions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self
from uuid import UUID, uuid5

import aiohttp
import orjson

from libs.events.operations import Progress, Side
from libs.service.settling import settle
from standalone.services import SERVICES

KEYS: Final = UUID("0b4de8b2-9df3-52a1-a1c3-0f6f6a7a5d10")
TOKEN_USES_S: Final = 3000
SETTLE_S: Final = 120.0
SETTLED_TRIES: Final = 5
"""How often it is asked whether all is handled: each is answered within a minute, whatever is still on its way."""
REQUEST_S: Final = 120.0
WAIT_S: Final = 5
"""For how long a query may wait for something new."""
KEEPERS: Final = ("audit",)
"""Services that nothing waits for: they keep what others say, and may be behind."""


class Refused(Exception):
    """The platform answered with a problem (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any], request: str) -> None:
        super().__init__(f"{request}: {status} {json.dumps(problem, ensure_ascii=False)[:800]}")
        self.status, self.problem = status, problem

    @property
    def code(self) -> str:
        """The stable part of the problem's type."""
        return str(self.problem.get("type", "")).rpartition(":")[2]


class Unavailable(Refused):
    """Not now (503): the same request again may be answered."""


class Platform:
    """The platform over HTTP, with a token for every role of the development issuer."""

    def __init__(
        self,
        url: str,
        secrets: Mapping[str, str],
        *,
        seed: str,
        services: Mapping[str, str] | None = None,
        connections: int = 16,
    ) -> None:
        """`url` serves everything, but the services in `services`, each of which has a URL of its own."""
        self._secrets, self._seed = secrets, seed
        self._url, self._services = url, services or {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=REQUEST_S),
            connector=aiohttp.TCPConnector(limit=connections),
            json_serialize=lambda value: orjson.dumps(value).decode(),
        )
        self.requests = 0

    @classmethod
    def at(cls, url: str, identity: Path, *, seed: str, connections: int = 16) -> Self:
        """With the secrets that the local issuer keeps in its directory."""
        users = json.loads((identity / "users.json").read_text())
        secrets = {name: entry["client_secret"] for name, entry in users.items()}
        return cls(url, secrets, seed=seed, connections=connections)

    async def close(self) -> None:
        await self._http.close()

    def _at(self, path: str) -> str:
        return self._services.get(path.split("/", 2)[1], self._url) + path

    async def _token(self, user: str) -> str:
        now = asyncio.get_running_loop().time()
        token, until = self._tokens.get(user, ("", 0.0))
        if now >= until:
            form = {"grant_type": "client_credentials", "client_id": user, "client_secret": self._secrets[user]}
            async with self._http.post(self._at("/identity/token"), data=form) as answer:
                answer.raise_for_status()
                token = (await answer.json())["access_token"]
            self._tokens[user] = (token, now + TOKEN_USES_S)
        return token

    async def get(self, user: str, path: str, **query: Any) -> Any:
        """The JSON answer to a query; raises `Refused`."""
        return await self._call("GET", user, path, params=query or None)

    async def moved(self, user: str, path: str, known: str = "") -> tuple[Any, str]:
        """What is at `path` with its ETag, as soon as it is there and not `known` any more; (None, known) where the
        service has waited for nothing. Raises `Refused`."""
        headers = {"Prefer": f"wait={WAIT_S}", **({"If-None-Match": known} if known else {})}
        try:
            answer, content = await self._answered("GET", user, path, headers=headers)
        except Refused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return None, known
        return (orjson.loads(content), answer.headers["etag"]) if content else (None, known)

    async def download(self, user: str, path: str) -> bytes:
        """The answer to a query as it is; raises `Refused`."""
        return await self._content("GET", user, path)

    async def post(
        self,
        user: str,
        path: str,
        body: Any = None,
        *,
        key: str = "",
        on_behalf_of: str = "",
        headers: Any = None,
        patient: bool = False,
    ) -> Any:
        """The JSON answer to a command. The key is derived from the seed and `key` (default: path and body), so that
        the same run does the same thing under the same key. `patient`: it may take as long as it takes, as what reads
        a whole store does. Raises `Refused`."""
        sent = {**self._keyed(key or path + json.dumps(body, sort_keys=True)), **(headers or {})}
        if on_behalf_of:
            sent["On-Behalf-Of"] = on_behalf_of
        waits = {"timeout": aiohttp.ClientTimeout(total=None)} if patient else {}
        return await self._call("POST", user, path, json=body if body is not None else {}, headers=sent, **waits)

    async def upload(self, user: str, path: str, content: bytes, media_type: str, *, key: str) -> Any:
        """The JSON answer to a file that is sent; raises `Refused`."""
        return await self._call(
            "POST", user, path, data=content, headers={**self._keyed(key), "Content-Type": media_type}
        )

    def _keyed(self, key: str) -> dict[str, str]:
        return {"Idempotency-Key": f'"{uuid5(KEYS, f"{self._seed}/{key}")}"'}

    async def _call(self, method: str, user: str, path: str, **request: Any) -> Any:
        content = await self._content(method, user, path, **request)
        return orjson.loads(content) if content else None

    async def _content(self, method: str, user: str, path: str, **request: Any) -> bytes:
        return (await self._answered(method, user, path, **request))[1]

    async def _answered(
        self, method: str, user: str, path: str, **request: Any
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        headers = {"Authorization": f"Bearer {await self._token(user)}", **request.pop("headers", {})}
        self.requests += 1
        async with self._http.request(method, self._at(path), headers=headers, **request) as answer:
            content = await answer.read()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            kind = Unavailable if answer.status == HTTPStatus.SERVICE_UNAVAILABLE else Refused
            raise kind(answer.status, _problem(content), f"{method} {path}")
        return answer, content

    async def pages(self, user: str, path: str, **query: Any) -> list[Any]:
        """All items of a list, page by page."""
        items: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(user, path, limit=200, **query, **cursor)
            items += page["items"]
            if not page["next_cursor"]:
                return items
            cursor = {"cursor": page["next_cursor"]}

    async def side(self, service: str) -> Side:
        """How far a service is."""
        report = await self.get("operator", f"/{service}/operations/progress")
        progress = Progress.from_json(report["progress"])
        return Side(report["service"], report["topic"], progress, report["subscriptions"])

    async def settle(self, *, but: Collection[str] = ()) -> None:
        """Until everything that has happened is handled, by all services but these; raises `NotSettled` saying what is
        not."""
        if self._services:
            await settle({name: partial(self.side, name) for name in SERVICES}, SETTLE_S, but=but)
            return
        for _ in range(SETTLED_TRIES - 1):
            with suppress(Unavailable):
                await self._settled(but)
                return
        await self._settled(but)

    async def _settled(self, but: Collection[str]) -> None:
        await self._call("GET", "operator", "/operations/settled", params={"but": sorted(but)})


def _problem(content: bytes) -> Mapping[str, Any]:
    try:
        document = orjson.loads(content)
    except ValueError:
        return {"detail": content[:400].decode("utf-8", "replace")}
    return document if isinstance(document, dict) else {"detail": document}
