"""The security for an application: guarantors, mortgages and pledges, and how much of the loan they cover."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Path
from pydantic import Field
from starlette.responses import Response

from libs.contracts.approval import SecurityConsented, SecurityOffered, SecurityPerfected
from libs.contracts.examples import SHA256
from libs.contracts.types import DecimalField, Id
from libs.contracts.values import GuaranteeKind, LoanRequest
from libs.service.commands import Call, command
from libs.service.models import (
    BusinessDate,
    Code,
    MoneyField,
    PositiveMoney,
    RequestModel,
    ResponseModel,
    Text,
    ZeroOrMoreMoney,
)
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.approval.api.decisions import OFFICERS, ApplicationId, Reader
from services.approval.domain import security as domain
from services.approval.domain.security_policy import BASIS_POINTS
from services.approval.domain.security_state import Item, State
from services.approval.domain.state import State as DecisionState
from services.approval.handlers import DECISION, SECURITY
from services.approval.library import library
from services.approval.models import example

router = APIRouter(tags=["security"], prefix="/decisions/{application_id}/securities")

Running = Annotated[Runtime, Depends(runtime_of)]
Officer = Annotated[Call, command(*OFFICERS, "loan_officer")]
Recorder = Annotated[Call, command(*OFFICERS, "contract_officer")]
Manager = Annotated[Call, command("senior_credit_officer", "risk_manager")]
SecurityId = Annotated[Id, Path(description="The security.")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="Of the document that shows it.")]


class SecurityEntry(RequestModel):
    """What is offered, by whom: a guarantor, or the owner of a thing or right."""

    model_config = example(
        kind="MORTGAGE",
        provider_id="applicant-2",
        asset_class="residential-property",
        description="Flat of 89 square metres, certificate 330100-2019-004711",
    )

    kind: GuaranteeKind
    provider_id: Id = Field(description="Registered as applicants are.")
    asset_class: Annotated[str, Field(max_length=64)] = Field(default="", description="Empty for a surety.")
    description: Text
    amount_max: PositiveMoney | None = Field(default=None, description="What a surety answers for at most.")


class Assessment(RequestModel):
    """A guarantor's means, from a document."""

    model_config = example(
        monthly_income={"amount": "15000.00", "currency": "CNY"},
        monthly_debt_service={"amount": "5000.00", "currency": "CNY"},
        document_sha256=SHA256,
    )

    monthly_income: ZeroOrMoreMoney
    monthly_debt_service: ZeroOrMoreMoney
    document_sha256: Sha256


class Consent(RequestModel):
    """The written agreement of whoever gives the security."""

    model_config = example(signed_on="2026-02-01", document_sha256=SHA256, credit_report_text="surety-2027-01")

    signed_on: BusinessDate
    document_sha256: Sha256
    credit_report_text: Text | None = Field(
        default=None,
        description="The version of the text in which the guarantor agreed with it that the bureau is asked about him "
        "while the loan is managed; left out: he did not.",
    )


class Valuation(RequestModel):
    """What a thing or right is worth."""

    model_config = example(
        value={"amount": "300000.00", "currency": "CNY"},
        valuer="Example Valuation Ltd",
        valued_on="2026-01-28",
        document_sha256=SHA256,
    )

    value: PositiveMoney
    valuer: Text
    valued_on: BusinessDate
    document_sha256: Sha256


class PerfectionEntry(RequestModel):
    """Where a mortgage or pledge is registered, or in whose hands the thing is."""

    model_config = example(
        by="registration",
        place="Real estate registry of Hangzhou",
        reference="2026-DY-000471",
        perfected_on="2026-02-03",
        document_sha256=SHA256,
    )

    by: Code
    place: Text
    reference: Text
    perfected_on: BusinessDate
    document_sha256: Sha256


class GivingUp(RequestModel):
    """Why the lender gives a security up."""

    model_config = example(reason="Replaced by another guarantor")

    reason: Text


class SecurityShown(ResponseModel):
    """One security, and what the lender counts on today."""

    security_id: str
    kind: GuaranteeKind
    provider_id: str
    asset_class: str
    description: str
    amount_max: MoneyField | None
    value: MoneyField | None
    valued_on: date | None
    haircut_bps: int | None
    capacity: MoneyField | None = Field(description="Of a guarantor.")
    consented_on: date | None
    credit_report_text: str = Field(
        description="In which text a guarantor agreed that the bureau is asked about him; empty: in none."
    )
    perfected_on: date | None
    released_on: date | None
    counted: MoneyField = Field(description="What the lender counts on.")
    missing: str = Field(description="Why nothing is counted on; empty where something is.")

    @classmethod
    def of(cls, item: Item, on: date) -> Self:
        counted, missing = item.counted(library().security(on), on)
        return cls(
            **{name: getattr(item.offered, name) for name in SecurityEntry.model_fields},
            security_id=item.offered.security_id,
            value=item.valued.value if item.valued else None,
            valued_on=item.valued.valued_on if item.valued else None,
            haircut_bps=item.valued.haircut_bps if item.valued else None,
            capacity=item.assessed.capacity if item.assessed else None,
            consented_on=item.consented.signed_on if item.consented else None,
            credit_report_text=item.consented.credit_report_text if item.consented else "",
            perfected_on=item.perfected.perfected_on if item.perfected else None,
            released_on=item.released.released_on if item.released else None,
            counted=counted,
            missing=missing,
        )


class SecuritiesShown(ResponseModel):
    """All security for an application."""

    model_config = example(items=[], coverage="0", coverage_min="1.2")

    items: list[SecurityShown]
    coverage: DecimalField = Field(description="What is counted on over the amount offered, or asked for.")
    coverage_min: DecimalField = Field(description="What the policy asks of this kind of guarantee.")

    @classmethod
    def of(cls, decision: DecisionState, request: LoanRequest, on: date, state: State) -> Self:
        policy = library().security(on)
        amount = decision.offer.amount if decision.offer is not None else request.amount
        return cls(
            items=[SecurityShown.of(item, on) for item in state.items.values()],
            coverage=Decimal(state.coverage_bps(amount, policy, on)) / BASIS_POINTS,
            coverage_min=Decimal(policy.coverage_min_bps.get(request.guarantee.kind, 0)) / BASIS_POINTS,
        )


async def _decision(runtime: Runtime, application_id: str) -> tuple[DecisionState, LoanRequest]:
    state, _ = await runtime.commands.state(DECISION, DECISION.stream_id(application_id))
    if state.request is None:
        raise Problem(NOT_FOUND, "No decision is known for this application.")
    return state, state.request


async def _execute(call: Call, application_id: str, order: domain.Command, *, status: int = 200) -> Response:
    decision, request = await _decision(call.runtime, application_id)
    shown: Any = partial(SecuritiesShown.of, decision, request, call.today)
    location = f"/approval/decisions/{application_id}/securities" if status == 201 else ""
    return await call.execute(
        SECURITY, SECURITY.stream_id(application_id), order, shown, status=status, location=location
    )


@router.get("", summary="The security for an application")
async def read_securities(_actor: Reader, runtime: Running, application_id: ApplicationId) -> SecuritiesShown:
    """Every security with what the lender counts on today, or what is missing, and how much of the loan all cover."""
    decision, request = await _decision(runtime, application_id)
    state, _ = await runtime.commands.state(SECURITY, SECURITY.stream_id(application_id))
    return SecuritiesShown.of(decision, request, runtime.today, state)


@router.post("", summary="Put a security on record", status_code=201, response_model=SecuritiesShown)
async def offer_security(call: Officer, application_id: ApplicationId, body: SecurityEntry) -> Response:
    """Nothing is counted on before there is a consent and, by its kind, an assessment or a valuation and its
    registration or delivery."""
    _, request = await _decision(call.runtime, application_id)
    offered = SecurityOffered(
        **body.model_dump(exclude={"kind", "amount_max"}),
        kind=body.kind,
        amount_max=body.amount_max,
        application_id=application_id,
        security_id=call.new_id("security"),
        offered_by=call.actor.subject,
        offered_on=call.today,
    )
    policy = library().security(call.today)
    order = domain.OfferSecurity(offered=offered, applicant_id=request.applicant_id, policy=policy)
    return await _execute(call, application_id, order, status=201)


@router.post("/{security_id}/assessment", summary="Assess a guarantor", response_model=SecuritiesShown)
async def assess_guarantor(
    call: Officer, application_id: ApplicationId, security_id: SecurityId, body: Assessment
) -> Response:
    """What he could pay is worked out by the policy; the last assessment counts."""
    order = domain.AssessGuarantor(
        application_id=application_id,
        security_id=security_id,
        monthly_income=body.monthly_income,
        monthly_debt_service=body.monthly_debt_service,
        document_sha256=body.document_sha256,
        policy=library().security(call.today),
        by=call.actor.subject,
        today=call.today,
    )
    return await _execute(call, application_id, order)


@router.post("/{security_id}/consent", summary="Record a consent", response_model=SecuritiesShown)
async def record_consent(
    call: Recorder, application_id: ApplicationId, security_id: SecurityId, body: Consent
) -> Response:
    """The guarantor or owner has agreed in writing; a guarantor perhaps also to be asked about while the loan runs."""
    consented = SecurityConsented(
        application_id=application_id,
        security_id=security_id,
        document_sha256=body.document_sha256,
        signed_on=body.signed_on,
        credit_report_text=body.credit_report_text or "",
        recorded_by=call.actor.subject,
        recorded_on=call.today,
    )
    return await _execute(call, application_id, domain.RecordConsent(consented=consented))


@router.post("/{security_id}/valuation", summary="Value a security", response_model=SecuritiesShown)
async def value_security(
    call: Officer, application_id: ApplicationId, security_id: SecurityId, body: Valuation
) -> Response:
    """The haircut is that of its class; the last valuation counts, as long as it is not too old."""
    order = domain.ValueSecurity(
        application_id=application_id,
        security_id=security_id,
        value=body.value,
        valuer=body.valuer,
        valued_on=body.valued_on,
        document_sha256=body.document_sha256,
        policy=library().security(call.today),
        by=call.actor.subject,
        today=call.today,
    )
    return await _execute(call, application_id, order)


@router.post("/{security_id}/perfection", summary="Record a registration or delivery", response_model=SecuritiesShown)
async def perfect_security(
    call: Recorder, application_id: ApplicationId, security_id: SecurityId, body: PerfectionEntry
) -> Response:
    """From now on the mortgage or pledge can be counted on."""
    perfected = SecurityPerfected(
        **body.model_dump(),
        application_id=application_id,
        security_id=security_id,
        recorded_by=call.actor.subject,
        recorded_on=call.today,
    )
    order = domain.PerfectSecurity(perfected=perfected, policy=library().security(call.today))
    return await _execute(call, application_id, order)


@router.post("/{security_id}/release", summary="Give a security up", response_model=SecuritiesShown)
async def release_security(
    call: Manager, application_id: ApplicationId, security_id: SecurityId, body: GivingUp
) -> Response:
    """By somebody else than who put it on record. What secured a loan is given back by itself once it is settled."""
    order = domain.ReleaseSecurity(
        application_id=application_id,
        security_id=security_id,
        reason=body.reason,
        by=call.actor.subject,
        today=call.today,
    )
    return await _execute(call, application_id, order)
