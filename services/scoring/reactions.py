"""What the service hears: an application was submitted, so it is assessed, or what the policy needs is asked for; what
became of loans, to be laid beside what was expected of them, and to ask anew about their borrowers and who answers for them
while they run; and that a card's effect on decisions was signed off."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from libs.contracts.application import ApplicantRegistered, ApplicationSubmitted, ApplicationWithdrawn, ConsentGiven
from libs.contracts.approval import (
    CardComparisonSignedOff,
    SecurityConsented,
    SecurityOffered,
    SecurityReinstated,
    SecurityReleased,
)
from libs.contracts.audit import PersonErased
from libs.contracts.collections import WatchEntered, WatchLeft
from libs.contracts.ledger import (
    BusinessDayOpened,
    DelinquencyChanged,
    DisbursementReturned,
    LoanDisbursed,
    LoanSettled,
    LoanWrittenOff,
    RepaymentReversed,
)
from libs.contracts.scoring import ApplicationScored, CardCleared
from libs.events.codec import Recorded
from libs.events.projection import Put, Remove
from libs.events.subscribers import Reaction, Reactions
from services.scoring import outcomes, refresh_records
from services.scoring.domain.assessment import AbandonGathering, MissDeadlines
from services.scoring.domain.card_life import BeginDay, ClearCard
from services.scoring.domain.information import BroughtBy
from services.scoring.gathering import OBTAIN
from services.scoring.handlers import assess_submitted, assessments, rules_for
from services.scoring.library import library
from services.scoring.records import erased, known
from services.scoring.refreshing import ROUND
from services.scoring.shelf import CARDS, CARDS_STREAM, shelf, shelf_for

reactions = Reactions("scoring")

reactions.on(DelinquencyChanged)(outcomes.fell_behind)

OVERDUE: Final = "select distinct application_id from information_v1 where state = 'OPEN' and due_on < $1 order by 1"


@reactions.on(ApplicationSubmitted)
async def assess(recorded: Recorded[ApplicationSubmitted], reaction: Reaction) -> None:
    submitted = recorded.event
    outcome = await reaction.handle(
        assessments,
        assessments.stream_id(submitted.application_id),
        assess_submitted(submitted, await shelf_for(reaction)),
        effective_date=submitted.submitted_on.isoformat(),
        opens=True,
    )
    for wanted in outcome.state.open:
        if library().kinds[wanted.item].brought_by is BroughtBy.MACHINE:
            order = {"application_id": submitted.application_id, "item": wanted.item}
            await reaction.schedule(OBTAIN, f"{submitted.application_id}/{wanted.item}", order)


@reactions.on(ApplicantRegistered)
async def know(recorded: Recorded[ApplicantRegistered], reaction: Reaction) -> None:
    await reaction.apply(known(recorded))


@reactions.on(PersonErased)
async def forget(recorded: Recorded[PersonErased], reaction: Reaction) -> None:
    await reaction.commands.codec.heed_erasure()
    await reaction.apply(erased(recorded.event.applicant_id))
    await refresh_records.all_over(reaction.session, recorded.event.applicant_id)


@reactions.on(ApplicationWithdrawn)
async def abandon(recorded: Recorded[ApplicationWithdrawn], reaction: Reaction) -> None:
    """A withdrawal that comes before its submission finds nothing to abandon; approval holds it then."""
    event = recorded.event
    command = AbandonGathering(reason="withdrawn", on=event.withdrawn_on)
    await reaction.handle(assessments, assessments.stream_id(event.application_id), command)


@reactions.on(CardComparisonSignedOff)
async def clear_card(recorded: Recorded[CardComparisonSignedOff], reaction: Reaction) -> None:
    """What the card would have changed is known, and somebody takes it."""
    event = recorded.event
    cleared = CardCleared(
        card_id=event.card_id,
        version=event.version,
        sha256=event.card_sha256,
        comparison_id=event.comparison_id,
        considered=event.considered,
        changed=event.changed,
        compared_on=event.compared_on,
        signed_by=event.signed_by,
        signed_on=event.signed_on,
    )
    await reaction.handle(CARDS, CARDS_STREAM, ClearCard(cleared=cleared), effective_date=event.signed_on.isoformat())


@reactions.on(BusinessDayOpened)
async def begin_day(recorded: Recorded[BusinessDayOpened], reaction: Reaction) -> None:
    """Cards take effect. An item may come to the end of its day; one that the view does not show yet is late a day later.
    Borrowers and guarantors whose day has come are asked about anew."""
    today = recorded.event.business_date
    await reaction.handle(CARDS, CARDS_STREAM, BeginDay(today=today), effective_date=today.isoformat())
    overdue: list[Any] = await reaction.session.connection.fetch(OVERDUE, today)
    for row in overdue:
        stream_id = assessments.stream_id(row["application_id"])
        state, _ = await reaction.commands.state(assessments, stream_id, reaction.session)
        command = MissDeadlines(on=today, rules=rules_for(await shelf(reaction.commands), state))
        await reaction.handle(assessments, stream_id, command, effective_date=today.isoformat())
    if await refresh_records.any_due(reaction.session, today, library().refresh_policy(today)):
        await reaction.schedule(ROUND, today.isoformat(), {"on": today.isoformat()})


@reactions.on(ConsentGiven)
async def note_consent(recorded: Recorded[ConsentGiven], reaction: Reaction) -> None:
    event = recorded.event
    if event.purpose is library().refresh_policy(event.given_on).purpose:
        named = {"application_id": event.application_id, "text_version": event.text_version}
        await reaction.apply(Put(refresh_records.CONSENT, {**named, "given_on": event.given_on}))


@reactions.on(LoanDisbursed)
async def loan_runs(recorded: Recorded[LoanDisbursed], reaction: Reaction) -> None:
    """Its borrower is asked about for the first time when his interval is over; who answers for it in the next round."""
    event = recorded.event
    await outcomes.paid_out(recorded, reaction)
    stream_id = assessments.stream_id(event.application_id)
    outcome = (await reaction.commands.state(assessments, stream_id, reaction.session))[0].outcome
    grade = outcome.grade if isinstance(outcome, ApplicationScored) else ""
    policy = library().refresh_policy(event.value_date)
    watched = await refresh_records.watched(reaction.session, event.applicant_id)
    every_days = policy.every_days(grade, event.amount.minor, watched)
    next_on = date.max if every_days is None else event.value_date + timedelta(days=every_days)
    named = {name: getattr(event, name) for name in ("loan_id", "application_id", "applicant_id")}
    await reaction.apply(Put(refresh_records.LOAN, {**named, "next_on": next_on}))


@reactions.on(DisbursementReturned)
async def loan_was_none(recorded: Recorded[DisbursementReturned], reaction: Reaction) -> None:
    await outcomes.sent_back(recorded, reaction)
    await reaction.apply(Remove(refresh_records.LOAN, {"loan_id": recorded.event.loan_id}))


@reactions.on(LoanSettled)
async def loan_is_over(recorded: Recorded[LoanSettled], reaction: Reaction) -> None:
    await refresh_records.over(reaction.session, recorded.event.loan_id)


@reactions.on(LoanWrittenOff)
async def loan_is_lost(recorded: Recorded[LoanWrittenOff], reaction: Reaction) -> None:
    await outcomes.written_off(recorded, reaction)
    await reaction.apply(Remove(refresh_records.LOAN, {"loan_id": recorded.event.loan_id}))


@reactions.on(RepaymentReversed)
async def loan_runs_on(recorded: Recorded[RepaymentReversed], reaction: Reaction) -> None:
    """A loan that was settled is owed again when a repayment turns out not to be one."""
    event = recorded.event
    if event.position.outstanding.total:
        await refresh_records.owed_again(reaction.session, event.loan_id, event.reversed_on)


@reactions.on(WatchEntered)
async def look_closer(recorded: Recorded[WatchEntered], reaction: Reaction) -> None:
    event = recorded.event
    await reaction.apply(Put(refresh_records.WATCHED, {"applicant_id": event.applicant_id}))
    await refresh_records.sooner(reaction.session, event.applicant_id, event.entered_on)


@reactions.on(WatchLeft)
async def look_less(recorded: Recorded[WatchLeft], reaction: Reaction) -> None:
    await reaction.apply(Remove(refresh_records.WATCHED, {"applicant_id": recorded.event.applicant_id}))


@reactions.on(SecurityOffered)
async def note_surety(recorded: Recorded[SecurityOffered], reaction: Reaction) -> None:
    await reaction.apply(*refresh_records.offered(recorded.event))


@reactions.on(SecurityConsented)
async def bind_surety(recorded: Recorded[SecurityConsented], reaction: Reaction) -> None:
    await reaction.apply(refresh_records.agreed(recorded.event))


@reactions.on(SecurityReleased)
async def free_surety(recorded: Recorded[SecurityReleased], reaction: Reaction) -> None:
    await reaction.apply(refresh_records.released(recorded.event))


@reactions.on(SecurityReinstated)
async def hold_surety(recorded: Recorded[SecurityReinstated], reaction: Reaction) -> None:
    await reaction.apply(*refresh_records.reinstated(recorded.event))
