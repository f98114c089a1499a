"""What the service does of its own accord when something was decided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from libs.contracts.partners import (
    CostRepaid,
    CostRepaymentReversed,
    CostReversed,
    CostShared,
    EndpointTested,
    FundingAnswered,
    FundingClarified,
    FundingLapsed,
    FundingOffered,
    FundingWithdrawn,
    FundsCalled,
    FundsMissing,
    FundsReleased,
    FundsReserved,
    FundsUsed,
    MovementSplit,
    RedeliveryRequested,
    SettlementDue,
    SettlementMade,
    SharesTransferred,
    TransferKind,
)
from libs.events.codec import Recorded
from libs.events.ids import derive_id
from libs.events.subscribers import Reaction, Reactions
from services.partners import commitments, origination, records, settling
from services.partners.news import TEST_TYPE, cloud_event, messages_between_lenders, own_message
from services.partners.records import Told


def make_reactions(wake: Callable[[], None]) -> Reactions:
    """`wake` tells the dispatcher that there is something to send."""
    reactions = Reactions("partners")

    @reactions.on(EndpointTested)
    async def test(recorded: Recorded[EndpointTested], reaction: Reaction) -> None:
        event = recorded.event
        message_id = derive_id(recorded.event_id, f"webhook/{event.partner}")
        body = cloud_event(
            str(message_id),
            recorded.source,
            TEST_TYPE,
            event.endpoint_id,
            recorded.metadata.recorded_at,
            0,
            {"endpoint_id": event.endpoint_id},
        )
        at = datetime.fromisoformat(recorded.metadata.recorded_at)
        told = Told(message_id, event.partner, event.endpoint_id, TEST_TYPE, 0, body, at, event.endpoint_id)
        await records.tell(reaction.session.connection, [told])
        reaction.session.after_commit(wake)

    @reactions.on(RedeliveryRequested)
    async def redeliver(recorded: Recorded[RedeliveryRequested], reaction: Reaction) -> None:
        event, connection = recorded.event, reaction.session.connection
        if event.positions:
            await connection.execute(records.AGAIN, event.endpoint_id, list(event.positions))
        elif event.from_sequence is not None:
            await connection.execute(records.AGAIN_SINCE, event.endpoint_id, event.from_sequence)
        else:
            await connection.execute(records.FAILED_AGAIN, event.endpoint_id)
        reaction.session.after_commit(wake)

    @reactions.on(FundingOffered, FundingClarified, FundingAnswered, FundingLapsed, FundingWithdrawn)
    async def tell_of_application(recorded: Recorded[Any], reaction: Reaction) -> None:
        event = recorded.event
        await records.tell(reaction.session.connection, [own_message(recorded, event.partner, event.application_id)])
        reaction.session.after_commit(wake)
        if isinstance(event, FundingWithdrawn):
            await origination.release(event, reaction)
        elif isinstance(event, FundingAnswered | FundingLapsed):
            await origination.next_lender(event, reaction)

    @reactions.on(FundsReserved, FundsCalled, FundsMissing, FundsReleased)
    async def tell_of_funds(recorded: Recorded[Any], reaction: Reaction) -> None:
        event = recorded.event
        await records.tell(reaction.session.connection, [own_message(recorded, event.partner, event.loan_id)])
        reaction.session.after_commit(wake)

    @reactions.on(SettlementMade)
    async def tell_of_settlement(recorded: Recorded[SettlementMade], reaction: Reaction) -> None:
        event = recorded.event
        told = own_message(recorded, event.partner, event.settlement_id)
        await records.tell(reaction.session.connection, [told])
        reaction.session.after_commit(wake)

    @reactions.on(SharesTransferred)
    async def tell_of_transfer(recorded: Recorded[SharesTransferred], reaction: Reaction) -> None:
        await settling.note(recorded, reaction)
        if recorded.event.kind is TransferKind.BUY_BACK:  # its partner lends no more on this loan
            await commitments.close(reaction.session, recorded.event.loan_id)
        told = messages_between_lenders(recorded, recorded.event.effective_from)
        await records.tell(reaction.session.connection, told)
        reaction.session.after_commit(wake)

    @reactions.on(CostShared, CostReversed)
    async def tell_of_cost(recorded: Recorded[Any], reaction: Reaction) -> None:
        await settling.note(recorded, reaction)
        told = messages_between_lenders(recorded, recorded.event.incurred_on)
        await records.tell(reaction.session.connection, told)
        reaction.session.after_commit(wake)

    @reactions.on(CostRepaid, CostRepaymentReversed)
    async def tell_of_repaid_cost(recorded: Recorded[Any], reaction: Reaction) -> None:
        await settling.note(recorded, reaction)
        told = messages_between_lenders(recorded, recorded.event.repaid_on)
        await records.tell(reaction.session.connection, told)
        reaction.session.after_commit(wake)

    reactions.on(MovementSplit)(settling.note)
    reactions.on(FundsUsed)(settling.note_used)
    reactions.on(SettlementDue)(settling.settle)
    return reactions
