"""What a person decides about a loan: another payout, giving it up."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Response

from libs.contracts.ledger import ActKind
from libs.service.commands import Call, command
from libs.service.models import Id, RequestModel, Text
from services.ledger.api.access import loan_for
from services.ledger.api.adjustments import on_loan
from services.ledger.api.checked import WAITS, Act, By, Work, perform
from services.ledger.api.shapes import LoanShown, example, loan_shown
from services.ledger.domain.act import Target
from services.ledger.domain.commands import (
    ApproveWriteOff,
    LoanCommand,
    RejectWriteOff,
    RequestWriteOff,
    RetryDisbursement,
)
from services.ledger.domain.payouts import payment_id_of
from services.ledger.handlers import LOAN
from services.ledger.library import library

router = APIRouter(tags=["corrections"])

LoanId = Annotated[Id, Path(description="The loan.")]


class ReasonBody(RequestModel):
    """Why."""

    model_config = example(reason="No means, enforcement ended")

    reason: Text


async def _execute(call: Call, loan_id: str, command: LoanCommand) -> Response:
    return await call.execute(
        LOAN,
        LOAN.stream_id(loan_id),
        command,
        lambda loan: loan_shown(loan, command.today, command.policy),
        rules={"ledger-policy": command.policy.label},
    )


async def _payout_again(by: By, target: Target, body: ReasonBody) -> Work:
    loan, _ = await loan_for(by.runtime, target.loan_id, by.actor)
    attempt, tranche = (loan.payment.attempt + 1, loan.payment.tranche) if loan.payment else (1, 0)
    retry = RetryDisbursement(
        today=by.today,
        policy=by.policy,
        payment_id=payment_id_of(target.loan_id, attempt, tranche),
        reason=body.reason,
    )
    return on_loan(by, target, retry)


PAYOUT_AGAIN: Final = Act(
    kind=ActKind.PAYOUT_AGAIN, roles=("finance_officer", "finance_manager"), body=ReasonBody, work=_payout_again
)


@router.post(
    "/loans/{loan_id}/disbursement-attempts", summary="Pay out again", response_model=LoanShown, responses=WAITS
)
async def retry_disbursement(
    loan_id: LoanId, body: ReasonBody, call: Annotated[Call, command(*PAYOUT_AGAIN.roles)]
) -> Response:
    """Another attempt after the bank refused the last one for a passing reason. Refused while the bank has not said
    what became of the last one."""
    return await perform(call, PAYOUT_AGAIN, Target(loan_id=loan_id), body)


@router.post("/loans/{loan_id}/write-off", summary="Request a write-off", response_model=LoanShown)
async def request_write_off(
    loan_id: LoanId, body: ReasonBody, call: Annotated[Call, command("collection_manager", "finance_officer")]
) -> Response:
    """Ask to give up a non-performing loan. Another person decides."""
    request = RequestWriteOff(
        today=call.today,
        policy=library().policy(call.today),
        reason=body.reason,
        requested_by=call.actor.subject,
    )
    return await _execute(call, loan_id, request)


@router.post("/loans/{loan_id}/write-off/approval", summary="Approve a write-off", response_model=LoanShown)
async def approve_write_off(loan_id: LoanId, call: Annotated[Call, command("finance_manager")]) -> Response:
    """Give the loan up. Not by who asked for it; the claim on the borrower stays."""
    approve = ApproveWriteOff(today=call.today, policy=library().policy(call.today), approved_by=call.actor.subject)
    return await _execute(call, loan_id, approve)


@router.post("/loans/{loan_id}/write-off/rejection", summary="Reject a write-off", response_model=LoanShown)
async def reject_write_off(
    loan_id: LoanId, body: ReasonBody, call: Annotated[Call, command("finance_manager")]
) -> Response:
    """Keep the loan in the books."""
    reject = RejectWriteOff(
        today=call.today,
        policy=library().policy(call.today),
        reason=body.reason,
        rejected_by=call.actor.subject,
    )
    return await _execute(call, loan_id, reject)
