"""What goes in and out of the API of decisions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from libs.contracts.approval import (
    ApplicantAsked,
    ApplicationReferred,
    ComparisonSignedOff,
    Condition,
    DecisionBasis,
    DecisionRecommended,
    Offer,
    Outcome,
    OutcomeChange,
    TableCompared,
    VoteCast,
)
from libs.contracts.examples import APPLICANT, APPLICATION, SHA256
from libs.contracts.values import Reason
from libs.lending.money import Money
from libs.service.models import BusinessDate, Code, MoneyField, PositiveMoney, RequestModel, ResponseModel, Text
from services.approval.domain.commands import OfferTerms
from services.approval.domain.state import State, Status
from services.approval.library import library
from services.approval.tables.coverage import Coverage
from services.approval.what_if import Case


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
    due_on: date | None = Field(default=None, description="Until when a referred one is decided in time.")

    @classmethod
    def of(cls, row: Any) -> Self:
        named = {name: row[name] for name in cls.model_fields if name not in ("amount", "due_on")}
        referred_on = row["referred_on"] if row["status"] == Status.REFERRED else None
        due_on = library().casework(referred_on).due(row["queue"], referred_on) if referred_on else None
        return cls(amount=Money(row["amount_minor"], row["currency"]), due_on=due_on, **named)


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
    question: ApplicantAsked | None = Field(default=None, description="What the applicant is asked for.")
    votes: tuple[VoteCast, ...] = Field(default=(), description="Of the committee, on what is recommended.")
    conditions: tuple[Condition, ...] = Field(default=(), description="Not met yet: the approval counts once they are.")

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
            offer=state.offer or (state.prepared.offer if state.prepared is not None else None),
            decided_by=state.decided_by,
            decided_on=state.decided_on,
            note=state.note,
            question=state.question,
            votes=state.votes,
            conditions=state.conditions_open,
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
    conditions: Annotated[tuple[Code, ...], Field(max_length=10)] = Field(
        default=(), description="Codes of the policy: the approval counts once all of them are met."
    )
    override: Annotated[str, Field(max_length=64)] = Field(
        default="", description="Why the table's decline is overridden, where an applicant asked for a review."
    )
    term_override: Annotated[str, Field(max_length=64)] = Field(
        default="", description="Why the offer has a longer term than the table allows the grade."
    )
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
        released=True,
        in_force=True,
    )

    table_id: str
    version: int
    effective_from: date
    sha256: str
    title: dict[str, str]
    source: str
    released: bool = Field(description="Whether it may decide, from its effective date on.")
    in_force: bool


class TableDocument(ResponseModel):
    """A decision table as it decides, with its texts and sources."""

    model_config = example(sha256=SHA256, document={"format": "puhui.decision-table/1", "table_id": "standard"})

    sha256: str
    document: dict[str, Any]


class RowOverlap(ResponseModel):
    """Two rows that fit the same applications with different outcomes: the upper one decides."""

    upper: str
    upper_outcome: Outcome
    lower: str
    lower_outcome: Outcome
    cells: int


class TableCoverage(ResponseModel):
    """A table over every possible application. A cell is a kind of application that no condition tells apart."""

    model_config = example(cells=1440, decided={"row 1 (not-scored-refer)": 720}, overlaps=[])

    cells: int
    decided: dict[str, int] = Field(description="Cells that each row decides.")
    overlaps: list[RowOverlap]

    @classmethod
    def of(cls, coverage: Coverage) -> Self:
        overlaps = [
            RowOverlap(
                upper=each.upper,
                upper_outcome=Outcome(each.upper_outcome),
                lower=each.lower,
                lower_outcome=Outcome(each.lower_outcome),
                cells=each.cells,
            )
            for each in coverage.overlaps
        ]
        return cls(cells=coverage.cells, decided=dict(coverage.decided), overlaps=overlaps)


class TableProposal(ResponseModel):
    """A version that was put on record, or released."""

    model_config = example(table_id="standard", version=2, sha256=SHA256)

    table_id: str
    version: int
    sha256: str


class ComparisonEntry(RequestModel):
    """Which version, and which past applications: those first decided within two dates."""

    model_config = example(table_id="standard", version=2, decided_from="2026-01-01", decided_to="2026-03-01")

    table_id: Annotated[str, Field(max_length=64)]
    version: Annotated[int, Field(ge=1, le=9999)]
    decided_from: BusinessDate
    decided_to: BusinessDate


class SignOffEntry(RequestModel):
    """What is taken from the comparison."""

    model_config = example(note="The 37 are large and unsecured; the committee wants them looked at")

    note: Text


class Comparison(ResponseModel):
    """What a version would have decided, in counts and money."""

    model_config = example(**TableCompared.example, signed_by=None, signed_on=None)

    comparison_id: str
    table_id: str
    version: int
    sha256: str
    against_sha256: str = Field(description="Of the table that it would replace.")
    decided_from: date
    decided_to: date
    until_sequence: int
    considered: int
    changed: int
    outcomes: list[OutcomeChange]
    result_sha256: str
    compared_by: str
    compared_on: date
    signed_by: str | None
    signed_on: date | None

    @classmethod
    def of(cls, compared: TableCompared, signed: ComparisonSignedOff | None) -> Self:
        return cls(
            **{name: value for name, value in dict(compared).items() if name in cls.model_fields},
            signed_by=signed.signed_by if signed else None,
            signed_on=signed.signed_on if signed else None,
        )


class CaseShown(ResponseModel):
    """One application, as it was decided and as it would be."""

    model_config = example(
        application_id=APPLICATION,
        decided_on="2026-02-01",
        amount={"amount": "12000.00", "currency": "CNY"},
        score=560,
        grade="C",
        was="APPROVE",
        was_rule="grade-c-approve",
        would_be="REFER",
        would_be_rule="grade-c-refer",
        reasons=[{"code": "grade-c-reviewed", "text": {"zh": "由人工审核", "en": "Reviewed by a person"}}],
    )

    application_id: str
    decided_on: date
    amount: MoneyField
    score: int | None
    grade: str
    was: Outcome
    was_rule: str
    would_be: Outcome
    would_be_rule: str
    reasons: list[Reason] = Field(description="Of the outcome that would be.")

    @classmethod
    def of(cls, case: Case) -> Self:
        return cls(
            application_id=case.application_id,
            decided_on=case.decided_on,
            amount=case.amount,
            score=case.score,
            grade=case.grade,
            was=case.was,
            was_rule=case.was_rule,
            would_be=case.would_be,
            would_be_rule=case.would_be_rule,
            reasons=list(case.reasons),
        )


class Cases(ResponseModel):
    """Cases of a comparison, a page of them."""

    model_config = example(items=[], next=None)

    items: list[CaseShown]
    next: int | None = Field(description="`after` for the next page; null on the last one.")


class Reproduced(ResponseModel):
    """A comparison made again."""

    model_config = example(comparison_id="comparison-1", result_sha256=SHA256, made_again_sha256=SHA256, equal=True)

    comparison_id: str
    result_sha256: str
    made_again_sha256: str
    equal: bool
