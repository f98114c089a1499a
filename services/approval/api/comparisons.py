"""What another version of the table would have decided: made, looked at case by case, made again, signed off."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from libs.contracts.approval import TableCompared
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.types import Id
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.approval import models
from services.approval.api.decisions import OFFICERS
from services.approval.api.tables import all_tables, table_named
from services.approval.domain.release import RecordComparison, SignOff
from services.approval.handlers import TABLES, TABLES_STREAM, admitted
from services.approval.tables import in_force
from services.approval.what_if import Period, Result, compare

router = APIRouter(tags=["comparisons"])

Running = Annotated[Runtime, Depends(runtime_of)]
Reader = Annotated[Actor, Depends(require(*OFFICERS, "auditor"))]
ComparisonId = Annotated[Id, Path(description="The comparison.")]
CASES_MAX: Final = 1000


@router.post("/comparisons", summary="Compare a version", status_code=201, response_model=models.Comparison)
async def make_comparison(call: Annotated[Call, command("risk_manager")], body: models.ComparisonEntry) -> Response:
    """Decides past applications again under a version of the table, beside what decides, and counts the difference.

    It reads events and changes nothing. The same request later, about the same period, gives the same result.
    """
    refuse_unless(
        body.decided_from <= body.decided_to,
        "period-reversed",
        "The period begins after it ends.",
        field="/decided_to",
        status=422,
    )
    runtime = call.runtime
    table = await table_named(runtime, body.table_id, body.version)
    _, releases = await all_tables(runtime)
    against = in_force(admitted(releases), max(table.effective_from, call.today))
    period = Period(body.decided_from, body.decided_to, await runtime.store.last_sequence())
    result = await compare(runtime, table, period)
    compared = TableCompared(
        comparison_id=call.new_id("comparison"),
        table_id=table.table_id,
        version=table.version,
        sha256=table.sha256,
        against_sha256=against.sha256,
        decided_from=body.decided_from,
        decided_to=body.decided_to,
        until_sequence=period.until_sequence,
        considered=len(result.cases),
        changed=len(result.changed),
        outcomes=result.outcomes(),
        result_sha256=result.sha256,
        compared_by=call.actor.subject,
        compared_on=call.today,
    )
    location = f"/approval/comparisons/{compared.comparison_id}"
    return await call.execute(
        TABLES,
        TABLES_STREAM,
        RecordComparison(compared=compared),
        lambda _state: models.Comparison.of(compared, None),
        status=201,
        location=location,
    )


@router.get("/comparisons/{comparison_id}", summary="A comparison")
async def read_comparison(_actor: Reader, runtime: Running, comparison_id: ComparisonId) -> models.Comparison:
    """Counts and money by what was decided and what would be, and who has signed it off."""
    compared = await _comparison(runtime, comparison_id)
    _, releases = await all_tables(runtime)
    return models.Comparison.of(compared, releases.signed.get(comparison_id))


@router.get("/comparisons/{comparison_id}/cases", summary="A comparison case by case")
async def read_cases(
    _actor: Reader,
    runtime: Running,
    comparison_id: ComparisonId,
    unchanged: Annotated[bool, Query(description="Those too that would be decided as they were.")] = False,
    after: Annotated[int, Query(ge=0, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=CASES_MAX)] = 200,
) -> models.Cases:
    """Every decision that would be another one, with its reason. Made again from the events each time it is asked."""
    result = await _again(runtime, await _comparison(runtime, comparison_id))
    cases = [case for case in result.cases if (unchanged or case.changed) and case.sequence > after]
    page = cases[:limit]
    more = page[-1].sequence if len(cases) > limit else None
    return models.Cases(items=[models.CaseShown.of(case) for case in page], next=more)


@router.get("/comparisons/{comparison_id}/verification", summary="Make a comparison again")
async def verify_comparison(_actor: Reader, runtime: Running, comparison_id: ComparisonId) -> models.Reproduced:
    """Whether the same applications under the same version give the same result, to the last case."""
    compared = await _comparison(runtime, comparison_id)
    result = await _again(runtime, compared)
    return models.Reproduced(
        comparison_id=comparison_id,
        result_sha256=compared.result_sha256,
        made_again_sha256=result.sha256,
        equal=result.sha256 == compared.result_sha256,
    )


@router.post("/comparisons/{comparison_id}/sign-off", summary="Sign off", response_model=models.Comparison)
async def sign_off(
    call: Annotated[Call, command("senior_credit_officer", "risk_manager")],
    comparison_id: ComparisonId,
    body: models.SignOffEntry,
) -> Response:
    """Somebody who neither proposed the version nor made the comparison takes what it shows."""
    compared = await _comparison(call.runtime, comparison_id)
    order = SignOff(comparison_id=comparison_id, note=body.note, by=call.actor.subject, today=call.today)
    return await call.execute(
        TABLES,
        TABLES_STREAM,
        order,
        lambda state: models.Comparison.of(compared, state.signed[comparison_id]),
    )


async def _comparison(runtime: Runtime, comparison_id: str) -> TableCompared:
    _, releases = await all_tables(runtime)
    compared = releases.comparisons.get(comparison_id)
    if compared is None:
        raise Problem(NOT_FOUND, "There is no such comparison; POST /approval/comparisons makes one.")
    return compared


async def _again(runtime: Runtime, compared: TableCompared) -> Result:
    table = await table_named(runtime, compared.table_id, compared.version)
    if table.sha256 != compared.sha256:
        raise Rejected("table-changed", "This version's document is not the one that was compared.")
    return await compare(runtime, table, Period(compared.decided_from, compared.decided_to, compared.until_sequence))
