"""What approval hears: scores, also of other cards, withdrawals, signatures, and the passing of days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from libs.contracts.application import ApplicationWithdrawn
from libs.contracts.approval import Outcome
from libs.contracts.collections import BorrowerFrozen, BorrowerLimited, BorrowerLimitLifted, BorrowerUnfrozen
from libs.contracts.contract import ContractSigned
from libs.contracts.ledger import BookingRefused, BusinessDayOpened, LoanCancelled, LoanSettled, RepaymentReversed
from libs.contracts.scoring import Advice, ApplicationScored, ApplicationsRescored, CardRescored, ScoringFailed
from libs.events.codec import Recorded
from libs.events.subscribers import Reaction, Reactions
from services.approval import exposure, rescored
from services.approval.domain.commands import (
    AcceptOffer,
    Command,
    ConsiderApplication,
    EscalateCase,
    LapseApproval,
    ReinstateExposure,
    ReleaseExposure,
)
from services.approval.domain.decision import OFFER_EXPIRED
from services.approval.domain.security import ReinstateSecurity, ReleaseSecurity
from services.approval.handlers import DECISION, SECURITY, TABLES, TABLES_STREAM, consider, table_of
from services.approval.library import library

SETTLED: Final = "loan-settled"
"""Why what secured a loan is given back by itself."""
reactions = Reactions("approval")

EXPIRED_OFFERS = """
    select application_id from decision where status = 'APPROVED' and expires_on < $1
    union all
    select application_id from decision where status = 'CONDITIONAL' and expires_on < $1 order by 1"""
LATE_CASES = """
    select application_id, queue, referred_on from decision join unnest($1::text[], $2::date[]) as late (queue, last)
    using (queue) where status = 'REFERRED' and referred_on <= late.last order by 1"""


@reactions.on(ApplicationScored)
async def decide_scored(recorded: Recorded[ApplicationScored], reaction: Reaction) -> None:
    event = recorded.event
    table = table_of(await reaction.look_up(TABLES, TABLES_STREAM), event.scored_on)
    command = consider(
        event.application_id,
        event.request,
        table,
        score=event.score,
        grade=event.grade,
        today=event.scored_on,
        score_reasons=event.reasons,
    )
    await _consider(reaction, command)


@reactions.on(ScoringFailed)
async def decide_unscored(recorded: Recorded[ScoringFailed], reaction: Reaction) -> None:
    """By a person, who is told why there is no score; declined where what was gathered speaks against it."""
    event = recorded.event
    table = table_of(await reaction.look_up(TABLES, TABLES_STREAM), event.failed_on)
    why = (event.reason, *event.further)
    command = consider(
        event.application_id, event.request, table, score=None, grade="", today=event.failed_on, score_reasons=why
    )
    await _consider(reaction, replace(command, against=why) if event.advice is Advice.DECLINE else command)


async def _consider(reaction: Reaction, command: ConsiderApplication) -> None:
    """Who was declined a short while ago is declined again (not for what came on the same day: the two may have crossed);
    who is frozen is not approved by rule; what the table approves is held to the limits, and reserved on their lines."""
    counted: Sequence[str] = ()
    session, cooling = reaction.session, library().casework(command.today).cooling
    first, last = command.today - timedelta(days=cooling.days), command.today - timedelta(days=1)
    declined, frozen = await exposure.against(session, command.request.applicant_id, first, last, cooling.after)
    if frozen:
        command = replace(command, frozen=library().casework(command.today).freeze)
    if declined:
        command = replace(command, against=(cooling.reason,))
    elif not frozen and command.verdict.outcome is Outcome.APPROVE:
        policy = library().exposure
        standing = await exposure.standing(session, policy, command.request, command.today)
        command, counted = replace(command, exposures=standing.lines, referral=policy.referral), standing.counted
    outcome = await reaction.handle(DECISION, DECISION.stream_id(command.application_id), command, opens=True)
    await exposure.follow(session, outcome, counted)


@reactions.on(ApplicationsRescored)
async def keep_rescored(recorded: Recorded[ApplicationsRescored], reaction: Reaction) -> None:
    """Nothing is decided by it: it waits for a comparison."""
    await rescored.keep_part(reaction.session, recorded.event)


@reactions.on(CardRescored)
async def keep_rescoring(recorded: Recorded[CardRescored], reaction: Reaction) -> None:
    await rescored.keep_end(reaction.session, recorded.event)


@reactions.on(BorrowerFrozen)
async def freeze_borrower(recorded: Recorded[BorrowerFrozen], reaction: Reaction) -> None:
    """From now on; what was approved before stands."""
    await exposure.freeze(reaction.session, recorded.event)


@reactions.on(BorrowerUnfrozen)
async def unfreeze_borrower(recorded: Recorded[BorrowerUnfrozen], reaction: Reaction) -> None:
    await exposure.unfreeze(reaction.session, recorded.event)


@reactions.on(BorrowerLimited)
async def lower_limit(recorded: Recorded[BorrowerLimited], reaction: Reaction) -> None:
    """As a freeze: from now on, for what is decided by rule and by people."""
    await exposure.lower(reaction.session, recorded.event)


@reactions.on(BorrowerLimitLifted)
async def lift_limit(recorded: Recorded[BorrowerLimitLifted], reaction: Reaction) -> None:
    await exposure.lift(reaction.session, recorded.event)


@reactions.on(ApplicationWithdrawn)
async def lapse_withdrawn(recorded: Recorded[ApplicationWithdrawn], reaction: Reaction) -> None:
    event = recorded.event
    command = LapseApproval(application_id=event.application_id, reason="withdrawn", today=event.withdrawn_on)
    await _happens(reaction, event.application_id, command)


@reactions.on(ContractSigned)
async def accept_offer(recorded: Recorded[ContractSigned], reaction: Reaction) -> None:
    event = recorded.event
    command = AcceptOffer(application_id=event.application_id, contract_id=event.contract_id, today=event.signed_on)
    await _happens(reaction, event.application_id, command)


@reactions.on(BusinessDayOpened)
async def lapse_expired(recorded: Recorded[BusinessDayOpened], reaction: Reaction) -> None:
    """An offer stands to the end of its last day. One that the view does not show yet lapses a day later."""
    today = recorded.event.business_date
    expired: list[Any] = await reaction.session.connection.fetch(EXPIRED_OFFERS, today)
    for row in expired:
        command = LapseApproval(application_id=row["application_id"], reason=OFFER_EXPIRED, today=today)
        await _happens(reaction, row["application_id"], command, effective_date=today.isoformat())
    await _escalate_late(reaction, today)


async def _escalate_late(reaction: Reaction, today: date) -> None:
    """A case that was not decided by its day goes on to people with more authority."""
    policy = library().casework(today)
    late = policy.late(today)
    rows = await reaction.session.connection.fetch(LATE_CASES, *(list(column) for column in zip(*late, strict=True)))
    for row in rows:
        queue = row["queue"]
        due = policy.due(queue, row["referred_on"])
        assert due is not None, "a queue that escalates has a deadline"
        command = EscalateCase(from_queue=queue, to_queue=policy.queues[queue].escalates_to, due=due, today=today)
        await _happens(reaction, row["application_id"], command, effective_date=today.isoformat())


@reactions.on(LoanSettled)
async def release_settled(recorded: Recorded[LoanSettled], reaction: Reaction) -> None:
    await _ends(reaction, recorded.event.application_id, SETTLED, recorded.event.settled_on)


@reactions.on(LoanCancelled)
async def release_cancelled(recorded: Recorded[LoanCancelled], reaction: Reaction) -> None:
    await _ends(reaction, recorded.event.application_id, "loan-cancelled", recorded.event.cancelled_on)


@reactions.on(BookingRefused)
async def release_refused(recorded: Recorded[BookingRefused], reaction: Reaction) -> None:
    await _ends(reaction, recorded.event.application_id, "booking-refused", recorded.event.refused_on)


async def _ends(reaction: Reaction, application_id: str, reason: str, today: date) -> None:
    """Nothing is owed: it counts towards no limit, and what secured it is given back."""
    command = ReleaseExposure(application_id=application_id, reason=reason, today=today)
    await _happens(reaction, application_id, command)
    give_back = ReleaseSecurity(application_id=application_id, reason=reason, by=reaction.actor.subject, today=today)
    await reaction.handle(SECURITY, SECURITY.stream_id(application_id), give_back)


@reactions.on(RepaymentReversed)
async def reinstate_owed(recorded: Recorded[RepaymentReversed], reaction: Reaction) -> None:
    """A loan that was settled is owed again when a repayment turns out not to be one, and what secured it secures it."""
    event = recorded.event
    application_id = await exposure.application_of_loan(reaction.session, event.loan_id)
    if application_id is not None:
        command = ReinstateExposure(application_id=application_id, reason="repayment-reversed", today=event.reversed_on)
        await _happens(reaction, application_id, command)
        if event.position.outstanding.total:
            stands = ReinstateSecurity(
                application_id=application_id,
                released_for=SETTLED,
                reason="repayment-reversed",
                today=event.reversed_on,
            )
            await reaction.handle(SECURITY, SECURITY.stream_id(application_id), stands)


async def _happens(reaction: Reaction, application_id: str, command: Command, *, effective_date: str = "") -> None:
    stream_id = DECISION.stream_id(application_id)
    outcome = await reaction.handle(DECISION, stream_id, command, effective_date=effective_date)
    await exposure.follow(reaction.session, outcome)
