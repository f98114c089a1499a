"""What somebody with all rights on the database can do to events, triggers disabled: each attack in its statements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import orjson

from libs.events.canonical import canonical
from libs.events.envelope import leaf_bytes
from libs.events.merkle import leaf_hash

Attack: TypeAlias = Callable[[Any, int, int], Awaitable[None]]
"""Given a superuser's connection, the place that is meant, and the number of events."""

AT: Final = "(stream_no, version) = (select stream_no, version from es.sequence where global_seq = $1)"
READ: Final = """
    select s.stream_id, e.stream_no, e.version, e.event_id, e.type, e.data, e.metadata
    from es.sequence q join es.event e using (stream_no, version) join es.stream s using (stream_no)
    where q.global_seq >= $1 and q.global_seq <= $2 order by q.global_seq"""
WRITE: Final = """
    update es.event e set data = n.data, metadata = n.metadata, leaf_hash = n.hash
    from unnest($1::bigint[], $2::integer[], $3::bytea[], $4::bytea[], $5::bytea[])
        as n (stream_no, version, data, metadata, hash)
    where e.stream_no = n.stream_no and e.version = n.version"""


async def flip_a_bit_of_a_payload(database: Any, place: int, _events: int) -> None:
    await database.execute(f"update es.event set data = set_bit(data, 801, 1 - get_bit(data, 801)) where {AT}", place)


async def flip_a_bit_of_metadata(database: Any, place: int, _events: int) -> None:
    await database.execute(
        f"update es.event set metadata = set_bit(metadata, 121, 1 - get_bit(metadata, 121)) where {AT}", place
    )


async def change_a_time(database: Any, place: int, _events: int) -> None:
    await _edit(
        database, place, place, lambda data, metadata: (data, metadata | {"recorded_at": "2026-01-01T00:00:00.000000Z"})
    )


async def change_an_amount_and_its_hash(database: Any, place: int, _events: int) -> None:
    def less(data: Any, metadata: Any) -> tuple[Any, Any]:
        return data | {"amount": {"amount": "100.16", "currency": "CNY"}}, metadata

    await _edit(database, place, place, less)


async def delete_an_event(database: Any, place: int, _events: int) -> None:
    await database.execute(f"delete from es.event where {AT}", place)
    await database.execute("delete from es.sequence where global_seq = $1", place)


async def delete_an_event_and_close_the_gap(database: Any, place: int, events: int) -> None:
    await delete_an_event(database, place, events)
    await _shift(database, place + 1, -1)


async def insert_an_event(database: Any, place: int, _events: int) -> None:
    await _shift(database, place, 1)
    row = (await database.fetch(READ, place + 1, place + 1))[0]
    stream_no = await database.fetchval(
        "insert into es.stream (stream_no, stream_id, version) overriding system value"
        " select max(stream_no) + 1, 'loan-forged', 1 from es.stream returning stream_no"
    )
    leaf = leaf_hash(leaf_bytes("loan-forged", 1, row["event_id"], row["type"], row["data"], row["metadata"]))
    await database.execute(
        "insert into es.event (stream_no, version, event_id, type, data, metadata, leaf_hash) values ($1, 1, $2, $3, $4, $5, $6)",
        *(stream_no, row["event_id"], row["type"], row["data"], row["metadata"], leaf),
    )
    await database.execute("insert into es.sequence values ($1, $2, 1)", place, stream_no)


async def insert_an_event_beside_the_sequence(database: Any, place: int, _events: int) -> None:
    row = (await database.fetch(READ, place, place))[0]
    version = 1 + await database.fetchval("select max(version) from es.event where stream_no = $1", row["stream_no"])
    leaf = leaf_hash(leaf_bytes(row["stream_id"], version, row["event_id"], row["type"], row["data"], row["metadata"]))
    await database.execute(
        "insert into es.event (stream_no, version, xid, event_id, type, data, metadata, leaf_hash)"
        " values ($1, $2, '3', $3, $4, $5, $6, $7)",
        *(row["stream_no"], version, row["event_id"], row["type"], row["data"], row["metadata"], leaf),
    )


async def swap_two_events(database: Any, place: int, _events: int) -> None:
    one, other = await _taken(database, place), await _taken(database, place + 2)
    await database.execute("insert into es.sequence values ($1, $2, $3)", place, *other)
    await database.execute("insert into es.sequence values ($1, $2, $3)", place + 2, *one)


async def truncate_the_tail(database: Any, _place: int, events: int) -> None:
    first = events - min(1000, events // 10) + 1
    await database.execute(
        "delete from es.event e using es.sequence q where q.stream_no = e.stream_no and q.version = e.version and q.global_seq >= $1",
        first,
    )
    await database.execute("delete from es.sequence where global_seq >= $1", first)
    await database.execute("update es.sequencer set last_seq = $1", first - 1)


async def rewrite_a_suffix_with_its_hashes(database: Any, place: int, events: int) -> None:
    for begin in range(place, events + 1, 20_000):
        await _edit(
            database, begin, min(begin + 19_999, events), lambda data, metadata: (data | {"channel": "cash"}, metadata)
        )


async def _taken(database: Any, place: int) -> tuple[int, int]:
    row = await database.fetchrow("delete from es.sequence where global_seq = $1 returning stream_no, version", place)
    return row["stream_no"], row["version"]


async def _shift(database: Any, first: int, by: int) -> None:
    await database.execute(
        "update es.sequence set global_seq = -(global_seq + $2::bigint) where global_seq >= $1", first, by
    )
    await database.execute("update es.sequence set global_seq = -global_seq where global_seq < 0")


async def _edit(database: Any, first: int, last: int, change: Callable[[Any, Any], tuple[Any, Any]]) -> None:
    """Change events with all that goes with it: canonical bytes and the leaf hash anew."""
    numbers, versions, contents, metadata, hashes = [], [], [], [], []
    for row in await database.fetch(READ, first, last):
        data, meta = change(orjson.loads(row["data"]), orjson.loads(row["metadata"]))
        numbers.append(row["stream_no"])
        versions.append(row["version"])
        contents.append(canonical(data))
        metadata.append(canonical(meta))
        hashes.append(
            leaf_hash(
                leaf_bytes(row["stream_id"], row["version"], row["event_id"], row["type"], contents[-1], metadata[-1])
            )
        )
    await database.execute(WRITE, numbers, versions, contents, metadata, hashes)


ATTACKS: Final[tuple[tuple[str, Attack, str], ...]] = (
    ("a bit of a payload", flip_a_bit_of_a_payload, "changed"),
    ("a bit of metadata", flip_a_bit_of_metadata, "changed"),
    ("a time, its hash recomputed", change_a_time, "changed"),
    ("an amount, its hash recomputed", change_an_amount_and_its_hash, "changed"),
    ("an event deleted", delete_an_event, "deleted"),
    ("an event deleted, the gap closed", delete_an_event_and_close_the_gap, "deleted"),
    ("an event inserted", insert_an_event, "inserted"),
    ("an event put beside the sequence", insert_an_event_beside_the_sequence, "inserted"),
    ("two events swapped", swap_two_events, "moved"),
    ("the tail truncated", truncate_the_tail, "truncated"),
    ("a suffix rewritten, all hashes recomputed", rewrite_a_suffix_with_its_hashes, "rewritten"),
)
"""Name, attack, and the code under which it is to be found."""
