"""What this service does when it hears of something: applications end, drafts expire, persons can be found, or not any
more."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from libs.contracts.application import ApplicantRegistered, ApplicationEnd
from libs.contracts.approval import ApplicationDeclined, ApprovalLapsed
from libs.contracts.audit import PersonErased
from libs.contracts.contract import ContractCancelled, ContractExpired, ContractSigned
from libs.contracts.ledger import BusinessDayOpened
from libs.events.codec import Recorded
from libs.events.subscribers import Reaction, Reactions
from services.application.domain.application import Status
from services.application.domain.application_commands import ConcludeApplication, ExpireApplication
from services.application.handlers import APPLICATION
from services.application.person_index import person_index

reactions = Reactions("application")
reactions.on(ApplicantRegistered)(person_index.add)
reactions.on(PersonErased)(person_index.remove)

DRAFTS_OVER: Final = f"""
    select application_id from application_v1
    where status = '{Status.DRAFT}' and expires_on < $1 order by application_id"""


@reactions.on(ApplicationDeclined)
async def declined(recorded: Recorded[ApplicationDeclined], reaction: Reaction) -> None:
    event = recorded.event
    await _conclude(reaction, event.application_id, ApplicationEnd.DECLINED, event.declined_on)


@reactions.on(ApprovalLapsed)
async def approval_lapsed(recorded: Recorded[ApprovalLapsed], reaction: Reaction) -> None:
    event = recorded.event
    await _conclude(reaction, event.application_id, ApplicationEnd.OFFER_LAPSED, event.lapsed_on)


@reactions.on(ContractSigned)
async def contract_signed(recorded: Recorded[ContractSigned], reaction: Reaction) -> None:
    event = recorded.event
    await _conclude(reaction, event.application_id, ApplicationEnd.CONTRACTED, event.signed_on)


@reactions.on(ContractExpired)
async def contract_expired(recorded: Recorded[ContractExpired], reaction: Reaction) -> None:
    event = recorded.event
    await _conclude(reaction, event.application_id, ApplicationEnd.OFFER_LAPSED, event.expired_on)


@reactions.on(ContractCancelled)
async def contract_cancelled(recorded: Recorded[ContractCancelled], reaction: Reaction) -> None:
    event = recorded.event
    await _conclude(reaction, event.application_id, ApplicationEnd.OFFER_LAPSED, event.cancelled_on)


@reactions.on(BusinessDayOpened)
async def day_opened(recorded: Recorded[BusinessDayOpened], reaction: Reaction) -> None:
    """Drafts that the list does not show yet are found on the next day; none can be submitted meanwhile."""
    today = recorded.event.business_date
    rows: list[Any] = await reaction.session.connection.fetch(DRAFTS_OVER, today)
    for row in rows:
        stream_id = APPLICATION.stream_id(row["application_id"])
        await reaction.handle(APPLICATION, stream_id, ExpireApplication(today=today), effective_date=today.isoformat())


async def _conclude(reaction: Reaction, application_id: str, end: ApplicationEnd, on: date) -> None:
    stream_id = APPLICATION.stream_id(application_id)
    await reaction.handle(APPLICATION, stream_id, ConcludeApplication(end=end, on=on), effective_date=on.isoformat())
