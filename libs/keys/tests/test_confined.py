"""A service that handles the data of some persons opens and records nothing of others."""

from __future__ import annotations

import pytest

from libs.events.sealing import NO_ACCESS
from libs.keys import ConfinedKeyring, MemoryKeyStore, PersonKeyring, WrappingKeys
from libs.keys.wrapping import new_key


async def test_keys_of_others_are_neither_opened_nor_made() -> None:
    everybody = PersonKeyring(MemoryKeyStore(), WrappingKeys.of(new_key()))
    confined = ConfinedKeyring(everybody, "contact-")
    await everybody.to_seal(["ann"])
    made = await confined.to_seal(["contact-1"])
    opened = await confined.to_open(["contact-1", "ann", "nobody"])
    assert opened["contact-1"].secret == made["contact-1"].secret
    for other in ("ann", "nobody"):
        assert (opened[other].secret, opened[other].instead) == (None, NO_ACCESS)
    with pytest.raises(PermissionError):
        await confined.to_seal(["contact-1", "bob"])
    assert await everybody.state("bob") is None
