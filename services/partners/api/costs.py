"""What shared loans have cost over HTTP: recorded by finance, split as the agreement says, taken back by another person;
and what of it the borrower paid back, which goes to who bore it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from libs.contracts import examples as ex
from libs.contracts.partners import CostKind, CostRepaid, CostShared, FunderShare
from libs.contracts.types import Code, Id, MoneyField, Text
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, PositiveMoney, RequestModel, ResponseModel
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.partners.api.scope import STAFF, agreed_on
from services.partners.domain.cost_repayments import RepayCost, ReverseCostRepayment
from services.partners.domain.costs import RecordCost, ReverseCost
from services.partners.domain.sharing import Sharing
from services.partners.handlers import SHARE

router = APIRouter(prefix="/loans/{loan_id}/costs", tags=["shares"])
EXAMPLE = CostShared.example
REPAID = CostRepaid.example


class CostBody(RequestModel):
    """Something that we paid for servicing or recovering a loan."""

    kind: CostKind = Field(description="What it was paid for: who bears it depends on that.")
    amount: PositiveMoney = Field(description="How much.", examples=[ex.cny("300.00")])
    incurred_on: BusinessDate = Field(description="When it arose: it falls to who held the loan then.")
    reference: Text = Field(description="The invoice or decision behind it.", examples=["Court fee 2026-0042"])


class CostReversalBody(RequestModel):
    """Why a cost is none."""

    reason: Text = Field(description="For the record.", examples=["The court has remitted the fee"])


class CostRepaymentBody(RequestModel):
    """What a borrower paid back of a cost: by a repayment in the ledger, as a fee of the loan, or to us otherwise."""

    amount: PositiveMoney = Field(description="How much; also a part of it.", examples=[ex.cny("100.00")])
    repayment_id: Id | None = Field(
        default=None, description="The ledger's repayment of whose fees it is.", examples=["repayment-1"]
    )
    received_on: BusinessDate | None = Field(
        default=None, description="When the money came, where the ledger has not received it."
    )
    reference: Text = Field(description="The receipt or decision behind it.", examples=[REPAID["reference"]])


class CostRepaymentReversalBody(RequestModel):
    """Why nothing was paid back."""

    reason: Text = Field(description="For the record.", examples=["Of another case"])


class CostPart(ResponseModel):
    """What a lender bears of a cost."""

    funder: Code = Field(description="The lender; `own` is ourselves.", examples=["harbour-bank"])
    amount: MoneyField = Field(description="How much.", examples=[ex.cny("210.00")])


class CostRepaymentShown(ResponseModel):
    """What was paid back of a cost."""

    cost_repayment_id: Id = Field(description="Its identifier.", examples=[REPAID["cost_repayment_id"]])
    amount: MoneyField = Field(description="How much.", examples=[ex.cny("100.00")])
    repaid_on: BusinessDate = Field(description="On which date it counts.")
    repayment_id: str = Field(description="The ledger's repayment by which it came, if it did.", examples=[""])
    reference: str = Field(description="The receipt or decision behind it.", examples=[REPAID["reference"]])
    reversed: bool = Field(description="Whether it was taken back.", examples=[False])


class CostShown(ResponseModel):
    """A cost and who bears it."""

    cost_id: Id = Field(description="Its identifier.", examples=[EXAMPLE["cost_id"]])
    kind: CostKind = Field(description="What it was paid for.")
    amount: MoneyField = Field(description="How much.", examples=[ex.cny("300.00")])
    incurred_on: BusinessDate = Field(description="When it arose.")
    reference: str = Field(description="The invoice or decision behind it.", examples=[EXAMPLE["reference"]])
    bearing: list[FunderShare] = Field(description="Who bears it, in millionths.", examples=[EXAMPLE["bearing"]])
    parts: list[CostPart] = Field(description="To the fen.")
    reversed: bool = Field(description="Whether it was taken back.", examples=[False])
    repaid: MoneyField = Field(description="What the borrower paid back of it.", examples=[ex.cny("100.00")])
    repayments: list[CostRepaymentShown] = Field(description="By what, those that were taken back with them.")


@router.post("", summary="Record a cost of a shared loan", status_code=201, response_model=CostShown)
async def record_cost(
    loan_id: Id, body: CostBody, call: Annotated[Call, command("finance_officer", "finance_manager")]
) -> Response:
    """Borne as the agreement says under which the loan is funded; by the shares where lenders agreed on them by hand. The
    lenders are told, and the next settlement takes their parts."""
    version = await agreed_on(call.runtime, loan_id)
    asked = RecordCost(
        cost_id=call.new_id("cost"),
        kind=body.kind,
        amount=body.amount,
        incurred_on=body.incurred_on,
        reference=body.reference,
        partner=version.partner if version else "",
        terms=version.terms if version else None,
        by=call.actor.subject,
        today=call.today,
    )
    stream_id = SHARE.stream_id(loan_id)
    return await call.execute(SHARE, stream_id, asked, body=lambda state: _shown(state, asked.cost_id), status=201)


@router.post("/{cost_id}/reversal", summary="Take a cost back", response_model=CostShown)
async def reverse_cost(
    loan_id: Id, cost_id: Id, body: CostReversalBody, call: Annotated[Call, command("finance_manager")]
) -> Response:
    """By another person than who recorded it: every lender has back what it bore of it."""
    asked = ReverseCost(cost_id=cost_id, reason=body.reason, by=call.actor.subject, today=call.today)
    return await call.execute(SHARE, SHARE.stream_id(loan_id), asked, body=lambda state: _shown(state, cost_id))


@router.post(
    "/{cost_id}/repayments", summary="Record that a cost was paid back", status_code=201, response_model=CostShown
)
async def repay_cost(
    loan_id: Id,
    cost_id: Id,
    body: CostRepaymentBody,
    call: Annotated[Call, command("finance_officer", "finance_manager")],
) -> Response:
    """In full or in part: every lender has of it what it bore in proportion. Where it came as a fee of the loan, the lenders
    give up what they had of that, and it bears no servicing fee. When the ledger's repayment is reversed, so is this."""
    asked = RepayCost(
        cost_id=cost_id,
        cost_repayment_id=call.new_id("cost-repayment"),
        amount=body.amount,
        repayment_id=body.repayment_id or "",
        received_on=body.received_on,
        reference=body.reference,
        by=call.actor.subject,
        today=call.today,
    )
    stream_id = SHARE.stream_id(loan_id)
    return await call.execute(SHARE, stream_id, asked, body=lambda state: _shown(state, cost_id), status=201)


@router.post(
    "/{cost_id}/repayments/{cost_repayment_id}/reversal",
    summary="Take back that a cost was paid back",
    response_model=CostShown,
)
async def reverse_cost_repayment(
    loan_id: Id,
    cost_id: Id,
    cost_repayment_id: Id,
    body: CostRepaymentReversalBody,
    call: Annotated[Call, command("finance_manager")],
) -> Response:
    """By another person than who recorded it, on the date on which it counted."""
    asked = ReverseCostRepayment(
        cost_id=cost_id,
        cost_repayment_id=cost_repayment_id,
        reason=body.reason,
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(SHARE, SHARE.stream_id(loan_id), asked, body=lambda state: _shown(state, cost_id))


@router.get("", summary="List the costs of a shared loan")
async def list_costs(
    loan_id: Id,
    _actor: Annotated[Actor, Depends(require(*STAFF))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> list[CostShown]:
    """In the order in which they were recorded, those that were taken back with them."""
    state, _ = await runtime.commands.state(SHARE, SHARE.stream_id(loan_id))
    if state.book is None:
        raise Problem(NOT_FOUND)
    return [_shown(state, cost_id) for cost_id in state.costs]


def _shown(state: Sharing, cost_id: str) -> CostShown:
    cost = state.costs[cost_id]
    return CostShown(
        cost_id=cost.cost_id,
        kind=cost.kind,
        amount=cost.amount,
        incurred_on=cost.incurred_on,
        reference=cost.reference,
        bearing=list(cost.bearing),
        parts=[CostPart(funder=part.funder, amount=part.amounts.cost) for part in cost.parts],
        reversed=cost_id in state.costs_reversed,
        repaid=Money(state.repaid.amount(cost_id=cost_id), cost.amount.currency),
        repayments=[
            CostRepaymentShown(
                cost_repayment_id=each.cost_repayment_id,
                amount=each.amount,
                repaid_on=each.repaid_on,
                repayment_id=each.repayment_id,
                reference=each.reference,
                reversed=each.cost_repayment_id in state.repaid.reversed_,
            )
            for each in state.repaid.every.values()
            if each.cost_id == cost_id
        ],
    )
