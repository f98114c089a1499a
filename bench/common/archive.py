"""An audit's archive with as many events as one likes beside those of one loan, as its consumer would have left it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import asyncpg

from libs.contracts import examples as ex
from libs.contracts.ledger import RepaymentReceived
from libs.evidence.bundle import contract_of, loan_of
from libs.service.testing import Served
from services.audit.tests.given import example
from services.audit.tests.life import application_id, tell
from tools.tamper.store import TYPE, rows

BATCH: Final = 20_000
FIRST_STREAM: Final = 1_000_000


async def tell_a_long_life(audit: Served, events: int) -> str:
    """One loan with so many events, heard from its services; its identifier."""
    await tell(audit, 1)
    loan = loan_of(contract_of(application_id(1)))
    so_far = 17
    repayments = [
        example(RepaymentReceived, loan_id=loan, repayment_id=f"repayment-{number}", amount=ex.cny("1.00"))
        for number in range(events - so_far)
    ]
    await audit.publish(f"loan-{loan}", *repayments)
    await audit.settle()
    return loan


async def fill_up(dsn: str, events: int) -> None:
    """So many further events of the ledger, archived and placed; the read models are told that they have them. The
    service must not run meanwhile."""
    pool = await asyncpg.connect(dsn)
    try:
        await _fill(pool, events)
    finally:
        await pool.close()


async def _fill(pool: Any, events: int) -> None:
    last = await pool.fetchval("select coalesce(max(sequence), 0) from log_leaf where service = 'ledger'")
    place = await pool.fetchval("select last_seq from es.sequencer")
    pending = rows(events)
    streams: dict[int, tuple[str, int]] = {}
    while part := [row for _, row in zip(range(BATCH), pending, strict=False)]:
        for no, version, stream_id, *_ in part:
            streams[no] = (stream_id, version)
        await _copy(pool, "event", ("stream_no", "version", "event_id", "type", "data", "metadata", "leaf_hash"), [
            (FIRST_STREAM + no, version, UUID(int=event.int), TYPE, data, meta, leaf)
            for no, version, _, event, data, meta, leaf in part
        ])  # fmt: skip
        await _copy(pool, "sequence", ("global_seq", "stream_no", "version"), [
            (place + nth, FIRST_STREAM + row[0], row[1]) for nth, row in enumerate(part, 1)
        ])  # fmt: skip
        await pool.copy_records_to_table(
            "log_leaf",
            columns=("service", "sequence", "stream_id", "version", "leaf_hash"),
            records=[("ledger", last + nth, row[2], row[1], row[6]) for nth, row in enumerate(part, 1)],
        )
        last, place = last + len(part), place + len(part)
    await _copy(
        pool, "stream", ("stream_no", "stream_id", "version"), [(FIRST_STREAM + no, *of) for no, of in streams.items()]
    )
    await pool.execute("update es.sequencer set last_seq = $1, snapshot = pg_current_snapshot()", place)
    await pool.execute(
        "update es.position set last_sequence = $1::bigint, next_offset = $1::bigint + 1 where topic = ''", place
    )
    await pool.execute("analyze")


async def _copy(pool: Any, table: str, columns: tuple[str, ...], records: list[tuple[Any, ...]]) -> None:
    await pool.copy_records_to_table(table, schema_name="es", columns=columns, records=records)
