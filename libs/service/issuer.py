"""The keys, users and tokens of the local issuer for development.

It stands in for a real OpenID provider where there is none. Its signing key and its users' secrets are in files that
only the owner may read.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from libs.service.actor import ROLES

TOKEN_LIFETIME_S: Final = 3600
ALGORITHM: Final = "Ed25519"


@dataclass(frozen=True, slots=True)
class User:
    """A development user: its `client_id` is also the subject of its tokens."""

    client_id: str
    roles: tuple[str, ...]
    name: str
    authority: Mapping[str, str] = field(default_factory=dict)
    on_behalf_of: str | None = None


CO_LENDERS: Final = (
    User("harbour-bank", ("partner",), "Harbour Bank"),
    User("hill-trust", ("partner",), "Hill Trust"),
    User("valley-finance", ("partner",), "Valley Finance"),
)
"""The systems of the demonstration's co-lenders: each sees its own loans and nothing of the others'."""

DEVELOPMENT_USERS: Final = (
    *(User(role.replace("_", "-"), (role,), role.replace("_", " ").capitalize()) for role in ROLES),
    *(
        User(f"{role.replace('_', '-')}-2", (role,), f"Second {role.replace('_', ' ')}")
        for role in ROLES
        if role.endswith("_manager")
    ),
    *CO_LENDERS,
)
"""One user for every role, a second manager of each kind, who agrees to what the first one asks for, and the
co-lenders."""


class Issuer:
    """Signs tokens with a key of its own. `open` finds or makes the key and the users' secrets in a directory."""

    def __init__(
        self,
        key: OKPKey,
        users: Mapping[str, tuple[User, str]],
        *,
        issuer: str,
        audience: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._key = key
        self._users = users
        self.issuer = issuer
        self.audience = audience
        self._now = now

    @classmethod
    def open(cls, directory: Path, *, issuer: str, audience: str, users: Sequence[User] = DEVELOPMENT_USERS) -> Issuer:
        """The issuer of `directory`: `signing-key.json` and `users.json` (mode 0600) and the public `jwks.json`."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = _signing_key(directory / "signing-key.json")
        _write(directory / "jwks.json", dict(KeySet([key]).as_dict(private=False)), mode=0o644)
        secret_of = _secrets(directory / "users.json", users)
        known = {user.client_id: (user, secret_of[user.client_id]) for user in users}
        return cls(key, known, issuer=issuer, audience=audience)

    def jwks(self) -> dict[str, Any]:
        """The public key set (RFC 7517)."""
        return dict(KeySet([self._key]).as_dict(private=False))

    def authenticated(self, client_id: str, client_secret: str) -> User | None:
        """The user with these credentials; takes the same time whether the id or the secret is wrong."""
        user, secret = self._users.get(client_id, (None, ""))
        matches = hmac.compare_digest(client_secret.encode("utf-8", "replace"), secret.encode())
        return user if matches and secret else None

    def secret(self, client_id: str) -> str:
        """The secret of a user, for the demo and for tests in the same process; raises `KeyError`."""
        return self._users[client_id][1]

    def token(self, client_id: str) -> str:
        """An access token for a user of this issuer (RFC 9068 claims); raises `KeyError`."""
        user, _ = self._users[client_id]
        now = int(self._now())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": user.client_id,
            "client_id": user.client_id,
            "iat": now,
            "nbf": now,
            "exp": now + TOKEN_LIFETIME_S,
            "jti": str(uuid4()),
            "name": user.name,
            "roles": list(user.roles),
        }
        if user.authority:
            claims["authority"] = dict(user.authority)
        if user.on_behalf_of:
            claims["on_behalf_of"] = user.on_behalf_of
        header = {"alg": ALGORITHM, "kid": self._key.kid, "typ": "at+jwt"}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])


def _signing_key(path: Path) -> OKPKey:
    if path.exists():
        return OKPKey.import_key(json.loads(path.read_bytes()))
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    _write(path, dict(key.as_dict(private=True)), mode=0o600)
    return key


def _secrets(path: Path, users: Sequence[User]) -> dict[str, str]:
    """Each user's secret; users new to the file get one, and the file is rewritten."""
    entries = json.loads(path.read_bytes()) if path.exists() else {}
    result = {
        user.client_id: str(entries.get(user.client_id, {}).get("client_secret") or secrets.token_urlsafe(24))
        for user in users
    }
    document = {
        user.client_id: {"client_secret": result[user.client_id], **asdict(user), "roles": list(user.roles)}
        for user in users
    }
    if document != entries:
        _write(path, document, mode=0o600)
    return result


def _write(path: Path, document: Mapping[str, Any], *, mode: int) -> None:
    """Replace the file in one step; it never exists with wider permissions than `mode`."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2, ensure_ascii=False, sort_keys=True)
    temporary.replace(path)
