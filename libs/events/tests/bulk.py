"""Many events at once, made by the server itself: the tables as millions of appends would have left them."""

from __future__ import annotations

from typing import Any, Final

from libs.events.tests.shop import ItemReceived

METADATA: Final = b'{"actor":{"subject":"bulk"},"correlation_id":"bulk","recorded_at":"2026-01-02T03:04:05.000006Z"}'
STREAMS: Final = """
    insert into es.stream (stream_id, version) select 'bulk-' || n, $3::int from generate_series($1::int, $2::int) n"""
EVENTS: Final = """
    insert into es.event (stream_no, version, event_id, type, data, metadata, leaf_hash)
    select s.stream_no, v, gen_random_uuid(), $4::text, convert_to('{"quantity":' || v || '}', 'UTF8'), $5::bytea,
        sha256(convert_to(s.stream_id || '/' || v, 'UTF8'))
    from generate_series(1, $3::int) v cross join es.stream s
    where s.stream_id like 'bulk-%' and s.stream_no > $6::bigint and $1::int <= $2::int
    order by v, s.stream_no"""


async def fill_in_bulk(connection: Any, first: int, last: int, each: int) -> None:
    """Streams bulk-`first` to bulk-`last` with `each` events, in turns, as a portfolio's loans get theirs; stamped.

    Leaf hashes are of the right size and mean nothing: nobody proves these events.
    """
    before = await connection.fetchval("select coalesce(max(stream_no), 0) from es.stream")
    await connection.execute(STREAMS, first, last, each)
    await connection.execute(EVENTS, first, last, each, ItemReceived.type_name, METADATA, before)
    await connection.execute("select es.stamp()")
