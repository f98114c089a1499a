"""The task that asks a source for one item, and what its answer comes to.

It is done again after a crash, with the same authority; what came is written once, and only while it is still waited
for: an applicant who withdrew his consent between question and answer has nothing of the answer kept.
"""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256
from typing import Final

from libs.contracts.scoring import (
    InformationMissing,
    InformationObtained,
    InformationRequested,
    RequestedItem,
    Without,
)
from libs.events.commands import Cause
from libs.events.envelope import Actor
from libs.events.projection import Put
from libs.events.sealing import Shut
from libs.events.store import Session
from libs.events.tasks import Finish, Job, Tasks
from libs.service.runtime import Runtime
from services.scoring.asking import PUBLIC_RECORD, SHUT, Question, Unanswered, ask, sealed
from services.scoring.domain.assessment import Settled, SettleItem, State
from services.scoring.handlers import assessments, rules_for
from services.scoring.library import library
from services.scoring.records import SOURCE_DOCUMENT
from services.scoring.shelf import shelf
from services.scoring.sources import Report

OBTAIN: Final = "obtain"
ACTOR: Final = Actor("service:scoring", "service")


class Gathering:
    """Asks sources. `runtime` is given when the service starts; its `extras["sources"]` are those that there are."""

    runtime: Runtime

    def __init__(self) -> None:
        self.tasks = Tasks()
        self.tasks.on(OBTAIN)(self.obtain)

    async def obtain(self, job: Job) -> Finish | None:
        """Ask for the item of the task, unless nobody waits for it any more."""
        state, _ = await self.runtime.commands.state(assessments, assessments.stream_id(job.payload["application_id"]))
        wanted = next((each for each in state.open if each.item == job.payload["item"]), None)
        if wanted is None or state.gathered is None:
            return None
        asked = state.gathered.asked
        question = Question(
            wanted.source,
            asked.request.applicant_id,
            asked.application_id,
            wanted.consent.value if wanted.consent else PUBLIC_RECORD,
        )
        attempts = library().information_policy(asked.requested_on).attempts
        answer = await ask(self.runtime, question, job.attempt, attempts)
        if isinstance(answer, Unanswered):
            return self._missing(job, asked, wanted, answer.why, answer.detail)
        return await self._obtained(job, asked, wanted, answer)

    async def _obtained(self, job: Job, asked: InformationRequested, wanted: RequestedItem, report: Report) -> Finish:
        kind = library().kinds[wanted.item]
        applicant_id = asked.request.applicant_id
        obtained = InformationObtained(
            application_id=asked.application_id,
            item=wanted.item,
            source=wanted.source,
            reference=report.reference,
            as_of=report.as_of,
            valid_until=report.as_of + timedelta(days=kind.valid_days),
            consent=wanted.consent,
            sha256=sha256(report.content).hexdigest(),
            media_type=report.media_type,
            size_bytes=len(report.content),
            facts=kind.taken(report.facts),
            obtained_on=self.runtime.today,
        )
        try:
            row = await sealed(self.runtime, applicant_id, asked.application_id, wanted.item, report)
        except Shut:
            return self._missing(job, asked, wanted, Without.UNAVAILABLE, SHUT)

        async def finish(session: Session) -> None:
            if await self._settle(session, job, obtained):
                await session.apply([Put(SOURCE_DOCUMENT, row)])

        return finish

    def _missing(
        self, job: Job, asked: InformationRequested, wanted: RequestedItem, why: Without, detail: str
    ) -> Finish:
        missing = InformationMissing(
            application_id=asked.application_id,
            item=wanted.item,
            why=why,
            detail=detail,
            noted_on=self.runtime.today,
        )

        async def finish(session: Session) -> None:
            await self._settle(session, job, missing)

        return finish

    async def _settle(self, session: Session, job: Job, settled: Settled) -> bool:
        """Whether it was still waited for."""
        stream_id = assessments.stream_id(job.payload["application_id"])
        state: State
        state, _ = await self.runtime.commands.state(assessments, stream_id, session)
        today: date = self.runtime.today
        rules = rules_for(await shelf(self.runtime.commands), state)
        cause = Cause(
            actor=ACTOR,
            correlation_id=str(job.payload.get("correlation_id", job.task_id)),
            effective_date=today.isoformat(),
            rules={"information-policy": str(rules.policy.version)},
        )
        command = SettleItem(settled=settled, on=today, rules=rules)
        outcome = await self.runtime.commands.handle(assessments, stream_id, command, cause, within=session)
        return bool(outcome.events)
