"""Messages to partners, their deliveries to endpoints, and every attempt at one. All of the service's own SQL is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
)

from libs.events.store import Session

RECORDS: Final = MetaData()

MESSAGE: Final = Table(
    "message",
    RECORDS,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", Uuid, nullable=False, unique=True),
    Column("partner", String(64), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("type", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Index("message_by_partner", "partner", "sequence"),
)
"""What a partner is told, once, whatever endpoints he has. `sequence` is the ledger's."""

DELIVERY: Final = Table(
    "delivery",
    RECORDS,
    Column("endpoint_id", String(80), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("subject", String(80), nullable=False),
    Column("status", String(9), nullable=False),
    Column("failed", SmallInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("next_at", DateTime(timezone=True), nullable=False),
    Column("last_status", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    Index("delivery_waiting", "endpoint_id", "position", postgresql_where="status = 'PENDING'"),
    Index("delivery_of_subject", "endpoint_id", "subject", "position", postgresql_where="status = 'PENDING'"),
)
"""`failed` counts since it was last asked for and decides the pause; `attempts` counts all that there ever were. `asked`
counts how often it was asked for again: what comes of an attempt that was on its way then does not undo that."""

ATTEMPT: Final = Table(
    "attempt",
    RECORDS,
    Column("endpoint_id", String(80), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("status", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("elapsed_ms", Integer, nullable=False),
)

SHARED_AMONG: Final = "select stream_id from es.stream where stream_id = any($1::text[])"
TELL: Final = """
    with told as (
        insert into message (message_id, partner, subject, type, sequence, body, recorded_at)
        values ($1, $2, $3, $4, $5, $6, $7) returning position)
    insert into delivery (endpoint_id, position, subject, status, failed, attempts, asked, next_at,
            last_status, last_error)
    select e.endpoint_id, told.position, $3, 'PENDING', 0, 0, 0, now(), 0, ''
    from told cross join endpoint_v1 e
    where e.partner = $2 and e.status <> 'REMOVED'
        and ($8::text is null and position(' ' || $4 || ' ' in e.types) > 0 or e.endpoint_id = $8)"""
ENDPOINTS: Final = """
    select endpoint_id, partner, url, generation, previous_until from endpoint_v1
    where status = 'ACTIVE' order by endpoint_id"""
# Waiting for its time, or behind one of the same loan that does: the rest of an endpoint is not held up.
DUE: Final = """
    select d.endpoint_id, d.position, d.subject, d.failed, d.attempts, d.asked, m.message_id, m.body, m.recorded_at
    from unnest($1::text[], $2::int[]) as lane (endpoint_id, room) cross join lateral (
        select * from delivery d
        where d.endpoint_id = lane.endpoint_id and d.status = 'PENDING' and d.next_at <= now()
            and (d.endpoint_id, d.position) not in (select * from unnest($3::text[], $4::bigint[]))
            and not exists (
                select from delivery e
                where e.endpoint_id = d.endpoint_id and e.subject = d.subject and e.status = 'PENDING'
                    and e.position < d.position and e.next_at > now())
        order by d.position limit lane.room) d
    join message m using (position) order by d.position"""
NEXT: Final = """
    select extract(epoch from min(next_at) - now())::float8 as wait_s from delivery
    where status = 'PENDING' and next_at > now() and endpoint_id = any($1::text[])"""
# Rows are locked in the order of their key, here and where they are asked for again: else the two could wait for one
# another.
RECORD: Final = """
    with made as (
        select * from unnest($1::text[], $2::bigint[], $3::int[], $4::text[], $5::text[], $6::int[], $7::bigint[],
            $8::int[], $9::float8[], $10::int[])
            as made (endpoint_id, position, number, outcome, error, status, pause_ms, elapsed_ms, at, asked)),
    noted as (
        insert into attempt (endpoint_id, position, number, at, status, error, elapsed_ms)
        select endpoint_id, position, number, to_timestamp(at), status, error, elapsed_ms from made
        on conflict do nothing),
    locked as materialized (
        select d.endpoint_id, d.position from delivery d join made using (endpoint_id, position)
        order by d.endpoint_id, d.position for update of d)
    update delivery d set attempts = made.number, last_status = made.status, last_error = made.error,
        status = case when d.asked = made.asked then made.outcome else d.status end,
        failed = case when d.asked = made.asked and made.outcome <> 'DELIVERED' then d.failed + 1 else d.failed end,
        next_at = case when d.asked = made.asked then now() + made.pause_ms * interval '1 millisecond'
            else d.next_at end
    from made join locked using (endpoint_id, position)
    where d.endpoint_id = made.endpoint_id and d.position = made.position"""
COUNT_OF: Final = "select count(*) from delivery where endpoint_id = $1 and position = any($2::bigint[])"
COUNT_SINCE: Final = """
    select count(*) from endpoint_v1 e join message m on m.partner = e.partner
    where e.endpoint_id = $1 and m.sequence >= $2 and position(' ' || m.type || ' ' in e.types) > 0"""
COUNT_FAILED: Final = """
    select count(*) from delivery
    where endpoint_id = $1 and (status = 'GIVEN_UP' or status = 'PENDING' and failed > 0)"""
AGAIN: Final = """
    update delivery set status = 'PENDING', failed = 0, asked = delivery.asked + 1, next_at = now()
    where endpoint_id = $1 and position in (
        select position from delivery where endpoint_id = $1 and position = any($2::bigint[])
        order by position for update)
    returning position"""
AGAIN_SINCE: Final = """
    with asked as (
        insert into delivery (endpoint_id, position, subject, status, failed, attempts, asked, next_at,
            last_status, last_error)
        select e.endpoint_id, m.position, m.subject, 'PENDING', 0, 0, 0, now(), 0, ''
        from endpoint_v1 e join message m on m.partner = e.partner
        where e.endpoint_id = $1 and m.sequence >= $2 and position(' ' || m.type || ' ' in e.types) > 0
        order by m.position
        on conflict (endpoint_id, position) do update
            set status = 'PENDING', failed = 0, asked = delivery.asked + 1, next_at = now()
        returning 1)
    select count(*) from asked"""
FAILED_AGAIN: Final = """
    with asked as (
        update delivery set status = 'PENDING', failed = 0, asked = delivery.asked + 1, next_at = now()
        where endpoint_id = $1 and position in (
            select position from delivery
            where endpoint_id = $1 and (status = 'GIVEN_UP' or status = 'PENDING' and failed > 0)
            order by position for update)
        returning 1)
    select count(*) from asked"""


@dataclass(frozen=True, slots=True)
class Told:
    """A message as it is kept: what a partner is told of one event."""

    message_id: UUID
    partner: str
    subject: str
    type: str
    sequence: int
    body: bytes
    recorded_at: Any
    endpoint_id: str | None = None
    """Only this endpoint is told, whatever it subscribed to: a test."""


@dataclass(frozen=True, slots=True)
class Made:
    """An attempt to be written down; `outcome` is what its delivery becomes."""

    endpoint_id: str
    position: int
    number: int
    outcome: str
    error: str
    status: int
    pause_ms: int
    elapsed_ms: int
    at: float
    asked: int


async def shared_streams(session: Session, streams: Sequence[str]) -> frozenset[str]:
    """Which of these streams there are."""
    return frozenset(row["stream_id"] for row in await session.connection.fetch(SHARED_AMONG, list(streams)))


async def tell(connection: Any, told: Sequence[Told]) -> None:
    """Keep messages and a delivery for each endpoint that subscribed to their type."""
    await connection.executemany(
        TELL,
        [
            (
                each.message_id,
                each.partner,
                each.subject,
                each.type,
                each.sequence,
                each.body,
                each.recorded_at,
                each.endpoint_id,
            )
            for each in told
        ],
    )


async def record(pool: asyncpg.Pool[Any], made: Sequence[Made]) -> None:
    """Write down attempts and what becomes of their deliveries, all at once."""
    columns = zip(
        *(
            (a.endpoint_id, a.position, a.number, a.outcome, a.error, a.status, a.pause_ms, a.elapsed_ms, a.at, a.asked)
            for a in made
        ),
        strict=True,
    )
    await pool.execute(RECORD, *map(list, columns))
