"""Reminders that were sent, the work that each collector has, and the rules by which all of it goes."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from sqlalchemy import func, select

from libs.contracts.collections import Stage
from libs.lending.money import Money
from libs.service.models import BusinessDate, Id
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from services.collections.api import models
from services.collections.api.access import Reader, Running
from services.collections.library import library
from services.collections.views import collection_case, reminder

router = APIRouter(tags=["reference"])

SORTABLE: Final = {
    "reminder_id": reminder.c.reminder_id,
    "sent_on": reminder.c.sent_on,
    "due": reminder.c.due,
}


@router.get("/reminders", summary="List reminders")
async def list_reminders(
    _actor: Reader,
    runtime: Running,
    loan_id: Annotated[Id | None, Query(description="Only those of this loan.")] = None,
    sent_from: Annotated[BusinessDate | None, Query(description="Sent on this date or later.")] = None,
    sent_to: Annotated[BusinessDate | None, Query(description="Sent on this date or earlier.")] = None,
    sort: Annotated[
        str | None, Query(max_length=80, description=f"{', '.join(SORTABLE)}; - before a name for falling.")
    ] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[models.Reminder]:
    """Reminders of instalments before their due dates."""
    statement = select(reminder)
    if loan_id is not None:
        statement = statement.where(reminder.c.loan_id == loan_id)
    if sent_from is not None:
        statement = statement.where(reminder.c.sent_on >= sent_from)
    if sent_to is not None:
        statement = statement.where(reminder.c.sent_on <= sent_to)
    keys = parse_sort(sort, SORTABLE, default="sent_on", unique="reminder_id")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=models.Reminder.of)


@router.get("/workload", summary="Workload per collector")
async def read_workload(_actor: Reader, runtime: Running) -> list[models.Workload]:
    """What each collector has open, those without work and cases without a collector ("") included."""
    columns = collection_case.c
    statement = (
        select(
            columns.collector,
            func.count().label("open_cases"),
            func.sum(columns.overdue_minor).label("overdue_minor"),
            func.count().filter(columns.promise == "BROKEN").label("broken_promises"),
        )
        .where(columns.state == "OPEN")
        .group_by(columns.collector)
    )
    loads = {row["collector"]: row for row in await runtime.fetch(statement)}
    teams = library().policy(runtime.today).teams
    stages: dict[str, list[Stage]] = {name: [] for name in loads}
    for stage, names in teams.items():
        for name in names:
            stages.setdefault(name, []).append(stage)
    return [_workload(name, stages[name], loads.get(name, {})) for name in sorted(stages)]


def _workload(collector: str, stages: list[Stage], load: Any) -> models.Workload:
    return models.Workload(
        collector=collector,
        stages=stages,
        open_cases=load.get("open_cases", 0),
        overdue=Money(int(load.get("overdue_minor", 0))),
        broken_promises=load.get("broken_promises", 0),
    )


@router.get("/policies", summary="List the rules of collection")
async def list_policies(_actor: Reader) -> list[models.PolicyDocument]:
    """Every version of the rules: each with its value, source, and how far that source is confirmed."""
    return [models.PolicyDocument.of(policy) for policy in library().policies]
