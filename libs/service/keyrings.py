"""The keyrings of a process: one for each key store, however many of its services use it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from libs.keys import PersonKeyring
from libs.keys.postgres import connect
from libs.service.settings import ServiceSettings

_Place = tuple[int, SecretStr, str]


@dataclass
class _Held:
    keyring: PersonKeyring
    holders: int


class Keyrings:
    """Services that run side by side ask for a person's key once, and share what they opened with it."""

    def __init__(self) -> None:
        self._held: dict[_Place, _Held] = {}

    async def take(self, settings: ServiceSettings) -> PersonKeyring:
        """The keyring of these settings' key store, connected; give it back when the service ends."""
        place = _place(settings)
        if place not in self._held:
            assert settings.keys_url is not None, "checked by who takes it"
            keyring = PersonKeyring(await connect(settings.keys_url.get_secret_value()), settings.wrapping_keys())
            await keyring.look()
            if place in self._held:  # another service was faster
                await keyring.close()
            else:
                self._held[place] = _Held(keyring, 0)
        held = self._held.get(place)
        if held is None:  # and has given it back meanwhile
            return await self.take(settings)
        held.holders += 1
        return held.keyring

    async def give_back(self, keyring: PersonKeyring) -> None:
        """The last one closes it."""
        place, held = next((place, held) for place, held in self._held.items() if held.keyring is keyring)
        held.holders -= 1
        if not held.holders:
            del self._held[place]
            await keyring.close()


def _place(settings: ServiceSettings) -> _Place:
    """Connections belong to one event loop, and a store is only opened by who has its key-encryption keys."""
    assert settings.keys_url is not None, "checked by who takes it"
    secret = settings.keys_kek.get_secret_value() if settings.keys_kek is not None else ""
    return id(asyncio.get_running_loop()), settings.keys_url, secret or str(settings.keys_kek_file)


keyrings: Final = Keyrings()
