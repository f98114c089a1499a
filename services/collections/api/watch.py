"""Early warning and the watch list: the lists, and what people do about a borrower. The ETag of the commands is that of
the borrower's watch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from libs.contracts.collections import MeasureKind, Severity
from libs.contracts.problems import Rejected, refuse_unless
from libs.service.commands import Call
from libs.service.etag import etag, not_modified
from libs.service.models import BusinessDate, Code, Id
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime
from libs.service.waiting import awaited
from services.collections.api import models, watch_models
from services.collections.api.access import ApplicantId, Running, Watching, WatchReader
from services.collections.domain.watch_commands import (
    Command,
    DecideMeasure,
    EndMeasure,
    EnterWatch,
    LeaveWatch,
    ProposeMeasure,
    ReviewWatch,
)
from services.collections.domain.watch_policy import WatchPolicy
from services.collections.handlers import WATCH
from services.collections.library import library
from services.collections.linked import borrower_loan
from services.collections.rates import clause_of
from services.collections.records import due_instalment
from services.collections.watch_views import warning, watch

router = APIRouter(tags=["watch list"])

MeasureId = Annotated[Id, Path(description="The measure's identifier.")]
SORTABLE: Final = {
    "applicant_id": watch.c.applicant_id,
    "review_due": watch.c.review_due,
    "entered_on": watch.c.entered_on,
}
WARNINGS: Final = {"warning_id": warning.c.warning_id, "raised_on": warning.c.raised_on}


@router.get("/watch-list", summary="List watched borrowers")
async def list_watched(
    _actor: WatchReader,
    runtime: Running,
    watched: Annotated[bool, Query(description="Those on the list; false: those who left it.")] = True,
    severity: Annotated[Severity | None, Query(description="Only those of this severity.")] = None,
    frozen: Annotated[bool | None, Query(description="Only those to whom nothing new is lent by rule, or not.")] = None,
    review_until: Annotated[BusinessDate | None, Query(description="Only those to review by this date.")] = None,
    sort: Annotated[
        str | None, Query(max_length=80, description=f"{', '.join(SORTABLE)}; - before a name for falling.")
    ] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[watch_models.Watched]:
    """Who is watched, and by when he is reviewed: `?review_until=…` is the work of a day."""
    statement = select(watch).where(watch.c.watched == watched)
    for column, value in ((watch.c.severity, severity), (watch.c.frozen, frozen)):
        if value is not None:
            statement = statement.where(column == value)
    if review_until is not None:
        statement = statement.where(watch.c.review_due <= review_until)
    keys = parse_sort(sort, SORTABLE, default="applicant_id", unique="applicant_id")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=watch_models.Watched.of)


@router.get("/warnings", summary="List warnings")
async def list_warnings(
    _actor: WatchReader,
    runtime: Running,
    applicant_id: Annotated[Id | None, Query(description="Only those of this borrower.")] = None,
    loan_id: Annotated[Id | None, Query(description="Only those of this loan.")] = None,
    rule: Annotated[Code | None, Query(description="Only those of this rule.")] = None,
    severity: Annotated[Severity | None, Query(description="Only those of this severity.")] = None,
    standing: Annotated[bool | None, Query(description="Only those that stand, or that do not any more.")] = None,
    sort: Annotated[
        str | None, Query(max_length=80, description=f"{', '.join(WARNINGS)}; - before a name for falling.")
    ] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[watch_models.Warned]:
    """What rules found, with the reason in both languages."""
    statement = select(warning)
    wanted = {"applicant_id": applicant_id, "loan_id": loan_id, "rule": rule, "severity": severity}
    for name, value in wanted.items():
        if value is not None:
            statement = statement.where(warning.c[name] == value)
    if standing is not None:
        statement = statement.where(warning.c.cured_on.is_(None) if standing else warning.c.cured_on.is_not(None))
    keys = parse_sort(sort, WARNINGS, default="warning_id", unique="warning_id")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=watch_models.Warned.of)


@router.get("/watch-policies", summary="List the rules of early warning")
async def list_watch_policies(_actor: WatchReader) -> list[models.PolicyDocument]:
    """Every version of the rules: each with its value, source, and how far that source is confirmed."""
    return [models.PolicyDocument.of(policy) for policy in library().watch_policies]


@router.get("/watch-list/{applicant_id}", summary="One borrower's watch", response_model=watch_models.Watch)
@awaited(WATCH, "applicant_id")
async def read_watch(request: Request, _actor: WatchReader, runtime: Running, applicant_id: ApplicantId) -> Response:
    """His warnings, his place on the list, the last review and the measures, with an ETag."""
    state, version = await runtime.commands.state(WATCH, WATCH.stream_id(applicant_id))
    if version == 0:
        raise Problem(NOT_FOUND, "Nothing was ever noted of this borrower.")
    unchanged = not_modified(request, version)
    if unchanged is not None:
        return unchanged
    shown = watch_models.Watch.of(state).model_dump_json()
    return Response(shown, media_type="application/json", headers={"etag": etag(version)})


@router.post("/watch-list", summary="Put a borrower on the list", status_code=201, response_model=watch_models.Watch)
async def enter_watch(call: Watching, body: watch_models.Entry) -> Response:
    """The borrower of a loan, by a person's word. By rule it happens by itself."""
    applicant_id = await _borrower(call.runtime, body.loan_id)
    if not applicant_id:
        raise Rejected("loan-not-found", "No such loan was paid out.", field="/loan_id", status=422)

    def enter(policy: WatchPolicy) -> Command:
        return EnterWatch(
            applicant_id=applicant_id,
            severity=body.severity,
            reason=body.reason,
            by=call.actor.subject,
            policy=policy,
            today=call.today,
        )

    return await _execute(call, applicant_id, enter, status=201)


@router.post("/watch-list/{applicant_id}/reviews", summary="Review a borrower", response_model=watch_models.Watch)
async def review_watch(call: Watching, applicant_id: ApplicantId, body: watch_models.ReviewEntry) -> Response:
    """What was found, and by when he is looked at again."""

    def review(policy: WatchPolicy) -> Command:
        return ReviewWatch(
            findings=body.findings, leave=body.leave, by=call.actor.subject, policy=policy, today=call.today
        )

    return await _execute(call, applicant_id, review)


@router.post(
    "/watch-list/{applicant_id}/measures",
    summary="Propose a measure",
    status_code=201,
    response_model=watch_models.Watch,
)
async def propose_measure(call: Watching, applicant_id: ApplicantId, body: watch_models.Proposal) -> Response:
    """More guarantee, a higher rate where the contract allows it, a lower limit, or a freeze of new lending."""
    if body.loan_id:
        refuse_unless(
            await _borrower(call.runtime, body.loan_id) == applicant_id,
            "loan-not-his", "This borrower has no such loan.", field="/loan_id", status=422,
        )  # fmt: skip

    if body.limit is not None:
        currency = await _currency(call.runtime, applicant_id)
        refuse_unless(
            currency in ("", body.limit.currency),
            "wrong-currency", f"This borrower owes {currency}.", field="/limit/currency", status=422,
        )  # fmt: skip

    agreed = await clause_of(call.runtime, body.loan_id) if body.kind is MeasureKind.HIGHER_RATE else None

    def propose(policy: WatchPolicy) -> Command:
        return ProposeMeasure(
            measure_id=call.new_id("measure"),
            kind=body.kind,
            loan_id=body.loan_id,
            limit=body.limit,
            clause=body.clause,
            reason=body.reason,
            by=call.actor.subject,
            policy=policy,
            today=call.today,
            increase=body.increase,
            agreed=agreed,
        )

    return await _execute(call, applicant_id, propose, status=201)


@router.post(
    "/watch-list/{applicant_id}/measures/{measure_id}/decision",
    summary="Decide on a measure",
    response_model=watch_models.Watch,
)
async def decide_measure(
    call: Watching, applicant_id: ApplicantId, measure_id: MeasureId, body: watch_models.Decision
) -> Response:
    """By somebody else than proposed it, where the policy asks for two persons."""

    def decide(policy: WatchPolicy) -> Command:
        return DecideMeasure(
            measure_id=measure_id,
            take=body.take,
            reason=body.reason,
            by=call.actor.subject,
            policy=policy,
            today=call.today,
        )

    return await _execute(call, applicant_id, decide)


@router.post(
    "/watch-list/{applicant_id}/measures/{measure_id}/end", summary="End a measure", response_model=watch_models.Watch
)
async def end_measure(
    call: Watching, applicant_id: ApplicantId, measure_id: MeasureId, body: watch_models.Why
) -> Response:
    """After a review since it is in force, by somebody else where the policy asks for two persons."""

    def end(policy: WatchPolicy) -> Command:
        return EndMeasure(
            measure_id=measure_id, reason=body.reason, by=call.actor.subject, policy=policy, today=call.today
        )

    return await _execute(call, applicant_id, end)


@router.post(
    "/watch-list/{applicant_id}/exit", summary="Take a borrower off the list", response_model=watch_models.Watch
)
async def leave_watch(call: Watching, applicant_id: ApplicantId, body: watch_models.Why) -> Response:
    """After a review that says so, by somebody else where the policy asks for two persons."""

    def leave(policy: WatchPolicy) -> Command:
        return LeaveWatch(reason=body.reason, by=call.actor.subject, policy=policy, today=call.today)

    return await _execute(call, applicant_id, leave)


async def _borrower(runtime: Runtime, loan_id: str) -> str:
    columns = due_instalment.c
    row = await runtime.fetch_one(select(columns.applicant_id).where(columns.loan_id == loan_id).limit(1))
    return row["applicant_id"] if row is not None else ""


async def _currency(runtime: Runtime, applicant_id: str) -> str:
    """In which currency a borrower owes, "" when that is not known: a limit in another one would bind nothing."""
    owed = select(due_instalment.c.currency).join(borrower_loan, borrower_loan.c.loan_id == due_instalment.c.loan_id)
    row = await runtime.fetch_one(owed.where(borrower_loan.c.applicant_id == applicant_id).limit(1))
    return row["currency"] if row is not None else ""


async def _execute(
    call: Call, applicant_id: str, command: Callable[[WatchPolicy], Command], *, status: int = 200
) -> Response:
    policy = library().watch_policy(call.today)
    location: dict[str, Any] = {"location": f"/collections/watch-list/{applicant_id}"} if status == 201 else {}
    return await call.execute(
        WATCH,
        WATCH.stream_id(applicant_id),
        command(policy),
        watch_models.Watch.of,
        status=status,
        rules={"early-warning": policy.label},
        **location,
    )
