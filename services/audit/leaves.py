"""The places of archived events in their services' sequences: what the logs are made of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

from libs.events.codec import Recorded
from libs.events.store import Session
from libs.evidence.log import Entry

METADATA: Final = MetaData()
LOG_LEAF: Final = Table(
    "log_leaf",
    METADATA,
    Column("service", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("stream_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    UniqueConstraint("stream_id", "version", name="log_leaf_event"),
)
"""One row an event: its service, its place there from 1, and its leaf hash as it was heard."""

COLUMNS: Final = ("service", "sequence", "stream_id", "version", "leaf_hash")
NEXT: Final = """
    select sequence, stream_id, version, leaf_hash from log_leaf
    where service = $1 and sequence > $2 and sequence <= $3 order by sequence"""
VERSIONS: Final = """
    select stream_id, max(version) from log_leaf where service = $1 and sequence <= $2 group by stream_id"""
# The audit's own events stand among those of the archive: they are numbered for themselves.
HEARD: Final = """
    select name, coalesce((select sequence from log_leaf where service = name order by sequence desc limit 1), 0)
    from unnest($1::text[]) as name"""
OWN: Final = """
    insert into log_leaf (service, sequence, stream_id, version, leaf_hash)
    select 'audit', (select coalesce(max(sequence), 0) from log_leaf where service = 'audit')
           + row_number() over (order by q.global_seq), s.stream_id, e.version, e.leaf_hash
    from es.sequence q join es.event e using (stream_no, version) join es.stream s using (stream_no)
    where q.global_seq > $1 and q.global_seq <= $2 and e.type like 'puhui.audit.%'"""
OWN_PLACE: Final = """
    select coalesce(max(q.global_seq), 0) from es.sequence q
    join es.stream s on s.stream_no = q.stream_no join log_leaf l on l.stream_id = s.stream_id and l.version = q.version
    where l.service = 'audit'"""
"""Up to where in the audit's sequence its own events were numbered: asked once, at the start."""


async def record(session: Session, batch: Sequence[Recorded[Any]]) -> None:
    """Keep where these events stand in their services' sequences, in the transaction that archives them."""
    records = [
        (
            recorded.source.rpartition("/")[2],
            recorded.stored.sequence,
            recorded.stream_id,
            recorded.version,
            recorded.stored.leaf_hash,
        )
        for recorded in batch
    ]
    await session.connection.copy_records_to_table("log_leaf", records=records, columns=COLUMNS)


class Leaves:
    """The entries of one service's log (`libs.evidence.log.Source`), read from a thread while the loop runs."""

    def __init__(self, pool: Any, service: str, loop: asyncio.AbstractEventLoop) -> None:
        self._pool, self._service, self._loop = pool, service, loop

    async def next(self, begin: int, end: int) -> list[Entry]:
        """The entries at places `begin` to `end`, as far as they follow without a gap."""
        rows = await self._pool.fetch(NEXT, self._service, begin, end)
        return list(_contiguous(rows, begin))

    def entries(self, begin: int, end: int) -> Iterable[Entry]:
        return asyncio.run_coroutine_threadsafe(self.next(begin, end), self._loop).result()

    def versions(self, size: int) -> Mapping[str, int]:
        fetch = self._pool.fetch(VERSIONS, self._service, size)
        return dict(asyncio.run_coroutine_threadsafe(_rows(fetch), self._loop).result())


async def _rows(fetch: Any) -> list[tuple[str, int]]:
    return [(row[0], row[1]) for row in await fetch]


def _contiguous(rows: Iterable[Any], begin: int) -> Iterator[Entry]:
    for place, row in enumerate(rows, begin + 1):
        if row[0] != place:
            return
        yield Entry(row[1], row[2], bytes(row[3]))
