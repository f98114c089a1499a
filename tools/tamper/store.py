"""A ledger's store with as many events as one likes, and the log that was kept of it: what is tampered with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.contracts.ledger import RepaymentReceived
from libs.events.canonical import canonical
from libs.events.clock import EPOCH, format_us
from libs.events.envelope import Actor, Metadata, leaf_bytes
from libs.events.merkle import leaf_hash
from libs.events.postgres import schema_sql
from libs.evidence.heads import AnchorFiles
from libs.evidence.log import Entry, Log
from libs.evidence.notes import COSIGNATURE, Signer

EACH: Final = 10
"""Events a stream."""
HEADS: Final = 10
"""Heads that were signed while the store grew."""
LOG: Final = Signer("puhui.example/ledger", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
WITNESS: Final = Signer("witness.example", Ed25519PrivateKey.from_private_bytes(b"w" * 32), COSIGNATURE)
TYPE: Final = RepaymentReceived.type_name
BEGAN_US: Final = (1_770_000_000 - int(EPOCH.timestamp())) * 1_000_000
_LOAN: Final = "LOAN-LOAN-LOAN"
_REPAYMENT: Final = "REPAYMENT-REPAYMENT"


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of the store's log outside it."""

    anchors: Path
    keys: list[str]
    first_head: str
    last_head: str


def _templates() -> tuple[bytes, bytes]:
    event = RepaymentReceived.model_validate(
        {**RepaymentReceived.example, "loan_id": _LOAN, "repayment_id": _REPAYMENT}
    )
    metadata = Metadata("TIME", Actor("finance-1", "finance_officer"), "CORRELATION", effective_date="2026-03-02")
    return canonical(event.payload()), metadata.to_bytes()


def rows(events: int) -> Iterator[tuple[int, int, str, UUID, bytes, bytes, bytes]]:
    """Stream number, version, stream, identifier, data, metadata and leaf hash of each event, by its place from 1."""
    data_template, metadata_template = _templates()
    streams = -(-events // EACH)
    for place in range(events):
        stream_no, version = place % streams + 1, place // streams + 1
        loan = f"{UUID(int=stream_no)}"
        event_id = UUID(int=(1 << 64) + place)
        data = data_template.replace(_LOAN.encode(), loan.encode()).replace(
            _REPAYMENT.encode(), b"repayment-%d" % place
        )
        metadata = metadata_template.replace(b"TIME", format_us(BEGAN_US + place * 1000).encode())
        metadata = metadata.replace(b"CORRELATION", str(event_id).encode())
        stream_id = f"loan-{loan}"
        leaf = leaf_hash(leaf_bytes(stream_id, version, event_id, TYPE, data, metadata))
        yield stream_no, version, stream_id, event_id, data, metadata, leaf


async def fill(dsn: str, events: int, on_progress: Callable[[int], None] = lambda _done: None) -> None:
    """Make the schema and so many events, all with their places."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(schema_sql())
        batch, total = 20_000, 0
        pending = rows(events)
        while part := [row for _, row in zip(range(batch), pending, strict=False)]:
            await connection.copy_records_to_table(
                "event",
                schema_name="es",
                columns=("stream_no", "version", "event_id", "type", "data", "metadata", "leaf_hash"),
                records=[
                    (no, version, event, TYPE, data, meta, leaf) for no, version, _, event, data, meta, leaf in part
                ],
            )
            await connection.copy_records_to_table(
                "sequence",
                schema_name="es",
                columns=("global_seq", "stream_no", "version"),
                records=[(total + nth, row[0], row[1]) for nth, row in enumerate(part, 1)],
            )
            total += len(part)
            on_progress(total)
        streams = -(-events // EACH)
        await connection.copy_records_to_table(
            "stream",
            schema_name="es",
            columns=("stream_no", "stream_id", "version"),
            records=[(no, f"loan-{UUID(int=no)}", (events - no) // streams + 1) for no in range(1, streams + 1)],
        )
        await connection.execute("update es.sequencer set last_seq = $1, snapshot = pg_current_snapshot()", events)
        await connection.execute("vacuum analyze es.event, es.sequence, es.stream")
    finally:
        await connection.close()


class _Nothing:
    """The log is told its entries; none are asked for."""

    def entries(self, begin: int, end: int) -> Iterable[Entry]:  # noqa: ARG002 - the contract's
        return ()

    def versions(self, size: int) -> Mapping[str, int]:  # noqa: ARG002 - the contract's
        return {}


def keep(directory: Path, events: int) -> Kept:
    """Grow the log of the store in `directory`, and anchor its heads."""
    anchors = AnchorFiles(directory / "anchors")
    log = Log.open("ledger", directory / "log", LOG, _Nothing(), anchors)
    entries = [Entry(stream_id, version, leaf) for _, version, stream_id, _, _, _, leaf in rows(events)]
    notes = []
    for number in range(1, HEADS + 1):
        size = events * number // HEADS
        log.extend(entries[log.size : size])
        head = log.sign(format_us(BEGAN_US + size * 1000))
        note = log.note + WITNESS.line(head.text, 1_770_000_000 + number)
        log.keep(note)
        anchors.anchor("ledger", size, note, log.leaves)
        notes.append(note)
    keys = [LOG.verifier.text, WITNESS.verifier.text]
    return Kept(directory / "anchors", keys, notes[0], notes[-1])


def rewritten_head(places: Mapping[int, bytes], events: int, directory: Path) -> str:
    """The head that whoever has the log's directory and key signs over a history in which these leaves are others."""
    log = Log.open("ledger", directory, LOG, _Nothing(), None)
    log.extend(Entry(row[2], row[1], places.get(place, row[6])) for place, row in enumerate(rows(events), 1))
    log.sign(format_us(BEGAN_US + events * 1000))
    return log.note


async def connect(dsn: str) -> Any:
    """A connection for whom no trigger holds: a superuser's, or the owner's."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("set session_replication_role = replica")
    return connection
