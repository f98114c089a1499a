"""Promises to pay."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from sqlalchemy import select
from starlette.responses import Response

from libs.service.models import Id
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from services.collections.api import models
from services.collections.api.access import CaseId, Collecting, Reader, Running
from services.collections.domain.commands import MakePromise
from services.collections.domain.promise import PromiseStatus
from services.collections.handlers import CASE, complaint_open
from services.collections.library import library
from services.collections.views import promise

router = APIRouter(tags=["promises"])

SORTABLE: Final = {
    "promise_id": promise.c.promise_id,
    "due": promise.c.due,
    "amount": promise.c.amount_minor,
    "made_on": promise.c.made_on,
}


@router.post("/cases/{case_id}/promises", summary="Record a promise", status_code=201, response_model=models.Case)
async def make_promise(call: Collecting, case_id: CaseId, body: models.PromiseEntry) -> Response:
    """The debtor promises an amount by a date. It is kept when that much has come by then, and broken the day after."""
    policy = library().policy(call.today)
    make = MakePromise(
        promise_id=call.new_id("promise"),
        amount=body.amount,
        due=body.due,
        complaint_open=await complaint_open(call.runtime, case_id),
        policy=policy,
        today=call.today,
    )
    return await call.execute(
        CASE,
        CASE.stream_id(case_id),
        make,
        models.Case.of,
        status=201,
        location=f"/collections/cases/{case_id}",
        rules={"collection-policy": policy.label},
    )


@router.get("/promises", summary="List promises")
async def list_promises(
    _actor: Reader,
    runtime: Running,
    state: Annotated[PromiseStatus | None, Query(description="Only those that stand so.")] = None,
    case_id: Annotated[Id | None, Query(description="Only those of this case.")] = None,
    loan_id: Annotated[Id | None, Query(description="Only those of this loan.")] = None,
    sort: Annotated[
        str | None, Query(max_length=80, description=f"{', '.join(SORTABLE)}; - before a name for falling.")
    ] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[models.PromiseSummary]:
    """Promises with what came for them when they ended."""
    statement = select(promise)
    for name, value in {"state": state, "case_id": case_id, "loan_id": loan_id}.items():
        if value is not None:
            statement = statement.where(promise.c[name] == value)
    keys = parse_sort(sort, SORTABLE, default="promise_id", unique="promise_id")
    rows = [_row(row) for row in await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))]
    return page_of(rows, keys, limit=limit, item=models.PromiseSummary.of)


def _row(row: Any) -> dict[str, Any]:
    return {**row, "amount": row["amount_minor"]}
