"""Sources asked anew about borrowers whose loans run: the round of a business date, and the task that asks for one item.

The round is one transaction: whom it asks about has his next date in it, so that he is asked about once, however often it
is begun. Only sources that are connected are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

from libs.contracts.scoring import ApplicationScored, InformationObtained, RefreshObtained, Without
from libs.events.canonical import canonical
from libs.events.commands import Cause
from libs.events.ids import derive_id
from libs.events.projection import Put
from libs.events.sealing import Shut
from libs.events.store import Session, Task
from libs.events.tasks import Finish, Job, Tasks
from libs.service.runtime import Runtime
from services.scoring import refresh_records
from services.scoring.asking import PUBLIC_RECORD, SHUT, Question, Unanswered, ask, sealed
from services.scoring.domain import assessment
from services.scoring.domain.refresh import Command, Former, MissRefresh, ObtainRefresh, RequestRefresh, due_on
from services.scoring.domain.refresh_policy import Consented, RefreshPolicy
from services.scoring.gathering import ACTOR
from services.scoring.handlers import assessments, refreshes
from services.scoring.library import library
from services.scoring.records import SOURCE_DOCUMENT
from services.scoring.refresh_records import Due
from services.scoring.sources import Report

ROUND: Final = "refresh-round"
REFRESH: Final = "refresh"
POST_LOAN: Final = "POST_LOAN_MANAGEMENT"
"""The purpose that the bureau is told."""
REFRESHES: Final = UUID("7f0b6a52-64a5-5d0c-8d33-52a7c1c4a6e1")
"""What the identifiers of refreshes are derived under."""


class Borrower(NamedTuple):
    """What his applications say of a borrower. `every_days`: how often he is asked about; None: never."""

    kind: str
    every_days: int | None
    consents: tuple[Consented, ...]


class Refreshing:
    """Asks sources anew. `runtime` is given when the service starts."""

    runtime: Runtime

    def __init__(self, tasks: Tasks) -> None:
        tasks.on(ROUND)(self.round)
        tasks.on(REFRESH)(self.refresh)

    async def round(self, job: Job) -> Finish | None:
        """Ask about those whose day has come, at most so many as the policy says; the others wait for tomorrow."""
        on = date.fromisoformat(job.payload["on"])
        policy = library().refresh_policy(on)
        if not self._connected(policy):
            return None

        async def finish(session: Session) -> None:
            for due in await refresh_records.due(session, on, policy.most_a_day):
                await self._request(session, job, due, policy, on)

        return finish

    def _connected(self, policy: RefreshPolicy) -> set[str]:
        """Items whose source is connected."""
        return {item for item in policy.items if library().kinds[item].source in self.runtime.extras["sources"]}

    async def _request(self, session: Session, job: Job, due: Due, policy: RefreshPolicy, on: date) -> None:
        borrower = await self._borrower(session, due, policy)
        items = [each for each in policy.needed(borrower.kind) if each in self._connected(policy)]
        if borrower.every_days is None or not items:
            later = date.max if borrower.every_days is None else on + timedelta(days=borrower.every_days)
            await refresh_records.next_on(session, due.applicant_id, later)
            return
        stream_id = refreshes.stream_id(due.applicant_id)
        refresh_id = str(derive_id(REFRESHES, f"{due.applicant_id}/{on}"))
        command = RequestRefresh(
            applicant_id=due.applicant_id,
            refresh_id=refresh_id,
            loan_id=due.loans[0],
            kinds=tuple(library().kinds[item] for item in items),
            consents=borrower.consents,
            every_days=borrower.every_days,
            policy=policy,
            on=on,
        )
        outcome = await self.runtime.commands.handle(refreshes, stream_id, command, _cause(job, on), within=session)
        await refresh_records.next_on(session, due.applicant_id, due_on(outcome.state, borrower.every_days))
        if outcome.events:
            order = {"applicant_id": due.applicant_id, "refresh_id": refresh_id, "applications": due.applications}
            await session.schedule(
                [_task(job, {**order, "item": each.item, "on": on.isoformat()}) for each in outcome.state.open]
            )

    async def _borrower(self, session: Session, due: Due, policy: RefreshPolicy) -> Borrower:
        """What counts is the loan that asks for the most: its grade and amount. A consent that was withdrawn from its own
        application is none."""
        given = await refresh_records.consents(session, due.applications)
        kind, intervals = "", []
        for application_id, state in zip(
            due.applications, await self._assessed(session, due.applications), strict=True
        ):
            if state.gathered is not None and policy.purpose in state.gathered.withdrawn:
                given.pop(application_id, None)
            if state.outcome is not None:
                request = state.outcome.request
                grade = state.outcome.grade if isinstance(state.outcome, ApplicationScored) else ""
                kind = request.applicant_kind.value
                intervals.append(policy.every_days(grade, request.amount.minor, due.watched))
        every_days = min((each for each in intervals if each is not None), default=None)
        return Borrower(kind, every_days, tuple(given.values()))

    async def _assessed(self, session: Session | None, applications: Sequence[str]) -> list[assessment.State]:
        commands = self.runtime.commands
        return [(await commands.state(assessments, assessments.stream_id(each), session))[0] for each in applications]

    async def refresh(self, job: Job) -> Finish | None:
        """Ask for the item of the task, unless nobody waits for it any more."""
        payload = job.payload
        state, _ = await self.runtime.commands.state(refreshes, refreshes.stream_id(payload["applicant_id"]))
        wanted = next((each for each in state.open if each.item == payload["item"]), None)
        if wanted is None or state.asked is None or state.asked.refresh_id != payload["refresh_id"]:
            return None
        purpose = POST_LOAN if wanted.consent else PUBLIC_RECORD
        question = Question(wanted.source, payload["applicant_id"], payload["refresh_id"], purpose)
        attempts = library().refresh_policy(state.asked.requested_on).attempts
        answer = await ask(self.runtime, question, job.attempt, attempts)
        if isinstance(answer, Unanswered):
            return self._missing(job, answer.why, answer.detail)
        return await self._obtained(job, answer)

    async def _obtained(self, job: Job, report: Report) -> Finish:
        payload, kind = job.payload, library().kinds[job.payload["item"]]
        command = ObtainRefresh(
            refresh_id=payload["refresh_id"],
            kind=kind,
            reference=report.reference,
            as_of=report.as_of,
            sha256=sha256(report.content).hexdigest(),
            media_type=report.media_type,
            size_bytes=len(report.content),
            facts=kind.taken(report.facts),
            former=former_of(await self._assessed(None, payload["applications"]), kind.id),
            on=self.runtime.today,
        )
        try:
            row = await sealed(self.runtime, payload["applicant_id"], payload["refresh_id"], kind.id, report)
        except Shut:
            return self._missing(job, Without.UNAVAILABLE, SHUT)

        async def finish(session: Session) -> None:
            events = await self._settle(session, job, command)
            if any(isinstance(each, RefreshObtained) for each in events):
                await session.apply([Put(SOURCE_DOCUMENT, row)])

        return finish

    def _missing(self, job: Job, why: Without, detail: str) -> Finish:
        payload = job.payload
        command = MissRefresh(
            refresh_id=payload["refresh_id"], item=payload["item"], why=why, detail=detail, on=self.runtime.today
        )

        async def finish(session: Session) -> None:
            await self._settle(session, job, command)

        return finish

    async def _settle(self, session: Session, job: Job, command: Command) -> Sequence[object]:
        stream_id = refreshes.stream_id(job.payload["applicant_id"])
        cause = _cause(job, self.runtime.today)
        outcome = await self.runtime.commands.handle(refreshes, stream_id, command, cause, within=session)
        return outcome.events


def former_of(assessed: Sequence[assessment.State], item: str) -> Former | None:
    """The latest item of this kind that came in for an application."""
    found: list[InformationObtained] = [
        state.gathered.obtained[item] for state in assessed if state.gathered and item in state.gathered.obtained
    ]
    latest = max(found, key=lambda each: each.as_of, default=None)
    return Former(latest.sha256, latest.as_of, latest.facts) if latest else None


def _cause(job: Job, on: date) -> Cause:
    return Cause(
        actor=ACTOR,
        correlation_id=str(job.payload.get("correlation_id", job.task_id)),
        effective_date=on.isoformat(),
        rules={"refresh-policy": str(library().refresh_policy(on).version)},
    )


def _task(job: Job, order: dict[str, object]) -> Task:
    key = f"{order['refresh_id']}/{order['item']}"
    payload = {**order, "correlation_id": str(job.payload.get("correlation_id", job.task_id))}
    return Task(derive_id(REFRESHES, key), REFRESH, key, canonical(payload))
