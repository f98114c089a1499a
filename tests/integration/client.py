"""A front end that also looks at headers, and at answers that say no."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid5

import orjson

from standalone.http import KEYS, Platform
from tests.integration.running import FINANCE_LEAD, PlatformProcess


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The stable part of a problem's type."""
        return str(self.body["type"]).rpartition(":")[2]


def key_of(seed: str, key: str) -> str:
    """The Idempotency-Key that a client with this seed sends for a key of ours."""
    return str(uuid5(KEYS, f"{seed}/{key}"))


class Client(Platform):
    """The demonstration's client, with a person of two roles besides the development users."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._lead_token = ""
        self._answers = 0
        self._one_answered = asyncio.Condition()

    @classmethod
    def of(cls, process: PlatformProcess, *, seed: str) -> Self:
        client = cls.at(process.url, process.layout.identity, seed=seed)
        client._lead_token = process.issuer().token(FINANCE_LEAD.client_id)
        return client

    def key_of(self, key: str) -> str:
        """The Idempotency-Key that `post` sends for a key of ours."""
        return key_of(self._seed, key)

    async def answered(self, count: int) -> None:
        """Wait until so many more requests have been answered."""
        until = self._answers + count
        async with self._one_answered:
            await self._one_answered.wait_for(lambda: self._answers >= until)

    async def _call(self, *arguments: Any, **request: Any) -> Any:
        answer = await super()._call(*arguments, **request)
        async with self._one_answered:
            self._answers += 1
            self._one_answered.notify_all()
        return answer

    async def _token(self, user: str) -> str:
        return self._lead_token if user == FINANCE_LEAD.client_id else await super()._token(user)

    async def answer(
        self, method: str, user: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to one request as it is written: no key is made up, nothing is raised. Without a user, no token."""
        token = {"Authorization": f"Bearer {await self._token(user)}"} if user else {}
        async with self._http.request(
            method, self._at(path), json=body, headers={**token, **(headers or {})}
        ) as answer:
            content = await answer.read()
            return Answer(answer.status, answer.headers.copy(), orjson.loads(content) if content else None)
