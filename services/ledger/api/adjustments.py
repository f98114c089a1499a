"""What is agreed, let off, charged or corrected on a loan in the books."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.ledger import ChangeKind, ChangeTerms, LoanChanged, LprLink, Tier
from libs.contracts.problems import Rejected
from libs.contracts.values import Components, PlanRow
from libs.lending.money import Money
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, Code, Id, PositiveMoney, RateField, RequestModel, ResponseModel, Text
from libs.service.models import DecimalField as SignedDecimal
from libs.service.runtime import Runtime, runtime_of
from services.ledger.api.access import Reader, loan_for
from services.ledger.api.repayments import ReversalBody
from services.ledger.api.shapes import LoanShown, example, loan_shown
from services.ledger.domain.commands import (
    ChangeLoan,
    ChargeFee,
    LoanCommand,
    OverlayClassification,
    PauseDelinquency,
    RedateDisbursement,
    RefundCredit,
    ReinstateRepayment,
    WaiveCharges,
)
from services.ledger.domain.policy import Policy
from services.ledger.handlers import LOAN
from services.ledger.library import library

router = APIRouter(tags=["adjustments"])

LoanId = Annotated[Id, Path(description="The loan.")]
FINANCE = ("finance_officer", "finance_manager")


class LprBody(RequestModel):
    """A rate that follows the loan prime rate."""

    model_config = example(tenor="1Y", margin="0.09", reset_month=1, reset_day=1)

    tenor: str = Field(pattern="^(1Y|5Y)$", description="Which loan prime rate.")
    margin: SignedDecimal = Field(description="Added to it, as a fraction a year; may be negative.")
    reset_month: int = Field(default=1, ge=1, le=12)
    reset_day: int = Field(default=1, ge=1, le=28, description="The day from which a new rate runs, every year.")


class ChangeTermsBody(RequestModel):
    """How the coming instalments change; what is left out stays."""

    model_config = example(annual_rate="0.15")

    annual_rate: RateField | None = None
    more_instalments: int = Field(default=0, ge=0, le=120)
    skipped_instalments: int = Field(default=0, ge=0, le=12)
    first_due: BusinessDate | None = None
    with_arrears: bool = Field(default=False, description="Takes what is overdue into the new plan.")
    lpr: LprBody | None = None
    funder: Id | None = Field(default=None, description="Who the debt is assigned to.")
    notified_on: BusinessDate | None = Field(
        default=None, description="When the borrower was told of an assignment, which binds him from then on."
    )


class ChangeBody(RequestModel):
    """Another agreement on the same loan."""

    model_config = example(
        kind="RATE", effective="2026-03-02", terms={"annual_rate": "0.15"}, reason="A year of payments on time"
    )

    kind: ChangeKind
    effective: BusinessDate = Field(description="From this day on; not later than the business date.")
    terms: ChangeTermsBody
    reason: Text


class ChangeShown(ResponseModel):
    """An agreement with the plan before and after it."""

    model_config = example(**LoanChanged.example)

    loan_id: Id
    change_id: Id
    kind: ChangeKind
    effective: date
    terms: ChangeTerms
    reason: str
    agreed_by: str
    changed_on: date
    previous_plan: list[PlanRow]
    plan: list[PlanRow]


class ChangeList(ResponseModel):
    """Every agreement after the first, in the order in which they were made."""

    items: list[ChangeShown]


class WaiverBody(RequestModel):
    """What is let off."""

    model_config = example(penalty=ex.cny("8.28"), value_date="2026-04-12", reason="Flood in the borrower's village")

    penalty: PositiveMoney | None = Field(default=None, description="Overdue interest.")
    fee: PositiveMoney | None = None
    interest: PositiveMoney | None = None
    value_date: BusinessDate
    reason: Text


class ChargeBody(RequestModel):
    """A fee beside the plan."""

    model_config = example(
        code="court-fee", amount=ex.cny("50.00"), value_date="2026-04-12", reason="Advance paid to the court"
    )

    code: Code
    amount: PositiveMoney
    value_date: BusinessDate
    reason: Text


class RefundBody(RequestModel):
    """Money that goes back."""

    model_config = example(amount=ex.cny("12.34"), bank_reference="P20270203-000001")

    amount: PositiveMoney | None = Field(default=None, description="All that is over where it is left out.")
    bank_reference: str = Field(default="", max_length=140)


class RedateBody(RequestModel):
    """When the money really moved."""

    model_config = example(value_date="2026-02-04", reason="The receiving bank credited two days later")

    value_date: BusinessDate
    reason: Text


class PauseBody(RequestModel):
    """Days that do not count as days past due, both included."""

    model_config = example(start="2026-04-10", end="2026-04-30", reason="Flood in the borrower's village")

    start: BusinessDate
    end: BusinessDate
    reason: Text


class OverlayBody(RequestModel):
    """A person's judgement of a loan; null ends it."""

    model_config = example(tier="SUBSTANDARD", reason="The borrower's shop has closed")

    tier: Tier | None
    reason: Text


def _policy(call: Call) -> Policy:
    return library().policy(call.today)


async def _execute(call: Call, loan_id: str, asked: LoanCommand, effective: date | None = None) -> Response:
    return await call.execute(
        LOAN,
        LOAN.stream_id(loan_id),
        asked,
        lambda loan: loan_shown(loan, asked.today, asked.policy),
        effective_date=effective,
        rules={"ledger-policy": asked.policy.label},
    )


@router.post(
    "/loans/{loan_id}/repayments/{repayment_id}/reinstatement",
    summary="Reverse a reversal",
    response_model=LoanShown,
)
async def reinstate(
    loan_id: LoanId,
    repayment_id: Annotated[Id, Path(description="The repayment that was reversed.")],
    body: ReversalBody,
    call: Annotated[Call, command(*FINANCE, "service")],
) -> Response:
    """The repayment counts again on its own value date; what followed is worked out again, the difference posted."""
    asked = ReinstateRepayment(today=call.today, policy=_policy(call), repayment_id=repayment_id, reason=body.reason)
    return await _execute(call, loan_id, asked)


@router.get("/loans/{loan_id}/changes", summary="List the changes of a loan's agreement")
async def list_changes(loan_id: LoanId, actor: Reader, runtime: Annotated[Runtime, Depends(runtime_of)]) -> ChangeList:
    """Each with the plan that it replaced."""
    await loan_for(runtime, loan_id, actor)
    stored = await runtime.store.load(LOAN.stream_id(loan_id))
    events = [runtime.codec.decode(e.type, e.data) for e in stored if e.type == LoanChanged.type_name]
    names = ChangeShown.model_fields
    return ChangeList(items=[ChangeShown(**{name: getattr(event, name) for name in names}) for event in events])


@router.post("/loans/{loan_id}/changes", summary="Change a loan's agreement", response_model=LoanShown)
async def change(
    loan_id: LoanId, body: ChangeBody, call: Annotated[Call, command("contract_officer", "finance_manager")]
) -> Response:
    """Rate, extension, due date, holiday, restructuring, re-ageing, assignment: from a day on another plan runs."""
    terms = body.terms
    link = LprLink(**terms.lpr.model_dump()) if terms.lpr else None
    given = ChangeTerms(**{**terms.model_dump(exclude={"lpr"}), "lpr": link})
    asked = ChangeLoan(
        today=call.today,
        policy=_policy(call),
        change_id=call.new_id("change"),
        kind=body.kind,
        effective=body.effective,
        terms=given,
        reason=body.reason,
        agreed_by=call.actor.subject,
        closed_periods=call.actor.has("finance_manager"),
    )
    return await _execute(call, loan_id, asked, body.effective)


@router.post("/loans/{loan_id}/waivers", summary="Let off charges", response_model=LoanShown)
async def waive(
    loan_id: LoanId, body: WaiverBody, call: Annotated[Call, command(*FINANCE, "collection_manager")]
) -> Response:
    """Overdue interest, fees or interest that are due, up to what the policy admits for the actor's role (R7.2)."""
    policy = _policy(call)
    role, limit = next((role, limit) for role, limit in reversed(policy.waiver_limits) if call.actor.has(role))
    given = [amount for amount in (body.penalty, body.fee, body.interest) if amount is not None]
    if not given:
        raise Rejected("waiver-amounts", "Say what is let off: penalty, fee or interest.", field="/penalty", status=422)
    if len({amount.currency for amount in given}) > 1:
        raise Rejected("wrong-currency", "All amounts are of one currency.", field="/fee/currency", status=422)
    zero = Money.zero(given[0].currency)
    amounts = Components(
        principal=zero, interest=body.interest or zero, fee=body.fee or zero, penalty=body.penalty or zero
    )
    asked = WaiveCharges(
        today=call.today,
        policy=policy,
        waiver_id=call.new_id("waiver"),
        amounts=amounts,
        value_date=body.value_date,
        reason=body.reason,
        waived_by=call.actor.subject,
        authority=f"{role}, {'without limit' if limit is None else f'up to {limit}'}",
        limit=limit,
        closed_periods=call.actor.has("finance_manager"),
    )
    return await _execute(call, loan_id, asked, body.value_date)


@router.post("/loans/{loan_id}/charges", summary="Charge a fee", response_model=LoanShown)
async def charge(loan_id: LoanId, body: ChargeBody, call: Annotated[Call, command(*FINANCE)]) -> Response:
    """Refused where the loan would cost more than the all-in cap over its real cash flow."""
    asked = ChargeFee(
        today=call.today,
        policy=_policy(call),
        charge_id=call.new_id("charge"),
        code=body.code,
        amount=body.amount,
        value_date=body.value_date,
        reason=body.reason,
        closed_periods=call.actor.has("finance_manager"),
    )
    return await _execute(call, loan_id, asked, body.value_date)


@router.post("/loans/{loan_id}/refunds", summary="Refund what is over", response_model=LoanShown)
async def refund(loan_id: LoanId, body: RefundBody, call: Annotated[Call, command(*FINANCE)]) -> Response:
    """Credit of a loan that is owed, settled, or whose payout came back."""
    asked = RefundCredit(
        today=call.today,
        policy=_policy(call),
        refund_id=call.new_id("refund"),
        amount=body.amount,
        bank_reference=body.bank_reference,
    )
    return await _execute(call, loan_id, asked)


@router.post("/loans/{loan_id}/disbursement-date", summary="Correct the day of the payout", response_model=LoanShown)
async def redate(loan_id: LoanId, body: RedateBody, call: Annotated[Call, command(*FINANCE)]) -> Response:
    """The loan is worked out from the day on which the money really moved; the difference is posted."""
    asked = RedateDisbursement(
        today=call.today,
        policy=_policy(call),
        value_date=body.value_date,
        reason=body.reason,
        closed_periods=call.actor.has("finance_manager"),
    )
    return await _execute(call, loan_id, asked, body.value_date)


@router.post("/loans/{loan_id}/pauses", summary="Pause days past due", response_model=LoanShown)
async def pause(
    loan_id: LoanId, body: PauseBody, call: Annotated[Call, command("risk_manager", "collection_manager")]
) -> Response:
    """Days in which a borrower is not counted as late: a dispute, a disaster, an order of a court."""
    asked = PauseDelinquency(
        today=call.today,
        policy=_policy(call),
        start=body.start,
        end=body.end,
        reason=body.reason,
        paused_by=call.actor.subject,
    )
    return await _execute(call, loan_id, asked)


@router.post("/loans/{loan_id}/overlay", summary="Classify a loan by judgement", response_model=LoanShown)
async def overlay(loan_id: LoanId, body: OverlayBody, call: Annotated[Call, command("risk_manager")]) -> Response:
    """For the worse only; null gives the loan back to the matrix."""
    asked = OverlayClassification(
        today=call.today,
        policy=_policy(call),
        tier=body.tier,
        reason=body.reason,
        decided_by=call.actor.subject,
    )
    return await _execute(call, loan_id, asked)
