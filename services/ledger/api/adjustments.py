"""What is agreed, let off, charged or corrected on a loan in the books."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.ledger import ActKind, ChangeKind, ChangeTerms, LoanChanged, LprLink, Tier
from libs.contracts.problems import Rejected
from libs.contracts.values import Components, PlanRow
from libs.lending.money import Money
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, Code, Id, PositiveMoney, RateField, RequestModel, ResponseModel, Text
from libs.service.models import DecimalField as SignedDecimal
from libs.service.runtime import Runtime, runtime_of
from services.ledger.api.access import Reader, loan_for
from services.ledger.api.checked import WAITS, Act, By, Work, perform
from services.ledger.api.repayments import ReversalBody
from services.ledger.api.shapes import LoanShown, example, loan_shown
from services.ledger.domain.act import Target
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
from services.ledger.handlers import LOAN

router = APIRouter(tags=["adjustments"])

LoanId = Annotated[Id, Path(description="The loan.")]
FINANCE: Final = ("finance_officer", "finance_manager")


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
    measure_id: str = Field(description="The measure of early warning by which a rate was raised or restored, if any.")
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


def on_loan(by: By, target: Target, asked: LoanCommand, effective: date | None = None) -> Work:
    return Work(
        decider=LOAN,
        stream_id=LOAN.stream_id(target.loan_id),
        command=asked,
        shown=lambda loan: loan_shown(loan, by.today, asked.policy),
        effective_date=effective,
        rules={"ledger-policy": asked.policy.label},
    )


async def _reinstatement(by: By, target: Target, body: ReversalBody) -> Work:
    asked = ReinstateRepayment(today=by.today, policy=by.policy, repayment_id=target.repayment_id, reason=body.reason)
    return on_loan(by, target, asked)


REINSTATEMENT: Final = Act(
    kind=ActKind.REINSTATEMENT,
    roles=(*FINANCE, "service"),
    body=ReversalBody,
    work=_reinstatement,
    amount=lambda reinstated: reinstated.amount,
)


@router.post(
    "/loans/{loan_id}/repayments/{repayment_id}/reinstatement",
    summary="Reverse a reversal",
    response_model=LoanShown,
    responses=WAITS,
)
async def reinstate(
    loan_id: LoanId,
    repayment_id: Annotated[Id, Path(description="The repayment that was reversed.")],
    body: ReversalBody,
    call: Annotated[Call, command(*REINSTATEMENT.roles)],
) -> Response:
    """The repayment counts again on its own value date; what followed is worked out again, the difference posted."""
    return await perform(call, REINSTATEMENT, Target(loan_id=loan_id, repayment_id=repayment_id), body)


@router.get("/loans/{loan_id}/changes", summary="List the changes of a loan's agreement")
async def list_changes(loan_id: LoanId, actor: Reader, runtime: Annotated[Runtime, Depends(runtime_of)]) -> ChangeList:
    """Each with the plan that it replaced."""
    await loan_for(runtime, loan_id, actor)
    stored = await runtime.store.load(LOAN.stream_id(loan_id))
    events = [runtime.codec.decode(e.type, e.data) for e in stored if e.type == LoanChanged.type_name]
    names = ChangeShown.model_fields
    return ChangeList(items=[ChangeShown(**{name: getattr(event, name) for name in names}) for event in events])


async def _change(by: By, target: Target, body: ChangeBody) -> Work:
    terms = body.terms
    link = LprLink(**terms.lpr.model_dump()) if terms.lpr else None
    given = ChangeTerms(**{**terms.model_dump(exclude={"lpr"}), "lpr": link})
    asked = ChangeLoan(
        today=by.today,
        policy=by.policy,
        change_id=by.new_id("change"),
        kind=body.kind,
        effective=body.effective,
        terms=given,
        reason=body.reason,
        agreed_by=by.actor.subject,
        closed_periods=by.actor.has("finance_manager"),
    )
    return on_loan(by, target, asked, body.effective)


CHANGE: Final = Act(kind=ActKind.CHANGE, roles=("contract_officer", "finance_manager"), body=ChangeBody, work=_change)


@router.post("/loans/{loan_id}/changes", summary="Change a loan's agreement", response_model=LoanShown, responses=WAITS)
async def change(loan_id: LoanId, body: ChangeBody, call: Annotated[Call, command(*CHANGE.roles)]) -> Response:
    """Rate, extension, due date, holiday, restructuring, re-ageing, assignment: from a day on another plan runs."""
    return await perform(call, CHANGE, Target(loan_id=loan_id), body)


async def _waiver(by: By, target: Target, body: WaiverBody) -> Work:
    policy = by.policy
    role, limit = next((role, limit) for role, limit in reversed(policy.waiver_limits) if by.actor.has(role))
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
        today=by.today,
        policy=policy,
        waiver_id=by.new_id("waiver"),
        amounts=amounts,
        value_date=body.value_date,
        reason=body.reason,
        waived_by=by.actor.subject,
        authority=f"{role}, {'without limit' if limit is None else f'up to {limit}'}",
        limit=limit,
        closed_periods=by.actor.has("finance_manager"),
    )
    return on_loan(by, target, asked, body.value_date)


WAIVER: Final = Act(
    kind=ActKind.WAIVER,
    roles=(*FINANCE, "collection_manager"),
    body=WaiverBody,
    work=_waiver,
    amount=lambda waived: waived.asked.total,
)


@router.post("/loans/{loan_id}/waivers", summary="Let off charges", response_model=LoanShown, responses=WAITS)
async def waive(loan_id: LoanId, body: WaiverBody, call: Annotated[Call, command(*WAIVER.roles)]) -> Response:
    """Overdue interest, fees or interest that are due, up to what the policy admits for the actor's role (R7.2)."""
    return await perform(call, WAIVER, Target(loan_id=loan_id), body)


async def _charge(by: By, target: Target, body: ChargeBody) -> Work:
    asked = ChargeFee(
        today=by.today,
        policy=by.policy,
        charge_id=by.new_id("charge"),
        code=body.code,
        amount=body.amount,
        value_date=body.value_date,
        reason=body.reason,
        closed_periods=by.actor.has("finance_manager"),
    )
    return on_loan(by, target, asked, body.value_date)


CHARGE: Final = Act(
    kind=ActKind.CHARGE, roles=FINANCE, body=ChargeBody, work=_charge, amount=lambda charged: charged.amount
)


@router.post("/loans/{loan_id}/charges", summary="Charge a fee", response_model=LoanShown, responses=WAITS)
async def charge(loan_id: LoanId, body: ChargeBody, call: Annotated[Call, command(*CHARGE.roles)]) -> Response:
    """Refused where the loan would cost more than the all-in cap over its real cash flow."""
    return await perform(call, CHARGE, Target(loan_id=loan_id), body)


async def _refund(by: By, target: Target, body: RefundBody) -> Work:
    asked = RefundCredit(
        today=by.today,
        policy=by.policy,
        refund_id=by.new_id("refund"),
        amount=body.amount,
        bank_reference=body.bank_reference,
    )
    return on_loan(by, target, asked)


REFUND: Final = Act(
    kind=ActKind.REFUND, roles=FINANCE, body=RefundBody, work=_refund, amount=lambda refunded: refunded.amount
)


@router.post("/loans/{loan_id}/refunds", summary="Refund what is over", response_model=LoanShown, responses=WAITS)
async def refund(loan_id: LoanId, body: RefundBody, call: Annotated[Call, command(*REFUND.roles)]) -> Response:
    """Credit of a loan that is owed, settled, or whose payout came back."""
    return await perform(call, REFUND, Target(loan_id=loan_id), body)


async def _redating(by: By, target: Target, body: RedateBody) -> Work:
    asked = RedateDisbursement(
        today=by.today,
        policy=by.policy,
        value_date=body.value_date,
        reason=body.reason,
        closed_periods=by.actor.has("finance_manager"),
    )
    return on_loan(by, target, asked, body.value_date)


REDATING: Final = Act(kind=ActKind.REDATING, roles=FINANCE, body=RedateBody, work=_redating)


@router.post(
    "/loans/{loan_id}/disbursement-date",
    summary="Correct the day of the payout",
    response_model=LoanShown,
    responses=WAITS,
)
async def redate(loan_id: LoanId, body: RedateBody, call: Annotated[Call, command(*REDATING.roles)]) -> Response:
    """The loan is worked out from the day on which the money really moved; the difference is posted."""
    return await perform(call, REDATING, Target(loan_id=loan_id), body)


async def _pause(by: By, target: Target, body: PauseBody) -> Work:
    asked = PauseDelinquency(
        today=by.today,
        policy=by.policy,
        start=body.start,
        end=body.end,
        reason=body.reason,
        paused_by=by.actor.subject,
    )
    return on_loan(by, target, asked)


PAUSE: Final = Act(kind=ActKind.PAUSE, roles=("risk_manager", "collection_manager"), body=PauseBody, work=_pause)


@router.post("/loans/{loan_id}/pauses", summary="Pause days past due", response_model=LoanShown, responses=WAITS)
async def pause(loan_id: LoanId, body: PauseBody, call: Annotated[Call, command(*PAUSE.roles)]) -> Response:
    """Days in which a borrower is not counted as late: a dispute, a disaster, an order of a court."""
    return await perform(call, PAUSE, Target(loan_id=loan_id), body)


async def _overlay(by: By, target: Target, body: OverlayBody) -> Work:
    asked = OverlayClassification(
        today=by.today,
        policy=by.policy,
        tier=body.tier,
        reason=body.reason,
        decided_by=by.actor.subject,
    )
    return on_loan(by, target, asked)


OVERLAY: Final = Act(kind=ActKind.OVERLAY, roles=("risk_manager",), body=OverlayBody, work=_overlay)


@router.post(
    "/loans/{loan_id}/overlay", summary="Classify a loan by judgement", response_model=LoanShown, responses=WAITS
)
async def overlay(loan_id: LoanId, body: OverlayBody, call: Annotated[Call, command(*OVERLAY.roles)]) -> Response:
    """For the worse only; null gives the loan back to the matrix."""
    return await perform(call, OVERLAY, Target(loan_id=loan_id), body)
