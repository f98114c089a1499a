"""The contract of a store, kept by both kinds."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from libs.events.envelope import StoredEvent
from libs.events.ids import new_id
from libs.events.operations import Handled, Progress
from libs.events.postgres import PostgresStore
from libs.events.projection import Put
from libs.events.store import (
    OWN,
    AlreadyAnswered,
    Answer,
    ConcurrencyError,
    Fenced,
    Parked,
    Position,
    RelayState,
    Store,
    Task,
)
from libs.events.tests.shop import ITEMS, effects, names, received

MINUTE = timedelta(minutes=1)
AT_ONCE = timedelta(microseconds=-1)
"""A lease that is over as soon as it is given."""


async def refused(store: Store, stream_id: str, version: int) -> None:
    with pytest.raises(ConcurrencyError):
        await store.append(stream_id, version, received(1))


async def test_a_stream_that_does_not_exist_is_empty(store: Store) -> None:
    assert await store.load("item-1") == []
    assert await store.last_sequence() == 0


async def test_what_is_appended_is_loaded_as_it_was_given(store: Store) -> None:
    events = received(1, 2, 3)
    assert await store.append("item-1", 0, events[:2]) == 2
    assert await store.append("item-1", 2, events[2:]) == 3
    loaded = await store.load("item-1")
    assert [(e.event_id, e.type, e.data, e.metadata) for e in loaded] == [
        (e.event_id, e.type, e.data, e.metadata) for e in events
    ]
    assert [event.version for event in loaded] == [1, 2, 3]
    assert names(await store.load("item-1", 2)) == ["item-1/3"]
    assert await store.load("item-1", 3) == []


async def test_an_append_at_another_version_is_refused(store: Store) -> None:
    await refused(store, "item-1", 1)
    await store.append("item-1", 0, received(1, 2))
    for version in (0, 1, 3):
        await refused(store, "item-1", version)
    assert len(await store.load("item-1")) == 2


async def test_of_writers_at_the_same_version_one_wins(store: Store) -> None:
    for version in (0, 1):
        results = await asyncio.gather(
            *(store.append("item-1", version, received(n)) for n in range(8)), return_exceptions=True
        )
        assert [type(result) for result in results].count(int) == 1
        assert [type(result) for result in results].count(ConcurrencyError) == 7
    assert len(await store.load("item-1")) == 2


async def test_an_answer_is_remembered_with_its_events_once(store: Store) -> None:
    answer = Answer("key-1", b"fingerprint", b"answer")
    assert await store.answered("key-1") is None
    await store.append("item-1", 0, received(1), answer)
    assert await store.answered("key-1") == answer
    with pytest.raises(AlreadyAnswered):
        await store.append("item-1", 1, received(2), answer)
    with pytest.raises(AlreadyAnswered):
        await store.append("item-2", 0, received(2), Answer("key-1", b"other", b"other"))
    assert await store.load("item-2") == []
    assert len(await store.load("item-1")) == 1


async def test_an_answer_to_a_refused_append_is_not_remembered(store: Store) -> None:
    await store.append("item-1", 0, received(1))
    with pytest.raises(ConcurrencyError):
        await store.append("item-1", 0, received(1), Answer("key-1", b"", b""))
    assert await store.answered("key-1") is None


async def test_an_answer_without_events_is_remembered_and_appends_nothing(store: Store) -> None:
    assert await store.append("item-1", 0, [], Answer("key-1", b"", b"nothing to do")) == 0
    assert await store.load("item-1") == []
    assert await store.answered("key-1") is not None


async def test_of_two_at_once_with_one_key_one_is_answered(store: Store) -> None:
    results = await asyncio.gather(
        *(store.append(f"item-{n}", 0, received(n), Answer("key", b"", b"")) for n in range(6)), return_exceptions=True
    )
    assert [type(result) for result in results].count(AlreadyAnswered) == 5
    await store.stamp()
    assert await store.last_sequence() == 1


async def test_the_sequence_is_contiguous_agrees_with_streams_and_never_changes(store: Store) -> None:
    seen = []
    for turn in range(5):
        await asyncio.gather(*(store.append(f"item-{n}", turn * 2, received(1, 2)) for n in range(7)))
        assert await store.stamp() == (turn + 1) * 14
        seen += await store.read(len(seen), 1000)
        assert [event.sequence for event in seen] == list(range(1, len(seen) + 1))
        assert await store.read(0, 1000) == seen
    for n in range(7):
        of_stream = [event.version for event in seen if event.stream_id == f"item-{n}"]
        assert of_stream == list(range(1, 11))
    assert await store.read(68, 5) == seen[68:]
    assert await store.read(3, 2) == seen[3:5]
    assert await store.stamp() == 70


def elsewhere(stream_id: str, *versions: int) -> list[StoredEvent]:
    """Events of another store."""
    events = zip(versions, received(*versions), strict=True)
    return [StoredEvent(stream_id, v, new.event_id, new.type, new.data, new.metadata, 100 + v) for v, new in events]


async def test_events_of_other_stores_are_copied_as_they_are_in_the_order_given(store: Store) -> None:
    one, two = elsewhere("item-1", 1, 2, 3), elsewhere("item-2", 1, 2)
    await store.copy([])
    await store.copy([one[0], two[0], one[1]])
    await store.copy([two[1], one[2]])
    assert [event._replace(sequence=0) for event in one] == await store.load("item-1")
    await store.stamp()
    copied = await store.read(0, 10)
    assert [event.event_id for event in copied] == [e.event_id for e in (one[0], two[0], one[1], two[1], one[2])]
    assert [event.leaf_hash for event in copied if event.stream_id == "item-2"] == [event.leaf_hash for event in two]


@pytest.mark.parametrize("versions", [(2,), (4,), (1, 2), (3, 5), (4, 3)])
async def test_a_copy_that_does_not_follow_is_refused_with_all_that_came_with_it(
    store: Store, versions: tuple[int, ...]
) -> None:
    await store.copy(elsewhere("item-1", 1, 2))
    with pytest.raises(ConcurrencyError):
        await store.copy([*elsewhere("item-2", 1), *elsewhere("item-1", *versions)])
    assert len(await store.load("item-1")) == 2
    assert await store.load("item-2") == []


async def test_what_is_not_stamped_is_not_read(store: Store) -> None:
    await store.append("item-1", 0, received(1))
    assert await store.read(0, 10) == []
    assert (await store.progress()).unstamped == 1
    await store.stamp()
    assert (await store.progress()).unstamped == 0
    assert len(await store.read(0, 10)) == 1


async def test_a_position_moves_only_from_where_it_is(store: Store) -> None:
    place = ("consumer", "topic", 3)
    await store.advance(*place, None, Position(5, 9))
    for wrong in (None, Position(), Position(4, 9)):
        with pytest.raises(Fenced):
            await store.advance(*place, wrong, Position(7, 8))
    await store.advance(*place, Position(5, 1), Position(6, 2))
    assert await store.positions("consumer") == {("topic", 3): Position(6, 2)}
    assert await store.positions("another") == {}
    with pytest.raises(Fenced):
        await store.advance("consumer", "topic", 4, Position(), Position(1, 1))


async def test_of_two_holders_of_a_position_one_moves_it(store: Store) -> None:
    await store.advance("consumer", "topic", 0, None, Position(5, 5))
    both = (store.advance("consumer", "topic", 0, Position(5, 5), Position(n, n)) for n in (6, 7))
    results = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Fenced", "set"]


async def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    task = Task(new_id(), "pay", "1", b"{}")
    called: list[str] = []

    async def everything(fails: bool) -> None:
        async with store.transaction() as session:
            await session.append("item-1", 0, received(1), Answer("key", b"", b""))
            await session.advance("consumer", "topic", 0, None, Position(1, 1))
            await session.apply([Put(ITEMS, {"id": "1", "quantity": 1})])
            await session.schedule([task])
            await session.park(parked_one("item-9", 4))
            session.after_commit(lambda: called.append("committed"))
            if fails:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await everything(fails=True)
    await store.stamp()
    progress = await store.progress()
    assert progress == Progress(published=progress.published)
    assert await store.answered("key") is None
    assert await effects(store) == {}
    assert called == []
    await everything(fails=False)
    await store.stamp()
    progress = await store.progress()
    assert (progress.last_sequence, progress.tasks_open, progress.parked) == (1, 1, 1)
    assert progress.handled == (Handled("consumer", "topic", 0, 1),)
    assert await effects(store) == {"1": 1}
    assert called == ["committed"]


async def test_a_lost_race_at_the_end_undoes_the_whole_transaction(store: Store) -> None:
    await store.append("item-1", 0, received(1))

    async def late() -> None:
        async with store.transaction() as session:
            await session.apply([Put(ITEMS, {"id": "1", "quantity": 1})])
            await session.load("item-1")
            await store.append("item-1", 1, received(2))
            await session.append("item-1", 1, received(3))

    with pytest.raises(ConcurrencyError):
        await late()
    assert await effects(store) == {}
    assert len(await store.load("item-1")) == 2


async def test_a_session_sees_what_it_has_appended(store: Store) -> None:
    async with store.transaction() as session:
        await session.append("item-1", 0, received(1))
        await session.append("item-1", 1, received(2))
        assert len(await session.load("item-1")) == 2
    assert len(await store.load("item-1")) == 2


async def test_after_commit_of_the_store_itself_is_now(store: Store) -> None:
    called: list[int] = []
    store.after_commit(lambda: called.append(1))
    assert called == [1]


def task_of(kind: str = "pay", key: str = "1", delay: timedelta = timedelta()) -> Task:
    return Task(new_id(), kind, key, b'{"n":1}', delay)


async def test_a_task_exists_once_for_its_id(store: Store) -> None:
    task = task_of()
    await store.schedule([task, task])
    await store.schedule([task])
    claimed = await store.claim_tasks(["pay"], 10, MINUTE)
    assert [(one.task_id, one.kind, one.key, one.payload, one.attempts) for one in claimed] == [
        (task.task_id, "pay", "1", b'{"n":1}', 1)
    ]


async def test_a_claimed_task_is_nobody_elses_until_its_lease_is_over(store: Store) -> None:
    await store.schedule([task_of(key=str(n)) for n in range(5)])
    first = await store.claim_tasks(["pay"], 3, MINUTE)
    second = await store.claim_tasks(["pay"], 3, AT_ONCE)
    assert len(first) == 3
    assert len(second) == 2
    third = await store.claim_tasks(["pay"], 3, MINUTE)
    assert {task.task_id for task in third} == {task.task_id for task in second}
    assert [task.attempts for task in third] == [2, 2]
    assert await store.claim_tasks(["pay"], 3, MINUTE) == []


async def test_a_task_is_claimed_when_it_is_due_and_by_who_knows_its_kind(store: Store) -> None:
    await store.schedule([task_of(delay=timedelta(hours=1)), task_of(kind="write")])
    assert await store.claim_tasks(["pay"], 10, MINUTE) == []
    progress = await store.progress()
    assert (progress.tasks_open, progress.tasks_later) == (1, 1)
    assert len(await store.claim_tasks(["pay", "write"], 10, MINUTE)) == 1


async def test_a_finished_task_is_done_and_cannot_be_finished_twice(store: Store) -> None:
    await store.schedule([task_of()])
    (task,) = await store.claim_tasks(["pay"], 1, AT_ONCE)
    await store.finish(task.task_id)
    assert await store.claim_tasks(["pay"], 1, MINUTE) == []
    assert await store.open_tasks() == 0
    with pytest.raises(Fenced):
        await store.finish(task.task_id)
    with pytest.raises(Fenced):
        await store.finish(uuid4())


async def test_a_task_put_back_is_claimed_again_later_and_counts_as_open(store: Store) -> None:
    await store.schedule([task_of()])
    (task,) = await store.claim_tasks(["pay"], 1, MINUTE)
    await store.retry_task(task.task_id, "no answer", timedelta(hours=1))
    assert await store.claim_tasks(["pay"], 1, MINUTE) == []
    assert await store.open_tasks() == 1
    await store.retry_task(task.task_id, "no answer", timedelta(seconds=-1))
    assert [one.attempts for one in await store.claim_tasks(["pay"], 1, MINUTE)] == [2]


async def test_a_task_given_up_is_kept_as_failed(store: Store) -> None:
    await store.schedule([task_of()])
    (task,) = await store.claim_tasks(["pay"], 1, AT_ONCE)
    await store.retry_task(task.task_id, "never", None)
    await store.retry_task(task.task_id, "never", timedelta())
    await store.retry_task(uuid4(), "unknown", None)
    assert await store.claim_tasks(["pay"], 1, MINUTE) == []
    progress = await store.progress()
    assert (progress.tasks_open, progress.tasks_failed) == (0, 1)
    with pytest.raises(Fenced):
        await store.finish(task.task_id)


def parked_one(stream_id: str, sequence: int, consumer: str = "consumer", topic: str = "topic") -> Parked:
    new = received(1)[0]
    event = StoredEvent(stream_id, sequence, new.event_id, new.type, new.data, new.metadata, sequence)
    return Parked(consumer, topic, 2, "/puhui/other", event, "ValueError('poison')", 4)


async def test_parked_events_are_kept_in_order_and_once(store: Store) -> None:
    later, first = parked_one("item-1", 12), parked_one("item-1", 11)
    for parked in (later, first, first, parked_one("item-2", 5), parked_one("item-1", 1, consumer="another")):
        await store.park(parked)
    assert await store.parked("consumer", "item-1") == [first, later]
    assert [one.event.sequence for one in await store.parked("consumer")] == [11, 12, 5]
    assert await store.advance("consumer", "topic", 2, None, Position(9, 9), ["item-1", "item-3"]) == {"item-1"}
    assert await store.advance("consumer", "topic", 2, Position(9, 9), Position(10, 10), ["item-1"]) == {"item-1"}
    assert await store.advance("consumer", "topic", 2, Position(10, 10), Position(11, 11)) == set()
    assert await store.advance("consumer", OWN, 0, None, Position(9, 9), ["item-1"]) == set()


async def test_a_parked_event_is_taken_back_once(store: Store) -> None:
    await store.park(parked_one("item-1", 11))
    both = (store.unpark("consumer", "topic", "item-1", 11) for _ in range(2))
    results = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(str(type(result).__name__) for result in results) == ["Fenced", "NoneType"]
    assert await store.parked("consumer") == []


async def test_the_relay_has_one_owner_until_it_is_silent_too_long(store: Store) -> None:
    first, second = new_id(), new_id()
    epoch = await store.relay_claim(first, MINUTE)
    assert epoch is not None
    assert await store.relay_claim(first, MINUTE) == epoch
    assert await store.relay_claim(second, MINUTE) is None
    taken = await store.relay_claim(second, AT_ONCE)
    assert taken is not None
    assert taken > epoch
    assert await store.relay_claim(first, MINUTE) is None


async def test_a_relay_that_is_given_up_is_anybodys_at_once(store: Store) -> None:
    first, second = new_id(), new_id()
    epoch = await store.relay_claim(first, MINUTE)
    assert epoch is not None
    await store.relay_release(second)
    assert await store.relay_claim(second, MINUTE) is None, "nobody gives up what is not his"
    await store.relay_release(first)
    with pytest.raises(Fenced):
        await store.relay_save(epoch, RelayState(7, "broker-1", (3, 7), (10, 20)))
    taken = await store.relay_claim(second, MINUTE)
    assert taken is not None
    assert taken > epoch


async def test_who_gave_the_relay_up_comes_back_with_another_epoch(store: Store) -> None:
    owner = new_id()
    epoch = await store.relay_claim(owner, MINUTE)
    await store.relay_release(owner)
    again = await store.relay_claim(owner, MINUTE)
    assert epoch is not None
    assert again is not None
    assert again > epoch, "what it was at before must not be recorded"


async def test_a_relay_that_lost_its_ownership_saves_nothing(store: Store) -> None:
    old = await store.relay_claim(new_id(), MINUTE)
    new = await store.relay_claim(new_id(), AT_ONCE)
    assert old is not None
    assert new is not None
    state = RelayState(7, "broker-1", (3, 7), (10, 20))
    await store.relay_save(new, state)
    with pytest.raises(Fenced):
        await store.relay_save(old, RelayState(9, "broker-1", (9, 9), (1, 1)))
    assert await store.relay_state() == state
    progress = await store.progress()
    assert (progress.relay_position, progress.published) == (7, (3, 7))


async def test_a_store_at_home_is_not_foreign(store: Store) -> None:
    await store.verify_cluster()


@pytest.mark.parametrize(
    "statement",
    ["update es.event set data = ''", "delete from es.event", "truncate es.event", "delete from es.sequence"],
)
async def test_the_database_refuses_to_change_the_past(postgres: PostgresStore, statement: str) -> None:
    await postgres.append("item-1", 0, received(1))
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await postgres.pool.execute(statement)


async def test_the_leaf_hash_that_is_stored_is_that_of_the_event(postgres: PostgresStore) -> None:
    await postgres.append('item-"quoted"', 0, received(1, 2))
    stored = await postgres.pool.fetch("select leaf_hash from es.event order by append_id")
    assert [row[0] for row in stored] == [event.leaf_hash for event in await postgres.load('item-"quoted"')]
