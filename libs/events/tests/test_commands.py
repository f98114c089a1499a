"""A command is decided once, on the state that it is appended to, whoever else writes at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from libs.events.clock import Clock
from libs.events.commands import CommandHandler, Key, KeyReused, Outcome, VersionMismatch
from libs.events.decider import Decider
from libs.events.envelope import NewEvent, StoredEvent
from libs.events.memory import MemoryStore
from libs.events.metrics import REGISTRY
from libs.events.postgres import PostgresStore
from libs.events.store import Answer, ConcurrencyError, Session, Store
from libs.events.tests.shop import (
    CAUSE,
    CODEC,
    ITEM,
    Delist,
    Event,
    ItemReceived,
    ItemSold,
    ListItem,
    Receive,
    Refused,
    Sell,
    Stock,
    commands,
    received,
)


def key_of(key: str = "key", fingerprint: bytes = b"same") -> Key:
    return Key(key, fingerprint, lambda outcome: b"version %d" % outcome.version)


async def test_events_follow_from_the_state_and_carry_their_circumstances(store: Store) -> None:
    handler = commands(store)
    await handler.handle(ITEM, "item-1", ListItem("tea"), CAUSE)
    cause = replace(
        CAUSE,
        causation_id="cause",
        after="2100-01-01T00:00:00.000000Z",
        request_id="request",
        traceparent="00-1-2-01",
        effective_date="2026-01-31",
        rules={"card": "3"},
    )
    outcome = await handler.handle(ITEM, "item-1", Receive(5), cause)
    assert (outcome.state, outcome.version, outcome.events) == (Stock(True, 5), 2, [ItemReceived(quantity=5)])
    assert outcome.answer is None
    metadata = (await store.load("item-1"))[1].circumstances
    assert metadata.recorded_at > cause.after
    assert (metadata.actor, metadata.correlation_id) == (cause.actor, cause.correlation_id)
    assert (metadata.causation_id, metadata.request_id, metadata.traceparent) == ("cause", "request", "00-1-2-01")
    assert (metadata.effective_date, metadata.rules) == ("2026-01-31", {"card": "3"})


async def test_a_command_that_changes_nothing_appends_nothing_and_wakes_nobody(store: Store) -> None:
    woken: list[int] = []
    handler = CommandHandler(store, CODEC, Clock(), lambda: woken.append(1))
    await handler.handle(ITEM, "item-1", ListItem("tea"), CAUSE)
    outcome = await handler.handle(ITEM, "item-1", ListItem("tea"), CAUSE)
    assert (outcome.version, outcome.events) == (1, [])
    assert woken == [1]


async def test_a_refused_command_leaves_no_trace_and_its_key_may_be_used_again(store: Store) -> None:
    handler = commands(store)
    with pytest.raises(Refused):
        await handler.handle(ITEM, "item-1", Sell(1), CAUSE, key=key_of())
    assert await store.load("item-1") == []
    await handler.handle(ITEM, "item-1", Receive(1), CAUSE)
    assert (await handler.handle(ITEM, "item-1", Sell(1), CAUSE, key=key_of())).answer is None


async def test_the_same_key_again_gives_the_answer_of_the_first_time(store: Store) -> None:
    handler = commands(store)
    first = await handler.handle(ITEM, "item-1", Receive(5), CAUSE, key=key_of())
    assert first.answer is None
    await handler.handle(ITEM, "item-1", Receive(5), CAUSE)
    for again in (handler, commands(store)):
        outcome = await again.handle(ITEM, "item-1", Receive(5), CAUSE, key=key_of())
        assert (outcome.answer, outcome.events, outcome.state.quantity) == (b"version 1", (), 10)
    assert len(await store.load("item-1")) == 2


async def test_the_answer_is_given_again_although_the_command_would_now_be_refused(store: Store) -> None:
    handler = commands(store)
    await handler.handle(ITEM, "item-1", Receive(5), CAUSE)
    await handler.handle(ITEM, "item-1", Sell(5), CAUSE, key=key_of(), expected_version=1)
    for version in (1, None):
        outcome = await handler.handle(ITEM, "item-1", Sell(5), CAUSE, key=key_of(), expected_version=version)
        assert outcome.answer == b"version 2"
    assert len(await store.load("item-1")) == 2


async def test_a_key_stands_for_one_content(store: Store) -> None:
    handler = commands(store)
    await handler.handle(ITEM, "item-1", Receive(5), CAUSE, key=key_of())
    with pytest.raises(KeyReused):
        await handler.handle(ITEM, "item-1", Receive(6), CAUSE, key=key_of(fingerprint=b"other"))
    with pytest.raises(KeyReused):
        await handler.handle(ITEM, "item-1", Sell(100), CAUSE, key=key_of(fingerprint=b"other"))


async def test_a_key_is_remembered_for_a_command_that_changes_nothing(store: Store) -> None:
    handler = commands(store)
    await handler.handle(ITEM, "item-1", ListItem("tea"), CAUSE)
    await handler.handle(ITEM, "item-1", ListItem("tea"), CAUSE, key=key_of())
    assert (await handler.handle(ITEM, "item-1", ListItem("tea"), CAUSE, key=key_of())).answer == b"version 1"


async def test_of_many_at_once_with_one_key_one_takes_effect(store: Store) -> None:
    handlers = [commands(store) for _ in range(6)]
    outcomes = await asyncio.gather(
        *(handler.handle(ITEM, "item-1", Receive(5), CAUSE, key=key_of()) for handler in handlers)
    )
    assert [outcome.answer for outcome in outcomes].count(None) == 1
    assert len(await store.load("item-1")) == 1


async def test_a_caller_may_insist_on_a_version(store: Store) -> None:
    handler = commands(store)
    await handler.handle(ITEM, "item-1", Receive(5), CAUSE, expected_version=0)
    with pytest.raises(VersionMismatch) as mismatch:
        await handler.handle(ITEM, "item-1", Receive(5), CAUSE, expected_version=0)
    assert mismatch.value.current == 1


async def test_many_handlers_on_one_stream_lose_nothing_and_sell_nothing_twice(store: Store) -> None:
    await commands(store).handle(ITEM, "item-1", Receive(12), CAUSE)

    async def sell(handler: CommandHandler) -> int:
        sold = 0
        for _ in range(5):
            try:
                await handler.handle(ITEM, "item-1", Sell(1), CAUSE)
                sold += 1
            except Refused:
                pass
        return sold

    assert sum(await asyncio.gather(*(sell(commands(store)) for _ in range(4)))) == 12
    state, version = await commands(store).state(ITEM, "item-1")
    assert (state.quantity, version) == (0, 13)


async def test_of_many_at_once_on_one_stream_each_is_too_late_at_most_once(store: Store) -> None:
    """All that were too late would otherwise race again each time, and n commands be decided n times n times."""
    many, decisions = 40, 0

    def decide(command: Any, state: Stock) -> Sequence[Event]:
        nonlocal decisions
        decisions += 1
        return ITEM.decide(command, state)

    item, handler = Decider("item", Stock(), decide, ITEM.evolve), commands(store)
    await handler.handle(item, "item-1", Receive(1), CAUSE)
    outcomes = await asyncio.gather(*(handler.handle(item, "item-1", Receive(1), CAUSE) for _ in range(many)))
    assert sorted(outcome.version for outcome in outcomes) == list(range(2, many + 2))
    assert (await handler.state(item, "item-1"))[0].quantity == many + 1
    assert decisions <= 1 + 2 * many


async def test_after_a_conflict_the_command_is_decided_on_the_new_state(store: Store) -> None:
    """The first decision would sell what another one sells in the meantime."""
    await commands(store).handle(ITEM, "item-1", Receive(1), CAUSE)
    seen: list[int] = []

    def decide(command: Any, state: Stock) -> Sequence[Event]:
        seen.append(state.quantity)
        return ITEM.decide(command, state)

    class Raced:
        """The store, where somebody else sells just before the first append."""

        def __init__(self) -> None:
            self.raced = False

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def append(
            self, stream_id: str, version: int, events: Sequence[NewEvent], answer: Answer | None = None
        ) -> int:
            if not self.raced:
                self.raced = True
                await commands(store).handle(ITEM, "item-1", Sell(1), CAUSE)
            return await store.append(stream_id, version, events, answer)

    raced: Any = Raced()
    handler = commands(raced)
    await handler.state(ITEM, "item-1")
    with pytest.raises(Refused):
        await handler.handle(Decider("item", Stock(), decide, ITEM.evolve), "item-1", Sell(1), CAUSE)
    assert seen == [1, 0]


async def test_a_stream_that_never_stands_still_is_a_fault() -> None:
    class Restless(MemoryStore):
        async def append(self, *_args: Any, **_kwargs: Any) -> int:
            raise ConcurrencyError

    with pytest.raises(ConcurrencyError, match="50 times"):
        await commands(Restless()).handle(ITEM, "item-1", Receive(1), CAUSE)


async def test_states_are_kept_and_only_what_came_since_is_loaded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []
    load = store.load

    async def counted(stream_id: str, after_version: int = 0) -> Any:
        asked.append((stream_id, after_version))
        return await load(stream_id, after_version)

    monkeypatch.setattr(store, "load", counted)
    monkeypatch.setattr("libs.events.states.CACHED_STATES", 2)
    handler = commands(store)
    await handler.handle(ITEM, "item-1", Receive(1), CAUSE)
    await commands(store).handle(ITEM, "item-1", Receive(2), CAUSE)
    asked.clear()
    assert await handler.state(ITEM, "item-1") == (Stock(False, 3), 2)
    assert await handler.state(ITEM, "item-1") == (Stock(False, 3), 2)
    assert asked == [("item-1", 1), ("item-1", 2)]
    for stream in ("item-2", "item-3"):
        await handler.handle(ITEM, stream, Receive(1), CAUSE)
    asked.clear()
    await handler.state(ITEM, "item-1")
    assert asked == [("item-1", 0)], "the one that was used longest ago is forgotten"


async def test_a_state_that_is_kept_is_decided_on_without_loading_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = commands(store)
    await handler.handle(ITEM, "item-1", Receive(1), CAUSE)
    load = store.load
    monkeypatch.setattr(store, "load", None)
    assert (await handler.handle(ITEM, "item-1", Sell(1), CAUSE)).state == Stock(False, 0)
    monkeypatch.setattr(store, "load", load)


async def test_a_stream_that_nobody_has_met_is_taken_for_a_new_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = store.load
    monkeypatch.setattr(store, "load", None)
    assert (await commands(store).handle(ITEM, "item-1", Receive(3), CAUSE)).version == 1
    monkeypatch.setattr(store, "load", load)


async def test_a_stream_that_is_not_new_is_loaded_and_that_is_no_conflict(store: Store) -> None:
    await commands(store).handle(ITEM, "item-1", Receive(3), CAUSE)
    counted = REGISTRY.get_sample_value("puhui_append_conflicts_total", {"service": "", "category": "item"})
    received = await commands(store).handle(ITEM, "item-1", Receive(1), CAUSE)
    assert (received.state.quantity, received.version) == (4, 2)
    sold = await commands(store).handle(ITEM, "item-1", Sell(4), CAUSE, expected_version=2)
    assert (sold.state.quantity, sold.version) == (0, 3)
    assert counted == REGISTRY.get_sample_value("puhui_append_conflicts_total", {"service": "", "category": "item"})


async def test_a_kept_state_that_is_not_the_last_one_neither_refuses_nor_leaves_anything_undone(store: Store) -> None:
    handler = commands(store)

    async def stale() -> None:
        """What the handler keeps of the item is behind what another process has appended."""
        await handler.state(ITEM, "item-1")
        await commands(store).handle(ITEM, "item-1", Receive(5), CAUSE)

    await handler.handle(ITEM, "item-1", Receive(1), CAUSE)
    await stale()
    assert (await handler.handle(ITEM, "item-1", Sell(6), CAUSE)).state == Stock(False, 0)
    await stale()
    assert (await handler.handle(ITEM, "item-1", Receive(1), CAUSE)).state == Stock(False, 6)
    await stale()
    async with store.transaction() as session:
        with pytest.raises(ConcurrencyError):
            await handler.handle(ITEM, "item-1", Receive(1), CAUSE, within=session)
    async with store.transaction() as session:
        assert (await handler.handle(ITEM, "item-1", Receive(1), CAUSE, within=session)).state == Stock(False, 12)
    await handler.handle(ITEM, "item-1", ListItem("tea"), CAUSE)
    await commands(store).handle(ITEM, "item-1", Delist(), CAUSE)
    assert (await handler.handle(ITEM, "item-1", ListItem("tea"), CAUSE)).state.listed


async def test_what_a_transaction_loaded_is_kept_once_it_is_committed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = commands(store)
    await commands(store).handle(ITEM, "item-1", Receive(3), CAUSE)

    async def failing() -> None:
        async with store.transaction() as session:
            await session.append("item-1", 1, received(1))
            assert await handler.state(ITEM, "item-1", session) == (Stock(False, 4), 2)
            raise LookupError("the transaction fails")

    with pytest.raises(LookupError):
        await failing()
    assert await handler.state(ITEM, "item-1") == (Stock(False, 3), 1), "nothing of it is kept"
    other = commands(store)
    async with store.transaction() as session:
        await session.append("item-1", 1, received(1))
        assert await other.state(ITEM, "item-1", session) == (Stock(False, 4), 2)
    loaded: list[int] = []
    load = type(store).load

    async def noted(self: Store, stream_id: str, after_version: int = 0) -> list[StoredEvent]:
        loaded.append(after_version)
        return await load(self, stream_id, after_version)

    monkeypatch.setattr(type(store), "load", noted)
    assert await other.state(ITEM, "item-1") == (Stock(False, 4), 2)
    assert loaded == [2], "only what came since is asked for"


async def test_within_a_session_everything_waits_for_its_end(store: Store) -> None:
    woken: list[str] = []
    handler = CommandHandler(store, CODEC, Clock(), lambda: woken.append("woken"))

    async def work(session: Session) -> Outcome[Stock]:
        await handler.handle(ITEM, "item-1", Receive(3), CAUSE, within=session, key=key_of())
        outcome = await handler.handle(ITEM, "item-1", Sell(1), CAUSE, within=session)
        assert woken == []
        return outcome

    async def fail() -> None:
        async with store.transaction() as session:
            await work(session)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await handler.state(ITEM, "item-1") == (Stock(), 0)
    async with store.transaction() as session:
        outcome = await work(session)
    assert (outcome.version, outcome.events) == (2, [ItemSold(quantity=1)])
    assert woken == ["woken", "woken"]
    async with store.transaction() as session:
        again = await handler.handle(ITEM, "item-1", Receive(3), CAUSE, within=session, key=key_of())
    assert again.answer == b"version 1"


async def test_who_appended_may_say_what_it_led_to(store: Store) -> None:
    handler = commands(store)

    async def sell(fails: bool) -> None:
        async with store.transaction() as session:
            await handler.append("item-1", 1, [ItemSold(quantity=1)], CAUSE, within=session)
            handler.keep("item-1", Stock(False, 2), 2, session)
            assert not fails or 1 / 0

    await handler.handle(ITEM, "item-1", Receive(3), CAUSE)
    with pytest.raises(ZeroDivisionError):
        await sell(fails=True)
    assert await handler.state(ITEM, "item-1") == (Stock(False, 3), 1)
    await sell(fails=False)
    kept = handler._states.get("item-1")
    assert kept is not None
    assert (kept.state, kept.version) == (Stock(False, 2), 2)
    assert await commands(store).state(ITEM, "item-1") == (Stock(False, 2), 2)


async def test_a_conflict_within_a_session_is_the_sessions_to_repeat(postgres: PostgresStore) -> None:
    handler = commands(postgres)
    await handler.state(ITEM, "item-1")

    async def late() -> None:
        async with postgres.transaction() as session:
            await postgres.append("item-1", 0, received(1))
            await handler.handle(ITEM, "item-1", Receive(1), CAUSE, within=session, expected_version=0)

    with pytest.raises(VersionMismatch):
        await late()

    async def later() -> None:
        async with postgres.transaction() as session:
            await session.load("item-1")
            await session.append("item-1", 0, received(1))

    with pytest.raises(ConcurrencyError):
        await later()
    assert len(await postgres.load("item-1")) == 1
