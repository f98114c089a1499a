"""What scoring told of past applications under another card: kept as it came, beside the events, to be decided on again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Column, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from libs.contracts.approval import ApplicationApproved, ApplicationDeclined, ApplicationReferred
from libs.contracts.scoring import ApplicationsRescored, CardRescored
from libs.contracts.values import Reason
from libs.events.envelope import StoredEvent
from libs.events.store import Session
from libs.service.runtime import Runtime
from services.approval.views import metadata

rescoring = Table(
    "rescoring",
    metadata,
    Column("rescoring_id", Text, primary_key=True),
    Column("told", JSONB, nullable=False),
)
"""Rescorings all of whose parts came; `told` is the event."""
rescored = Table(
    "rescored",
    metadata,
    Column("rescoring_id", Text, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("application_id", Text, nullable=False),
    Column("score", Integer),
    Column("grade", Text),
    Column("reasons", JSONB, nullable=False),
)

BATCH: Final = 250
DECIDED: Final = (ApplicationApproved, ApplicationDeclined, ApplicationReferred)
KEEP: Final = """
    insert into rescored (rescoring_id, place, application_id, score, grade, reasons)
    select $1, $2 + number - 1, application_id, score, grade, reasons::jsonb
    from unnest($3::text[], $4::int[], $5::text[], $6::text[])
        with ordinality as told (application_id, score, grade, reasons, number)"""
FIRST_DECISIONS: Final = """
    select r.place, r.score, r.grade, r.reasons, s.stream_id, e.version, e.event_id, e.type, e.data, e.metadata,
        q.global_seq
    from rescored r join es.stream s on s.stream_id = 'decision-' || r.application_id
    join es.event e on e.stream_no = s.stream_no and e.version = 1
    join es.sequence q on q.stream_no = e.stream_no and q.version = e.version
    where r.rescoring_id = $1 and r.place > $2 and q.global_seq <= $3 and e.type = any($4)
    order by r.place limit $5"""


@dataclass(frozen=True, slots=True)
class Rescored:
    """What another card says of an application: without a score, why there is none."""

    place: int
    score: int | None
    grade: str
    reasons: tuple[Reason, ...]


async def keep_part(session: Session, part: ApplicationsRescored) -> None:
    texts = [reason.model_dump(mode="json") for reason in part.reasons]
    await session.connection.execute(
        KEEP,
        part.rescoring_id,
        part.first,
        [case.application_id for case in part.cases],
        [case.score for case in part.cases],
        [case.grade for case in part.cases],
        [orjson.dumps([texts[place] for place in case.reasons]).decode() for case in part.cases],
    )


async def keep_end(session: Session, ended: CardRescored) -> None:
    told = orjson.dumps(ended.payload()).decode()
    await session.connection.execute("insert into rescoring values ($1, $2)", ended.rescoring_id, told)


async def rescoring_told(runtime: Runtime, rescoring_id: str) -> CardRescored | None:
    """A rescoring that was heard of to its end; None for one that was not, or of which parts were not heard."""
    told = await runtime.store.pool.fetchval("select told from rescoring where rescoring_id = $1", rescoring_id)
    if told is None:
        return None
    ended = CardRescored.model_validate(orjson.loads(told))
    kept = await runtime.store.pool.fetchval("select count(*) from rescored where rescoring_id = $1", rescoring_id)
    return ended if kept == ended.applications else None


async def first_decisions(runtime: Runtime, rescoring_id: str, until: int) -> AsyncIterator[tuple[Any, Rescored]]:
    """Every application of a rescoring that was decided, up to a place of the service's order, with what the card says."""
    after, types = 0, [event.type_name for event in DECIDED]
    while rows := await runtime.store.pool.fetch(FIRST_DECISIONS, rescoring_id, after, until, types, BATCH):
        for place, score, grade, reasons, *event in rows:
            stored = StoredEvent(*event)
            told = tuple(Reason.model_validate(each) for each in orjson.loads(reasons))
            yield runtime.codec.decode(stored.type, stored.data), Rescored(place, score, grade or "", told)
        after = rows[-1]["place"]
