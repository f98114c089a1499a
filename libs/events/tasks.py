"""Work on the outside world: durable, retried with the same key, several at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson
import structlog

from libs.events import metrics
from libs.events.conflicts import in_transaction
from libs.events.loops import beat
from libs.events.signals import Signal
from libs.events.store import Fenced, Session, Store, Task

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=60)
IDLE_S: Final = 0.5
FIRST_DELAY_S: Final = 0.2
LONGEST_DELAY_S: Final = 600.0
CONCURRENCY: Final = 16
LOOK_S: Final = 1.0
"""How long to wait at most for one of them to end: slow work is no standstill."""
WORK_TIMEOUT_S: Final = 45.0
"""An attempt ends before its lease does, so that nobody else begins the next one meanwhile."""


class TryLater(Exception):
    """The outside world is not ready; the same task is tried again, after `delay` when it is given."""

    def __init__(self, reason: str, delay: timedelta | None = None) -> None:
        super().__init__(reason)
        self.delay = delay


class GiveUp(Exception):
    """No later attempt can succeed; the task is kept as failed."""


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed task as its worker sees it."""

    task_id: UUID
    kind: str
    key: str
    payload: dict[str, Any]
    attempt: int


Finish = Callable[[Session], Awaitable[None]]
Work = Callable[[Job], Awaitable[Finish | None]]
"""Does the outside part, with a key derived from the task's, and returns what to write in the transaction that marks
the task as done (None: nothing)."""


@dataclass(eq=False)
class Tasks:
    """The kinds of work a service knows."""

    _work: dict[str, Work] = field(default_factory=dict)

    @property
    def kinds(self) -> list[str]:
        return sorted(self._work)

    def on(self, kind: str) -> Callable[[Work], Work]:
        def register(work: Work) -> Work:
            if kind in self._work:
                raise ValueError(f"{kind} has two workers")
            self._work[kind] = work
            return work

        return register

    def work(self, kind: str) -> Work:
        return self._work[kind]


class Worker:
    """Claims due tasks and does them. A crash leaves the lease to run out, and the task is done again, same key."""

    def __init__(self, store: Store, tasks: Tasks, service: str, wake: Signal, appended: Callable[[], None]) -> None:
        self._store, self._tasks, self._service, self._wake = store, tasks, service, wake
        self._appended = appended

    async def step(self) -> int:
        """Do what is due now, and return when it is done; how many tasks were taken."""
        claimed = await self._store.claim_tasks(self._tasks.kinds, CONCURRENCY, LEASE)
        async with asyncio.TaskGroup() as group:
            for task in claimed:
                group.create_task(self._do(task))
        return len(claimed)

    async def _do(self, task: Task) -> None:
        job = Job(task.task_id, task.kind, task.key, orjson.loads(task.payload), task.attempts)
        try:
            async with asyncio.timeout(WORK_TIMEOUT_S):
                finish = await self._tasks.work(task.kind)(job)
            await in_transaction(self._store, partial(self._finish, task, finish))
        except Fenced:
            log.info("task was done by another attempt", service=self._service, kind=task.kind, key=task.key)
            return
        except GiveUp as error:
            log.error("task given up", service=self._service, kind=task.kind, key=task.key, error=str(error))
            metrics.TASKS.labels(self._service, task.kind, "failed").inc()
            await self._store.retry_task(task.task_id, str(error), None)
            return
        except Exception as error:  # noqa: BLE001  # whatever went wrong, the task is tried again
            delay = self._delay(task.attempts, error)
            log.warning("task put back", service=self._service, kind=task.kind, key=task.key, error=repr(error))
            metrics.TASKS.labels(self._service, task.kind, "retried").inc()
            await self._store.retry_task(task.task_id, repr(error), delay)
            return
        metrics.TASKS.labels(self._service, task.kind, "done").inc()
        self._appended()

    @staticmethod
    async def _finish(task: Task, finish: Finish | None, session: Session) -> None:
        await session.finish(task.task_id)
        if finish is not None:
            await finish(session)

    @staticmethod
    def _delay(attempts: int, error: Exception) -> timedelta:
        if isinstance(error, TryLater) and error.delay is not None:
            return error.delay
        return timedelta(seconds=min(FIRST_DELAY_S * 2 ** min(attempts - 1, 20), LONGEST_DELAY_S))

    async def run(self) -> None:
        """Until cancelled: a slow task holds one of the places, not the others."""
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                beat()
                free = CONCURRENCY - len(running)
                claimed = await self._store.claim_tasks(self._tasks.kinds, free, LEASE) if free else []
                running |= {asyncio.create_task(self._do(task)) for task in claimed}
                if len(claimed) == free:
                    await asyncio.wait(running, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await self._wake.wait(IDLE_S)
                for task in [task for task in running if task.done()]:
                    running.discard(task)
                    task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
