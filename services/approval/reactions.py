"""What approval hears: scores, withdrawals, signatures, and the passing of days."""

from __future__ import annotations

from typing import Any

from libs.contracts.application import ApplicationWithdrawn
from libs.contracts.contract import ContractSigned
from libs.contracts.ledger import BusinessDayOpened
from libs.contracts.scoring import ApplicationScored, ScoringFailed
from libs.events.codec import Recorded
from libs.events.subscribers import Reaction, Reactions
from services.approval.domain.commands import AcceptOffer, LapseApproval
from services.approval.domain.decision import OFFER_EXPIRED
from services.approval.handlers import DECISION, consider, table_in_force

reactions = Reactions("approval")

EXPIRED_OFFERS = "select application_id from decision where status = 'APPROVED' and expires_on < $1 order by 1"


@reactions.on(ApplicationScored)
async def decide_scored(recorded: Recorded[ApplicationScored], reaction: Reaction) -> None:
    event = recorded.event
    table = await table_in_force(reaction.commands, event.scored_on, reaction.session)
    command = consider(
        event.application_id, event.request, table, score=event.score, grade=event.grade, today=event.scored_on
    )
    await reaction.handle(DECISION, DECISION.stream_id(event.application_id), command)


@reactions.on(ScoringFailed)
async def refer_unscored(recorded: Recorded[ScoringFailed], reaction: Reaction) -> None:
    event = recorded.event
    table = await table_in_force(reaction.commands, event.failed_on, reaction.session)
    command = consider(event.application_id, event.request, table, score=None, grade="", today=event.failed_on)
    await reaction.handle(DECISION, DECISION.stream_id(event.application_id), command)


@reactions.on(ApplicationWithdrawn)
async def lapse_withdrawn(recorded: Recorded[ApplicationWithdrawn], reaction: Reaction) -> None:
    event = recorded.event
    command = LapseApproval(application_id=event.application_id, reason="withdrawn", today=event.withdrawn_on)
    await reaction.handle(DECISION, DECISION.stream_id(event.application_id), command)


@reactions.on(ContractSigned)
async def accept_offer(recorded: Recorded[ContractSigned], reaction: Reaction) -> None:
    event = recorded.event
    command = AcceptOffer(application_id=event.application_id, contract_id=event.contract_id, today=event.signed_on)
    await reaction.handle(DECISION, DECISION.stream_id(event.application_id), command)


@reactions.on(BusinessDayOpened)
async def lapse_expired(recorded: Recorded[BusinessDayOpened], reaction: Reaction) -> None:
    """An offer stands to the end of its last day. One that the view does not show yet lapses a day later."""
    today = recorded.event.business_date
    expired: list[Any] = await reaction.session.connection.fetch(EXPIRED_OFFERS, today)
    for row in expired:
        command = LapseApproval(application_id=row["application_id"], reason=OFFER_EXPIRED, today=today)
        await reaction.handle(
            DECISION, DECISION.stream_id(row["application_id"]), command, effective_date=today.isoformat()
        )
