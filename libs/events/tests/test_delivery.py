"""Events reach a subscriber once in effect; what cannot be handled is set aside, and all else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from libs.events.clock import Clock
from libs.events.codec import Recorded
from libs.events.commands import CommandHandler
from libs.events.conflicts import in_transaction
from libs.events.delivery import Delivery
from libs.events.errors import NotYet, is_transient
from libs.events.ids import derive_id
from libs.events.memory import MemoryStore
from libs.events.postgres import PostgresStore
from libs.events.postgres.store import PostgresSession
from libs.events.projection import Add, Put
from libs.events.signals import Signal
from libs.events.store import OWN, ConcurrencyError, Fenced, Position, Session, Store
from libs.events.subscribers import ProjectionSubscriber, Reaction, Reactions, ReactionSubscriber
from libs.events.tail import Tail
from libs.events.tests.shop import (
    CAUSE,
    CODEC,
    ITEM,
    ITEMS,
    SOURCE,
    ItemListed,
    ItemReceived,
    Ledger,
    Receive,
    Sell,
    commands,
    effects,
    fill,
    new_event,
    received,
    shop_view,
)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.events.delivery.RETRY_DELAYS_S", (0.0, 0.0))


async def append(store: Store, *streams: str) -> None:
    for stream in streams:
        version = len(await store.load(stream))
        await store.append(stream, version, received(1))
    await store.stamp()


def tail_of(store: Store, subscriber: Any) -> Tail:
    return Tail(store, subscriber, CODEC, SOURCE, Signal())


async def drain(tail: Tail) -> int:
    total = 0
    while passed := await tail.step():
        total += passed
    return total


async def test_every_event_is_handled_once_and_in_order(store: Store) -> None:
    await append(store, "item-1", "item-2", "item-1")
    ledger = Ledger()
    assert await drain(tail_of(store, ledger)) == 3
    assert await drain(tail_of(store, ledger)) == 0
    await append(store, "item-2")
    assert await drain(tail_of(store, ledger)) == 1
    assert ledger.order == [("item-1", 1), ("item-2", 1), ("item-1", 2), ("item-2", 2)]
    assert await effects(store) == {"item-1/1": 1, "item-2/1": 1, "item-1/2": 1, "item-2/2": 1}
    assert await store.positions("ledger") == {(OWN, 0): Position(4, 5)}


async def test_events_of_other_types_are_passed(store: Store) -> None:
    await append(store, "item-1", "item-2")
    ledger = Ledger(types=frozenset({"shop.item-listed.v1"}))
    assert await drain(tail_of(store, ledger)) == 2
    assert ledger.order == []
    assert (await store.progress()).last_handled("ledger", OWN) == 2


async def test_of_two_processes_one_gets_on_and_the_other_follows(store: Store) -> None:
    ours, theirs = Ledger(), Ledger()
    tails = tail_of(store, ours), tail_of(store, theirs)
    for turn in range(6):
        await append(store, "item-1", "item-2")
        await asyncio.gather(*(tail.step() for tail in tails))
        await tails[turn % 2].step()
    await asyncio.gather(*(drain(tail) for tail in tails))
    assert set((await effects(store)).values()) == {1}
    assert len(await effects(store)) == 12


async def test_a_large_batch_is_handled_in_several_transactions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.events.delivery.BATCH_SIZE", 4)
    sizes: list[int] = []

    class Measured(Ledger):
        async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
            sizes.append(len(batch))
            await super().handle(session, batch)

    await append(store, *["item-1"] * 10)
    assert await tail_of(store, Measured()).step() == 10
    assert sizes == [4, 4, 2]
    assert await store.positions("ledger") == {(OWN, 0): Position(10, 11)}


async def test_a_poison_event_and_what_follows_it_in_its_stream_are_parked_and_all_else_flows(store: Store) -> None:
    await append(store, "item-1", "item-2", "item-1", "item-2", "item-1", "item-3")
    ledger = Ledger()
    ledger.poison = {("item-1", 2)}
    tail = tail_of(store, ledger)
    await drain(tail)
    await append(store, "item-1", "item-2")
    await drain(tail)
    assert await effects(store) == dict.fromkeys(["item-1/1", "item-2/1", "item-2/2", "item-2/3", "item-3/1"], 1)
    parked = await store.parked("ledger")
    assert [(one.event.stream_id, one.event.version) for one in parked] == [("item-1", n) for n in (2, 3, 4)]
    assert "poison" in parked[0].error
    assert parked[0].attempts == 3
    assert "earlier event" in parked[1].error
    assert (await store.progress()).parked == 3


async def parked_ledger(store: Store) -> tuple[Ledger, Delivery]:
    await append(store, "item-1", "item-1", "item-2", "item-1")
    ledger = Ledger()
    ledger.poison = {("item-1", 1)}
    await drain(tail_of(store, ledger))
    assert len(await store.parked("ledger")) == 3
    return ledger, Delivery(store, ledger, CODEC)


async def test_what_is_parked_is_handed_over_again_in_order_once_it_is_repaired(store: Store) -> None:
    ledger, delivery = await parked_ledger(store)
    with pytest.raises(ValueError, match="poison"):
        await delivery.redrive("item-1")
    assert len(await store.parked("ledger")) == 3
    ledger.poison.clear()
    assert await delivery.redrive("item-1") == 3
    assert await delivery.redrive("item-1") == 0
    assert ledger.order == [("item-2", 1), ("item-1", 1), ("item-1", 2), ("item-1", 3)]
    assert await effects(store) == dict.fromkeys(["item-1/1", "item-1/2", "item-1/3", "item-2/1"], 1)
    await append(store, "item-1")
    await drain(tail_of(store, ledger))
    assert ledger.order[-1] == ("item-1", 4)


async def test_a_later_failure_stops_the_handing_over_there(store: Store) -> None:
    ledger, delivery = await parked_ledger(store)
    ledger.poison = {("item-1", 2)}
    with pytest.raises(ValueError, match="poison"):
        await delivery.redrive("item-1")
    assert [one.event.version for one in await store.parked("ledger")] == [2, 3]
    assert (await effects(store))["item-1/1"] == 1


async def test_two_operators_hand_over_once(store: Store) -> None:
    ledger, delivery = await parked_ledger(store)
    ledger.poison.clear()
    results = await asyncio.gather(*(delivery.redrive("item-1") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, int | Fenced) for result in results)
    assert await store.parked("ledger") == []
    assert set((await effects(store)).values()) == {1}


async def test_a_given_up_event_lets_those_after_it_through(store: Store) -> None:
    _, delivery = await parked_ledger(store)
    assert await delivery.skip("item-1") == 1
    assert await delivery.redrive("item-1") == 2
    assert "item-1/1" not in await effects(store)
    with pytest.raises(LookupError, match="nothing of item-1"):
        await delivery.skip("item-1")


async def test_what_is_parked_of_one_topic_does_not_hold_another_topics_stream_of_the_same_name(store: Store) -> None:
    ledger, _ = await parked_ledger(store)
    event = (await store.load("item-1"))[0]
    assert await store.advance(ledger.consumer, "another", 0, None, Position(1, 1), [event.stream_id]) == set()


async def test_a_passing_fault_of_the_database_is_not_held_against_the_event(store: Store) -> None:
    await append(store, "item-1", "item-2")
    ledger = Ledger()
    ledger.poison, ledger.error = {("item-2", 1)}, ConnectionResetError()
    tail = tail_of(store, ledger)
    with pytest.raises(ConnectionResetError):
        await tail.step()
    assert await store.parked("ledger") == []
    ledger.poison.clear()
    await drain(tail)
    assert await effects(store) == {"item-1/1": 1, "item-2/1": 1}


async def test_what_fails_only_in_company_is_handled_alone(store: Store) -> None:
    class Picky(Ledger):
        async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
            if len(batch) > 1:
                raise ValueError("one at a time")
            await super().handle(session, batch)

    await append(store, "item-1", "item-2", "item-1")
    await store.append("item-9", 0, received(1))
    picky = Picky()
    await drain(tail_of(store, picky))
    assert await store.parked("ledger") == []
    assert len(picky.order) == 3


async def test_an_event_whose_cause_is_on_its_way_waits_and_those_before_it_are_handled(store: Store) -> None:
    await append(store, "item-1", "item-2", "item-1")
    ledger = Ledger()
    ledger.poison, ledger.error = {("item-2", 1)}, NotYet("item-2 is not known")
    tail = tail_of(store, ledger)
    assert await tail.step() == 0
    assert await tail.step() == 0
    assert ledger.order == [("item-1", 1)]
    assert await store.parked("ledger") == []
    ledger.poison.clear()
    await drain(tail)
    assert ledger.order == [("item-1", 1), ("item-2", 1), ("item-1", 2)]


async def test_a_lost_race_is_repeated_on_what_is_there_now(store: Store) -> None:
    """A reaction decides on a stream to which a command is appended before the reaction's transaction ends."""
    handler = commands(store)
    raced: list[int] = []

    class Raced(Ledger):
        async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
            version = len(await session.load("item-9"))
            if not raced:
                raced.append(version)
                await store.append("item-9", version, received(7))
            await session.append("item-9", version, received(1))

    await append(store, "item-1")
    await tail_of(store, Raced()).step()
    state, version = await handler.state(ITEM, "item-9")
    assert (state.quantity, version, raced) == (8, 2, [0])


async def test_a_race_that_is_always_lost_is_a_fault() -> None:
    tries = 0

    async def lose(_session: Session) -> None:
        nonlocal tries
        tries += 1
        raise ConcurrencyError

    with pytest.raises(ConcurrencyError):
        await in_transaction(MemoryStore(), lose)
    assert tries == 20


async def test_a_value_that_does_not_fit_is_the_events_fault(postgres: PostgresStore) -> None:
    class Confused(Ledger):
        async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
            await session.apply([Put(ITEMS, {"id": r.stream_id, "quantity": "many"}) for r in batch])

    await append(postgres, "item-1")
    await drain(tail_of(postgres, Confused()))
    assert len(await postgres.parked("ledger")) == 1


async def test_a_table_that_is_missing_parks_nothing(postgres: PostgresStore) -> None:
    await append(postgres, "item-1")
    await postgres.pool.execute("drop table item")
    with pytest.raises(asyncpg.UndefinedTableError):
        await tail_of(postgres, Ledger()).step()
    assert await postgres.parked("ledger") == []


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (TimeoutError(), True),
        (ConnectionRefusedError(), True),
        (asyncpg.DeadlockDetectedError("x"), True),
        (asyncpg.AdminShutdownError("x"), True),
        (asyncpg.InterfaceError("closed"), True),
        (asyncpg.UniqueViolationError("x"), False),
        (ValueError(), False),
        (KeyError(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_faults_that_pass_are_told_from_those_that_stay(error: Exception, passing: bool) -> None:
    assert is_transient(error) is passing


async def test_reactions_act_in_the_name_of_their_cause(store: Store) -> None:
    reactions = Reactions("orders")
    woken: list[int] = []

    @reactions.on(ItemListed)
    async def order(recorded: Recorded[ItemListed], reaction: Reaction) -> None:
        await reaction.handle(ITEM, f"stock-{recorded.key}", Receive(3), effective_date="2026-02-01")
        await reaction.schedule("pay", recorded.key, {"amount": "3"})
        await reaction.apply(Add(ITEMS, {"id": recorded.key}, {"quantity": 1}))

    @reactions.on(ItemReceived)
    async def ignore(_recorded: Recorded[ItemReceived], _reaction: Reaction) -> None:
        return

    with pytest.raises(ValueError, match="twice"):
        reactions.on(ItemListed)(order)
    handler = CommandHandler(store, CODEC, Clock(), lambda: woken.append(1))
    subscriber = ReactionSubscriber(reactions, handler, "orders", reactions.types)
    await fill(store, streams=1, each=2)
    await drain(tail_of(store, subscriber))
    assert woken == [1]
    cause, effect = (await store.load("item-0"))[0], (await store.load("stock-0"))[0]
    assert effect.circumstances.causation_id == str(cause.event_id)
    assert effect.circumstances.correlation_id == cause.circumstances.correlation_id
    assert effect.circumstances.recorded_at > cause.circumstances.recorded_at
    assert effect.circumstances.effective_date == "2026-02-01"
    assert effect.circumstances.actor.subject == "service:orders"
    (task,) = await store.claim_tasks(["pay"], 1, timedelta(minutes=1))
    assert task.task_id == derive_id(cause.event_id, "pay/0")
    assert task.payload == b'{"amount":"3","correlation_id":"correlation-1"}'
    assert await effects(store) == {"0": 1}


def opening(handler: CommandHandler) -> ReactionSubscriber:
    """For each item that is listed it opens a stock and counts that."""
    reactions = Reactions("orders")

    @reactions.on(ItemListed)
    async def open_stock(recorded: Recorded[ItemListed], reaction: Reaction) -> None:
        await reaction.handle(ITEM, f"stock-{recorded.key}", Receive(3), opens=True)
        await reaction.apply(Add(ITEMS, {"id": recorded.key}, {"quantity": 1}))

    return ReactionSubscriber(reactions, handler, "orders", reactions.types)


async def test_streams_that_a_batch_opens_are_appended_together_and_known_then(store: Store) -> None:
    woken: list[int] = []
    handler = CommandHandler(store, CODEC, Clock(), lambda: woken.append(1))
    await fill(store, streams=3, each=1)
    await drain(tail_of(store, opening(handler)))
    assert [len(await store.load(f"stock-{n}")) for n in range(3)] == [1, 1, 1]
    assert woken == [1]
    cause, effect = (await store.load("item-2"))[0], (await store.load("stock-2"))[0]
    assert effect.circumstances.causation_id == str(cause.event_id)
    outcome = await handler.handle(ITEM, "stock-2", Sell(3), CAUSE)
    assert (outcome.version, outcome.state.quantity) == (2, 0)


async def test_a_stream_that_was_open_already_is_looked_at_and_nothing_is_done_twice(store: Store) -> None:
    await fill(store, streams=3, each=1)
    await append(store, "stock-1")
    await drain(tail_of(store, opening(CommandHandler(store, CODEC, Clock()))))
    assert [len(await store.load(f"stock-{n}")) for n in range(3)] == [1, 2, 1]
    assert await effects(store) == {"0": 1, "1": 1, "2": 1}
    assert not await store.parked("orders")


@pytest.mark.parametrize("times", [1, 2])
async def test_what_a_batch_has_opened_is_there_for_what_comes_after_in_it(store: Store, times: int) -> None:
    reactions = Reactions("orders")
    found: list[int] = []

    @reactions.on(ItemListed)
    async def open_stock(recorded: Recorded[ItemListed], reaction: Reaction) -> None:
        for _ in range(times):  # a second time it goes on from the first
            outcome = await reaction.handle(ITEM, f"stock-{recorded.key}", Receive(3), opens=True)
        found.append(outcome.version)

    @reactions.on(ItemReceived)
    async def look(recorded: Recorded[ItemReceived], reaction: Reaction) -> None:
        stock, _ = await reaction.commands.state(ITEM, f"stock-{recorded.key}", reaction.session)
        found.append(stock.quantity)

    handler = CommandHandler(store, CODEC, Clock())
    await fill(store, streams=1, each=2)
    await drain(tail_of(store, ReactionSubscriber(reactions, handler, "orders", reactions.types)))
    assert found == [times, 3 * times]


async def test_a_command_that_cannot_open_a_stream_is_decided_on_what_is_there(store: Store) -> None:
    reactions = Reactions("orders")

    @reactions.on(ItemListed)
    async def sell(recorded: Recorded[ItemListed], reaction: Reaction) -> None:
        await reaction.handle(ITEM, f"stock-{recorded.key}", Sell(1), opens=True)

    await fill(store, streams=1, each=1)
    await append(store, "stock-0")
    handler = CommandHandler(store, CODEC, Clock())
    await drain(tail_of(store, ReactionSubscriber(reactions, handler, "orders", reactions.types)))
    assert not await store.parked("orders")
    assert (await handler.state(ITEM, "stock-0"))[0].quantity == 0


async def test_rules_are_looked_up_once_in_a_transaction(store: Store) -> None:
    reactions = Reactions("orders")
    seen: list[int] = []

    @reactions.on(ItemListed)
    async def held_to(_recorded: Recorded[ItemListed], reaction: Reaction) -> None:
        seen.append((await reaction.look_up(ITEM, "rules")).quantity)
        await store.append("rules", len(await store.load("rules")), received(1))

    tail = tail_of(store, ReactionSubscriber(reactions, CommandHandler(store, CODEC, Clock()), "o", reactions.types))
    await append(store, "rules")
    await fill(store, streams=2, each=1)
    await drain(tail)
    await append(store, "rules")
    await store.append("item-9", 0, [new_event(ItemListed(name="item 9"))])
    await store.stamp()
    await drain(tail)
    assert seen == [1, 1, 4]


async def test_work_elsewhere_begins_for_the_whole_batch_before_the_first_turn(store: Store) -> None:
    reactions = Reactions("orders")
    order: list[str] = []

    @reactions.ahead(ItemListed)
    async def begin(recorded: Recorded[ItemListed], _reaction: Reaction) -> asyncio.Task[str] | None:
        async def made() -> str:
            order.append(f"begins {recorded.key}")
            return f"made for {recorded.key}"

        return asyncio.create_task(made()) if recorded.key != "1" else None

    @reactions.on(ItemListed)
    async def react(recorded: Recorded[ItemListed], reaction: Reaction) -> None:
        order.append(f"turn of {recorded.key}: {await reaction.begun if reaction.begun else 'nothing begun'}")
        await reaction.apply(Add(ITEMS, {"id": recorded.key}, {"quantity": 1}))

    subscriber = ReactionSubscriber(reactions, CommandHandler(store, CODEC, Clock()), "orders", reactions.types)
    await fill(store, streams=3, each=1)
    await drain(tail_of(store, subscriber))
    turns = ["turn of 0: made for 0", "turn of 1: nothing begun", "turn of 2: made for 2"]
    assert [entry for entry in order if entry.startswith("turn")] == turns
    assert order.index("begins 2") < order.index("turn of 0: made for 0")
    assert await effects(store) == {"0": 1, "1": 1, "2": 1}


async def test_what_was_begun_for_a_batch_that_failed_is_given_up(store: Store) -> None:
    reactions = Reactions("orders")
    begun: list[asyncio.Task[None]] = []

    @reactions.ahead(ItemListed)
    async def begin(_recorded: Recorded[ItemListed], _reaction: Reaction) -> asyncio.Task[None] | None:
        begun.append(asyncio.create_task(asyncio.Event().wait()))  # type: ignore[arg-type]
        return begun[-1]

    @reactions.on(ItemListed)
    async def react(_recorded: Recorded[ItemListed], _reaction: Reaction) -> None:
        raise ValueError("poison")

    subscriber = ReactionSubscriber(reactions, CommandHandler(store, CODEC, Clock()), "orders", reactions.types)
    await fill(store, streams=2, each=1)
    await drain(tail_of(store, subscriber))
    await asyncio.gather(*begun, return_exceptions=True)
    assert begun
    assert all(task.cancelled() for task in begun)
    assert len(await store.parked("orders")) == 2


async def test_a_projection_follows_the_sequence(store: Store) -> None:
    await fill(store, streams=3, each=4)
    await drain(tail_of(store, ProjectionSubscriber(shop_view())))
    assert (await effects(store)) == {"0": 0 + 1 + 2, "1": 1 + 2 + 3, "2": 2 + 3 + 4}
    with pytest.raises(ValueError, match="twice"):
        shop_view().on(ItemListed)(lambda _recorded: [])
    assert shop_view().changes([]) == []


async def test_a_running_tail_follows_what_is_stamped(store: Store) -> None:
    stamped = Signal()
    ledger = Ledger()
    running = asyncio.create_task(Tail(store, ledger, CODEC, SOURCE, stamped).run())
    for turn in range(3):
        await append(store, "item-1")
        stamped.set()
        while len(ledger.order) <= turn:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert ledger.order == [("item-1", 1), ("item-1", 2), ("item-1", 3)]


@pytest.mark.parametrize(("derived", "waits"), [(True, "off"), (False, "on")])
async def test_only_what_follows_from_events_alone_is_committed_without_waiting_for_the_disk(
    postgres: PostgresStore, derived: bool, waits: str
) -> None:
    seen = []

    class Asking(Ledger):
        async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
            assert isinstance(session, PostgresSession)
            seen.append(await session.connection.fetchval("select current_setting('synchronous_commit')"))
            await super().handle(session, batch)

    subscriber = Asking()
    subscriber.derived = derived  # type: ignore[attr-defined]
    for _ in range(2):  # the position that is begun, and one that is moved
        await append(postgres, "item-1")
        await drain(tail_of(postgres, subscriber))
    assert seen == [waits, waits]
    assert await postgres.pool.fetchval("select current_setting('synchronous_commit')") == "on"
    assert ProjectionSubscriber(shop_view()).derived
    assert not getattr(ReactionSubscriber, "derived", False), "its events may have been published"
