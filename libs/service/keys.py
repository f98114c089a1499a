"""Where the public keys come from that tokens are checked with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

FETCH_TIMEOUT_S: Final = 5.0
JWKS_BYTES_MAX: Final = 256 * 1024


class KeysUnavailable(ConnectionError):
    """The key set cannot be had: the issuer is down, or what it serves is not a key set."""


class KeySource(Protocol):
    """Gives the issuer's current key set; raises `KeysUnavailable`."""

    async def fetch(self) -> KeySet: ...


class JwksFile:
    """A key set in a local file, as the local issuer writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def fetch(self) -> KeySet:
        try:
            return _key_set(json.loads(self.path.read_bytes()))
        except (OSError, ValueError) as error:
            raise KeysUnavailable(f"no key set in {self.path}") from error


class JwksUrl:
    """A key set at the issuer's `jwks_uri`."""

    def __init__(self, url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.url = url
        self.transport = transport

    async def fetch(self) -> KeySet:
        try:
            async with httpx.AsyncClient(timeout=FETCH_TIMEOUT_S, transport=self.transport) as client:
                answer = await client.get(self.url)
                answer.raise_for_status()
            if len(answer.content) > JWKS_BYTES_MAX:
                raise KeysUnavailable(f"the key set at {self.url} is over {JWKS_BYTES_MAX} bytes")
            return _key_set(answer.json())
        except (httpx.HTTPError, ValueError) as error:
            raise KeysUnavailable(f"no key set at {self.url}") from error


def _key_set(document: Any) -> KeySet:
    try:
        return KeySet.import_key_set(document)
    except (JoseError, KeyError, TypeError, AttributeError) as error:
        raise KeysUnavailable("the document is not a key set (RFC 7517)") from error
