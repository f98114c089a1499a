"""Internal control: standing tests over what happened, and what becomes of the violations that they find."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import ConfigDict, Field
from sqlalchemy import select
from starlette.responses import Response

from libs.contracts.audit import ControlsRun, Severity, ViolationFound
from libs.contracts.types import Id, Text
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.audit.access import RecordedRoute
from services.audit.control import RUNS, RUNS_STREAM, VIOLATION, run_controls
from services.audit.domain.violation import AnswerViolation, AssignViolation, CloseViolation, Status, Violation
from services.audit.library import library
from services.audit.views import violation_page

router = APIRouter(tags=["control"], route_class=RecordedRoute)

Running = Annotated[Runtime, Depends(runtime_of)]
Reader = Annotated[Actor, Depends(require("auditor", "compliance_officer", "risk_manager"))]
Officer = Annotated[Call, command("compliance_officer")]
Answering = Annotated[
    Call,
    command(
        *("credit_officer", "senior_credit_officer", "risk_manager", "loan_officer", "contract_officer"),
        *("finance_officer", "finance_manager", "collector", "collection_manager", "compliance_officer", "operator"),
    ),
]
ViolationId = Annotated[Id, Path(description="The violation.")]
SORTABLE = {"violation_id": violation_page.c.violation_id, "found_on": violation_page.c.found_on}


def example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class ControlShown(ResponseModel):
    """A standing control test."""

    model_config = example(
        code="reversed-own-entry",
        kind="SAME_PERSON",
        severity="HIGH",
        text={"zh": "还款录入与冲正不得为同一人", "en": "Who recorded a repayment does not reverse it"},
        source="Internal control policy 4.2",
        standing="M",
        rule={},
    )

    code: str
    kind: str
    severity: Severity
    text: dict[str, str]
    source: str
    standing: str = Field(description="How far the source is confirmed: P primary text, S secondary, M memory.")
    rule: dict[str, Any]


class RunEntry(RequestModel):
    """From where the tests begin."""

    model_config = example(everything=False)

    everything: bool = Field(default=False, description="The whole archive, not only what came since the last run.")


class Run(ResponseModel):
    """What a run of the tests found."""

    model_config = example(**ControlsRun.example)

    run_id: str
    policy: str
    after_sequence: int
    until_sequence: int
    findings: dict[str, int]
    new_violations: int
    run_on: date


class ViolationRow(ResponseModel):
    """A violation in a list."""

    model_config = example(
        violation_id="violation-1",
        status="ASSIGNED",
        control="reversed-own-entry",
        severity="HIGH",
        person="finance-lead",
        subject="repayment repayment-1",
        assigned_to="finance-manager",
        found_on="2026-03-01",
        due="2026-03-15",
        closed_on=None,
    )

    violation_id: str
    status: str
    control: str
    severity: str
    person: str
    subject: str
    assigned_to: str
    found_on: date | None
    due: date | None
    closed_on: date | None


class ViolationShown(ResponseModel):
    """A violation from its finding to what was learned."""

    model_config = example(status="FOUND", found=ViolationFound.example, assigned=None, answered=None, closed=None)

    status: Status
    found: dict[str, Any]
    assigned: dict[str, Any] | None
    answered: dict[str, Any] | None
    closed: dict[str, Any] | None

    @classmethod
    def of(cls, state: Violation) -> ViolationShown:
        def payload(event: Any) -> Any:
            return event.payload() if event is not None else None

        return cls(
            status=state.status,
            found=payload(state.found),
            assigned=payload(state.assigned),
            answered=payload(state.answered),
            closed=payload(state.closed),
        )


class Assignment(RequestModel):
    """Who answers for it, and until when."""

    model_config = example(assigned_to="finance-manager", due="2026-03-15")

    assigned_to: Text
    due: BusinessDate


class AnswerEntry(RequestModel):
    """What happened, and what is done about it."""

    model_config = example(answer="Both offices were held during a leave; a substitute is named now")

    answer: Text


class Closing(RequestModel):
    """What follows from it, and what is learned."""

    model_config = example(consequence="Written warning", lesson="Substitutes are named before a leave begins")

    consequence: Text
    lesson: Text


@router.get("/control/tests", summary="List control tests")
async def list_controls(_actor: Reader, runtime: Running) -> list[ControlShown]:
    """The tests in force on the business date, each with its source."""
    return [
        ControlShown(
            code=control.code,
            kind=control.kind,
            severity=control.severity,
            text=control.text.model_dump(),
            source=control.source,
            standing=control.basis,
            rule=dict(control.rule),
        )
        for control in library().controls_on(runtime.today).controls
    ]


@router.post("/control/runs", summary="Run the control tests", status_code=201, response_model=Run)
async def run_tests(call: Officer, body: RunEntry) -> Response:
    """Every test over what happened since the last run. What was found before is found as the same violation.

    They also run by themselves on the first business day of each month.
    """
    after = 0 if body.everything else None
    run = await run_controls(call.runtime, call.today, call.new_id("run"), after)
    shown = Run(**run.payload())
    return await call.execute(RUNS, RUNS_STREAM, run, lambda _state: shown, status=201)


@router.get("/control/violations", summary="List violations")
async def list_violations(
    _actor: Reader,
    runtime: Running,
    status: Annotated[Status | None, Query()] = None,
    control: Annotated[str | None, Query(max_length=64)] = None,
    person: Annotated[str | None, Query(max_length=128)] = None,
    sort: Annotated[str | None, Query(max_length=40, description="violation_id, found_on; - for falling.")] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[ViolationRow]:
    """Violations with their standing: who is concerned, who answers, until when."""
    statement = select(violation_page)
    for column, value in (
        (violation_page.c.status, status),
        (violation_page.c.control, control),
        (violation_page.c.person, person),
    ):
        if value is not None:
            statement = statement.where(column == value)
    keys = parse_sort(sort, SORTABLE, default="violation_id", unique="violation_id")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=lambda row: ViolationRow(**row))


@router.get("/control/violations/{violation_id}", summary="One violation")
async def read_violation(_actor: Reader, runtime: Running, violation_id: ViolationId) -> ViolationShown:
    """Found, assigned, answered, closed: with the events that show it, and with what was learned."""
    state, version = await runtime.commands.state(VIOLATION, VIOLATION.stream_id(violation_id))
    if version == 0:
        raise Problem(NOT_FOUND, "There is no such violation.")
    return ViolationShown.of(state)


@router.post("/control/violations/{violation_id}/assign", summary="Assign a violation", response_model=ViolationShown)
async def assign_violation(call: Officer, violation_id: ViolationId, body: Assignment) -> Response:
    """Names who answers for it, and until when; never the person concerned."""
    order = AssignViolation(to=body.assigned_to, due=body.due, today=call.today)
    return await call.execute(VIOLATION, VIOLATION.stream_id(violation_id), order, ViolationShown.of)


@router.post(
    "/control/violations/{violation_id}/answer", summary="Answer for a violation", response_model=ViolationShown
)
async def answer_violation(call: Answering, violation_id: ViolationId, body: AnswerEntry) -> Response:
    """The one whom it is assigned to says what happened and what is done about it."""
    order = AnswerViolation(answer=body.answer, by=call.actor.subject, today=call.today)
    return await call.execute(VIOLATION, VIOLATION.stream_id(violation_id), order, ViolationShown.of)


@router.post("/control/violations/{violation_id}/close", summary="Close a violation", response_model=ViolationShown)
async def close_violation(call: Officer, violation_id: ViolationId, body: Closing) -> Response:
    """Says what follows from it and what is learned; only once it was answered."""
    order = CloseViolation(consequence=body.consequence, lesson=body.lesson, by=call.actor.subject, today=call.today)
    return await call.execute(VIOLATION, VIOLATION.stream_id(violation_id), order, ViolationShown.of)
