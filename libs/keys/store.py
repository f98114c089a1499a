"""The contract of a key store, and its two implementations: memory here, PostgreSQL in `postgres`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol


class KeyState(StrEnum):
    ACTIVE = "ACTIVE"
    HELD = "HELD"
    """Kept because a law says so, and opened for those alone whom the policy names."""
    DESTROYED = "DESTROYED"


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A person's key as it is stored: wrapped under the key-encryption key `kek`, or gone."""

    subject: str
    state: KeyState
    kek: str = ""
    wrapped: bytes = field(default=b"", repr=False)


class KeyStore(Protocol):
    """Keeps wrapped keys. It never sees a key that is not wrapped."""

    async def find(self, subjects: Collection[str]) -> Mapping[str, PersonKey]:
        """The keys that there are."""
        ...

    async def make(self, keys: Collection[PersonKey]) -> None:
        """Keep new keys; a subject that has one, or had one, keeps what it has."""
        ...

    async def set_state(self, subject: str, state: KeyState) -> bool:
        """Hold, release or destroy; whether there is such a subject now in that state. Destroyed is for ever."""
        ...

    async def wrapped_by_others(self, kek: str, limit: int) -> list[PersonKey]:
        """Keys that are wrapped under another key-encryption key than this one."""
        ...

    async def rewrap(self, old: PersonKey, kek: str, wrapped: bytes) -> None:
        """Put the key that was wrapped as `old` under another key-encryption key, unless it changed meanwhile."""
        ...

    async def epoch(self) -> int:
        """Moves with every change of a state."""
        ...

    async def close(self) -> None: ...


class MemoryKeyStore:
    """`KeyStore` in memory."""

    def __init__(self) -> None:
        self._keys: dict[str, PersonKey] = {}
        self._epoch = 0

    async def find(self, subjects: Collection[str]) -> Mapping[str, PersonKey]:
        return {subject: self._keys[subject] for subject in subjects if subject in self._keys}

    async def make(self, keys: Collection[PersonKey]) -> None:
        for key in keys:
            self._keys.setdefault(key.subject, key)

    async def set_state(self, subject: str, state: KeyState) -> bool:
        key = self._keys.get(subject)
        if key is None:
            return False
        if key.state not in (state, KeyState.DESTROYED):
            gone = state is KeyState.DESTROYED
            self._keys[subject] = PersonKey(subject, state) if gone else replace(key, state=state)
            self._epoch += 1
        return self._keys[subject].state is state

    async def wrapped_by_others(self, kek: str, limit: int) -> list[PersonKey]:
        others = [key for key in self._keys.values() if key.state is not KeyState.DESTROYED and key.kek != kek]
        return others[:limit]

    async def rewrap(self, old: PersonKey, kek: str, wrapped: bytes) -> None:
        known = self._keys[old.subject]
        if known.wrapped == old.wrapped:
            self._keys[old.subject] = replace(known, kek=kek, wrapped=wrapped)

    async def epoch(self) -> int:
        return self._epoch

    async def close(self) -> None:
        """Nothing is open."""
