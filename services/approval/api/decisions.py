"""Decisions: the list and the queue, one decision, and what officers do with referred applications."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from libs.contracts.approval import Condition
from libs.contracts.types import Id
from libs.contracts.values import Reason
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.etag import etag, not_modified
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import NOT_FOUND, Problem, invalid
from libs.service.runtime import Runtime, runtime_of
from libs.service.waiting import awaited
from services.approval import models
from services.approval.domain.casework_policy import CaseworkPolicy
from services.approval.domain.commands import ClaimCase, DecideCase, RecommendDecision, ReleaseCase
from services.approval.domain.state import Status
from services.approval.handlers import DECISION, lent_authority, officer_state, table_in_force, within_limits
from services.approval.library import library
from services.approval.views import decision

router = APIRouter(tags=["decisions"])

OFFICERS = ("credit_officer", "senior_credit_officer", "risk_manager")
Reader = Annotated[Actor, Depends(require(*OFFICERS, "loan_officer", "contract_officer", "auditor", "service"))]
Viewer = Annotated[Actor, Depends(require(*OFFICERS, "loan_officer", "contract_officer", "auditor", "customer"))]
Officer = Annotated[Call, command(*OFFICERS)]
Running = Annotated[Runtime, Depends(runtime_of)]
ApplicationId = Annotated[Id, Path(description="The application's identifier.")]

SORTABLE = {
    "application_id": decision.c.application_id,
    "amount": decision.c.amount_minor,
    "grade": decision.c.grade,
}


@router.get("/decisions", summary="List decisions")
async def list_decisions(
    _actor: Reader,
    runtime: Running,
    status: Annotated[Status | None, Query(description="Only those that stand so.")] = None,
    queue: Annotated[str | None, Query(max_length=64, description="Only those in this queue.")] = None,
    grade: Annotated[str | None, Query(max_length=2, description="Only this grade.")] = None,
    officer: Annotated[str | None, Query(max_length=128, description="Only those an officer has claimed.")] = None,
    sort: Annotated[
        str | None, Query(max_length=80, description="application_id, amount, grade; - for falling.")
    ] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[models.DecisionSummary]:
    """All decisions with their standing: referred ones wait in a queue."""
    statement = select(decision)
    for column, value in ((decision.c.status, status), (decision.c.queue, queue), (decision.c.grade, grade)):
        if value is not None:
            statement = statement.where(column == value)
    if officer is not None:
        statement = statement.where(decision.c.officer == officer)
    keys = parse_sort(sort, SORTABLE, default="application_id", unique="application_id")
    rows = [_row(row) for row in await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))]
    return page_of(rows, keys, limit=limit, item=models.DecisionSummary.of)


def _row(row: Any) -> dict[str, Any]:
    return {**row, "amount": row["amount_minor"]}


@router.get("/decisions/{application_id}", summary="One decision", response_model=models.Decision)
@awaited(DECISION, "application_id")
async def read_decision(request: Request, actor: Viewer, runtime: Running, application_id: ApplicationId) -> Response:
    """The decision with its basis, reasons and offer; with an ETag for conditional requests."""
    state, version = await runtime.commands.state(DECISION, DECISION.stream_id(application_id))
    own = state.request is not None and actor.on_behalf_of in (None, state.request.applicant_id)
    if version == 0 or not (own or not actor.has("customer")):
        raise Problem(NOT_FOUND, "No decision is known for this application.")
    unchanged = not_modified(request, version)
    if unchanged is not None:
        return unchanged
    shown = models.Decision.of(state)
    return Response(shown.model_dump_json(), media_type="application/json", headers={"etag": etag(version)})


@router.post("/decisions/{application_id}/claim", summary="Claim a case", response_model=models.Decision)
async def claim_case(call: Officer, application_id: ApplicationId) -> Response:
    """Take a referred application to work on; nobody else can work on it until it is released or recommended, or
    the days of the policy for it are over."""
    known = await officer_state(call.runtime.commands, call.actor.subject)
    lease_days = library().casework(call.today).lease_days
    claim = ClaimCase(officer=call.actor.subject, today=call.today, lease_days=lease_days, related=known.related)
    return await call.execute(DECISION, DECISION.stream_id(application_id), claim, models.Decision.of)


@router.post("/decisions/{application_id}/release", summary="Release a case", response_model=models.Decision)
async def release_case(call: Officer, application_id: ApplicationId, body: models.Release) -> Response:
    """Give a claimed application back to its queue."""
    release = ReleaseCase(officer=call.actor.subject, reason=body.reason, today=call.today)
    return await call.execute(DECISION, DECISION.stream_id(application_id), release, models.Decision.of)


@router.post("/decisions/{application_id}/recommend", summary="Recommend an outcome", response_model=models.Decision)
async def recommend_decision(call: Officer, application_id: ApplicationId, body: models.Recommendation) -> Response:
    """Say what should be decided, and hand the case on to somebody with the authority to do so."""
    known = await officer_state(call.runtime.commands, call.actor.subject)
    recommend = RecommendDecision(
        officer=call.actor.subject,
        outcome=body.outcome,
        note=body.note,
        terms=body.offer.terms(),
        authority=library().authority(call.today),
        today=call.today,
        related=known.related,
    )
    return await call.execute(DECISION, DECISION.stream_id(application_id), recommend, models.Decision.of)


@router.post("/decisions/{application_id}/decide", summary="Decide a case", response_model=models.Decision)
async def decide_case(call: Officer, application_id: ApplicationId, body: models.Determination) -> Response:
    """Approve or decline within one's authority, or one that was lent for today; where four eyes are needed, after
    another's recommendation. With `conditions` nothing is offered before they are met."""
    authority, casework = library().authority(call.today), library().casework(call.today)
    commands = call.runtime.commands
    known = await officer_state(commands, call.actor.subject)
    determination = DecideCase(
        officer=call.actor.subject,
        limit=authority.limit(call.actor.roles),
        outcome=body.outcome,
        note=body.note,
        reasons=await _reasons(call, body.reasons),
        terms=body.offer.terms(),
        authority=authority,
        today=call.today,
        related=known.related,
        lent=await lent_authority(commands, known, call.today),
        review=casework.review,
        review_limit=casework.review.limit(call.actor.roles),
        override=body.override,
        longer_term=casework.longer_term,
        longer_term_limit=casework.longer_term.limit(call.actor.roles),
        term_override=body.term_override,
        conditions=_conditions(casework, body.conditions),
    )
    rules = {"authority": f"v{authority.version}"}
    stream_id = DECISION.stream_id(application_id)
    return await call.execute(
        DECISION,
        stream_id,
        determination,
        models.Decision.of,
        rules=rules,
        within=partial(within_limits, commands, stream_id),
    )


def _conditions(policy: CaseworkPolicy, codes: tuple[str, ...]) -> tuple[Condition, ...]:
    for position, code in enumerate(codes):
        if code not in policy.conditions or code in codes[:position]:
            detail = f"Send each once, of {', '.join(policy.conditions)}."
            raise invalid(f"/conditions/{position}", "unknown-condition", detail)
    return tuple(policy.conditions[code] for code in codes)


async def _reasons(call: Call, codes: tuple[str, ...]) -> tuple[Reason, ...]:
    table = await table_in_force(call.runtime.commands, call.today)
    for position, code in enumerate(codes):
        if code not in table.document["reasons"]:
            raise invalid(f"/reasons/{position}", "unknown-reason", "Send a code of the table's reason list.")
    return tuple(table.reason(code) for code in codes)
