"""Personal values inside an event's data, each sealed under a key of the person whose it is.

A sealed value is `{"$sealed": "1:<subject>:<base64url of nonce, ciphertext and tag>"}` in the place of the value:
AES-256-GCM over the value's canonical JSON, bound to the event's type, its place in the data and the subject, so that
none can be moved elsewhere. No text that a client sends can look like one, since quotes inside a text are escaped.

Bytes are sealed once, when an event is encoded, and never again: what is stored, published, copied and hashed is the
ciphertext. Without its key a value reads as one of the placeholders below.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.events.canonical import canonical

SEALED: Final = "$sealed"
MARK: Final = b'{"$sealed":'
VERSION: Final = "1"
NONCE_BYTES: Final = 12
NO_ACCESS: Final = "[sealed]"
"""Read in the place of a value by a service that is given no keys."""
RESTRICTED: Final = "[restricted]"
"""Read in the place of a value that is kept by law and used for nothing else."""
ERASED: Final = "[erased]"
"""Read in the place of a value whose key was destroyed."""
KEPT_PLACEHOLDERS: Final = 5_000
PLACEHOLDERS: Final = frozenset({NO_ACCESS, RESTRICTED, ERASED})

_SUBJECT: Final = re.compile(rb'\{"\$sealed":"1:([A-Za-z0-9._:-]+):[A-Za-z0-9_-]+"\}')

Place: TypeAlias = tuple[str | int, ...]
"""Where a value stands in an event's data: member names and list indexes."""
PersonalValues: TypeAlias = Sequence[tuple[Place, str]]
"""Places of personal values with the subject whose they are."""


class Shut(Exception):
    """Personal data of this subject can neither be recorded nor read: restricted, or erased."""

    def __init__(self, subject: str, erased: bool) -> None:
        super().__init__(f"the personal data of {subject} are {'erased' if erased else 'restricted'}")
        self.subject, self.erased = subject, erased


class KeyMissing(LookupError):
    """A value is sealed for a subject whose key was never in this key store: it is another store, or an old copy."""


class PlainPersonalData(ValueError):
    """An event holds personal data in plain text, from before they were sealed: such a store is not read."""

    def __init__(self, type: str, place: Place) -> None:
        where = "/".join(map(str, place))
        super().__init__(
            f"{type} holds {where} in plain text: it was recorded before personal data were sealed. "
            "Such a store is not read; begin with an empty one (docs/adr/0026-sealed-personal-data.md)."
        )


@dataclass(frozen=True)
class SubjectKey:
    """A person's key, or without `secret` the placeholder that is read `instead`."""

    subject: str
    secret: bytes | None = field(default=None, repr=False)
    instead: str = NO_ACCESS
    decoded: dict[tuple[str, bytes], Any] = field(default_factory=dict, compare=False, repr=False)
    """Events that were opened with this key alone: kept as long as the key is, and gone with it."""

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._derived(b"puhui/seal/1"))

    @cached_property
    def _blinding(self) -> bytes:
        return self._derived(b"puhui/blind/1")

    def _derived(self, purpose: bytes) -> bytes:
        if self.secret is None:
            raise Shut(self.subject, self.instead == ERASED)
        return hmac.digest(self.secret, purpose, sha256)

    @property
    def is_shut(self) -> bool:
        return self.secret is None

    def seal_bytes(self, content: bytes, bound_to: bytes) -> bytes:
        """Nonce, ciphertext and tag. Raises `Shut`."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, bound_to)

    def open_bytes(self, sealed: bytes, bound_to: bytes) -> bytes:
        """What was sealed. Raises `Shut`, and `cryptography.exceptions.InvalidTag` when it is not what was sealed."""
        return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)

    def blinded(self, content: bytes) -> bytes:
        """A hash that nobody can try values against once the key is gone. Raises `Shut`."""
        return hmac.digest(self._blinding, content, sha256)


_CONTAINERS: Final = (dict, list)
Keys: TypeAlias = Mapping[str, SubjectKey]
NO_KEYS: Final[Keys] = MappingProxyType({})


class Keyring(Protocol):
    """Where keys come from."""

    async def to_open(self, subjects: Collection[str]) -> Keys:
        """A key for each subject, shut ones with what is read instead. Raises `KeyMissing`."""
        ...

    async def to_seal(self, subjects: Collection[str]) -> Keys:
        """A key for each subject, made where there is none. Raises `Shut`."""
        ...

    async def look(self) -> None:
        """Forget what was kept of keys when any has been shut, opened again or destroyed since."""
        ...


class NoAccess:
    """The keyring of a service that needs no personal data: it reads placeholders and records none."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, SubjectKey] = OrderedDict()

    async def to_open(self, subjects: Collection[str]) -> Keys:
        return {subject: self._placeholder(subject) for subject in subjects}

    def _placeholder(self, subject: str) -> SubjectKey:
        key = self._known.pop(subject, None) or SubjectKey(subject)
        self._known[subject] = key
        if len(self._known) > KEPT_PLACEHOLDERS:
            self._known.popitem(last=False)
        return key

    async def to_seal(self, subjects: Collection[str]) -> Keys:
        raise PermissionError(f"no keys are given to this service: it may not record data of {len(subjects)} persons")

    async def look(self) -> None:
        """There is nothing to forget."""


NO_ACCESS_TO_PERSONS: Final = NoAccess()
"""One for all services of a process: they read the same placeholders."""


def _bound(type: str, place: Place, subject: str) -> bytes:
    return "\n".join((type, "/".join(map(str, place)), subject)).encode()


def seal_values(type: str, payload: dict[str, Any], personal: PersonalValues, keys: Keys) -> None:
    """Put sealed values in their places. What is absent or an empty text says nothing, and stays."""
    for place, subject in personal:
        holder = payload
        for step in place[:-1]:
            holder = holder[step]  # type: ignore[index]  # a place leads through objects and lists
        value = holder[place[-1]]  # type: ignore[index]
        if value not in (None, ""):
            sealed = keys[subject].seal_bytes(canonical(value), _bound(type, place, subject))
            text = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
            holder[place[-1]] = {SEALED: f"{VERSION}:{subject}:{text}"}  # type: ignore[index]


def subjects_in(contents: Iterable[bytes]) -> set[str]:
    """Whose keys it takes to read these data."""
    found: set[str] = set()
    for data in contents:
        if MARK in data:
            found.update(subject.decode() for subject in _SUBJECT.findall(data))
    return found


def opened(type: str, value: Any, keys: Keys, place: Place = ()) -> Any:
    """The data with every sealed value opened, or with the placeholder that is read instead."""
    if isinstance(value, dict):
        if SEALED in value:
            return _opened(type, value[SEALED], keys, place)
        return {
            name: opened(type, member, keys, (*place, name)) if isinstance(member, _CONTAINERS) else member
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [
            opened(type, member, keys, (*place, index)) if isinstance(member, _CONTAINERS) else member
            for index, member in enumerate(value)
        ]
    return value


def _opened(type: str, text: str, keys: Keys, place: Place) -> Any:
    subject, _, encoded = text.removeprefix(f"{VERSION}:").rpartition(":")
    key = keys.get(subject)
    if key is None or key.is_shut:
        return NO_ACCESS if key is None else key.instead
    sealed = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    return orjson.loads(key.open_bytes(sealed, _bound(type, place, subject)))


def is_placeholder(value: Any) -> bool:
    """Whether this is read in the place of a value."""
    return isinstance(value, str) and value in PLACEHOLDERS
