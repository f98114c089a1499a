"""What the service hears: an application was submitted, so it is assessed, or what the policy needs is asked for; what
became of loans, to be laid beside what was expected of them; and that a card's effect on decisions was signed off."""

from __future__ import annotations

from typing import Any, Final

from libs.contracts.application import ApplicantRegistered, ApplicationSubmitted, ApplicationWithdrawn
from libs.contracts.approval import CardComparisonSignedOff
from libs.contracts.audit import PersonErased
from libs.contracts.ledger import (
    BusinessDayOpened,
    DelinquencyChanged,
    DisbursementReturned,
    LoanDisbursed,
    LoanWrittenOff,
)
from libs.contracts.scoring import CardCleared
from libs.events.codec import Recorded
from libs.events.subscribers import Reaction, Reactions
from services.scoring import outcomes
from services.scoring.domain.assessment import AbandonGathering, MissDeadlines
from services.scoring.domain.card_life import BeginDay, ClearCard
from services.scoring.domain.information import BroughtBy
from services.scoring.gathering import OBTAIN
from services.scoring.handlers import assess_submitted, assessments, rules_for
from services.scoring.library import library
from services.scoring.records import erased, known
from services.scoring.shelf import CARDS, CARDS_STREAM, shelf

reactions = Reactions("scoring")

reactions.on(LoanDisbursed)(outcomes.paid_out)
reactions.on(DisbursementReturned)(outcomes.sent_back)
reactions.on(DelinquencyChanged)(outcomes.fell_behind)
reactions.on(LoanWrittenOff)(outcomes.written_off)

OVERDUE: Final = "select distinct application_id from information_v1 where state = 'OPEN' and due_on < $1 order by 1"


@reactions.on(ApplicationSubmitted)
async def assess(recorded: Recorded[ApplicationSubmitted], reaction: Reaction) -> None:
    submitted = recorded.event
    outcome = await reaction.handle(
        assessments,
        assessments.stream_id(submitted.application_id),
        assess_submitted(submitted, await shelf(reaction.commands)),
        effective_date=submitted.submitted_on.isoformat(),
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
    """Cards take effect. An item may come to the end of its day; one that the view does not show yet is late a day later."""
    today = recorded.event.business_date
    await reaction.handle(CARDS, CARDS_STREAM, BeginDay(today=today), effective_date=today.isoformat())
    overdue: list[Any] = await reaction.session.connection.fetch(OVERDUE, today)
    for row in overdue:
        stream_id = assessments.stream_id(row["application_id"])
        state, _ = await reaction.commands.state(assessments, stream_id, reaction.session)
        command = MissDeadlines(on=today, rules=rules_for(await shelf(reaction.commands), state))
        await reaction.handle(assessments, stream_id, command, effective_date=today.isoformat())
