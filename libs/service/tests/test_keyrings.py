"""The services of one process share a keyring, and the last one closes it."""

from __future__ import annotations

import asyncio

from pydantic import SecretStr

from libs.keys.wrapping import new_key
from libs.service.keyrings import Keyrings
from libs.service.settings import ServiceSettings

KEK = new_key()


def settings(name: str, url: str, kek: str = KEK) -> ServiceSettings:
    return ServiceSettings(
        service=name,
        database_url=SecretStr("postgresql://nobody@localhost/none"),
        kafka_bootstrap="localhost:0",
        jwks_url="http://localhost/keys",
        token_issuer="http://localhost",
        keys_url=SecretStr(url),
        keys_kek=SecretStr(kek),
    )


async def test_services_with_the_same_key_store_share_what_they_opened(database: str) -> None:
    keyrings = Keyrings()
    one = await keyrings.take(settings("ledger", database))
    other = await keyrings.take(settings("audit", database))
    assert one is other
    key = (await one.to_seal(["ann"]))["ann"]
    assert (await other.to_open(["ann"]))["ann"] is key
    await keyrings.give_back(one)
    assert (await other.to_open(["ann"], held=True))["ann"].secret == key.secret, "it is still connected"
    await keyrings.give_back(other)


async def test_services_that_start_at_once_share_one_too(database: str) -> None:
    keyrings = Keyrings()
    taken = await asyncio.gather(*(keyrings.take(settings(f"service-{n}", database)) for n in range(3)))
    assert len(set(map(id, taken))) == 1
    for each in taken:
        await keyrings.give_back(each)
    again = await keyrings.take(settings("ledger", database))
    assert again is not taken[0], "the last one closed it"
    await keyrings.give_back(again)


async def test_another_key_encryption_key_is_another_keyring(database: str) -> None:
    keyrings = Keyrings()
    one = await keyrings.take(settings("ledger", database))
    other = await keyrings.take(settings("audit", database, kek=new_key()))
    assert one is not other
    for each in (one, other):
        await keyrings.give_back(each)


async def test_after_the_last_one_it_is_opened_anew(database: str) -> None:
    keyrings = Keyrings()
    one = await keyrings.take(settings("ledger", database))
    await keyrings.give_back(one)
    another = await keyrings.take(settings("ledger", database))
    assert another is not one
    assert await another.state("ann") is None
    await keyrings.give_back(another)
