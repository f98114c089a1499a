"""Assessments as rows, to be searched and counted; one by its id is folded from its stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Date, Index, Integer, MetaData, Numeric, String, Table

from libs.contracts.scoring import ApplicationScored, ScoringFailed
from libs.contracts.values import LoanRequest
from libs.events.codec import Recorded
from libs.events.projection import Change, Projection, Put

METADATA: Final = MetaData()

ASSESSMENT: Final = Table(
    "assessment_v1",
    METADATA,
    Column("application_id", String(80), primary_key=True),
    Column("outcome", String(8), nullable=False),
    Column("assessed_on", Date, nullable=False),
    Column("applicant_id", String(80), nullable=False),
    Column("product_code", String(64), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("card_id", String(64)),
    Column("card_version", Integer),
    Column("score", Integer),
    Column("grade", String(2)),
    Column("probability_of_default", Numeric(7, 6)),
    Column("main_reason", String(64)),
    Index("assessment_v1_by_date", "assessed_on", "application_id"),
    Index("assessment_v1_by_applicant", "applicant_id"),
)
"""`main_reason` is the code of the largest loss, or of why there is no score; null where nothing was lost."""

assessments_view = Projection("assessments", 1, [ASSESSMENT])


@assessments_view.on(ApplicationScored)
def scored(recorded: Recorded[ApplicationScored]) -> Iterable[Change]:
    event = recorded.event
    yield Put(
        ASSESSMENT,
        {
            **_request(event.application_id, event.request),
            "outcome": "SCORED",
            "assessed_on": event.scored_on,
            "card_id": event.card_id,
            "card_version": event.card_version,
            "score": event.score,
            "grade": event.grade,
            "probability_of_default": event.probability_of_default,
            "main_reason": event.reasons[0].code if event.reasons else None,
        },
    )


@assessments_view.on(ScoringFailed)
def failed(recorded: Recorded[ScoringFailed]) -> Iterable[Change]:
    event = recorded.event
    yield Put(
        ASSESSMENT,
        {
            **_request(event.application_id, event.request),
            "outcome": "FAILED",
            "assessed_on": event.failed_on,
            "main_reason": event.reason.code,
        },
    )


def _request(application_id: str, request: LoanRequest) -> dict[str, Any]:
    return {
        "application_id": application_id,
        "applicant_id": request.applicant_id,
        "product_code": request.product.code,
        "amount_minor": request.amount.minor,
        "currency": request.amount.currency,
    }
