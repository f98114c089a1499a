"""What the service does when it hears of something."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from libs.contracts.application import ApplicantRegistered, ApplicationWithdrawn
from libs.contracts.approval import ApplicationApproved
from libs.contracts.audit import PersonErased
from libs.contracts.contract import CoLender, ContractAccepted
from libs.contracts.ledger import BusinessDayOpened
from libs.contracts.partners import FundingArranged
from libs.events.codec import Recorded
from libs.events.errors import NotYet
from libs.events.projection import Put, Remove
from libs.events.sealing import Shut
from libs.events.store import Session
from libs.events.subscribers import Reaction, Reactions
from services.contract import documents
from services.contract.document.parties import Borrower
from services.contract.domain.contract import ExpireContract, FollowWithdrawal, Status
from services.contract.handlers import MadeOut, contract_id_of, contracts, make_out
from services.contract.parties import borrower, erased, known
from services.contract.press import press
from services.contract.records import OFFER, WITHDRAWAL
from services.contract.signing import SIGN

ONE_AT_A_TIME: Final = "select pg_advisory_xact_lock(hashtextextended($1, 0))"
WITHDRAWN: Final = "select true from withdrawal where application_id = $1"
EXPIRED: Final = "select contract_id from open_offer where expires_on < $1 order by contract_id"

reactions: Final = Reactions("contract")


@reactions.on(ApplicantRegistered)
async def know(recorded: Recorded[ApplicantRegistered], reaction: Reaction) -> None:
    await reaction.apply(known(recorded))


@reactions.on(PersonErased)
async def forget(recorded: Recorded[PersonErased], reaction: Reaction) -> None:
    await reaction.commands.codec.heed_erasure()
    await reaction.apply(erased(recorded.event.applicant_id))


Settled: TypeAlias = ApplicationApproved | FundingArranged
"""What a contract is made out from: the approval, or who funds it where the applicant agreed that others may."""


async def set_document(
    recorded: Recorded[Settled], reaction: Reaction
) -> asyncio.Task[tuple[Borrower, MadeOut]] | None:
    """The press works on the documents of a whole batch while contracts are offered one after another."""
    settled = _settled(recorded.event)
    if settled is None:
        return None
    approved, lenders = settled
    try:
        party = await borrower(reaction.session, reaction.commands.codec, approved.request.applicant_id)
    except (NotYet, Shut):
        return None

    async def made_out() -> tuple[Borrower, MadeOut]:
        return party, await press.run(make_out, approved, party, lenders)

    return asyncio.create_task(made_out(), name=f"contract/document of {approved.application_id}")


reactions.ahead(ApplicationApproved)(set_document)
reactions.ahead(FundingArranged)(set_document)


@reactions.on(ApplicationApproved, FundingArranged)
async def offer(recorded: Recorded[Any], reaction: Reaction) -> None:
    """Make the contract out and offer it, unless the application was withdrawn meanwhile."""
    settled = _settled(recorded.event)
    if settled is None:
        return
    approved, lenders = settled
    if await _withdrawn(reaction.session, approved.application_id):
        return
    codec, applicant_id = reaction.commands.codec, approved.request.applicant_id
    party = await borrower(reaction.session, codec, applicant_id)
    made = await _begun(reaction, party)
    if made is None:
        made = await press.run(make_out, approved, party, lenders)
    contract_id = made.command.contract_id
    outcome = await reaction.handle(
        contracts,
        contracts.stream_id(contract_id),
        made.command,
        effective_date=approved.approved_on.isoformat(),
        opens=True,
    )
    if outcome.events and outcome.state.status is Status.OFFERED:
        await documents.save(reaction.session, codec, contract_id, applicant_id, made.document)
        await reaction.apply(Put(OFFER, {"contract_id": contract_id, "expires_on": made.command.expires_on}))


def _settled(event: Settled) -> tuple[ApplicationApproved, Sequence[CoLender]] | None:
    """The approval and who lends; None for an approval that is offered to co-lenders first."""
    if isinstance(event, FundingArranged):
        return event.approval, event.lenders
    return None if event.request.shareable else (event, ())


@reactions.on(ApplicationWithdrawn)
async def withdraw(recorded: Recorded[ApplicationWithdrawn], reaction: Reaction) -> None:
    """Cancel what is not signed; remember the withdrawal for an approval that is yet to be heard of."""
    withdrawn = recorded.event
    await _withdrawn(reaction.session, withdrawn.application_id)
    contract_id = contract_id_of(withdrawn.application_id)
    await reaction.handle(
        contracts,
        contracts.stream_id(contract_id),
        FollowWithdrawal(today=withdrawn.withdrawn_on),
        effective_date=withdrawn.withdrawn_on.isoformat(),
    )
    await reaction.apply(
        Remove(OFFER, {"contract_id": contract_id}),
        Put(WITHDRAWAL, {"application_id": withdrawn.application_id, "withdrawn_on": withdrawn.withdrawn_on}),
    )


@reactions.on(BusinessDayOpened)
async def expire(recorded: Recorded[BusinessDayOpened], reaction: Reaction) -> None:
    """End every offer whose last day has passed."""
    today = recorded.event.business_date
    for row in await reaction.session.connection.fetch(EXPIRED, today):
        contract_id = row["contract_id"]
        await reaction.handle(
            contracts, contracts.stream_id(contract_id), ExpireContract(today=today), effective_date=today.isoformat()
        )
        await reaction.apply(Remove(OFFER, {"contract_id": contract_id}))


@reactions.on(ContractAccepted)
async def sign(recorded: Recorded[ContractAccepted], reaction: Reaction) -> None:
    circumstances = {"causation_id": str(recorded.event_id), "after": recorded.metadata.recorded_at}
    await reaction.schedule(SIGN, recorded.event.contract_id, circumstances)


async def _begun(reaction: Reaction, party: Borrower) -> MadeOut | None:
    """What the press has made meanwhile, unless something else is known of the borrower by now."""
    if reaction.begun is None:
        return None
    of, made = await reaction.begun
    return made if of == party else None


async def _withdrawn(session: Session, application_id: str) -> bool:
    """Whether the application was withdrawn. Until the transaction ends, nobody else decides on this application.

    An approval and a withdrawal come from different topics and may be handled by different processes at once.
    """
    await session.connection.execute(ONE_AT_A_TIME, f"contract/{application_id}")
    return await session.connection.fetchval(WITHDRAWN, application_id) is not None
