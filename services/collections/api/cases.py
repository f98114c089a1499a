"""Cases: the list, one case with its timeline, assignment, stages, hand-over."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from sqlalchemy import Integer, case, or_, select
from starlette.requests import Request
from starlette.responses import Response

from libs.contracts.collections import Stage
from libs.events.codec import Recorded
from libs.service.etag import etag, not_modified
from libs.service.models import Id
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime
from libs.service.waiting import awaited
from services.collections.api import models
from services.collections.api.access import CaseId, Collecting, Managing, Reader, Running
from services.collections.domain.commands import AssignCase, ChangeStage
from services.collections.domain.state import State, Status
from services.collections.handlers import CASE, CONDUCT, case_facts, complaint_open
from services.collections.library import library
from services.collections.scripts import for_stage
from services.collections.views import collection_case

router = APIRouter(tags=["cases"])

PRIORITY: Final = case(
    (or_(collection_case.c.promise == "BROKEN", collection_case.c.plan == "BROKEN"), 1),
    (or_(collection_case.c.promise == "OPEN", collection_case.c.plan == "OPEN"), 5),
    (collection_case.c.stage.in_(["LATE", "LEGAL"]), 2),
    (collection_case.c.stage == "MIDDLE", 3),
    else_=4,
).cast(Integer)
"""What a collector works on first."""
SORTABLE: Final = {
    "case_id": collection_case.c.case_id,
    "priority": PRIORITY,
    "days_past_due": collection_case.c.days_past_due,
    "overdue": collection_case.c.overdue_minor,
    "opened_on": collection_case.c.opened_on,
}


@router.get("/cases", summary="List cases")
async def list_cases(
    _actor: Reader,
    runtime: Running,
    state: Annotated[Status | None, Query(description="Only open or only closed ones.")] = None,
    stage: Annotated[Stage | None, Query(description="Only those at this stage.")] = None,
    collector: Annotated[Id | None, Query(description="Only those of this collector.")] = None,
    loan_id: Annotated[Id | None, Query(description="Only those of this loan.")] = None,
    applicant_id: Annotated[Id | None, Query(description="Only those of this borrower.")] = None,
    sort: Annotated[
        str | None, Query(max_length=80, description=f"{', '.join(SORTABLE)}; - before a name for falling.")
    ] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[models.CaseSummary]:
    """Cases, with what a collector needs to choose the next one: `?collector=…&state=OPEN&sort=priority`."""
    columns = collection_case.c
    statement = select(collection_case, PRIORITY.label("priority"))
    wanted = {"state": state, "stage": stage, "collector": collector, "loan_id": loan_id, "applicant_id": applicant_id}
    for name, value in wanted.items():
        if value is not None:
            statement = statement.where(columns[name] == value)
    keys = parse_sort(sort, SORTABLE, default="case_id", unique="case_id")
    rows = [_row(row) for row in await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))]
    return page_of(rows, keys, limit=limit, item=models.CaseSummary.of)


def _row(row: Any) -> dict[str, Any]:
    return {**row, "overdue": row["overdue_minor"]}


@router.get("/cases/{case_id}", summary="One case", response_model=models.Case)
@awaited(CASE, "case_id")
async def read_case(request: Request, _actor: Reader, runtime: Running, case_id: CaseId) -> Response:
    """The case as it stands, with an ETag for conditional requests."""
    state, version = await _found(runtime, case_id)
    unchanged = not_modified(request, version)
    if unchanged is not None:
        return unchanged
    shown = models.Case.of(state)
    return Response(shown.model_dump_json(), media_type="application/json", headers={"etag": etag(version)})


async def _found(runtime: Runtime, case_id: str) -> tuple[State, int]:
    state, version = await runtime.commands.state(CASE, CASE.stream_id(case_id))
    if version == 0:
        raise Problem(NOT_FOUND, "There is no such collection case.")
    return state, version


@router.get("/cases/{case_id}/timeline", summary="A case's timeline")
async def read_timeline(_actor: Reader, runtime: Running, case_id: CaseId) -> models.Timeline:
    """Everything that happened in the case: arrears, assignment, contacts, promises, complaints."""
    facts = await case_facts(runtime, case_id)
    own = await runtime.store.load(CASE.stream_id(case_id))
    conduct = await runtime.store.load(CONDUCT.stream_id(facts.applicant_id))
    stored = [*own, *conduct]
    recorded = await runtime.codec.read_recorded(stored, [runtime.name] * len(stored))
    entries = [entry for each in recorded if (entry := _entry(each)).data["case_id"] == case_id]
    return models.Timeline(case_id=case_id, entries=sorted(entries, key=lambda entry: entry.recorded_at))


def _entry(recorded: Recorded[Any]) -> models.TimelineEntry:
    return models.TimelineEntry(
        type=recorded.type,
        recorded_at=recorded.metadata.recorded_at,
        actor=recorded.metadata.actor.subject,
        role=recorded.metadata.actor.role,
        data=recorded.event.payload(),
    )


@router.get("/cases/{case_id}/scripts", summary="Scripts for a case")
async def read_scripts(_actor: Reader, runtime: Running, case_id: CaseId) -> list[models.ScriptView]:
    """What to say at the case's stage, to the debtor and to anybody else who answers, with what is past due; none once the
    case is closed."""
    state, _ = await _found(runtime, case_id)
    if state.status is not Status.OPEN:
        return []
    values = {
        "overdue": str(state.overdue.amount),
        "currency": state.overdue.currency,
        "days": str(state.days_past_due),
    }
    scripts = for_stage(library().scripts, state.stage, runtime.today)
    return [models.ScriptView.of(script, script.filled(**values)) for script in scripts]


@router.post("/cases/{case_id}/assign", summary="Assign a case", response_model=models.Case)
async def assign_case(call: Managing, case_id: CaseId, body: models.Assignment) -> Response:
    """Make a collector of the stage's team responsible. He keeps the case while he is of the team."""
    policy = library().policy(call.today)
    assign = AssignCase(collector=body.collector, policy=policy, today=call.today)
    rules = {"collection-policy": policy.label}
    return await call.execute(CASE, CASE.stream_id(case_id), assign, models.Case.of, rules=rules)


@router.post("/cases/{case_id}/stage", summary="Change a case's stage", response_model=models.Case)
async def change_stage(call: Managing, case_id: CaseId, body: models.StageChange) -> Response:
    """Move a case to another stage by decision; by itself it rises with the days past due."""
    return await _change(call, case_id, body.stage, body.reason)


@router.post("/cases/{case_id}/hand-over", summary="Hand a case over to legal recourse", response_model=models.Case)
async def hand_over(call: Managing, case_id: CaseId, body: models.HandOver) -> Response:
    """The case goes to legal recourse: late enough, with a reason, and never while a complaint is open."""
    return await _change(call, case_id, Stage.LEGAL, body.reason)


async def _change(call: Collecting, case_id: str, stage: Stage, reason: str) -> Response:
    policy = library().policy(call.today)
    change = ChangeStage(
        stage=stage,
        reason=reason,
        complaint_open=await complaint_open(call.runtime, case_id),
        policy=policy,
        today=call.today,
    )
    rules = {"collection-policy": policy.label}
    return await call.execute(CASE, CASE.stream_id(case_id), change, models.Case.of, rules=rules)
