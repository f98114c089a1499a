"""Partners' money before a payout: set aside when the loan is booked, called for where it is not there."""

from __future__ import annotations

from datetime import date

from libs.contracts.ledger import LoanBooked, LoanDisbursed
from libs.contracts.partners import OWN, FundsMode
from libs.events.codec import Recorded
from libs.events.subscribers import Reaction
from services.partners.deadlines import after
from services.partners.domain.funds import ReleaseFunds, SetAside, UseFunds
from services.partners.handlers import AGREEMENT, FUNDING, FUNDS


async def set_aside(recorded: Recorded[LoanBooked], reaction: Reaction) -> None:
    """The share of each partner that the contract names; the ledger pays out when it is there."""
    booked = recorded.event
    funding, _ = await reaction.commands.state(FUNDING, FUNDING.stream_id(booked.application_id), reaction.session)
    arranged = funding.arranged
    assert arranged is not None, "a contract that names co-lenders was made out from what was arranged here"
    agreement, _ = await reaction.commands.state(AGREEMENT, AGREEMENT.stream_id(arranged.agreement), reaction.session)
    terms = agreement.approved[arranged.agreement_version - 1].terms
    called = terms.funds is FundsMode.CALLED
    until = after(recorded.metadata.recorded_at, terms.funds_within_s) if called else ""
    for lender in booked.agreement.lenders:
        if lender.funder != OWN:
            command = SetAside(
                partner=lender.funder,
                loan_id=booked.loan_id,
                application_id=booked.application_id,
                amount=lender.amount,
                call_until=until,
                on=booked.booked_on,
            )
            await _handle(reaction, lender.funder, command, booked.booked_on)


async def use(reaction: Reaction, partner: str, paid_out: Recorded[LoanDisbursed]) -> None:
    """The loan was paid out."""
    event, at = paid_out.event, paid_out.metadata.recorded_at
    command = UseFunds(loan_id=event.loan_id, on=event.value_date, recorded_at=at)
    await _handle(reaction, partner, command, event.value_date)


async def release(reaction: Reaction, partner: str, loan_id: str, on: date) -> None:
    """The loan came to nothing: what was set aside for it, or called, is free."""
    await _handle(reaction, partner, ReleaseFunds(loan_id=loan_id, on=on), on)


async def _handle(reaction: Reaction, partner: str, command: SetAside | UseFunds | ReleaseFunds, on: date) -> None:
    await reaction.handle(FUNDS, FUNDS.stream_id(partner), command, effective_date=on.isoformat())
