"""What the ledger does when it hears of something."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from libs.contracts.contract import ContractSigned
from libs.contracts.ledger import DisbursementRequested
from libs.events.codec import Recorded
from libs.events.ids import derive_id
from libs.events.subscribers import Reaction, Reactions
from services.ledger.domain.commands import BookLoan
from services.ledger.handlers import LOAN
from services.ledger.library import library
from services.ledger.payments import PAY, payment_id_of

reactions: Final = Reactions("ledger")


@reactions.on(ContractSigned)
async def book(recorded: Recorded[ContractSigned], reaction: Reaction) -> None:
    """A signed contract is a loan, at most one: its id follows from the contract's. It is booked on the day it was
    signed, which the ledger opened itself."""
    signed = recorded.event
    loan_id = str(derive_id(UUID(signed.contract_id), "loan"))
    command = BookLoan(
        today=signed.signed_on,
        policy=library().policy(signed.signed_on),
        loan_id=loan_id,
        payment_id=payment_id_of(loan_id, 1),
        signed=signed,
        applicant_id=signed.agreement.request.applicant_id,
    )
    await reaction.handle(LOAN, LOAN.stream_id(loan_id), command, effective_date=signed.signed_on.isoformat())


@reactions.on(DisbursementRequested)
async def pay(recorded: Recorded[DisbursementRequested], reaction: Reaction) -> None:
    requested = recorded.event
    payload = {"payment_id": requested.payment_id, "requested_on": requested.requested_on.isoformat()}
    await reaction.schedule(PAY, recorded.stream_id, payload)
