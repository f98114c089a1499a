"""What auditors ask: the page of a loan as of any moment, one event with its bytes, figures."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy import select

from libs.contracts.types import Id
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.models import BusinessDate, Timestamp
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.audit import models
from services.audit.access import RecordedRoute
from services.audit.history import Moment, application_of, events_at, page_as_of
from services.audit.statistics import statistics
from services.audit.views import application_page, loan_page, trail

router = APIRouter(tags=["audit"], route_class=RecordedRoute)

Auditor = Annotated[Actor, Depends(require("auditor", "risk_manager", "operator", "service"))]
Running = Annotated[Runtime, Depends(runtime_of)]
Effective = Annotated[BusinessDate | None, Query(description="What counts on this date; without it, all.")]
Known = Annotated[Timestamp | None, Query(description="What was known at this time; without it, all.")]

APPLICATIONS = {
    "application_id": application_page.c.application_id,
    "amount": application_page.c.amount_minor,
}


@router.get("/loans", summary="List applications and what became of them")
async def list_loans(
    _actor: Auditor,
    runtime: Running,
    application_state: Annotated[str | None, Query(max_length=40)] = None,
    decision: Annotated[str | None, Query(max_length=40)] = None,
    grade: Annotated[str | None, Query(max_length=2)] = None,
    loan_state: Annotated[str | None, Query(max_length=40)] = None,
    bucket: Annotated[str | None, Query(max_length=10)] = None,
    applicant_id: Annotated[Id | None, Query()] = None,
    sort: Annotated[str | None, Query(max_length=80, description="application_id, amount; - for falling.")] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[models.PageSummary]:
    """Application, score, decision, contract and loan in one row each."""
    joined = application_page.outerjoin(loan_page, loan_page.c.loan_id == application_page.c.loan_id)
    own = [column for column in loan_page.c if column.name not in application_page.c]
    statement = select(*application_page.c, *own).select_from(joined)
    for column, value in (
        (application_page.c.application_state, application_state),
        (application_page.c.decision, decision),
        (application_page.c.grade, grade),
        (application_page.c.applicant_id, applicant_id),
        (loan_page.c.loan_state, loan_state),
        (loan_page.c.bucket, bucket),
    ):
        if value is not None:
            statement = statement.where(column == value)
    keys = parse_sort(sort, APPLICATIONS, default="application_id", unique="application_id")
    rows: list[dict[str, Any]] = [
        {**row, "amount": row["amount_minor"]}
        for row in await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    ]
    return page_of(rows, keys, limit=limit, item=_summary)


def _summary(row: Any) -> models.PageSummary:
    return models.PageSummary(**models.shown({name: value for name, value in row.items() if name != "amount"}))


@router.get("/loans/{identifier}", summary="The page of one loan", response_model=models.LoanPage)
async def read_loan(
    _actor: Auditor,
    runtime: Running,
    identifier: Annotated[Id, Path(description="Of the application, the contract or the loan.")],
    effective: Effective = None,
    known: Known = None,
) -> models.LoanPage:
    """Replayed from the archived events, as they were known at one time and count on one date."""
    application_id = await application_of(runtime, identifier)
    if application_id is None:
        raise Problem(NOT_FOUND, "No application, contract or loan has this identifier.")
    page, history = await page_as_of(runtime, application_id, Moment(effective, known))
    return models.LoanPage.of(page, history, effective, known)


@router.get("/events/{event_id}", summary="One event with its bytes and leaf hash", response_model=models.Proof)
async def read_event(
    _actor: Auditor, runtime: Running, event_id: Annotated[Id, Path(description="The event's identifier.")]
) -> models.Proof:
    """The event as it was recorded, byte for byte, and the RFC 6962 leaf hash over it."""
    row = await runtime.fetch_one(select(trail.c.sequence).where(trail.c.event_id == event_id))
    if row is None:
        raise Problem(NOT_FOUND, "No event has this identifier.")
    recorded = (await events_at(runtime, [row["sequence"]]))[0]
    return models.Proof(
        entry=models.TrailEntry.of_event(recorded),
        data_base64=base64.b64encode(recorded.stored.data).decode(),
        metadata_base64=base64.b64encode(recorded.stored.metadata).decode(),
        leaf_hash=recorded.stored.leaf_hash.hex(),
    )


@router.get("/statistics", summary="Figures over the whole platform")
async def read_statistics(_actor: Auditor, runtime: Running) -> models.Statistics:
    """Applications, decisions by grade, loans, arrears, cases, promises, sums and events: at one moment."""
    return await statistics(runtime)
