"""Assessments, and the items gathered for them, as rows to be searched; one by its id is folded from its stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Date, Index, Integer, MetaData, Numeric, String, Table

from libs.contracts.scoring import (
    ApplicationScored,
    ChallengerScored,
    InformationAbandoned,
    InformationMissing,
    InformationObtained,
    InformationRequested,
    RefreshMissing,
    RefreshObtained,
    RefreshRequested,
    ScoringFailed,
)
from libs.contracts.values import LoanRequest
from libs.events.codec import Recorded
from libs.events.projection import Change, Patch, Projection, Put

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

INFORMATION: Final = Table(
    "information_v1",
    METADATA,
    Column("application_id", String(80), primary_key=True),
    Column("item", String(64), primary_key=True),
    Column("source", String(64), nullable=False),
    Column("state", String(12), nullable=False),
    Column("due_on", Date, nullable=False),
    Column("why", String(12)),
    Column("sha256", String(64)),
    Column("valid_until", Date),
    Index("information_v1_by_due", "state", "due_on"),
)
"""Items that were asked for. `state` is OPEN, OBTAINED, MISSING, or ABANDONED with its application."""

CHALLENGED: Final = Table(
    "challenged_v1",
    METADATA,
    Column("application_id", String(80), primary_key=True),
    Column("card", String(80), primary_key=True),
    Column("scored_on", Date, nullable=False),
    Column("grade", String(2)),
    Column("champion_grade", String(2), nullable=False),
    Index("challenged_v1_by_card", "card", "scored_on"),
)
"""What challengers said in the champion's shadow."""

REFRESH: Final = Table(
    "refresh_v1",
    METADATA,
    Column("refresh_id", String(80), primary_key=True),
    Column("item", String(64), primary_key=True),
    Column("applicant_id", String(80), nullable=False),
    Column("loan_id", String(80), nullable=False),
    Column("source", String(64), nullable=False),
    Column("state", String(12), nullable=False),
    Column("why", String(12)),
    Column("sha256", String(64)),
    Column("changes", Integer, nullable=False),
    Column("requested_on", Date, nullable=False),
    Column("role", String(9), nullable=False, server_default="BORROWER"),
    Index("refresh_v1_by_date", "requested_on", "refresh_id", "item"),
    Index("refresh_v1_by_applicant", "applicant_id"),
)
"""Items asked for anew while a loan runs. `state` is OPEN, OBTAINED or MISSING; `changes` counts facts that changed."""

assessments_view = Projection("assessments", 1, [ASSESSMENT, INFORMATION, CHALLENGED])
refreshes_view = Projection("refreshes", 1, [REFRESH])


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


@assessments_view.on(ChallengerScored)
def challenged(recorded: Recorded[ChallengerScored]) -> Iterable[Change]:
    event = recorded.event
    yield Put(
        CHALLENGED,
        {
            "application_id": event.application_id,
            "card": f"{event.card_id}-v{event.card_version}",
            "scored_on": event.scored_on,
            "grade": event.grade,
            "champion_grade": event.champion_grade,
        },
    )


@assessments_view.on(InformationRequested)
def requested(recorded: Recorded[InformationRequested]) -> Iterable[Change]:
    event = recorded.event
    for each in event.items:
        row = {"application_id": event.application_id, "item": each.item, "source": each.source}
        yield Put(INFORMATION, {**row, "state": "OPEN", "due_on": each.due_on})


@assessments_view.on(InformationObtained)
def obtained(recorded: Recorded[InformationObtained]) -> Iterable[Change]:
    event = recorded.event
    yield Patch(
        INFORMATION,
        {"application_id": event.application_id, "item": event.item},
        {"state": "OBTAINED", "sha256": event.sha256, "valid_until": event.valid_until},
    )


@assessments_view.on(InformationMissing)
def missing(recorded: Recorded[InformationMissing]) -> Iterable[Change]:
    event = recorded.event
    key = {"application_id": event.application_id, "item": event.item}
    yield Patch(INFORMATION, key, {"state": "MISSING", "why": event.why})


@assessments_view.on(InformationAbandoned)
def abandoned(recorded: Recorded[InformationAbandoned]) -> Iterable[Change]:
    event = recorded.event
    for item in event.items:
        yield Patch(INFORMATION, {"application_id": event.application_id, "item": item}, {"state": "ABANDONED"})


@refreshes_view.on(RefreshRequested)
def refresh_requested(recorded: Recorded[RefreshRequested]) -> Iterable[Change]:
    event = recorded.event
    named = {name: getattr(event, name) for name in ("refresh_id", "applicant_id", "loan_id", "requested_on", "role")}
    for each in event.items:
        yield Put(REFRESH, {**named, "item": each.item, "source": each.source, "state": "OPEN", "changes": 0})


@refreshes_view.on(RefreshObtained)
def refresh_obtained(recorded: Recorded[RefreshObtained]) -> Iterable[Change]:
    event = recorded.event
    values = {"state": "OBTAINED", "sha256": event.sha256, "changes": len(event.changes)}
    yield Patch(REFRESH, {"refresh_id": event.refresh_id, "item": event.item}, values)


@refreshes_view.on(RefreshMissing)
def refresh_missing(recorded: Recorded[RefreshMissing]) -> Iterable[Change]:
    event = recorded.event
    values = {"state": "MISSING", "why": event.why}
    yield Patch(REFRESH, {"refresh_id": event.refresh_id, "item": event.item}, values)


def _request(application_id: str, request: LoanRequest) -> dict[str, Any]:
    return {
        "application_id": application_id,
        "applicant_id": request.applicant_id,
        "product_code": request.product.code,
        "amount_minor": request.amount.minor,
        "currency": request.amount.currency,
    }
