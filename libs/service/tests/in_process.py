"""An issuer in memory and a caller without a network, for the chassis' own tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from joserfc.jwk import KeySet, OKPKey
from starlette.types import ASGIApp

from libs.service.auth import TokenVerifier
from libs.service.issuer import DEVELOPMENT_USERS, Issuer, User

ISSUER = "http://issuer.test"
AUDIENCE = "puhui"


class FixedKeys:
    """A key source that holds its keys, and counts how often it is asked."""

    def __init__(self, *keys: OKPKey) -> None:
        self.keys = list(keys)
        self.fetches = 0

    async def fetch(self) -> KeySet:
        self.fetches += 1
        return KeySet(list(self.keys))


class Identity:
    """An issuer and the verifier that trusts it."""

    def __init__(self, users: Sequence[User] = DEVELOPMENT_USERS) -> None:
        self.key = OKPKey.generate_key("Ed25519", auto_kid=True)
        known = {user.client_id: (user, f"secret-of-{user.client_id}") for user in users}
        self.issuer = Issuer(self.key, known, issuer=ISSUER, audience=AUDIENCE)
        self.keys = FixedKeys(self.key)
        self.verifier = TokenVerifier(self.keys, issuer=ISSUER, audience=AUDIENCE)

    def bearer(self, client_id: str) -> dict[str, str]:
        """The Authorization header of a user, for example `finance-officer`."""
        return {"authorization": f"Bearer {self.issuer.token(client_id)}"}


class Caller:
    """Sends requests to an application in this process, each in an event loop of its own."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str] | None = None) -> None:
        self.app = app
        self.headers = dict(headers or {})

    def __call__(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **kwargs: Any
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
                return await client.request(method, path, headers={**self.headers, **(headers or {})}, **kwargs)

        return asyncio.run(send())
