"""Bearer tokens: verified against the issuer's keys, remembered until they expire, turned into an `Actor`."""

from __future__ import annotations

import asyncio
import re
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, InvalidKeyIdError, JoseError, SecurityWarning
from joserfc.jwk import KeySet
from starlette.requests import Request

from libs.service.actor import ROLES, Actor
from libs.service.context import current
from libs.service.keys import KeySource
from libs.service.problems import FORBIDDEN, MALFORMED_REQUEST, UNAUTHENTICATED, Problem

ALGORITHMS: Final = ("Ed25519", "EdDSA", "ES256", "RS256")
"""Signatures accepted: asymmetric ones alone, so that no service can make a token. EdDSA is Ed25519's older name."""
LEEWAY_S: Final = 30
REFETCH_INTERVAL_S: Final = 60
FIRST_FETCH_INTERVAL_S: Final = 1
TOKEN_CHARS_MAX: Final = 8192
CACHED_TOKENS_MAX: Final = 10_000

ON_BEHALF_OF_HEADER: Final = "on-behalf-of"
_MAY_ACT_FOR_OTHERS: Final = frozenset({"customer", "partner", "service"})
_SUBJECT: Final = re.compile(r"[!-~]{1,128}")
_PARTY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")


class TokenRefused(Exception):
    """The token does not prove who is calling; the message may be shown to the caller."""


@dataclass(slots=True)
class _Verified:
    actor: Actor
    expires_at: float
    not_before: float


class TokenVerifier:
    """Checks tokens of one issuer for one audience.

    A verified token is remembered by its SHA-256 until it expires, so the signature is checked once a token and
    not once a request. A key withdrawn by the issuer is therefore honoured for tokens already seen until they
    expire; keep token lifetimes short.
    """

    def __init__(self, keys: KeySource, *, issuer: str, audience: str, now: Callable[[], float] = time.time) -> None:
        self._source = keys
        self._issuer = issuer
        self._audience = audience
        self._now = now
        self._keys: KeySet | None = None
        self._fetched_at: float | None = None
        self._fetching = asyncio.Lock()
        self._seen: dict[bytes, _Verified] = {}

    def remembered(self, token: str) -> Actor | None:
        """The actor of a token verified before and still valid."""
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        found = self._seen.get(digest)
        if found is None:
            return None
        if not found.not_before - LEEWAY_S <= self._now() < found.expires_at + LEEWAY_S:
            del self._seen[digest]
            return None
        return found.actor

    async def verify(self, token: str) -> Actor:
        """The actor that the token speaks for; raises `TokenRefused`, or `KeysUnavailable` when no key is to be had."""
        actor = self.remembered(token)
        if actor is not None:
            return actor
        if len(token) > TOKEN_CHARS_MAX:
            raise TokenRefused(f"The token is longer than {TOKEN_CHARS_MAX} characters.")
        claims = await self._checked_claims(token)
        actor = actor_of(claims)
        self._remember(token, _Verified(actor, float(claims["exp"]), float(claims.get("nbf", 0))))
        return actor

    async def _checked_claims(self, token: str) -> dict[str, Any]:
        keys = self._keys or await self._refetch(None)
        try:
            try:
                claims = _decode(token, keys)
            except InvalidKeyIdError:  # the issuer may have rotated its keys since
                claims = _decode(token, await self._refetch(keys))
            jwt.JWTClaimsRegistry(
                now=int(self._now()),
                leeway=LEEWAY_S,
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": self._audience},
                sub={"essential": True},
                exp={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise TokenRefused(_reason(error)) from error
        return claims

    async def _refetch(self, known: KeySet | None) -> KeySet:
        """The issuer's keys, asked for again unless somebody just did: strangers must not drive load to the issuer."""
        async with self._fetching:
            if self._keys is not None and self._keys is not known:
                return self._keys
            interval_s = FIRST_FETCH_INTERVAL_S if self._keys is None else REFETCH_INTERVAL_S
            since_s = None if self._fetched_at is None else self._now() - self._fetched_at
            if self._keys is not None and since_s is not None and since_s < interval_s:
                return self._keys
            self._fetched_at = self._now()
            self._keys = await self._source.fetch()
            return self._keys

    def _remember(self, token: str, verified: _Verified) -> None:
        if len(self._seen) >= CACHED_TOKENS_MAX:
            now = self._now()
            self._seen = {key: value for key, value in self._seen.items() if value.expires_at + LEEWAY_S > now}
            while len(self._seen) >= CACHED_TOKENS_MAX:  # dictionaries keep insertion order: the oldest goes first
                del self._seen[next(iter(self._seen))]
        self._seen[sha256(token.encode("utf-8", "surrogateescape")).digest()] = verified


def _decode(token: str, keys: KeySet) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # RFC 9864 renames EdDSA to Ed25519; issuers lag behind
        return jwt.decode(token, keys, algorithms=ALGORITHMS).claims


def _reason(error: Exception) -> str:
    if isinstance(error, InvalidKeyIdError):
        return "The token is signed with a key that the issuer does not publish."
    if isinstance(error, ExpiredTokenError):
        return "The token has expired; get a new one."
    if isinstance(error, ClaimError):
        return f"The token's claim {error.claim!r} is missing or not what this service expects."
    return "The token is not a JWT signed by the issuer."


def actor_of(claims: Mapping[str, Any]) -> Actor:
    """The actor of verified claims; roles from `roles`, or from `realm_access.roles` as Keycloak has them."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise TokenRefused("The token's subject is not a plain text of 1 to 128 characters.")
    roles = claims.get("roles")
    if roles is None:
        realm = claims.get("realm_access")
        roles = realm.get("roles") if isinstance(realm, dict) else []
    if not isinstance(roles, list):
        raise TokenRefused("The token's claim 'roles' is not a list.")
    name = claims.get("name")
    authority = claims.get("authority")
    party = claims.get("on_behalf_of")
    if party is not None and not (isinstance(party, str) and _PARTY.fullmatch(party)):
        raise TokenRefused("The token's claim 'on_behalf_of' is not an identifier.")
    return Actor(
        subject=subject,
        roles=frozenset(role for role in roles if isinstance(role, str) and role in ROLES),
        name=name if isinstance(name, str) else None,
        authority=MappingProxyType(dict(authority)) if isinstance(authority, dict) else MappingProxyType({}),
        on_behalf_of=party,
    )


def _unauthenticated(detail: str, *, error: str | None = None) -> Problem:
    challenge = 'Bearer realm="puhui"' + (f', error="{error}"' if error else "")  # RFC 6750 3
    return Problem(UNAUTHENTICATED, detail, headers={"www-authenticate": challenge})


async def authenticate(request: Request) -> Actor:
    """The actor of the request's bearer token; raises `Problem` 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthenticated("Send a bearer token in the Authorization header.")
    verifier: TokenVerifier = request.app.state.verifier
    token = token.strip()
    actor = verifier.remembered(token)
    if actor is None:
        try:
            actor = await verifier.verify(token)
        except TokenRefused as refused:
            raise _unauthenticated(str(refused), error="invalid_token") from refused
    actor = _acting_for(actor, request.headers.get(ON_BEHALF_OF_HEADER))
    context = current()
    if context is not None:
        context.actor = actor
    return actor


def _acting_for(actor: Actor, party: str | None) -> Actor:
    """The actor with the party its front end names per request; a token that names one already is bound to it."""
    if party is None or party == actor.on_behalf_of:
        return actor
    if actor.on_behalf_of is not None or not actor.roles & _MAY_ACT_FOR_OTHERS:
        raise Problem(FORBIDDEN, "This token may not act on behalf of the party named in On-Behalf-Of.")
    if not _PARTY.fullmatch(party):
        raise Problem(MALFORMED_REQUEST, "On-Behalf-Of is an identifier of at most 80 letters, digits and ._:-")
    return replace(actor, on_behalf_of=party)


class Requirement(SecurityBase):
    """The dependency behind `require`; FastAPI finds the security scheme of the API document in it."""

    def __init__(self, roles: frozenset[str]) -> None:
        self.roles = roles
        self.model = HTTPBearerModel(bearerFormat="JWT", description="An access token of the issuer.")
        self.scheme_name = "bearer"

    async def __call__(self, request: Request) -> Actor:
        actor = await authenticate(request)
        if self.roles and actor.roles.isdisjoint(self.roles):
            needed = sorted(self.roles)
            held = ", ".join(sorted(actor.roles)) or "none"
            detail = f"This needs the role {' or '.join(needed)}; your token has {held}."
            raise Problem(FORBIDDEN, detail, extra={"roles_needed": needed})
        return actor


def require(*roles: str) -> Requirement:
    """A dependency that gives the actor when it holds one of the roles (none named: any actor), else 401 or 403.

    Raises `ValueError` at once for a role that does not exist.
    """
    unknown = set(roles) - ROLES.keys()
    if unknown:
        raise ValueError(f"no such role: {', '.join(sorted(unknown))}")
    return Requirement(frozenset(roles))


def roles_required(dependant: Dependant) -> frozenset[str]:
    """The roles that an operation's dependencies ask for; empty when any token will do."""
    found = dependant.call.roles if isinstance(dependant.call, Requirement) else frozenset()
    return found.union(*(roles_required(inner) for inner in dependant.dependencies))
