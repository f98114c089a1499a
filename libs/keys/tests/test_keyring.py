"""Keys are made once, opened while they may be, gone when destroyed, and wrapped anew without anybody noticing."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest

from libs.events.sealing import ERASED, RESTRICTED, KeyMissing, Shut
from libs.keys import KeyState, KeyStore, MemoryKeyStore, PersonKeyring, WrappingKeys, WrappingKeysError
from libs.keys.keyring import WATCH_S
from libs.keys.wrapping import new_key

OLD, NEW = new_key(), new_key()


def keyring(store: KeyStore, keys: str = OLD) -> PersonKeyring:
    return PersonKeyring(store, WrappingKeys.of(keys))


async def test_a_key_is_made_once_whoever_asks_first(store: KeyStore) -> None:
    one, other = keyring(store), keyring(store)
    made = await one.to_seal(["ann", "bob"])
    assert made["ann"].secret != made["bob"].secret
    assert (await other.to_seal(["ann"]))["ann"].secret == made["ann"].secret
    assert (await other.to_open(["bob"]))["bob"].secret == made["bob"].secret


async def test_the_store_never_sees_a_key_that_is_not_wrapped(store: KeyStore) -> None:
    secret = (await keyring(store).to_seal(["ann"]))["ann"].secret
    assert secret is not None
    stored = (await store.find(["ann"]))["ann"]
    assert secret not in stored.wrapped
    assert repr(secret) not in repr(stored)


async def test_a_key_that_never_was_is_missing_not_erased(store: KeyStore) -> None:
    with pytest.raises(KeyMissing, match="ann"):
        await keyring(store).to_open(["ann"])


async def test_restricted_data_are_read_by_those_alone_who_may(store: KeyStore) -> None:
    ring = keyring(store)
    key = (await ring.to_seal(["ann"]))["ann"]
    assert await ring.set_state("ann", KeyState.HELD)
    assert (await ring.to_open(["ann"]))["ann"].instead == RESTRICTED
    assert (await ring.to_open(["ann"], held=True))["ann"].secret == key.secret
    assert (await ring.to_open(["ann"]))["ann"].is_shut, "the privileged look leaves nothing behind"
    with pytest.raises(Shut, match="restricted"):
        await ring.to_seal(["ann"])
    assert await ring.set_state("ann", KeyState.ACTIVE)
    assert (await ring.to_open(["ann"]))["ann"].secret == key.secret


async def test_destroyed_is_for_ever(store: KeyStore) -> None:
    ring = keyring(store)
    await ring.to_seal(["ann"])
    assert await ring.set_state("ann", KeyState.DESTROYED)
    assert await ring.set_state("ann", KeyState.DESTROYED), "a second time is the same"
    assert not await ring.set_state("ann", KeyState.ACTIVE)
    assert (await ring.to_open(["ann"], held=True))["ann"].instead == ERASED
    assert (await store.find(["ann"]))["ann"].wrapped == b""
    with pytest.raises(Shut, match="erased"):
        await ring.to_seal(["ann"])
    assert not await ring.set_state("nobody", KeyState.DESTROYED)


async def test_another_process_notices_that_a_key_is_gone(store: KeyStore) -> None:
    here, there = keyring(store), keyring(store)
    await here.to_seal(["ann"])
    await there.look()
    assert not (await there.to_open(["ann"]))["ann"].is_shut
    told: list[str] = []
    there.on_change.append(lambda: told.append("changed"))
    await there.look()
    assert told == []
    await here.set_state("ann", KeyState.DESTROYED)
    await there.look()
    assert told == ["changed"]
    assert (await there.to_open(["ann"]))["ann"].instead == ERASED


async def test_keys_stay_in_memory_for_a_short_time_and_not_more_than_so_many() -> None:
    store, now = MemoryKeyStore(), [0.0]
    ring = PersonKeyring(store, WrappingKeys.of(OLD), kept_keys=2, kept_s=10, now=lambda: now[0])
    await ring.to_seal(["ann", "bob", "cid"])
    await store.set_state("bob", KeyState.DESTROYED)
    await store.set_state("ann", KeyState.DESTROYED)
    assert (await ring.to_open(["ann"]))["ann"].is_shut, "the first was dropped for the third"
    assert not (await ring.to_open(["cid"]))["cid"].is_shut
    now[0] = 10.0
    await store.set_state("cid", KeyState.DESTROYED)
    assert (await ring.to_open(["cid"]))["cid"].is_shut, "its time was over"


async def test_rotation_leaves_every_key_what_it_was_and_makes_the_old_wrapping_key_useless(
    store: KeyStore, tmp_path: Path
) -> None:
    path = tmp_path / "kek"
    path.write_text(OLD)
    ring = PersonKeyring(store, WrappingKeys.in_file(path))
    before = await ring.to_seal([f"person-{n}" for n in range(7)])
    await ring.set_state("person-1", KeyState.HELD)
    await ring.set_state("person-2", KeyState.DESTROYED)
    copy = (await store.find(["person-3"]))["person-3"]
    path.write_text(f"{OLD}\n{NEW}\n")
    assert await ring.rewrap() == 6
    assert await ring.rewrap() == 0
    path.write_text(NEW)
    fresh = PersonKeyring(store, WrappingKeys.in_file(path))
    for subject in before.keys() - {"person-2"}:
        assert (await fresh.to_open([subject], held=True))[subject].secret == before[subject].secret
    with pytest.raises(WrappingKeysError, match="not among those"):
        WrappingKeys.of(NEW).unwrap(copy.subject, copy.kek, copy.wrapped)


async def test_a_process_that_runs_reads_the_new_wrapping_key_when_it_meets_it(tmp_path: Path) -> None:
    store, path = MemoryKeyStore(), tmp_path / "kek"
    path.write_text(OLD)
    running = PersonKeyring(store, WrappingKeys.in_file(path), kept_s=0)
    key = (await running.to_seal(["ann"]))["ann"]
    path.write_text(f"{OLD} {NEW}")
    await PersonKeyring(store, WrappingKeys.in_file(path)).rewrap()
    assert (await running.to_open(["ann"]))["ann"].secret == key.secret


def test_a_wrapped_key_is_that_persons_alone_and_not_to_be_altered() -> None:
    keys = WrappingKeys.of(OLD)
    name, wrapped = keys.wrap("ann", b"s" * 32)
    assert keys.unwrap("ann", name, wrapped) == b"s" * 32
    with pytest.raises(WrappingKeysError, match="bob"):
        keys.unwrap("bob", name, wrapped)
    with pytest.raises(WrappingKeysError, match="altered"):
        keys.unwrap("ann", name, wrapped[:-1] + bytes([wrapped[-1] ^ 1]))


@pytest.mark.parametrize("text", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_what_is_no_wrapping_key_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(WrappingKeysError) as caught:
        WrappingKeys.of(text)
    assert not text or text not in str(caught.value)


async def test_of_several_who_watch_a_keyring_one_looks() -> None:
    looks = 0

    class Counting(MemoryKeyStore):
        async def epoch(self) -> int:
            nonlocal looks
            looks += 1
            return await super().epoch()

    clock = 0.0
    ring = PersonKeyring(Counting(), WrappingKeys.of(OLD), now=lambda: clock)
    watchers = [asyncio.create_task(ring.watch()) for _ in range(3)]
    await asyncio.sleep(0)
    assert looks == 0, "it was just made, and who made it looked"
    for watcher in watchers:
        watcher.cancel()
    clock = WATCH_S
    watchers = [asyncio.create_task(ring.watch()) for _ in range(3)]
    await asyncio.sleep(0)
    assert looks == 1
    for watcher in watchers:
        watcher.cancel()
