"""What goes in and out of the API of decisions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from libs.contracts.approval import ApplicationReferred, DecisionBasis, DecisionRecommended, Offer, Outcome
from libs.contracts.examples import APPLICANT, APPLICATION, SHA256
from libs.contracts.values import Reason
from libs.lending.money import Money
from libs.service.models import MoneyField, PositiveMoney, RequestModel, ResponseModel, Text
from services.approval.domain.commands import OfferTerms
from services.approval.domain.state import State, Status


def example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class DecisionSummary(ResponseModel):
    """One decision in a list."""

    model_config = example(
        application_id=APPLICATION,
        applicant_id=APPLICANT,
        product="consumer-standard",
        channel="ONLINE",
        amount={"amount": "12000.00", "currency": "CNY"},
        grade="C",
        score=560,
        status="REFERRED",
        rule="grade-c-refer",
        queue="standard",
        four_eyes=False,
        officer="",
        recommended="",
        automatic=False,
        decided_on=None,
        expires_on=None,
    )

    application_id: str
    applicant_id: str
    product: str
    channel: str
    amount: MoneyField
    grade: str
    score: int | None
    status: Status
    rule: str
    queue: str
    four_eyes: bool
    officer: str
    recommended: str
    automatic: bool
    decided_on: date | None
    expires_on: date | None

    @classmethod
    def of(cls, row: Any) -> Self:
        named = {name: row[name] for name in cls.model_fields if name != "amount"}
        return cls(amount=Money(row["amount_minor"], row["currency"]), **named)


class Decision(ResponseModel):
    """The decision on one application, with its basis and the people who took it."""

    model_config = example(
        application_id=APPLICATION,
        applicant_id=APPLICANT,
        status="REFERRED",
        amount_requested={"amount": "12000.00", "currency": "CNY"},
        basis=ApplicationReferred.example["basis"],
        reasons=ApplicationReferred.example["reasons"],
        queue="standard",
        four_eyes=False,
        officer="officer-1",
        recommendation=None,
        offer=None,
        decided_by=[],
        decided_on=None,
        note="",
    )

    application_id: str
    applicant_id: str
    status: Status
    amount_requested: MoneyField | None
    basis: DecisionBasis | None
    reasons: tuple[Reason, ...]
    queue: str
    four_eyes: bool
    officer: str
    recommendation: DecisionRecommended | None
    offer: Offer | None
    decided_by: tuple[str, ...]
    decided_on: date | None
    note: str

    @classmethod
    def of(cls, state: State) -> Self:
        request = state.request
        return cls(
            application_id=state.application_id,
            applicant_id=request.applicant_id if request else "",
            status=state.status,
            amount_requested=request.amount if request else None,
            basis=state.basis,
            reasons=state.reasons,
            queue=state.queue,
            four_eyes=state.four_eyes,
            officer=state.officer,
            recommendation=state.recommendation,
            offer=state.offer,
            decided_by=state.decided_by,
            decided_on=state.decided_on,
            note=state.note,
        )


class CounterOffer(RequestModel):
    """What an offer changes of the request; nothing may be more than was asked for."""

    amount: PositiveMoney | None = Field(default=None, examples=[{"amount": "8000.00", "currency": "CNY"}])
    instalments: Annotated[int, Field(ge=1, le=360)] | None = Field(default=None, examples=[12])
    annual_rate_adjust_bps: Annotated[int, Field(ge=-2000, le=2000)] = Field(
        default=0, description="Basis points on the product's annual rate.", examples=[100]
    )

    def terms(self) -> OfferTerms:
        return OfferTerms(
            amount=self.amount,
            instalments=self.instalments,
            annual_rate_adjust_bps=self.annual_rate_adjust_bps,
        )


class Recommendation(RequestModel):
    """What an officer thinks should be decided."""

    model_config = example(outcome="APPROVE", note="Income confirmed by the employer", offer={})

    outcome: Outcome
    note: Text
    offer: CounterOffer = CounterOffer()


class Determination(RequestModel):
    """A person's decision. `reasons` are codes of the table's reason list; without any, those of the referral."""

    model_config = example(outcome="DECLINE", note="Income could not be confirmed", reasons=["officer-decision"])

    outcome: Outcome
    note: Text
    reasons: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=4)] = ()
    offer: CounterOffer = CounterOffer()


class Release(RequestModel):
    """Why a case goes back to its queue."""

    model_config = example(reason="On leave from tomorrow")

    reason: Text


class TableSummary(ResponseModel):
    """A version of the decision table."""

    model_config = example(
        table_id="standard",
        version=1,
        effective_from="2020-01-01",
        sha256=SHA256,
        title={"zh": "标准审批决策表", "en": "Standard decision table"},
        source="Example policy; the lender sets its own",
        in_force=True,
    )

    table_id: str
    version: int
    effective_from: date
    sha256: str
    title: dict[str, str]
    source: str
    in_force: bool


class TableDocument(ResponseModel):
    """A decision table as it decides, with its texts and sources."""

    model_config = example(sha256=SHA256, document={"format": "puhui.decision-table/1", "table_id": "standard"})

    sha256: str
    document: dict[str, Any]
