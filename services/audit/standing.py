"""The tasks that the business date asks for: retention ends on the day when something is due, and is looked over once a
month, as the standing control tests are run."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from libs.contracts.ledger import BusinessDayOpened
from libs.events.canonical import canonical
from libs.events.codec import Recorded
from libs.events.commands import Cause
from libs.events.ids import derive_id
from libs.events.store import Session, Task
from libs.events.tasks import Finish, Job, Tasks
from libs.service.runtime import Runtime
from services.audit.control import ACTOR, RUNS, RUNS_STREAM, run_controls
from services.audit.persons import IS_DUE, sweep

RETENTION: Final = "retention"
CONTROLS: Final = "controls"
NAMES: Final = UUID("c0a2b7de-8f6c-5d83-9c34-6f4a0f1f3c11")


async def on_business_day(session: Session, recorded: Recorded[BusinessDayOpened]) -> None:
    """Ask for the sweep of this day, where there is one."""
    today, previous = recorded.event.business_date, recorded.event.previous
    new_month = previous is None or (today.year, today.month) != (previous.year, previous.month)
    due = new_month or await session.connection.fetchval(IS_DUE, today)
    kinds = ([RETENTION] if due else []) + ([CONTROLS] if new_month else [])
    if kinds:
        names = [(kind, derive_id(NAMES, f"{kind}/{today}")) for kind in kinds]
        await session.schedule([Task(task_id, kind, today.isoformat(), canonical({})) for kind, task_id in names])


class Standing:
    """The tasks of a running service. `runtime` is given when the service starts."""

    runtime: Runtime

    def __init__(self) -> None:
        self.tasks = Tasks()
        self.tasks.on(RETENTION)(self.sweep)
        self.tasks.on(CONTROLS)(self.run_controls)

    async def sweep(self, job: Job) -> Finish | None:
        """Every step of it may be repeated."""
        await sweep(self.runtime, date.fromisoformat(job.key))
        return None

    async def run_controls(self, job: Job) -> Finish | None:
        """What was found before is found as the same violation, so this may be repeated too."""
        runtime = self.runtime
        run = await run_controls(runtime, date.fromisoformat(job.key), str(job.task_id))

        async def finish(session: Session) -> None:
            cause = Cause(ACTOR, correlation_id=str(job.task_id), effective_date=job.key)
            await runtime.commands.handle(RUNS, RUNS_STREAM, run, cause, within=session)

        return finish


standing: Final = Standing()
