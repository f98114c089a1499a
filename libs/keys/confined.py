"""Keys of some persons alone, for a service that handles the data of these and hears of others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from libs.events.sealing import NO_ACCESS_TO_PERSONS, Keyring, Keys


@dataclass(frozen=True)
class ConfinedKeyring:
    """Opens and seals for persons whose identifiers begin with `prefix`; of all others it reads placeholders and records
    nothing, as a service without keys does."""

    keyring: Keyring
    prefix: str

    async def to_open(self, subjects: Collection[str]) -> Keys:
        known, others = self._parted(subjects)
        opened = await self.keyring.to_open(known) if known else {}
        return {**opened, **await NO_ACCESS_TO_PERSONS.to_open(others)}

    async def to_seal(self, subjects: Collection[str]) -> Keys:
        known, others = self._parted(subjects)
        if others:
            raise PermissionError(f"this service may record data of persons {self.prefix}… alone, not of {len(others)}")
        return await self.keyring.to_seal(known)

    async def look(self) -> None:
        await self.keyring.look()

    def _parted(self, subjects: Collection[str]) -> tuple[list[str], list[str]]:
        known = [subject for subject in subjects if subject.startswith(self.prefix)]
        return known, [subject for subject in subjects if not subject.startswith(self.prefix)]
