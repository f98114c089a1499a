"""What the trail is searched by: one set of conditions for lists, pages and exports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, Query
from sqlalchemy import Select, func, or_, select

from libs.contracts.types import Id
from libs.events.envelope import StoredEvent
from libs.service.models import BusinessDate, Timestamp
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.audit.domain.sources import sources
from services.audit.domain.subjects import SUBJECTS
from services.audit.history import EVENTS, SEQUENCES, application_of
from services.audit.views import trail, trail_subject

BATCH: Final = 2_000

Text = Annotated[str | None, Query(max_length=128)]
Running = Annotated[Runtime, Depends(runtime_of)]


@dataclass(frozen=True, slots=True)
class Search:
    """Conditions on the trail, all of which hold."""

    statement: Select[Any]


async def search(
    runtime: Running,
    loan: Annotated[Id | None, Query(description="All of one loan: by its application, contract or loan.")] = None,
    kind: Annotated[
        str | None, Query(pattern="^(" + "|".join(SUBJECTS.values()) + ")$", description="Kind of subject.")
    ] = None,
    subject: Annotated[Id | None, Query(description="What an event names: an applicant, a case, a payment.")] = None,
    actor: Annotated[str | None, Query(max_length=128, description="Who acted.")] = None,
    role: Text = None,
    authority: Annotated[str | None, Query(max_length=128, description="On whose authority.")] = None,
    rule: Annotated[str | None, Query(max_length=80, description="A rule set that was applied.")] = None,
    rule_version: Annotated[str | None, Query(max_length=40, description="Its version; needs `rule`.")] = None,
    type: Annotated[str | None, Query(max_length=120, description="The event's type name.")] = None,
    service: Annotated[str | None, Query(max_length=32)] = None,
    stream_id: Text = None,
    correlation_id: Text = None,
    causation_id: Annotated[Id | None, Query(description="What this event led to.")] = None,
    recorded_from: Annotated[Timestamp | None, Query()] = None,
    recorded_to: Annotated[Timestamp | None, Query()] = None,
    effective_from: Annotated[BusinessDate | None, Query()] = None,
    effective_to: Annotated[BusinessDate | None, Query()] = None,
    effective: Annotated[BusinessDate | None, Query(description="As of this date: what counts by then.")] = None,
    known: Annotated[Timestamp | None, Query(description="As of this time: what was recorded by then.")] = None,
) -> Search:
    """The conditions of a request. Raises `Problem` 404 for a loan that there is not."""
    statement = select(trail)
    if loan is not None:
        statement = statement.where(trail.c.sequence.in_(await sequences_of(runtime, loan)))
    if subject is not None:
        found = select(trail_subject.c.sequence).where(trail_subject.c.id == subject)
        statement = statement.where(
            trail.c.sequence.in_(found if kind is None else found.where(trail_subject.c.kind == kind))
        )
    if rule is not None:
        statement = statement.where(
            trail.c.rules.has_key(rule) if rule_version is None else trail.c.rules.contains({rule: rule_version})
        )
    for column, value in (
        (trail.c.actor, actor),
        (trail.c.role, role),
        (trail.c.authority, authority),
        (trail.c.type, type),
        (trail.c.service, service),
        (trail.c.stream_id, stream_id),
        (trail.c.correlation_id, correlation_id),
        (trail.c.causation_id, causation_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    return Search(_within(statement, recorded_from, recorded_to, effective_from, effective_to, effective, known))


def _within(
    statement: Select[Any],
    recorded_from: datetime | None,
    recorded_to: datetime | None,
    effective_from: date | None,
    effective_to: date | None,
    effective: date | None,
    known: datetime | None,
) -> Select[Any]:
    if recorded_from is not None:
        statement = statement.where(trail.c.recorded_at >= recorded_from)
    if recorded_to is not None:
        statement = statement.where(trail.c.recorded_at <= recorded_to)
    if effective_from is not None:
        statement = statement.where(trail.c.effective_date >= effective_from)
    if effective_to is not None:
        statement = statement.where(trail.c.effective_date <= effective_to)
    if known is not None:
        statement = statement.where(trail.c.recorded_at <= known)
    if effective is not None:  # an event without a date of its own counts from when it was recorded
        statement = statement.where(
            or_(
                trail.c.effective_date <= effective,
                trail.c.effective_date.is_(None) & (func.date(trail.c.recorded_at) <= effective),
            )
        )
    return statement


async def sequences_of(runtime: Runtime, identifier: str) -> list[int]:
    """Where the events of a loan stand in the archive; raises `Problem` 404."""
    application_id = await application_of(runtime, identifier)
    if application_id is None:
        raise Problem(NOT_FOUND, "No application, contract or loan has this identifier.")
    return [row[0] for row in await runtime.store.pool.fetch(SEQUENCES, application_id)]


async def stored_at(runtime: Runtime, sequences: Sequence[int]) -> list[StoredEvent]:
    """The archived events at these places, as they are stored: sealed values stay sealed."""
    return [StoredEvent(*row) for row in await runtime.store.pool.fetch(EVENTS, list(sequences))]


async def with_sources(runtime: Runtime, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of the trail, each with the data that its event rests on."""
    stored = {each.sequence: each for each in await stored_at(runtime, [row["sequence"] for row in rows])}
    return [{**row, "sources": sources(orjson.loads(stored[row["sequence"]].data))} for row in rows]


async def everything(runtime: Runtime, statement: Select[Any]) -> AsyncIterator[list[dict[str, Any]]]:
    """All rows of the trail in their order, batch by batch, in transactions of their own."""
    after = 0
    while rows := await runtime.fetch(
        statement.where(trail.c.sequence > after).order_by(trail.c.sequence).limit(BATCH)
    ):
        yield await with_sources(runtime, rows)
        after = rows[-1]["sequence"]
