"""Higher rates under a clause of the contract: which loans have one, and the notices that borrowers are given.

Decided by two persons on the watch list; the borrower is told, and from the date that he was told the ledger charges it."""

from __future__ import annotations

from datetime import date
from typing import Final

from sqlalchemy import Column, Integer, Numeric, Table, Text, select

from libs.contracts.collections import HigherRateAnnounced, MeasureKind, WatchMeasureDecided, WatchMeasureEnded
from libs.contracts.ledger import HigherRateRefused, LoanBooked
from libs.contracts.types import plain
from libs.contracts.values import RateIncreaseRule
from libs.events.commands import Cause
from libs.events.ids import derive_id
from libs.events.projection import Put
from libs.events.store import Session
from libs.events.subscribers import Reaction
from libs.events.tasks import Finish, Job, Tasks
from libs.service.runtime import Runtime
from services.collections.domain.watch_commands import FollowRefusal, NoteNotice, TakeHigherRate
from services.collections.handlers import WATCH
from services.collections.library import library
from services.collections.messages import Message, MessageGateway
from services.collections.records import RECORDS
from services.collections.reminding import ACTOR

NOTIFY: Final = "notify-of-rate"
HIGHER, FORMER = "higher-rate", "former-rate"

rate_clause = Table(
    "rate_clause",
    RECORDS,
    Column("loan_id", Text, primary_key=True),
    Column("clause", Text, nullable=False),
    Column("increase_max", Numeric, nullable=False),
    Column("notice_days", Integer, nullable=False),
)
"""Loans whose contract lets the rate be raised while they run."""

ANNOUNCED: Final = """
    select r.measure_id, r.applicant_id from rate_rise r left join borrower_loan l using (loan_id)
    where r.effective_from <= $1 and l.runs is not false order by r.measure_id"""


def booked(event: LoanBooked) -> list[Put]:
    """What the contract says, where it says anything of it."""
    rule = event.agreement.rate_increase
    return [Put(rate_clause, {"loan_id": event.loan_id, **rule.model_dump()})] if rule is not None else []


async def clause_of(runtime: Runtime, loan_id: str) -> RateIncreaseRule | None:
    """Under which clause the rate of a loan may be raised; None where it is fixed."""
    row = await runtime.fetch_one(select(rate_clause).where(rate_clause.c.loan_id == loan_id))
    return RateIncreaseRule(**{name: row[name] for name in RateIncreaseRule.model_fields}) if row is not None else None


async def take(reaction: Reaction, today: date) -> None:
    """Tell the ledger of rates whose date has come. One that the view does not show yet is found on a later morning, with
    the date that the borrower was told."""
    for row in await reaction.session.connection.fetch(ANNOUNCED, today):
        command = TakeHigherRate(measure_id=row["measure_id"], today=today)
        await reaction.handle(WATCH, WATCH.stream_id(row["applicant_id"]), command, effective_date=today.isoformat())


async def tell(reaction: Reaction, event: WatchMeasureDecided | WatchMeasureEnded) -> None:
    """Have the borrower told that his rate rises, or that it does not, or not any more."""
    if event.kind is MeasureKind.HIGHER_RATE and (isinstance(event, WatchMeasureEnded) or event.taken):
        cause = {"causation_id": str(reaction.cause.event_id), "after": reaction.cause.metadata.recorded_at}
        whose = {"applicant_id": event.applicant_id, "measure_id": event.measure_id}
        template = FORMER if isinstance(event, WatchMeasureEnded) else HIGHER
        await reaction.schedule(NOTIFY, f"{event.measure_id}/{template}", {**cause, **whose, "template": template})


async def follow(reaction: Reaction, event: HigherRateRefused) -> None:
    """The ledger leaves the rate as it is."""
    command = FollowRefusal(measure_id=event.measure_id, reason=event.reason, today=event.refused_on)
    await reaction.handle(WATCH, WATCH.stream_id(event.applicant_id), command)


class Notices:
    """Sends notices through the gateway, then records them. `runtime` is given when the service starts."""

    runtime: Runtime

    def __init__(self, tasks: Tasks) -> None:
        tasks.on(NOTIFY)(self.send)

    async def send(self, job: Job) -> Finish | None:
        """Done again after a failure, it gives the gateway the same message under the same identifier."""
        payload, today = job.payload, self.runtime.today
        stream_id, measure_id = WATCH.stream_id(payload["applicant_id"]), payload["measure_id"]
        state, _ = await self.runtime.commands.state(WATCH, stream_id)
        measure, template = state.measures[measure_id], library().template(payload["template"], today)
        if measure.increase is None:
            return None
        note = NoteNotice(measure_id=measure_id, template=template.label, today=today)
        values = {"increase": f"{plain(measure.increase * 100)}%", "loan": measure.loan_id}
        higher = payload["template"] == HIGHER
        if higher:
            announced = next(iter(WATCH.decide(note, state)), None)
            if not isinstance(announced, HigherRateAnnounced):
                return None
            values |= {"effective": announced.effective_from.isoformat(), "clause": measure.clause}
        elif measure.effective_from is None:
            return None
        message_id = derive_id(job.task_id, "message")
        gateway: MessageGateway = self.runtime.extras["messages"]
        await gateway.send([Message(message_id, state.applicant_id, template.label, template.fill(**values), today)])

        async def finish(session: Session) -> None:
            if higher:
                cause = Cause(
                    actor=ACTOR,
                    correlation_id=payload["correlation_id"],
                    causation_id=payload["causation_id"],
                    after=payload["after"],
                    effective_date=today.isoformat(),
                )
                await self.runtime.commands.handle(WATCH, stream_id, note, cause, within=session)

        return finish
