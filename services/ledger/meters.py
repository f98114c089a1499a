"""Where the rows of the portfolio are kept between closes: written in the transaction of a close, so that they and the
day's events are always of one another. Rows are derived; a layout that is not this code's is made again from events.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import numpy as np

from libs.events.errors import is_transient
from libs.events.store import Session, Store
from libs.service.runtime import Runtime
from services.ledger.columns import LAYOUT, WIDTH, F, Ints, Kind, late_of
from services.ledger.domain.loan import Loan
from services.ledger.handlers import BUSINESS_DAY, DAY_STREAM, LOAN
from services.ledger.library import library
from services.ledger.portfolio import BEFORE_MONEY, Folded, Portfolio, meter_of

BATCH: Final = 1000
BREATH: Final = 100
"""Events between two chances for others on the loop: heartbeats of consumers must not wait."""
AT_ONCE: Final = 8
"""Loans folded at a time: as many as there are connections to spare."""

LAYOUT_OF: Final = "select layout from loan_meter_layout"
SET_LAYOUT: Final = """
    insert into loan_meter_layout (only_row, layout) values (true, $1)
    on conflict (only_row) do update set layout = excluded.layout"""
CLEAR: Final = "truncate loan_meter, loan_segment"
SEGMENTS: Final = "select product, grade, channel, funder, branch, currency from loan_segment order by code"
ADD_SEGMENTS: Final = """
    insert into loan_segment (code, product, grade, channel, funder, branch, currency)
    select * from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
    on conflict do nothing"""
ROWS: Final = "select loan_id, columns from loan_meter"
LATE: Final = "select loan_id, late from loan_meter where late <> ''"
PLANS: Final = "select loan_id, plan from loan_meter where loan_id = any($1::uuid[])"
SAVE: Final = """
    insert into loan_meter (loan_id, columns, late, plan)
    select * from unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[])
    on conflict (loan_id) do update set columns = excluded.columns, late = excluded.late,
        plan = case when excluded.plan = $5 then loan_meter.plan else excluded.plan end"""
AS_BEFORE: Final = b"-"
"""In the place of a plan: the stored one stays."""
PLANS_KEPT: Final = 100_000
"""Up to so many loans their plans stay in memory; beyond, those of a day's due dates are read."""


async def everything_stamped(store: Store) -> None:
    """Until all that was committed before this call has its place in the sequence."""
    while await store.stamp() is None:  # noqa: ASYNC110  # another is at it, in another process perhaps: no event
        await asyncio.sleep(0.001)


async def load(runtime: Runtime) -> Portfolio:
    """The portfolio as the last close left it; what has happened since is to be heard."""
    portfolio = Portfolio()
    portfolio.day, portfolio.day_version = await runtime.commands.state(BUSINESS_DAY, DAY_STREAM)
    portfolio.sequence = portfolio.day.known_until
    if portfolio.closed is None:
        portfolio.is_new = True
        return portfolio
    policy = library().policy(portfolio.closed)
    if await runtime.store.pool.fetchval(LAYOUT_OF) == LAYOUT:
        await _read_rows(runtime, portfolio)
    else:
        portfolio.is_new = True
        await _make_rows(runtime, portfolio)
    portfolio.resume(policy)
    return portfolio


async def _read_rows(runtime: Runtime, portfolio: Portfolio) -> None:
    pool, columns = runtime.store.pool, portfolio.columns
    portfolio.segments = [tuple(row) for row in await pool.fetch(SEGMENTS)]
    portfolio.segments_stored = len(portfolio.segments)
    copied = io.BytesIO()
    await pool.copy_from_query(ROWS, output=copied, format="binary")
    ids, data = rows_of_copy(copied.getbuffer())
    columns.fill(ids, data)
    for loan_id, late in await pool.fetch(LATE):
        columns.set_late(columns.index[loan_id.bytes], late_of(late))
    assert portfolio.closed is not None, "rows are written by closes"
    for n in map(int, np.flatnonzero(columns.live[F.KIND] == Kind.EXACT)):
        loan = await _fold_at(runtime, columns.loan_id(n), int(columns.data[F.VERSION, n]))
        columns.exact[n] = meter_of(loan, portfolio.closed + timedelta(days=1))


def rows_of_copy(copied: memoryview) -> tuple[list[bytes], Ints]:
    """Ids and columns out of PostgreSQL's binary COPY: 19 bytes of head, then (uuid, bytea of one width) each."""
    width = 8 * WIDTH
    one = np.dtype([("fields", ">i2"), ("n", ">i4"), ("id", "V16"), ("m", ">i4"), ("columns", "V", width)])
    count = (len(copied) - 19 - 2) // one.itemsize
    table = np.frombuffer(copied, one, count, offset=19)
    assert (table["m"] == width).all(), "every row is of this layout"
    data = np.ascontiguousarray(np.frombuffer(table["columns"].tobytes(), np.int64).reshape(-1, WIDTH).T)
    packed = table["id"].tobytes()
    return [packed[n : n + 16] for n in range(0, len(packed), 16)], data


async def _make_rows(runtime: Runtime, portfolio: Portfolio) -> None:
    """Rows from events alone, as the last close knew them."""
    assert portfolio.closed is not None, "before the first close nothing is posted"
    known = portfolio.day.known_until
    versions: dict[str, int] = {}
    at = 0
    while at < known:
        for event in await runtime.store.read(at, min(BATCH, known - at)):
            category, _, key = event.stream_id.partition("-")
            at = event.sequence
            if category == LOAN.category and (event.type not in BEFORE_MONEY or key in versions):
                versions[key] = event.version
        await asyncio.sleep(0)
    policy = library().policy(portfolio.closed)
    for key, version in versions.items():
        portfolio.refresh({key: (await _fold_at(runtime, key, version), version)}, portfolio.closed, policy)


async def _fold_at(runtime: Runtime, loan_id: str, version: int) -> Loan:
    """A loan as it was at a version."""
    stored = (await runtime.store.load(LOAN.stream_id(loan_id)))[:version]
    return LOAN.replay(runtime.codec.decode(event.type, event.data) for event in stored)


async def follow(runtime: Runtime, portfolio: Portfolio) -> bool:
    """Hear all that is committed by now; False when another process closed a day, so that this portfolio is stale."""
    await everything_stamped(runtime.store)
    while batch := await runtime.store.read(portfolio.sequence, BATCH):
        for n, event in enumerate(batch):
            category, _, key = event.stream_id.partition("-")
            if category == LOAN.category:
                portfolio.hear(key, event.version, event.type, event.data)
            elif event.stream_id == DAY_STREAM and event.version > portfolio.day_version:
                return False
            portfolio.sequence = event.sequence
            if n % BREATH == BREATH - 1:
                await asyncio.sleep(0)
        if len(batch) < BATCH:
            break
    return True


async def fold(runtime: Runtime, loan_ids: Sequence[str]) -> tuple[dict[str, Folded], dict[str, Exception]]:
    """Loans with their versions, from their streams, and those that cannot be folded, with the reason."""
    folded: dict[str, Folded] = {}
    failed: dict[str, Exception] = {}

    async def one(loan_id: str) -> None:
        try:
            folded[loan_id] = await runtime.commands.state(LOAN, LOAN.stream_id(loan_id))
        except Exception as error:
            if is_transient(error):
                raise
            failed[loan_id] = error

    for start in range(0, len(loan_ids), AT_ONCE):
        await asyncio.gather(*map(one, loan_ids[start : start + AT_ONCE]))
    return folded, failed


async def plans_of(runtime: Runtime, portfolio: Portfolio, rows: Sequence[int]) -> Mapping[int, bytes]:
    """The plans beside these rows."""
    columns = portfolio.columns
    plans = {n: columns.plans[n] for n in rows if n in columns.plans}
    missing = [UUID(bytes=columns.ids[n]) for n in rows if n not in plans]
    for start in range(0, len(missing), 10 * BATCH):
        for loan_id, plan in await runtime.store.pool.fetch(PLANS, missing[start : start + 10 * BATCH]):
            plans[columns.index[loan_id.bytes]] = plan
    if len(columns) <= PLANS_KEPT:
        columns.plans.update(plans)
    return plans


async def save(session: Session, portfolio: Portfolio) -> None:
    """Write the rows that changed, within the transaction of a close."""
    columns = portfolio.columns
    if portfolio.is_new:
        await session.connection.execute(CLEAR)
        await session.connection.execute(SET_LAYOUT, LAYOUT)
    if portfolio.is_new or portfolio.segments_stored < len(portfolio.segments):
        codes, parts = (
            list(range(len(portfolio.segments))),
            [list(part) for part in zip(*portfolio.segments, strict=True)],
        )
        if codes:
            await session.connection.execute(ADD_SEGMENTS, codes, *parts)
    rows = sorted(portfolio.dirty)
    if rows:
        ids, packed, late, plans = (list(part) for part in zip(*columns.packed(rows, AS_BEFORE), strict=True))
        await session.connection.execute(SAVE, ids, packed, late, plans, AS_BEFORE)


def saved(portfolio: Portfolio) -> None:
    """The transaction is through: what was to be written is."""
    portfolio.is_new = False
    portfolio.segments_stored = len(portfolio.segments)
    portfolio.dirty.clear()
    portfolio.columns.replanned.clear()
    if len(portfolio.columns) > PLANS_KEPT:
        portfolio.columns.plans.clear()
