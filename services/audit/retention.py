"""The task that ends retention: asked for by the business date, done once a month, and on a day when something is due."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from libs.contracts.ledger import BusinessDayOpened
from libs.events.canonical import canonical
from libs.events.codec import Recorded
from libs.events.ids import derive_id
from libs.events.store import Session, Task
from libs.events.tasks import Finish, Job, Tasks
from libs.service.runtime import Runtime
from services.audit.persons import IS_DUE, sweep

RETENTION: Final = "retention"
NAMES: Final = UUID("c0a2b7de-8f6c-5d83-9c34-6f4a0f1f3c11")


async def on_business_day(session: Session, recorded: Recorded[BusinessDayOpened]) -> None:
    """Ask for the sweep of this day, where there is one."""
    today, previous = recorded.event.business_date, recorded.event.previous
    new_month = previous is None or (today.year, today.month) != (previous.year, previous.month)
    if new_month or await session.connection.fetchval(IS_DUE, today):
        task_id = derive_id(NAMES, today.isoformat())
        await session.schedule([Task(task_id, RETENTION, today.isoformat(), canonical({}))])


class Retention:
    """The task of a running service. `runtime` is given when the service starts."""

    runtime: Runtime

    def __init__(self) -> None:
        self.tasks = Tasks()
        self.tasks.on(RETENTION)(self.sweep)

    async def sweep(self, job: Job) -> Finish | None:
        """Every step of it may be repeated."""
        await sweep(self.runtime, date.fromisoformat(job.key))
        return None


retention: Final = Retention()
