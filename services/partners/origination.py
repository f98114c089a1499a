"""Whom an approved loan is offered to: the next agreement that fits and has room, and in the end ourselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from libs.contracts.approval import ApplicationApproved, ApprovalLapsed
from libs.contracts.contract import ContractCancelled, ContractExpired
from libs.contracts.ledger import BookingRefused, LoanCancelled, LoanSettled, LoanWrittenOff
from libs.contracts.partners import (
    FundingAnswer,
    FundingAnswered,
    FundingLapsed,
    FundingOffered,
    FundingTerms,
    FundingWithdrawn,
)
from libs.events.codec import Recorded
from libs.events.store import Session
from libs.events.subscribers import Reaction, Reactions
from services.partners import commitments, payout
from services.partners.deadlines import after
from services.partners.domain.fitting import data_for, parts_of, share_for, shares_with, within_caps
from services.partners.domain.funding import FundAlone, OfferFunding, WithdrawFunding
from services.partners.domain.pricing import margin_rate
from services.partners.handlers import FUNDING, loan_id_of

IN_FORCE: Final = """
    select distinct on (agreement) agreement, version, partner, terms, priority from agreement_v1
    where status = 'APPROVED' and effective_from <= $1 and (last_day is null or last_day >= $1)
    order by agreement, version desc"""

heard: Final = Reactions("partners.origination")
"""What other services say: an approval, and what makes an end of it."""


@heard.on(ApplicationApproved)
async def approved(recorded: Recorded[ApplicationApproved], reaction: Reaction) -> None:
    """Without the applicant's separate consent (PIPL 23) nobody is asked, and the contract waits for nobody."""
    if recorded.event.request.shareable:
        await seek(reaction, recorded.event, recorded.event.approved_on, ())


@heard.on(ApprovalLapsed)
async def lapsed(recorded: Recorded[ApprovalLapsed], reaction: Reaction) -> None:
    await _withdraw(reaction, recorded.event.application_id, recorded.event.reason, recorded.event.lapsed_on)


@heard.on(ContractExpired)
async def expired(recorded: Recorded[ContractExpired], reaction: Reaction) -> None:
    await _withdraw(reaction, recorded.event.application_id, "contract-expired", recorded.event.expired_on)


@heard.on(ContractCancelled)
async def cancelled(recorded: Recorded[ContractCancelled], reaction: Reaction) -> None:
    await _withdraw(reaction, recorded.event.application_id, recorded.event.reason, recorded.event.cancelled_on)


@heard.on(BookingRefused)
async def refused(recorded: Recorded[BookingRefused], reaction: Reaction) -> None:
    await _withdraw(reaction, recorded.event.application_id, recorded.event.rule, recorded.event.refused_on)


@heard.on(LoanCancelled)
async def never_lent(recorded: Recorded[LoanCancelled], reaction: Reaction) -> None:
    await _withdraw(reaction, recorded.event.application_id, recorded.event.reason, recorded.event.cancelled_on)


@heard.on(LoanSettled, LoanWrittenOff)
async def over(recorded: Recorded[Any], reaction: Reaction) -> None:
    await commitments.close(reaction.session, recorded.event.loan_id)


async def next_lender(event: FundingAnswered | FundingLapsed, reaction: Reaction) -> None:
    """A partner that declines, or says nothing in time, is followed by the next."""
    if isinstance(event, FundingAnswered) and event.answer is FundingAnswer.ACCEPT:
        return
    await commitments.release(reaction.session, event.application_id)
    stream_id = FUNDING.stream_id(event.application_id)
    state, _ = await reaction.commands.state(FUNDING, stream_id, reaction.session)
    on = event.answered_on if isinstance(event, FundingAnswered) else event.lapsed_on
    if state.offers and not state.withdrawn:
        await seek(reaction, state.offers[-1].approval, on, state.asked)


async def release(event: FundingWithdrawn, reaction: Reaction) -> None:
    """What was committed to a loan that comes to nothing is free again, and money that was set aside for it."""
    await commitments.cancel(reaction.session, event.application_id)
    await payout.release(reaction, event.partner, loan_id_of(event.application_id), event.withdrawn_on)


async def seek(reaction: Reaction, approval: ApplicationApproved, on: date, asked: Sequence[str]) -> None:
    """Offer to the first partner not asked yet whose agreement fits and has room; fund the loan alone without one."""
    loan_id = loan_id_of(approval.application_id)
    stream_id = FUNDING.stream_id(approval.application_id)
    for row in await _in_force(reaction.session, on):
        if row["partner"] in asked:
            continue
        offer = await _offer(reaction, row, approval, loan_id, on)
        if offer is None:
            continue
        outcome = await reaction.handle(FUNDING, stream_id, offer, effective_date=on.isoformat(), opens=not asked)
        for event in outcome.events:
            assert isinstance(event, FundingOffered), "an offer and nothing else follows"
            await commitments.commit(reaction.session, event, loan_id)
        return
    alone = FundAlone(approval=approval, loan_id=loan_id, on=on)
    await reaction.handle(FUNDING, stream_id, alone, effective_date=on.isoformat(), opens=not asked)


async def _in_force(session: Session, on: date) -> list[Any]:
    rows = await session.connection.fetch(IN_FORCE, on)
    return sorted(rows, key=lambda row: (row["priority"], row["agreement"]))


async def _offer(
    reaction: Reaction, row: Any, approval: ApplicationApproved, loan_id: str, on: date
) -> OfferFunding | None:
    """What is offered under an agreement; None when the loan does not fit, or the caps have no room for it."""
    terms = FundingTerms.model_validate_json(row["terms"])
    share_ppm = share_for(terms, approval)
    if share_ppm is None or margin_rate(terms.price, approval.offer.annual_rate) is None:
        return None
    amount = parts_of(approval.offer.amount, shares_with(row["partner"], share_ppm), loan_id)[0]
    used = await commitments.used(reaction.session, row["agreement"], approval.request.applicant_id, on)
    if not within_caps(terms.caps, used, amount):
        return None
    return OfferFunding(
        approval=approval,
        partner=row["partner"],
        agreement=row["agreement"],
        version=row["version"],
        share_ppm=share_ppm,
        amount=amount,
        data=data_for(terms.data, approval),
        answer_until=after(reaction.cause.metadata.recorded_at, terms.answer_within_s),
        on=on,
    )


async def _withdraw(reaction: Reaction, application_id: str, reason: str, on: date) -> None:
    await reaction.handle(
        FUNDING,
        FUNDING.stream_id(application_id),
        WithdrawFunding(reason=reason, today=on),
        effective_date=on.isoformat(),
    )
