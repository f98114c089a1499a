"""What goes in and out of the API of early warning."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Self

from pydantic import Field

from libs.contracts.collections import WARNING, MeasureKind, Severity
from libs.contracts.examples import APPLICANT, LOAN, cny
from libs.contracts.types import RateField
from libs.contracts.values import Named
from libs.service.models import Id, MoneyField, PositiveMoney, RequestModel, ResponseModel, Text
from services.collections.domain.watch_state import MeasureStatus, State

TEXT = {"zh": "首期还款逾期", "en": "The first instalment was not paid in time"}


class Warned(ResponseModel):
    """A warning. `cured_on`: from when it stands no more, null while it does."""

    warning_id: str = Field(examples=[WARNING["warning_id"]])
    applicant_id: str = Field(examples=[APPLICANT])
    loan_id: str = Field(examples=[LOAN])
    rule: str = Field(examples=["first-instalment-late"])
    severity: Severity = Field(examples=["MEDIUM"])
    text: Named = Field(examples=[TEXT])
    raised_on: date = Field(examples=["2026-03-03"])
    cured_on: date | None = Field(examples=[None])

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        named = {name: row[name] for name in cls.model_fields if name != "text"}
        return cls(text=Named(zh=row["text_zh"], en=row["text_en"]), **named)


class Watched(ResponseModel):
    """A borrower on the watch list, or one who was. `entered_by` is empty where a rule put him there, and `reason` is
    then the rule's code; `measures` are those proposed or in force."""

    applicant_id: str = Field(examples=[APPLICANT])
    watched: bool = Field(examples=[True])
    severity: Severity = Field(examples=["MEDIUM"])
    reason: str = Field(examples=["first-instalment-late"])
    entered_by: str = Field(examples=[""])
    entered_on: date = Field(examples=["2026-03-03"])
    reviewed_on: date | None = Field(examples=[None])
    review_due: date | None = Field(examples=["2026-04-02"])
    frozen: bool = Field(examples=[False])
    measures: int = Field(examples=[0])
    left_on: date | None = Field(examples=[None])

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        return cls(**{name: row[name] for name in cls.model_fields})


class WarnedOnce(ResponseModel):
    """One warning in a borrower's watch."""

    warning_id: str = Field(examples=[WARNING["warning_id"]])
    rule: str = Field(examples=["first-instalment-late"])
    severity: Severity = Field(examples=["MEDIUM"])
    loan_id: str = Field(examples=[LOAN])
    raised_on: date = Field(examples=["2026-03-03"])
    cured_on: date | None = Field(examples=[None])


class MeasureShown(ResponseModel):
    """A measure, and how it stands."""

    measure_id: str = Field(examples=["0f0c5f1e-7c2d-5c43-9a1e-2f8f1c1f8a10"])
    kind: MeasureKind = Field(examples=["FREEZE"])
    status: MeasureStatus = Field(examples=["PROPOSED"])
    loan_id: str = Field(examples=[""])
    limit: MoneyField | None = Field(examples=[None])
    clause: str = Field(examples=[""])
    proposed_by: str = Field(examples=["collection-manager"])
    decided_by: str = Field(examples=[""])
    due_on: date | None = Field(examples=[None], description="By when more guarantee is to be registered.")
    security_id: str = Field(examples=[""], description="The security that was registered.")
    increase: RateField | None = Field(examples=[None], description="By how much the annual rate rises.")
    effective_from: date | None = Field(
        examples=[None], description="From when on the loan bears a higher rate, as the borrower was told."
    )


class Review(ResponseModel):
    """The last review of this time on the list."""

    findings: str = Field(examples=["Sales have recovered, two instalments paid in time"])
    leave: bool = Field(examples=[True])
    reviewed_by: str = Field(examples=["collection-manager"])
    reviewed_on: date = Field(examples=["2026-04-02"])


class Watch(ResponseModel):
    """All that is known of a borrower's warnings, his place on the list, and what is done about him."""

    applicant_id: str = Field(examples=[APPLICANT])
    watched: bool = Field(examples=[True])
    severity: Severity = Field(examples=["MEDIUM"])
    reason: str = Field(examples=["first-instalment-late"])
    entered_by: str = Field(examples=[""])
    entered_on: date | None = Field(examples=["2026-03-03"])
    review_due: date | None = Field(examples=["2026-04-02"])
    frozen: bool = Field(examples=[False])
    left_on: date | None = Field(examples=[None])
    review: Review | None
    warnings: list[WarnedOnce]
    measures: list[MeasureShown]

    @classmethod
    def of(cls, state: State) -> Self:
        named = ("applicant_id", "watched", "severity", "reason", "entered_by", "entered_on", "review_due", "left_on")
        review = state.review
        return cls(
            **{name: getattr(state, name) for name in named},
            frozen=state.frozen,
            review=Review(**{name: getattr(review, name) for name in Review.model_fields}) if review else None,
            warnings=[_shown(WarnedOnce, each, warning_id=key) for key, each in state.warnings.items()],
            measures=[_shown(MeasureShown, each, measure_id=key) for key, each in state.measures.items()],
        )


def _shown(model: Any, value: Any, **key: str) -> Any:
    return model(**key, **{name: getattr(value, name) for name in model.model_fields if name not in key})


class Entry(RequestModel):
    """Why a borrower is watched: the loan by which he is known, how much it weighs, and the reason."""

    loan_id: Id = Field(examples=[LOAN])
    severity: Severity = Field(examples=["MEDIUM"])
    reason: Text = Field(examples=["The workshop is closed, says the branch"])


class ReviewEntry(RequestModel):
    """What a review found, and whether he should leave the list."""

    findings: Text = Field(examples=["Sales have recovered, two instalments paid in time"])
    leave: bool = Field(examples=[True])


class Proposal(RequestModel):
    """A measure: `limit` goes with LOWER_LIMIT, the contract's `clause`, the `increase` and `loan_id` with HIGHER_RATE,
    `loan_id` with MORE_GUARANTEE."""

    kind: MeasureKind = Field(examples=["FREEZE"])
    loan_id: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:-]{0,79})?$")] = Field(default="", examples=[""])
    limit: PositiveMoney | None = Field(default=None, examples=[None, cny("5000.00")])
    clause: Annotated[str, Field(max_length=80)] = Field(default="", examples=[""])
    increase: RateField | None = Field(
        default=None, examples=[None], description="By how much the annual rate rises, a fraction: 0.01 is one point."
    )
    reason: Text = Field(examples=["Nothing more until the arrears are paid"])


class Decision(RequestModel):
    """Whether a proposed measure is taken, and why."""

    take: bool = Field(examples=[True])
    reason: Text = Field(examples=["Agreed"])


class Why(RequestModel):
    """Why a measure ends, or a borrower leaves the list."""

    reason: Text = Field(examples=["Arrears paid, reviewed"])
