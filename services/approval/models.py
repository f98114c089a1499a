"""What goes in and out of the API of decisions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from libs.contracts.approval import DecisionBasis, DecisionRecommended, Offer, Outcome
from libs.contracts.examples import APPLICANT, APPLICATION
from libs.contracts.values import Reason
from libs.lending.money import Money
from libs.service.models import MoneyField, PositiveMoney, RequestModel, ResponseModel, Text
from services.approval.domain.commands import OfferTerms
from services.approval.domain.state import State, Status


class DecisionSummary(ResponseModel):
    """One decision in a list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "application_id": APPLICATION,
                    "applicant_id": APPLICANT,
                    "product": "consumer-standard",
                    "channel": "ONLINE",
                    "amount": {"amount": "12000.00", "currency": "CNY"},
                    "grade": "C",
                    "score": 560,
                    "status": "REFERRED",
                    "rule": "grade-c-refer",
                    "queue": "standard",
                    "four_eyes": False,
                    "officer": "",
                    "recommended": "",
                    "automatic": False,
                    "decided_on": None,
                    "expires_on": None,
                }
            ]
        }
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

    application_id: str = Field(examples=[APPLICATION])
    applicant_id: str = Field(examples=[APPLICANT])
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

    outcome: Outcome = Field(examples=["APPROVE"])
    note: Text = Field(examples=["Income confirmed by the employer"])
    offer: CounterOffer = CounterOffer()


class Determination(RequestModel):
    """A person's decision. `reasons` are codes of the table's reason list; without any, those of the referral."""

    outcome: Outcome = Field(examples=["DECLINE"])
    note: Text = Field(examples=["Income could not be confirmed"])
    reasons: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=4)] = Field(
        default=(), examples=[["officer-decision"]]
    )
    offer: CounterOffer = CounterOffer()


class Release(RequestModel):
    """Why a case goes back to its queue."""

    reason: Text = Field(examples=["On leave from tomorrow"])


class TableSummary(ResponseModel):
    """A version of the decision table."""

    table_id: str = Field(examples=["standard"])
    version: int = Field(examples=[1])
    effective_from: date = Field(examples=["2020-01-01"])
    sha256: str
    title: dict[str, str]
    source: str
    in_force: bool
