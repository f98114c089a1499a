"""Work on the outside world is done, tried again or given up, and what it leads to is written once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from libs.events.ids import new_id
from libs.events.memory import MemoryStore
from libs.events.projection import Add
from libs.events.signals import Signal
from libs.events.store import Session, Store, Task
from libs.events.tasks import CONCURRENCY, GiveUp, Job, Tasks, TryLater, Worker
from libs.events.tests.shop import CAUSE, ITEM, ITEMS, Receive, commands, effects, received


async def ask(store: Store, *keys: str, kind: str = "pay") -> None:
    await store.schedule([Task(new_id(), kind, key, b'{"n":1}') for key in keys])


def worker_of(store: Store, work: Callable[[Job], Awaitable[Any]]) -> tuple[Worker, list[int]]:
    tasks, appended = Tasks(), list[int]()
    tasks.on("pay")(work)
    with pytest.raises(ValueError, match="two workers"):
        tasks.on("pay")(work)
    return Worker(store, tasks, "shop", Signal(), lambda: appended.append(1)), appended


def effect_of(job: Job) -> Callable[[Session], Awaitable[None]]:
    async def finish(session: Session) -> None:
        await session.apply([Add(ITEMS, {"id": job.key}, {"quantity": 1})])

    return finish


async def test_due_work_is_done_and_its_effect_written_with_its_end(store: Store) -> None:
    jobs: list[Job] = []

    async def pay(job: Job) -> Any:
        jobs.append(job)
        return effect_of(job) if job.key == "a" else None

    worker, appended = worker_of(store, pay)
    await ask(store, "a", "b")
    await ask(store, "c", kind="another")
    assert await worker.step() == 2
    assert await worker.step() == 0
    assert sorted((job.key, job.kind, job.payload, job.attempt) for job in jobs) == [
        ("a", "pay", {"n": 1}, 1),
        ("b", "pay", {"n": 1}, 1),
    ]
    assert await effects(store) == {"a": 1}
    assert appended == [1, 1]


async def test_who_asks_for_work_wakes_those_who_do_it_once_it_is_committed(store: Store) -> None:
    woken: list[int] = []
    store.on_scheduled(lambda: woken.append(1))

    async def asking(fails: bool) -> None:
        async with store.transaction() as session:
            await session.schedule([Task(new_id(), "pay", "a", b"{}")])
            assert woken == []
            assert not fails or 1 / 0

    with pytest.raises(ZeroDivisionError):
        await asking(fails=True)
    assert woken == []
    await asking(fails=False)
    assert woken == [1]
    await ask(store, "b")
    assert woken == [1, 1]


async def test_work_that_fails_is_tried_again_with_the_same_identifier(store: Store) -> None:
    jobs: list[Job] = []

    async def pay(job: Job) -> Any:
        jobs.append(job)
        if job.attempt == 1:
            raise TryLater("closed", timedelta(seconds=-1))
        if job.attempt == 2:
            raise TryLater("still closed", timedelta(seconds=-1))
        return effect_of(job)

    worker, _ = worker_of(store, pay)
    await ask(store, "a")
    assert [await worker.step() for _ in range(4)] == [1, 1, 1, 0]
    assert len({job.task_id for job in jobs}) == 1
    assert await effects(store) == {"a": 1}


async def test_work_that_can_never_succeed_is_kept_as_failed(store: Store) -> None:
    async def pay(_job: Job) -> Any:
        raise GiveUp("account closed")

    worker, appended = worker_of(store, pay)
    await ask(store, "a")
    assert await worker.step() == 1
    progress = await store.progress()
    assert (progress.tasks_open, progress.tasks_failed, appended) == (0, 1, [])


async def test_a_fault_puts_the_task_back_for_a_growing_time(store: Store) -> None:
    async def pay(_job: Job) -> Any:
        raise OSError("no route")

    worker, _ = worker_of(store, pay)
    await ask(store, "a")
    assert await worker.step() == 1
    assert await worker.step() == 0
    assert await store.open_tasks() == 1
    delays = [Worker._delay(attempt, OSError()).total_seconds() for attempt in (1, 2, 3, 5, 99)]
    assert delays == [0.2, 0.4, 0.8, 3.2, 600.0]
    assert Worker._delay(3, TryLater("no reason")).total_seconds() == 0.8


async def test_an_effect_that_loses_a_race_is_written_anew_without_the_work_again(store: Store) -> None:
    handler, worked, tried = commands(store), list[int](), list[int]()

    async def pay(_job: Job) -> Any:
        worked.append(1)

        async def finish(session: Session) -> None:
            tried.append(1)
            version = len(await session.load("item-1"))
            if len(tried) == 1:
                await handler.handle(ITEM, "item-1", Receive(1), CAUSE)
            await session.append("item-1", version, received(1))

        return finish

    worker, _ = worker_of(store, pay)
    await ask(store, "a")
    await worker.step()
    assert (len(worked), len(tried)) == (1, 2)
    assert await store.open_tasks() == 0
    assert (await handler.state(ITEM, "item-1"))[0].quantity == 2


async def test_of_two_attempts_at_once_one_has_its_effect(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first attempt's lease runs out while it is stopped; both end, one after the other."""
    monkeypatch.setattr("libs.events.tasks.LEASE", timedelta(microseconds=-1))
    go = asyncio.Event()
    begun: list[int] = []

    async def pay(job: Job) -> Any:
        begun.append(job.attempt)
        await go.wait()
        return effect_of(job)

    (first, _), (second, _) = worker_of(store, pay), worker_of(store, pay)
    await ask(store, "a")
    steps = [asyncio.create_task(worker.step()) for worker in (first, second)]
    while len(begun) < 2:
        await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*steps) == [1, 1]
    assert await effects(store) == {"a": 1}
    assert await store.open_tasks() == 0


async def test_work_ends_before_its_lease_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.events.tasks.WORK_TIMEOUT_S", 0.0)
    store = MemoryStore()

    async def pay(_job: Job) -> Any:
        await asyncio.Event().wait()

    worker, _ = worker_of(store, pay)
    await ask(store, "a")
    assert await worker.step() == 1
    (row,) = store.tables.tasks.values()
    assert (row.status, row.lease_until) == ("pending", None)
    assert "TimeoutError" in row.last_error


async def test_a_slow_task_holds_no_others_up(store: Store) -> None:
    slow, done = asyncio.Event(), list[str]()

    async def pay(job: Job) -> Any:
        if job.key == "slow":
            await slow.wait()
        done.append(job.key)

    worker, _ = worker_of(store, pay)
    keys = [str(n) for n in range(3 * CONCURRENCY)]
    await ask(store, "slow", *keys)
    running = asyncio.create_task(worker.run())
    while len(done) < len(keys):
        await asyncio.sleep(0)
    assert "slow" not in done
    slow.set()
    while "slow" not in done:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)


async def test_a_stopped_worker_leaves_its_tasks_to_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.events.tasks.LEASE", timedelta(microseconds=-1))
    begun = asyncio.Event()

    async def pay(job: Job) -> Any:
        begun.set()
        if job.attempt == 1:
            await asyncio.Event().wait()
        return effect_of(job)

    worker, _ = worker_of(store, pay)
    await ask(store, "a")
    running = asyncio.create_task(worker.run())
    await begun.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await effects(store) == {}
    assert await worker.step() == 1
    assert await effects(store) == {"a": 1}


async def test_a_fault_of_the_store_ends_the_loop_so_that_it_is_begun_anew() -> None:
    class Broken(MemoryStore):
        async def retry_task(self, *_args: Any) -> None:
            raise ConnectionResetError

    async def pay(_job: Job) -> Any:
        raise OSError

    store = Broken()
    worker, _ = worker_of(store, pay)
    await ask(store, "a")
    with pytest.raises(ConnectionResetError):
        await worker.run()
