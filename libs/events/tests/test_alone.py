"""Where no other process appends, a state that is kept is the last one, and is not compared with the store; what was
appended past the process all the same is noticed by the sequence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from libs.events.clock import Clock
from libs.events.commands import CommandHandler
from libs.events.envelope import NewEvent, StoredEvent
from libs.events.store import Answer, Session, Store
from libs.events.tests.shop import CAUSE, CODEC, ITEM, ItemSold, ListItem, Receive, Refused, Sell, Stock, received

Loads = list[tuple[str, int]]


@pytest.fixture
def loads(store: Store, monkeypatch: pytest.MonkeyPatch) -> Loads:
    """What the store is asked for, outside transactions."""
    asked: Loads = []
    load = store.load

    async def noted(stream_id: str, after_version: int = 0) -> list[StoredEvent]:
        asked.append((stream_id, after_version))
        return await load(stream_id, after_version)

    monkeypatch.setattr(store, "load", noted)
    return asked


def alone(store: Store) -> CommandHandler:
    return CommandHandler(store, CODEC, Clock(), alone=True)


async def test_what_was_appended_or_loaded_here_is_not_asked_for_again(store: Store, loads: Loads) -> None:
    handler = alone(store)
    await handler.handle(ITEM, "item-1", ListItem("tea"), CAUSE)
    assert await handler.state(ITEM, "item-1") == (Stock(True, 0), 1)
    with pytest.raises(Refused):
        await handler.handle(ITEM, "item-1", Sell(4), CAUSE)
    assert (await handler.handle(ITEM, "item-1", ListItem("tea"), CAUSE)).events == []
    assert loads == []
    another = alone(store)
    assert [await another.state(ITEM, "item-1") for _ in range(2)] == [(Stock(True, 0), 1)] * 2
    assert loads == [("item-1", 0)]


async def test_a_stream_that_is_not_there_is_asked_for_each_time(store: Store, loads: Loads) -> None:
    handler = alone(store)
    assert [await handler.state(ITEM, "item-1") for _ in range(2)] == [(Stock(), 0)] * 2
    assert loads == [("item-1", 0)] * 2


async def test_what_was_appended_past_the_process_is_noticed_when_it_is_stamped(store: Store) -> None:
    handler = alone(store)
    await handler.handle(ITEM, "item-1", Receive(3), CAUSE)
    await store.stamp()
    assert await handler.state(ITEM, "item-1") == (Stock(False, 3), 1)
    await store.append("item-1", 1, received(4))
    await store.stamp()
    assert await handler.state(ITEM, "item-1") == (Stock(False, 7), 2)


async def test_more_than_can_be_told_makes_every_state_one_to_compare(store: Store, loads: Loads) -> None:
    handler = alone(store)
    await handler.handle(ITEM, "item-1", Receive(3), CAUSE)
    await store.stamp()
    await store.append("item-1", 1, received(*[1] * 600))
    await store.stamp()
    assert await handler.state(ITEM, "item-1") == (Stock(False, 603), 601)
    loads.clear()
    assert await handler.state(ITEM, "item-1") == (Stock(False, 603), 601)
    assert loads == []


async def test_an_append_whose_answer_was_lost_leaves_nothing_to_be_sure_of(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = alone(store)
    await handler.handle(ITEM, "item-1", Receive(3), CAUSE)
    append = store.append

    async def lost(
        stream_id: str, expected_version: int, events: Sequence[NewEvent], answer: Answer | None = None
    ) -> int:
        await append(stream_id, expected_version, events, answer)
        raise ConnectionError("the answer was lost")

    monkeypatch.setattr(store, "append", lost)
    with pytest.raises(ConnectionError):
        await handler.handle(ITEM, "item-1", Receive(4), CAUSE)
    assert await handler.state(ITEM, "item-1") == (Stock(False, 7), 2)


async def test_who_gives_up_waiting_leaves_nothing_to_be_sure_of(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = alone(store)
    await handler.handle(ITEM, "item-1", Receive(3), CAUSE)
    append, is_done = store.append, asyncio.Event()

    async def slow(*arguments: Any) -> int:
        version = await append(*arguments)
        is_done.set()
        await asyncio.Event().wait()
        return version

    monkeypatch.setattr(store, "append", slow)
    asking = asyncio.create_task(handler.handle(ITEM, "item-1", Receive(4), CAUSE))
    await is_done.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert await handler.state(ITEM, "item-1") == (Stock(False, 7), 2)


async def test_what_is_heard_while_a_stream_is_loaded_may_not_be_in_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = alone(store)
    await store.append("item-1", 0, received(3))
    await store.stamp()
    load, is_loaded, may_go_on = store.load, asyncio.Event(), asyncio.Event()

    async def slow(stream_id: str, after_version: int = 0) -> list[StoredEvent]:
        events = await load(stream_id, after_version)
        is_loaded.set()
        await may_go_on.wait()
        return events

    monkeypatch.setattr(store, "load", slow)
    reading = asyncio.create_task(handler.state(ITEM, "item-1"))
    await is_loaded.wait()
    await store.append("item-1", 1, received(4))
    await store.stamp()
    may_go_on.set()
    assert await reading == (Stock(False, 3), 1), "as it was when it was asked for"
    assert await handler.state(ITEM, "item-1") == (Stock(False, 7), 2)


async def test_a_transaction_sees_what_it_has_appended_and_others_what_is_committed(store: Store) -> None:
    handler = alone(store)
    await handler.handle(ITEM, "item-1", Receive(3), CAUSE)

    async def work(session: Session) -> None:
        await handler.handle(ITEM, "item-1", Receive(4), CAUSE, within=session)
        assert await handler.state(ITEM, "item-1") == (Stock(False, 3), 1)
        assert await handler.state(ITEM, "item-1", session) == (Stock(False, 7), 2)

    async with store.transaction() as session:
        await work(session)
    assert await handler.state(ITEM, "item-1") == (Stock(False, 7), 2)

    async def fail() -> None:
        async with store.transaction() as session:
            await handler.append("item-1", 2, [ItemSold(quantity=1)], CAUSE, within=session)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await handler.state(ITEM, "item-1") == (Stock(False, 7), 2)
    async with store.transaction() as session:
        await handler.append("item-1", 2, [ItemSold(quantity=1)], CAUSE, within=session)
    assert await handler.state(ITEM, "item-1") == (Stock(False, 6), 3)


async def test_states_are_loaded_anew_when_they_may_be_read_otherwise(store: Store, loads: Loads) -> None:
    handler = alone(store)
    await handler.handle(ITEM, "item-1", ListItem("tea"), CAUSE)
    handler.forget()
    assert await handler.state(ITEM, "item-1") == (Stock(True, 0), 1)
    assert loads == [("item-1", 0)]
