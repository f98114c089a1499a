"""Appends that travel together are each done by themselves, and none waits for another's stream."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from libs.events.envelope import NewEvent
from libs.events.postgres import PostgresStore
from libs.events.postgres.together import FLIGHTS, Together
from libs.events.store import AlreadyAnswered, Answer, ConcurrencyError
from libs.events.tests.shop import received


async def gathered(store: PostgresStore, *appends: tuple[str, int, Answer | None]) -> list[object]:
    """What becomes of appends that are asked for at once, behind enough others to make them travel together."""
    before = [store.append(f"before-{number}", 0, received(1)) for number in range(FLIGHTS)]
    asked = [store.append(stream, version, received(7, 8), answer) for stream, version, answer in appends]
    return (await asyncio.gather(*before, *asked, return_exceptions=True))[FLIGHTS:]


async def test_each_of_a_batch_has_its_own_outcome(postgres: PostgresStore) -> None:
    await postgres.append("item-1", 0, received(1))
    await postgres.append("item-9", 0, [], Answer("key-9", b"f", b"a"))
    before = await postgres.pool.fetchval("select count(distinct xid) from es.event")
    found = await gathered(
        postgres,
        ("item-3", 0, Answer("key-3", b"f", b"a")),
        ("item-1", 1, None),
        ("item-2", 4, Answer("key-2", b"f", b"a")),
        ("item-4", 0, Answer("key-9", b"f", b"a")),
    )
    assert found[:2] == [2, 3]
    assert [type(one) for one in found[2:]] == [ConcurrencyError, AlreadyAnswered]
    assert [e.version for e in await postgres.load("item-1")] == [1, 2, 3]
    assert await postgres.load("item-2") == await postgres.load("item-4") == []
    assert await postgres.answered("key-2") is None, "a failed attempt does not burn the key"
    assert await postgres.answered("key-3") == Answer("key-3", b"f", b"a")
    transactions = await postgres.pool.fetchval("select count(distinct xid) from es.event") - before
    assert transactions < FLIGHTS + 2, "they did not travel together"
    await postgres.stamp()
    sequence = await postgres.read(0, 100)
    assert [e.leaf_hash for e in sequence] == [
        row[0]
        for row in await postgres.pool.fetch(
            "select leaf_hash from es.sequence join es.event using (stream_no, version) order by global_seq"
        )
    ]


async def test_many_are_shared_out_so_that_one_transaction_is_made_ready_while_another_is_at_the_server(
    postgres: PostgresStore,
) -> None:
    for version in range(2):  # the first of all goes alone: it could not know of the others
        await asyncio.gather(*(postgres.append(f"item-{number}", version, received(1)) for number in range(30)))
    rows = await postgres.pool.fetch("select count(*) from es.event group by xid order by xid::text::bigint")
    sizes = [size for (size,) in rows]
    assert (sorted(sizes[:2]), sizes[2:]) == ([1, 29], [15, 15]), "of two at once either may be numbered first"


async def test_who_appends_alone_goes_at_once_and_by_himself() -> None:
    tasks: list[asyncio.Task[None] | None] = []

    async def alone(_stream: str, version: int, events: Sequence[NewEvent], _answer: Answer | None) -> int:
        tasks.append(asyncio.current_task())
        await asyncio.sleep(0)
        return version + len(events)

    together = Together(None, alone)  # type: ignore[arg-type]
    for version in range(3):
        assert await together.append("item-1", version, received(1), None) == version + 1
    assert tasks == [asyncio.current_task()] * 3


async def test_who_appends_at_once_and_is_cancelled_holds_nobody_up() -> None:
    begun, appended = asyncio.Event(), list[str]()

    async def alone(stream: str, version: int, events: Sequence[NewEvent], _answer: Answer | None) -> int:
        appended.append(stream)
        if not begun.is_set():
            begun.set()
            await asyncio.Event().wait()
        return version + len(events)

    together = Together(None, alone)  # type: ignore[arg-type]
    first = asyncio.create_task(together.append("item-1", 0, received(1), None))
    await begun.wait()
    second = asyncio.create_task(together.append("item-1", 0, received(1), None))
    third = asyncio.create_task(together.append("item-2", 0, received(1), None))
    assert await third == 1
    assert appended == ["item-1", "item-2"], "nothing else of its stream while it is under way"
    first.cancel()
    assert await second == 1
    assert await asyncio.gather(first, return_exceptions=True) != [1]
    assert not together._busy


async def test_one_stream_and_one_key_are_never_twice_in_a_batch(postgres: PostgresStore) -> None:
    answer = Answer("key", b"f", b"a")
    found = await gathered(
        postgres, ("item-1", 0, None), ("item-1", 0, None), ("item-2", 0, answer), ("item-3", 0, answer)
    )
    assert found[0] == found[2] == 2
    assert [type(found[1]), type(found[3])] == [ConcurrencyError, AlreadyAnswered]
    assert len(await postgres.load("item-1")) == 2


async def test_who_waits_for_a_stream_holds_nobody_up(postgres: PostgresStore) -> None:
    await postgres.append("item-1", 0, received(1))
    async with postgres.transaction() as session:
        await session.append("item-1", 1, received(2))
        before = [asyncio.create_task(postgres.append(f"before-{number}", 0, received(1))) for number in range(FLIGHTS)]
        held = asyncio.create_task(postgres.append("item-1", 1, received(3)))
        others = [asyncio.create_task(postgres.append(f"item-{number}", 0, received(1))) for number in range(2, 6)]
        assert await asyncio.gather(*before, *others) == [1] * (FLIGHTS + 4)
        assert not held.done()
    with pytest.raises(ConcurrencyError):
        await held


async def test_one_that_the_server_refuses_is_alone_in_it(postgres: PostgresStore) -> None:
    found = await gathered(postgres, ("item-1", 0, None), ("item-\0", 0, None), ("item-2", 0, None))
    assert [found[0], found[2]] == [2, 2]
    assert isinstance(found[1], Exception)
    assert not isinstance(found[1], ConcurrencyError)


async def test_who_is_cancelled_before_its_turn_appends_nothing(postgres: PostgresStore) -> None:
    tasks = [asyncio.create_task(postgres.append(f"item-{number}", 0, received(1))) for number in range(FLIGHTS + 2)]
    await asyncio.sleep(0)
    tasks[-1].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert done[:-1] == [1] * (FLIGHTS + 1)
    assert await postgres.load(f"item-{FLIGHTS + 1}") == []


async def test_a_fault_of_the_connection_is_told_to_all_of_a_batch(postgres: PostgresStore) -> None:
    class Broken:
        async def fetchval(self, *_: object) -> object:
            raise ConnectionResetError

    async def alone(*_: object) -> int:
        raise ConnectionResetError

    async def append(together: Together, stream: str, events: Sequence[NewEvent]) -> int:
        return await together.append(stream, 0, events, None)

    together = Together(Broken(), alone)  # type: ignore[arg-type]
    asked = [append(together, f"item-{number}", received(1)) for number in range(6)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in found} == {ConnectionResetError}
    assert not together._busy
