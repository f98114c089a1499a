"""What goes in and out of the API of comparisons on another card's scores."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Self

from pydantic import Field

from libs.contracts.approval import (
    ApplicationApproved,
    CardCompared,
    CardComparisonSignedOff,
    GradeChange,
    Offer,
    Outcome,
    OutcomeChange,
)
from libs.contracts.examples import APPLICATION
from libs.contracts.types import Id
from libs.contracts.values import Reason
from libs.service.models import MoneyField, RequestModel, ResponseModel
from services.approval.card_what_if import Case, Standing
from services.approval.models import example

_WAS: Final[dict[str, Any]] = {
    "score": 612,
    "grade": "B",
    "outcome": "APPROVE",
    "rules": ["auto-approve-b"],
    "offer": ApplicationApproved.example["offer"],
    "reasons": ApplicationApproved.example["reasons"],
}
_WOULD_BE: Final[dict[str, Any]] = {
    "score": 560,
    "grade": "C",
    "outcome": "REFER",
    "rules": ["grade-c-refer"],
    "offer": None,
    "reasons": [{"code": "grade-c", "text": {"zh": "等级C需人工审核", "en": "Grade C is reviewed by a person"}}],
}


class CardComparisonEntry(RequestModel):
    """Which card on which applications, as a rescoring told it, and under which table."""

    model_config = example(rescoring_id="rescoring-1", table_version=None)

    rescoring_id: Id
    table_version: Annotated[int, Field(ge=1, le=9999)] | None = Field(
        default=None, description="Null: for each application the table that decided on it."
    )


class CardComparison(ResponseModel):
    """What would have been decided on a card's scores, in counts and money."""

    model_config = example(**CardCompared.example, signed_by=None, signed_on=None)

    comparison_id: str
    rescoring_id: str
    card_id: str
    version: int
    card_sha256: str
    drafted_by: str = Field(description="Empty for a card that a release of the program brought.")
    rescored_by: str
    table_version: int | None
    table_sha256: str | None
    until_sequence: int
    rescored: int
    considered: int = Field(description="Of these were decided.")
    changed: int = Field(description="Another outcome, or other terms of what is offered.")
    outcomes: list[OutcomeChange]
    grades: list[GradeChange]
    offered: MoneyField = Field(description="What was offered at once, without a person.")
    would_be_offered: MoneyField
    result_sha256: str
    compared_by: str
    compared_on: date
    signed_by: str | None
    signed_on: date | None

    @classmethod
    def of(cls, compared: CardCompared, signed: CardComparisonSignedOff | None) -> Self:
        return cls(
            **dict(compared),
            signed_by=signed.signed_by if signed else None,
            signed_on=signed.signed_on if signed else None,
        )


class StandingShown(ResponseModel):
    """What follows from a score: outcome, offer, and why (null: the card cannot score, or nothing is offered)."""

    model_config = example(**_WAS)

    score: int | None
    grade: str
    outcome: Outcome
    rules: list[str]
    offer: Offer | None
    reasons: list[Reason]

    @classmethod
    def of(cls, standing: Standing) -> Self:
        return cls(
            score=standing.score,
            grade=standing.grade,
            outcome=standing.outcome,
            rules=list(standing.rules),
            offer=standing.offer,
            reasons=list(standing.reasons),
        )


class CardCaseShown(ResponseModel):
    """One application, as it was first decided and as it would be."""

    model_config = example(
        application_id=APPLICATION,
        decided_on="2026-02-01",
        amount={"amount": "12000.00", "currency": "CNY"},
        was=_WAS,
        would_be=_WOULD_BE,
        changed=True,
    )

    application_id: str
    decided_on: date
    amount: MoneyField
    was: StandingShown
    would_be: StandingShown
    changed: bool

    @classmethod
    def of(cls, case: Case) -> Self:
        return cls(
            application_id=case.application_id,
            decided_on=case.decided_on,
            amount=case.amount,
            was=StandingShown.of(case.was),
            would_be=StandingShown.of(case.would_be),
            changed=case.changed,
        )


class CardCases(ResponseModel):
    """Cases of a comparison, a page of them."""

    model_config = example(items=[], next=None)

    items: list[CardCaseShown]
    next: int | None = Field(description="`after` for the next page; null on the last one.")
