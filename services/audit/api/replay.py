"""A loan replayed step by step, and its report on paper."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from libs.contracts.types import Id
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.models import BusinessDate, Timestamp
from libs.service.pagination import Limit, Page
from libs.service.problems import INVALID_CURSOR, Problem
from libs.service.runtime import Runtime, runtime_of
from services.audit import models
from services.audit.access import RecordedRoute
from services.audit.history import Moment
from services.audit.logs import logs_of
from services.audit.report.loan import loan_report
from services.audit.steps import Step, steps, told_of

router = APIRouter(tags=["replay"], route_class=RecordedRoute)

Auditor = Annotated[Actor, Depends(require("auditor", "risk_manager", "operator", "service"))]
Running = Annotated[Runtime, Depends(runtime_of)]
Identifier = Annotated[Id, Path(description="Of the application, the contract or the loan.")]
Effective = Annotated[BusinessDate | None, Query(description="What counts on this date; without it, all.")]
Known = Annotated[Timestamp | None, Query(description="What was known at this time; without it, all.")]
PDF: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.4 ..."}},
        "description": "A report.",
    }
}


@router.get("/loans/{identifier}/replay", summary="Replay a loan step by step")
async def replay_loan(
    _actor: Auditor,
    runtime: Running,
    identifier: Identifier,
    effective: Effective = None,
    known: Known = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=20, description="From `next_cursor` of the page before.")] = None,
) -> Page[models.ReplayStep]:
    """State before, event, state after, difference: by the rules that verifiers of evidence share. Values that are
    sealed or erased stay so, and do not hinder it."""
    after = _after(cursor)
    told = await told_of(runtime, identifier, Moment(effective, known))
    found = list(islice(steps(told), after, after + limit))
    last = after + len(found)
    return Page(items=[_shown(step) for step in found], next_cursor=str(last) if last < len(told) else None)


@router.get("/loans/{identifier}/report", summary="The report of a loan", response_class=Response, responses=PDF)
async def report_loan(
    _actor: Auditor, runtime: Running, identifier: Identifier, effective: Effective = None, known: Known = None
) -> Response:
    """A PDF: the state, a picture of the time line, every event with who, on whose authority and by which rules, the
    data that decisions rest on, and the heads under which all this can be proved."""
    told = await told_of(runtime, identifier, Moment(effective, known))
    heads = {name: state.log.head for name, state in logs_of(runtime).logs.items() if state.log and state.log.head}
    content = await asyncio.to_thread(loan_report, identifier, told, heads, runtime.clock.now(), effective, known)
    named = f'attachment; filename="loan-{identifier}.pdf"'
    return Response(content, media_type="application/pdf", headers={"Content-Disposition": named})


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit()):
        raise Problem(INVALID_CURSOR)
    return int(cursor)


def _shown(step: Step) -> models.ReplayStep:
    return models.ReplayStep(
        number=step.number,
        event=models.TrailEntry.of_stored(step.told.stored, step.told.service, step.told.data),
        before=step.before,
        after=step.after,
        difference=[models.Change(path=path, before=old, after=new) for path, (old, new) in step.difference.items()],
    )
