"""What the ledger does when it hears of something."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from libs.contracts.collections import HigherRateEnded, HigherRateTaken
from libs.contracts.contract import ContractSigned
from libs.contracts.ledger import BusinessDayOpened, DisbursementRequested, DisbursementReturned, LoanDisbursed
from libs.contracts.partners import BuyBackProposed, FundsMissing, FundsReserved, LoanShared, SharesTransferred
from libs.events.codec import Recorded
from libs.events.projection import Put
from libs.events.subscribers import Reaction, Reactions
from services.ledger.domain.act import LapseAct
from services.ledger.domain.commands import (
    BookLoan,
    CancelUnfunded,
    PayOutShared,
    RaiseRate,
    RestoreRate,
    StateLoan,
    TakeSetOff,
    UndoSetOff,
)
from services.ledger.domain.payouts import payment_id_of
from services.ledger.domain.refinancing import refinanced
from services.ledger.handlers import ACT, BUSINESS_DAY, DAY_STREAM, LOAN, loan_id_of
from services.ledger.library import library
from services.ledger.payments import PAY
from services.ledger.views import SHARES_CHANGED

reactions: Final = Reactions("ledger")

LAPSED: Final = "select act_id from act_v1 where state = 'OPEN' and open_until < $1 order by act_id"


@reactions.on(ContractSigned)
async def book(recorded: Recorded[ContractSigned], reaction: Reaction) -> None:
    """A signed contract is a loan, at most one: its id follows from the contract's. It is booked on the day it was
    signed, which the ledger opened itself."""
    signed = recorded.event
    loan_id = loan_id_of(signed.contract_id)
    waiting, _ = await reaction.commands.state(LOAN, LOAN.stream_id(loan_id), reaction.session)
    old = None
    if waiting.refinancing is not None:
        old_stream = LOAN.stream_id(waiting.refinancing.refinanced_loan_id)
        ended, _ = await reaction.commands.state(LOAN, old_stream, reaction.session)
        old = refinanced(ended, signed.signed_on)
    command = BookLoan(
        today=signed.signed_on,
        policy=library().policy(signed.signed_on),
        loan_id=loan_id,
        payment_id=payment_id_of(loan_id, 1),
        signed=signed,
        applicant_id=signed.agreement.request.applicant_id,
        refinanced=old,
    )
    await reaction.handle(LOAN, LOAN.stream_id(loan_id), command, effective_date=signed.signed_on.isoformat())


@reactions.on(LoanDisbursed)
async def set_off(recorded: Recorded[LoanDisbursed], reaction: Reaction) -> None:
    """What a payout is to end another loan with is there as soon as the rest is with the borrower."""
    paid_out = recorded.event
    if paid_out.set_off is None:
        return
    today = await _today(reaction)
    command = TakeSetOff(
        today=today,
        policy=library().policy(today),
        by_loan_id=paid_out.loan_id,
        amount=paid_out.set_off.amount,
        value_date=paid_out.set_off.on,
    )
    effective_on = paid_out.set_off.on.isoformat()
    await reaction.handle(LOAN, LOAN.stream_id(paid_out.set_off.loan_id), command, effective_date=effective_on)


@reactions.on(DisbursementReturned)
async def take_back(recorded: Recorded[DisbursementReturned], reaction: Reaction) -> None:
    """A payout that came back has ended no other loan."""
    back = recorded.event
    if back.set_off is None:
        return
    today = await _today(reaction)
    command = UndoSetOff(today=today, policy=library().policy(today), by_loan_id=back.loan_id)
    await reaction.handle(LOAN, LOAN.stream_id(back.set_off.loan_id), command, effective_date=today.isoformat())


@reactions.on(LoanShared, SharesTransferred)
async def know_shares(recorded: Recorded[Any], reaction: Reaction) -> None:
    """Income is shown by who holds what of a loan; the books themselves are of the whole loan."""
    event = recorded.event
    shares = {share.funder: share.share_ppm for share in event.shares}
    row = {"loan_id": event.loan_id, "effective_from": event.effective_from, "shares": shares}
    await reaction.apply(Put(SHARES_CHANGED, row))


async def _today(reaction: Reaction) -> date:
    day, _ = await reaction.commands.state(BUSINESS_DAY, DAY_STREAM, reaction.session)
    assert day.today is not None, "money moves on business days"
    return day.today


@reactions.on(FundsReserved)
async def pay_out_shared(recorded: Recorded[FundsReserved], reaction: Reaction) -> None:
    """A co-lender's share of a booked loan is there."""
    event = recorded.event
    command = PayOutShared(
        today=event.reserved_on, policy=library().policy(event.reserved_on), payment_id=payment_id_of(event.loan_id, 1)
    )
    stream_id = LOAN.stream_id(event.loan_id)
    await reaction.handle(LOAN, stream_id, command, effective_date=event.reserved_on.isoformat())


@reactions.on(FundsMissing)
async def cancel_unfunded(recorded: Recorded[FundsMissing], reaction: Reaction) -> None:
    event = recorded.event
    command = CancelUnfunded(
        today=event.missing_on, policy=library().policy(event.missing_on), reason="co-lender-funds-missing"
    )
    stream_id = LOAN.stream_id(event.loan_id)
    await reaction.handle(LOAN, stream_id, command, effective_date=event.missing_on.isoformat())


@reactions.on(BuyBackProposed)
async def state_loan(recorded: Recorded[BuyBackProposed], reaction: Reaction) -> None:
    """How late a loan was, and what it had earned, is what a co-lender's part of it is bought by."""
    event = recorded.event
    command = StateLoan(
        today=event.proposed_on,
        policy=library().policy(event.proposed_on),
        request_id=event.proposal_id,
        on=event.effective_from,
    )
    stream_id = LOAN.stream_id(event.loan_id)
    await reaction.handle(LOAN, stream_id, command, effective_date=event.effective_from.isoformat())


@reactions.on(HigherRateTaken)
async def raise_rate(recorded: Recorded[HigherRateTaken], reaction: Reaction) -> None:
    """Two persons decided it and the borrower was told: it runs from the day that he was told, whenever it is heard of."""
    event, today = recorded.event, await _today(reaction)
    command = RaiseRate(
        today=today,
        policy=library().policy(today),
        measure_id=event.measure_id,
        clause=event.clause,
        increase=event.increase,
        effective=event.effective_from,
        decided_by=event.decided_by,
    )
    stream_id = LOAN.stream_id(event.loan_id)
    await reaction.handle(LOAN, stream_id, command, effective_date=event.effective_from.isoformat())


@reactions.on(HigherRateEnded)
async def restore_rate(recorded: Recorded[HigherRateEnded], reaction: Reaction) -> None:
    event, today = recorded.event, await _today(reaction)
    command = RestoreRate(
        today=today,
        policy=library().policy(today),
        measure_id=event.measure_id,
        increase=event.increase,
        ended_by=event.ended_by,
    )
    await reaction.handle(LOAN, LOAN.stream_id(event.loan_id), command, effective_date=today.isoformat())


@reactions.on(DisbursementRequested)
async def pay(recorded: Recorded[DisbursementRequested], reaction: Reaction) -> None:
    requested = recorded.event
    payload = {"payment_id": requested.payment_id, "requested_on": requested.requested_on.isoformat()}
    await reaction.schedule(PAY, recorded.stream_id, payload)


@reactions.on(BusinessDayOpened)
async def lapse(recorded: Recorded[BusinessDayOpened], reaction: Reaction) -> None:
    """An act to which nobody agreed in time. One that the view does not show yet lapses a day later; nobody can agree to
    it meanwhile."""
    today = recorded.event.business_date
    rows: list[Any] = await reaction.session.connection.fetch(LAPSED, today)
    for row in rows:
        stream_id = ACT.stream_id(row["act_id"])
        await reaction.handle(ACT, stream_id, LapseAct(today=today), effective_date=today.isoformat())
