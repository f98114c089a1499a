"""Sources asked anew about borrowers whose loans run and who answers for them: the round of a business date, and the task
that asks for one item.

The round is one transaction: whom it asks about has his next date in it, so that he is asked about once, however often it
is begun. Only sources that are connected are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from libs.contracts.scoring import ApplicationScored, InformationObtained, RefreshObtained, RefreshRole, Without
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
from services.scoring.domain.refresh import Command, Former, MissRefresh, ObtainRefresh, RequestRefresh, Tie, due_on
from services.scoring.domain.refresh_policy import RefreshPolicy, Terms
from services.scoring.gathering import ACTOR
from services.scoring.handlers import assessments, refreshes
from services.scoring.library import library
from services.scoring.records import SOURCE_DOCUMENT, party
from services.scoring.refresh_records import Due
from services.scoring.sources import Report

ROUND: Final = "refresh-round"
REFRESH: Final = "refresh"
POST_LOAN: Final = "POST_LOAN_MANAGEMENT"
"""The purpose that the bureau is told."""
REFRESHES: Final = UUID("7f0b6a52-64a5-5d0c-8d33-52a7c1c4a6e1")
"""What the identifiers of refreshes are derived under."""


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
            for due in await refresh_records.due(session, on, policy):
                await self._request(session, job, due, policy, on)

        return finish

    def _connected(self, policy: RefreshPolicy) -> set[str]:
        """Items whose source is connected."""
        return {item for item in policy.items if library().kinds[item].source in self.runtime.extras["sources"]}

    async def _request(self, session: Session, job: Job, due: Due, policy: RefreshPolicy, on: date) -> None:
        own = await self._assessed(session, due.applications)
        ties = (*await self._own(session, due, own, policy), *await self._answers(session, due, policy))
        kind = await self._kind(due, own) if ties else ""
        items = [each for each in policy.needed(kind) if each in self._connected(policy)]
        if not items:
            await refresh_records.next_on(session, due, _later(ties, kind, on))
            return
        stream_id = refreshes.stream_id(due.applicant_id)
        refresh_id = str(derive_id(REFRESHES, f"{due.applicant_id}/{on}"))
        command = RequestRefresh(
            applicant_id=due.applicant_id,
            refresh_id=refresh_id,
            kinds=tuple(library().kinds[item] for item in items),
            ties=ties,
            policy=policy,
            on=on,
        )
        outcome = await self.runtime.commands.handle(refreshes, stream_id, command, _cause(job, on), within=session)
        await refresh_records.next_on(session, due, due_on(outcome.state, command.every_days))
        if outcome.events:
            order = {"applicant_id": due.applicant_id, "refresh_id": refresh_id, "applications": due.applications}
            await session.schedule(
                [_task(job, {**order, "item": each.item, "on": on.isoformat()}) for each in outcome.state.open]
            )

    async def _own(
        self, session: Session, due: Due, assessed: Sequence[assessment.State], policy: RefreshPolicy
    ) -> list[Tie]:
        """As borrower: what counts is the loan that asks for the most, by its grade and amount, and every consent that was
        not withdrawn from its own application."""
        given = await refresh_records.consents(session, due.applications)
        intervals = []
        for application_id, state in zip(due.applications, assessed, strict=True):
            if state.gathered is not None and policy.purpose in state.gathered.withdrawn:
                given.pop(application_id, None)
            if (every_days := _interval(state, policy, due.watched)) is not None:
                intervals.append(every_days)
        if not intervals:
            return []
        return [Tie(RefreshRole.BORROWER, due.loans[0], min(intervals), tuple(given.values()))]

    async def _answers(self, session: Session, due: Due, policy: RefreshPolicy) -> list[Tie]:
        """As guarantor: each loan that he answers for by itself, for it is for that one that he agreed to be asked about."""
        applications = [each.application_id for each in due.answers]
        found = zip(due.answers, await self._assessed(session, applications), strict=True)
        return [
            Tie(RefreshRole.GUARANTOR, each.loan_id, every_days, each.consents)
            for each, state in found
            if policy.guarantors and (every_days := _interval(state, policy.guarantors, each.watched)) is not None
        ]

    async def _kind(self, due: Due, assessed: Sequence[assessment.State]) -> str:
        """A borrower's as he applied; a guarantor's as he was registered, "" while that was not heard."""
        for state in assessed:
            if state.outcome is not None:
                return state.outcome.request.applicant_kind.value
        registered = await party(self.runtime, due.applicant_id)
        return registered.kind.value if registered else ""

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


def _interval(state: assessment.State, terms: Terms, watched: bool) -> int | None:
    """How often somebody is asked about for the loan of an application that was assessed so."""
    if state.outcome is None:
        return None
    grade = state.outcome.grade if isinstance(state.outcome, ApplicationScored) else ""
    return terms.every_days(grade, state.outcome.request.amount.minor, watched)


def _later(ties: Sequence[Tie], kind: str, on: date) -> date:
    """When somebody is looked at again for whom there is nothing to ask: never where no interval fits, tomorrow while it is
    not known who he is, or else when his interval is over."""
    if not ties:
        return date.max
    return on + timedelta(days=min(tie.every_days for tie in ties) if kind else 1)


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
