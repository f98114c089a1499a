"""Persons' keys, unwrapped, in memory: at most so many, for a short time, and not after their state has changed."""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Final

from libs.events.loops import beat
from libs.events.sealing import ERASED, RESTRICTED, KeyMissing, Keys, Shut, SubjectKey
from libs.keys.store import KeyState, KeyStore, PersonKey
from libs.keys.wrapping import KEY_BYTES, WrappingKeys

KEPT_KEYS: Final = 5_000
KEPT_S: Final = 300.0
WATCH_S: Final = 1.0
"""How often it is asked whether a person's data were restricted or erased by another process."""
REWRAP_BATCH: Final = 500


class PersonKeyring:
    """Opens and seals for one process (`libs.events.sealing.Keyring`)."""

    def __init__(
        self,
        store: KeyStore,
        wrapping: WrappingKeys,
        *,
        kept_keys: int = KEPT_KEYS,
        kept_s: float = KEPT_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._wrapping = store, wrapping
        self._kept_keys, self._kept_s, self._now = kept_keys, kept_s, now
        self._kept: OrderedDict[str, tuple[SubjectKey, float]] = OrderedDict()
        self._epoch: int | None = None
        self._looked = now()
        self.on_change: list[Callable[[], None]] = []
        """Called when a person's data were restricted, released or erased: what was read of them is out of date."""

    async def to_open(self, subjects: Collection[str], *, held: bool = False) -> Keys:
        """A key for each subject, shut ones with what is read instead. `held`: for a reader whom the policy lets read
        restricted data. Raises `KeyMissing`."""
        keys = {} if held else self._cached(subjects)
        if missing := [subject for subject in subjects if subject not in keys]:
            epoch = self._epoch
            stored = await self._store.find(missing)
            for subject in missing:
                if subject not in stored:
                    raise KeyMissing(f"there is no key of {subject} in this key store")
                keys[subject] = self._unwrapped(stored[subject], held)
                if not held:
                    self._keep(keys[subject], epoch)
        return keys

    async def to_seal(self, subjects: Collection[str]) -> Keys:
        """A key for each subject, made where there is none. Raises `Shut`."""
        keys = self._cached(subjects)
        if missing := [subject for subject in subjects if subject not in keys]:
            epoch = self._epoch
            stored = await self._store.find(missing)
            if new := [subject for subject in missing if subject not in stored]:
                made = [PersonKey(each, KeyState.ACTIVE, *self._wrapping.wrap(each, _secret())) for each in new]
                await self._store.make(made)
                stored = {**stored, **await self._store.find(new)}  # another process may have been first
            for subject in missing:
                keys[subject] = self._unwrapped(stored[subject], held=False)
                self._keep(keys[subject], epoch)
        for key in keys.values():
            if key.is_shut:
                raise Shut(key.subject, key.instead == ERASED)
        return keys

    async def state(self, subject: str) -> KeyState | None:
        """The state of a person's key as it is now; None when there never was one."""
        return found.state if (found := (await self._store.find([subject])).get(subject)) else None

    async def set_state(self, subject: str, state: KeyState) -> bool:
        """Hold, release or destroy a key; whether it is in that state now. Here it takes effect at once, in other
        processes within `WATCH_S`."""
        done = await self._store.set_state(subject, state)
        self._epoch = await self._store.epoch()
        self._forget()
        return done

    async def rewrap(self) -> int:
        """Wrap every key under the newest key-encryption key; how many were. No event is touched."""
        self._wrapping.reload()
        count = 0
        while others := await self._store.wrapped_by_others(self._wrapping.current, REWRAP_BATCH):
            for key in others:
                secret = self._wrapping.unwrap(key.subject, key.kek, key.wrapped)
                await self._store.rewrap(key, *self._wrapping.wrap(key.subject, secret))
                count += 1
        return count

    @property
    def wrapped_by(self) -> str:
        """The name of the key-encryption key that wraps new keys."""
        return self._wrapping.current

    async def look(self) -> None:
        """Forget everything when a state has changed since the last look."""
        self._looked = self._now()
        epoch = await self._store.epoch()
        known, self._epoch = self._epoch, epoch
        if known is not None and epoch != known:
            self._forget()

    def _forget(self) -> None:
        self._kept.clear()
        for tell in self.on_change:
            tell()

    async def watch(self) -> None:
        """Look again and again, until cancelled; of several who watch it, one looks."""
        while True:
            if self._now() >= self._looked + WATCH_S / 2:
                await self.look()
            beat()
            await asyncio.sleep(WATCH_S)

    async def close(self) -> None:
        await self._store.close()

    def _cached(self, subjects: Collection[str]) -> dict[str, SubjectKey]:
        found, now = {}, self._now()
        for subject in subjects:
            kept = self._kept.get(subject)
            if kept is not None and kept[1] > now:
                found[subject] = kept[0]
        return found

    def _keep(self, key: SubjectKey, epoch: int | None) -> None:
        """Unless states changed since `epoch`, when the key was asked for."""
        if epoch != self._epoch:
            return
        self._kept[key.subject] = (key, self._now() + self._kept_s)
        self._kept.move_to_end(key.subject)
        if len(self._kept) > self._kept_keys:
            self._kept.popitem(last=False)

    def _unwrapped(self, key: PersonKey, held: bool) -> SubjectKey:
        if key.state is KeyState.DESTROYED:
            return SubjectKey(key.subject, instead=ERASED)
        if key.state is KeyState.HELD and not held:
            return SubjectKey(key.subject, instead=RESTRICTED)
        return SubjectKey(key.subject, self._wrapping.unwrap(key.subject, key.kek, key.wrapped))


def _secret() -> bytes:
    return os.urandom(KEY_BYTES)
