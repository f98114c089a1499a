"""Repayments and their reversal."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.ledger import ActKind, RepaymentPurpose
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, Code, Id, PositiveMoney, RequestModel, ResponseModel
from libs.service.runtime import Runtime, runtime_of
from services.ledger.api.access import Reader, loan_for
from services.ledger.api.checked import WAITS, Act, By, Work, perform
from services.ledger.api.shapes import RepaymentAnswer, RepaymentShown, example, loan_shown, repayment_shown
from services.ledger.domain.act import Target
from services.ledger.domain.commands import ReceiveRepayment, ReverseRepayment
from services.ledger.domain.loan import Loan
from services.ledger.domain.policy import Policy
from services.ledger.handlers import LOAN
from services.ledger.references import reserved

router = APIRouter(tags=["repayments"])

LoanId = Annotated[Id, Path(description="The loan.")]


class RepaymentBody(RequestModel):
    """Money that came in. What is over waits as credit for the next due date."""

    model_config = example(
        amount=ex.cny("1100.16"),
        value_date="2026-03-02",
        purpose="INSTALMENT",
        channel="bank-transfer",
        bank_reference="R20260302-000001",
    )

    amount: PositiveMoney
    value_date: BusinessDate = Field(description="The day the money counts for: not later than the business date.")
    purpose: RepaymentPurpose = Field(
        default=RepaymentPurpose.INSTALMENT, description="PAYOFF ends the loan; get a quote for its amount."
    )
    channel: Code = Field(default="bank-transfer", description="How it came.")
    bank_reference: str = Field(
        default="", max_length=140, description="The bank's reference: accepted once, whatever the loan."
    )
    repayment_id: Id | None = Field(default=None, description="Your own id for it; made up where it is left out.")


class ReversalBody(RequestModel):
    """Why a repayment was none."""

    model_config = example(reason="returned-by-bank")

    reason: Code


class RepaymentList(ResponseModel):
    """Every repayment of a loan in the order in which they became known."""

    items: list[RepaymentShown]


@router.get("/loans/{loan_id}/repayments", summary="List a loan's repayments")
async def list_repayments(
    loan_id: LoanId, actor: Reader, runtime: Annotated[Runtime, Depends(runtime_of)]
) -> RepaymentList:
    """With what each was allocated to when it came in, and those that were reversed."""
    loan, _ = await loan_for(runtime, loan_id, actor)
    return RepaymentList(items=[repayment_shown(loan, receipt) for receipt in loan.receipts])


async def _repayment(by: By, target: Target, body: RepaymentBody) -> Work:
    loan_id, repayment_id, policy = target.loan_id, body.repayment_id or by.new_id("repayment"), by.policy
    return Work(
        decider=LOAN,
        stream_id=LOAN.stream_id(loan_id),
        command=ReceiveRepayment(
            today=by.today,
            policy=policy,
            repayment_id=repayment_id,
            amount=body.amount,
            value_date=body.value_date,
            purpose=body.purpose,
            channel=body.channel,
            bank_reference=body.bank_reference,
            closed_periods=by.actor.has("finance_manager"),
        ),
        shown=lambda loan: _answer(loan, repayment_id, by.today, policy),
        effective_date=body.value_date,
        rules={"ledger-policy": policy.label},
        status=201,
        location=f"/ledger/loans/{loan_id}/repayments",
        around=lambda: reserved(by.runtime, body.bank_reference, loan_id, repayment_id),
    )


REPAYMENT: Final = Act(
    kind=ActKind.REPAYMENT,
    roles=("finance_officer", "finance_manager", "service"),
    body=RepaymentBody,
    work=_repayment,
    amount=lambda received: received.amount,
)


@router.post(
    "/loans/{loan_id}/repayments",
    summary="Enter a repayment",
    status_code=201,
    response_model=RepaymentAnswer,
    responses=WAITS,
)
async def receive(loan_id: LoanId, body: RepaymentBody, call: Annotated[Call, command(*REPAYMENT.roles)]) -> Response:
    """Allocated by the agreed order (Civil Code 561). A value date in a closed month needs a finance manager."""
    return await perform(call, REPAYMENT, Target(loan_id=loan_id), body)


async def _reversal(by: By, target: Target, body: ReversalBody) -> Work:
    policy = by.policy
    return Work(
        decider=LOAN,
        stream_id=LOAN.stream_id(target.loan_id),
        command=ReverseRepayment(today=by.today, policy=policy, repayment_id=target.repayment_id, reason=body.reason),
        shown=lambda loan: _answer(loan, target.repayment_id, by.today, policy),
        rules={"ledger-policy": policy.label},
    )


REVERSAL: Final = Act(
    kind=ActKind.REVERSAL,
    roles=("finance_officer", "finance_manager", "service"),
    body=ReversalBody,
    work=_reversal,
    amount=lambda reversed_: reversed_.amount,
)


@router.post(
    "/loans/{loan_id}/repayments/{repayment_id}/reversal",
    summary="Reverse a repayment",
    response_model=RepaymentAnswer,
    responses=WAITS,
)
async def reverse(
    loan_id: LoanId,
    repayment_id: Annotated[Id, Path(description="The repayment.")],
    body: ReversalBody,
    call: Annotated[Call, command(*REVERSAL.roles)],
) -> Response:
    """A repayment that turned out to be none: everything after it is worked out again, the difference is posted."""
    return await perform(call, REVERSAL, Target(loan_id=loan_id, repayment_id=repayment_id), body)


def _answer(loan: Loan, repayment_id: str, today: date, policy: Policy) -> RepaymentAnswer:
    receipt = loan.receipt(repayment_id)
    assert receipt is not None, "it was just entered"
    return RepaymentAnswer(repayment=repayment_shown(loan, receipt), loan=loan_shown(loan, today, policy))
