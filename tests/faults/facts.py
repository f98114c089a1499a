"""What the stores hold, read from the databases themselves: every event of every service, and what the streams say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import orjson

from standalone.postgres import EmbeddedPostgres
from standalone.services import SERVICES

EVENTS: Final = """
    select s.stream_id, e.version, e.event_id::text, e.type, e.data, e.metadata, encode(e.leaf_hash, 'hex'), q.global_seq
    from es.event e join es.stream s on s.stream_no = e.stream_no
    left join es.sequence q on (q.stream_no, q.version) = (e.stream_no, e.version)
    order by q.global_seq"""
STREAMS: Final = "select stream_id, version from es.stream"


@dataclass(frozen=True, slots=True)
class Event:
    stream_id: str
    version: int
    event_id: str
    type: str
    data: Mapping[str, Any]
    metadata: Mapping[str, Any]
    leaf: str
    sequence: int | None

    @property
    def kind(self) -> str:
        """The type without service and version."""
        return self.type.split(".")[2]


@dataclass(frozen=True, slots=True)
class Facts:
    """One service's store."""

    service: str
    events: Sequence[Event]
    streams: Mapping[str, int]

    def of(self, *kinds: str) -> list[Event]:
        return [
            event for event in self.events if event.kind in kinds and event.type.startswith(f"puhui.{self.service}.")
        ]


async def facts(postgres: Mapping[str, EmbeddedPostgres]) -> dict[str, Facts]:
    """The facts of every service, each from the server that holds its database."""
    return {name: await _facts(name, postgres[name].dsn(name)) for name in SERVICES}


async def _facts(service: str, dsn: str) -> Facts:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(EVENTS)
        streams = {row[0]: row[1] for row in await connection.fetch(STREAMS)}
    finally:
        await connection.close()
    events = [Event(*row[:4], orjson.loads(row[4]), orjson.loads(row[5]), *row[6:]) for row in rows]
    return Facts(service, events, streams)
