"""Assessments: searched, counted, and one with everything that made it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import ConfigDict, Field
from sqlalchemy import ColumnElement, func, select

from libs.contracts.problems import Rejected
from libs.contracts.scoring import Advice, ApplicationScored, ScoringFailed
from libs.contracts.values import Reason
from libs.lending.money import Money
from libs.service.etag import etag, not_modified
from libs.service.models import BusinessDate, Code, DecimalField, Id, MoneyField, ResponseModel
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.runtime import Runtime, runtime_of
from libs.service.waiting import awaited
from services.scoring.api.access import Reader
from services.scoring.api.scores import EXAMPLE_CARD, EXAMPLE_SCORE, CardName, Score, score_given
from services.scoring.domain.outcome import Outcome as Assessed
from services.scoring.handlers import assessments
from services.scoring.library import library
from services.scoring.views import ASSESSMENT

router = APIRouter(tags=["assessments"])

_IDS: Final[dict[str, Any]] = {
    "application_id": "0197a3f0-0000-7000-8000-000000000002",
    "outcome": "SCORED",
    "assessed_on": "2026-02-01",
    "applicant_id": "0197a3f0-0000-7000-8000-000000000001",
    "amount": {"amount": "12000.00", "currency": "CNY"},
}


class Outcome(StrEnum):
    SCORED = "SCORED"
    FAILED = "FAILED"
    """No score could be given: a person must assess."""


class AssessmentSummary(ResponseModel):
    """One assessment in a list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_IDS,
                    "product_code": "consumer-standard",
                    "card": "german-credit-v1",
                    "score": 612,
                    "grade": "B",
                    "probability_of_default": "0.196326",
                    "main_reason": "savings-balance",
                }
            ]
        }
    )

    application_id: Id
    outcome: Outcome
    assessed_on: date
    applicant_id: Id
    product_code: Code
    amount: MoneyField
    card: Code | None
    score: int | None
    grade: str | None
    probability_of_default: DecimalField | None
    main_reason: Code | None = Field(description="What cost most, or why there is no score.")


class AssessmentDetail(ResponseModel):
    """One assessment with every input."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {**_IDS, "card": EXAMPLE_CARD, "score": EXAMPLE_SCORE, "failure": None, "advice": None, "further": []}
            ]
        }
    )

    application_id: Id
    outcome: Outcome
    assessed_on: date
    applicant_id: Id
    amount: MoneyField
    card: CardName | None
    score: Score | None
    failure: Reason | None = Field(description="Why there is no score; null when there is one.")
    advice: Advice | None = Field(description="What the policy says without a score: a person, or a refusal.")
    further: list[Reason] = Field(description="Further reasons why there is no score.")


class GradeCount(ResponseModel):
    """How many assessments came to one grade."""

    grade: str | None = Field(description="Null: no score could be given.")
    applications: int
    mean_probability_of_default: DecimalField | None


class Distribution(ResponseModel):
    """Assessments by grade, the best first, those without a score last."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"grades": [{"grade": "B", "applications": 187, "mean_probability_of_default": "0.170412"}]},
            ]
        }
    )

    grades: list[GradeCount]


Filter = list[ColumnElement[bool]]


async def filters(
    outcome: Annotated[Outcome | None, Query(description="With a score, or without.")] = None,
    grade: Annotated[str | None, Query(pattern="^[A-Z][0-9]?$", description="One grade, for example `B`.")] = None,
    applicant_id: Annotated[Id | None, Query(description="One applicant.")] = None,
    product_code: Annotated[Code | None, Query(description="One product.")] = None,
    main_reason: Annotated[Code | None, Query(description="The code of the main reason.")] = None,
    assessed_from: Annotated[BusinessDate | None, Query(description="First business date.")] = None,
    assessed_to: Annotated[BusinessDate | None, Query(description="Last business date.")] = None,
) -> Filter:
    """The conditions that a list or a count of assessments is asked with."""
    columns = ASSESSMENT.c
    equal = {
        columns.outcome: outcome,
        columns.grade: grade,
        columns.applicant_id: applicant_id,
        columns.product_code: product_code,
        columns.main_reason: main_reason,
    }
    conditions = [column == value for column, value in equal.items() if value is not None]
    if assessed_from is not None:
        conditions.append(columns.assessed_on >= assessed_from)
    if assessed_to is not None:
        conditions.append(columns.assessed_on <= assessed_to)
    return conditions


@router.get("/assessments", summary="List assessments")
async def list_assessments(
    _actor: Reader,
    runtime: Annotated[Runtime, Depends(runtime_of)],
    conditions: Annotated[Filter, Depends(filters)],
    sort: Annotated[
        str | None, Query(max_length=100, description="`assessed_on` or `application_id`, with - for descending.")
    ] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[AssessmentSummary]:
    """Assessments that meet every filter, the latest first unless `sort` says otherwise."""
    sortable = {"assessed_on": ASSESSMENT.c.assessed_on, "application_id": ASSESSMENT.c.application_id}
    keys = parse_sort(sort, sortable, default="-assessed_on", unique="application_id")
    rows = await runtime.fetch(paginate(select(ASSESSMENT).where(*conditions), keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_summary)


@router.get("/assessments/{application_id}", summary="Show an assessment")
@awaited(assessments, "application_id")
async def show_assessment(
    application_id: Annotated[Id, Path(description="The application.")],
    request: Request,
    response: Response,
    _actor: Reader,
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> AssessmentDetail:
    """The score of one application with every answer, its bin and points, the card and its hash, and the reasons."""
    state, version = await runtime.commands.state(assessments, assessments.stream_id(application_id))
    if state.open:
        raise Rejected(
            "assessment-waits",
            f"Its information is gathered first; waited for: {', '.join(each.item for each in state.open)}.",
            status=404,
        )
    if state.outcome is None:
        raise Rejected(
            "assessment-unknown", "No such application has been assessed; it may not be submitted yet.", status=404
        )
    if (unchanged := not_modified(request, version)) is not None:
        return unchanged  # type: ignore[return-value]  # FastAPI sends a Response as it is
    response.headers["etag"] = etag(version)
    return _detail(state.outcome)


@router.get("/distribution", summary="Count assessments by grade")
async def show_distribution(
    _actor: Reader,
    runtime: Annotated[Runtime, Depends(runtime_of)],
    conditions: Annotated[Filter, Depends(filters)],
) -> Distribution:
    """How the assessments that meet every filter spread over the grades."""
    columns = ASSESSMENT.c
    statement = (
        select(
            columns.grade,
            func.count().label("applications"),
            func.round(func.avg(columns.probability_of_default), 6).label("mean_probability_of_default"),
        )
        .where(*conditions)
        .group_by(columns.grade)
        .order_by(columns.grade.asc().nulls_last())
    )
    return Distribution(grades=[GradeCount(**row) for row in await runtime.fetch(statement)])


def _summary(row: Mapping[str, Any]) -> AssessmentSummary:
    return AssessmentSummary(
        application_id=row["application_id"],
        outcome=row["outcome"],
        assessed_on=row["assessed_on"],
        applicant_id=row["applicant_id"],
        product_code=row["product_code"],
        amount=Money(row["amount_minor"], row["currency"]),
        card=f"{row['card_id']}-v{row['card_version']}" if row["card_id"] else None,
        score=row["score"],
        grade=row["grade"],
        probability_of_default=row["probability_of_default"],
        main_reason=row["main_reason"],
    )


def _detail(event: Assessed) -> AssessmentDetail:
    match event:
        case ApplicationScored():
            return AssessmentDetail(
                application_id=event.application_id,
                outcome=Outcome.SCORED,
                assessed_on=event.scored_on,
                applicant_id=event.request.applicant_id,
                amount=event.request.amount,
                card=_card(event),
                score=score_given(event, library().catalogue),
                failure=None,
                advice=None,
                further=[],
            )
        case ScoringFailed():
            return AssessmentDetail(
                application_id=event.application_id,
                outcome=Outcome.FAILED,
                assessed_on=event.failed_on,
                applicant_id=event.request.applicant_id,
                amount=event.request.amount,
                card=None,
                score=None,
                failure=event.reason,
                advice=event.advice,
                further=list(event.further),
            )


def _card(event: ApplicationScored) -> CardName:
    return CardName(
        name=f"{event.card_id}-v{event.card_version}",
        card_id=event.card_id,
        version=event.card_version,
        sha256=event.card_sha256,
    )
