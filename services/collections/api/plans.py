"""Negotiated plans."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from sqlalchemy import select
from starlette.responses import Response

from libs.contracts.collections import PlanPart
from libs.service.models import Id
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from services.collections.api import models
from services.collections.api.access import CaseId, Collecting, Reader, Running
from services.collections.domain.commands import AgreePlan
from services.collections.domain.plan import PlanStatus
from services.collections.handlers import CASE, complaint_open
from services.collections.library import library
from services.collections.views import plan

router = APIRouter(tags=["plans"])

SORTABLE: Final = {
    "plan_id": plan.c.plan_id,
    "last_due": plan.c.last_due,
    "amount": plan.c.amount_minor,
    "agreed_on": plan.c.agreed_on,
}


@router.post("/cases/{case_id}/plans", summary="Agree on a plan", status_code=201, response_model=models.Case)
async def agree_plan(call: Collecting, case_id: CaseId, body: models.PlanEntry) -> Response:
    """The debtor agrees to make the arrears good in parts. A part is met when by its date as much has come as all parts
    until then ask for; the plan is broken the day after a date by which less has come, and goes on when money of the time
    turns up. What the contract says of late payment goes on beside it."""
    policy = library().policy(call.today)
    agree = AgreePlan(
        plan_id=call.new_id("plan"),
        parts=tuple(PlanPart(due=part.due, amount=part.amount) for part in body.parts),
        by_manager=call.actor.has("collection_manager"),
        complaint_open=await complaint_open(call.runtime, case_id),
        policy=policy,
        today=call.today,
    )
    return await call.execute(
        CASE,
        CASE.stream_id(case_id),
        agree,
        models.Case.of,
        status=201,
        location=f"/collections/cases/{case_id}",
        rules={"collection-policy": policy.label},
    )


@router.get("/plans", summary="List plans")
async def list_plans(
    _actor: Reader,
    runtime: Running,
    state: Annotated[PlanStatus | None, Query(description="Only those that stand so.")] = None,
    case_id: Annotated[Id | None, Query(description="Only those of this case.")] = None,
    loan_id: Annotated[Id | None, Query(description="Only those of this loan.")] = None,
    sort: Annotated[
        str | None, Query(max_length=80, description=f"{', '.join(SORTABLE)}; - before a name for falling.")
    ] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[models.PlanSummary]:
    """Plans with how many of their parts are met, and when the next is due."""
    statement = select(plan)
    for name, value in {"state": state, "case_id": case_id, "loan_id": loan_id}.items():
        if value is not None:
            statement = statement.where(plan.c[name] == value)
    keys = parse_sort(sort, SORTABLE, default="plan_id", unique="plan_id")
    rows = [_row(row) for row in await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))]
    return page_of(rows, keys, limit=limit, item=models.PlanSummary.of)


def _row(row: Any) -> dict[str, Any]:
    return {**row, "amount": row["amount_minor"]}
