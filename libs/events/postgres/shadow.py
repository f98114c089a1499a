"""Tables beside the live ones: made like them, compared with them, put in their place."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import orjson
from sqlalchemy import JSON, Table
from sqlalchemy.dialects.postgresql import JSONB

from libs.events.postgres.rows import PoolConnection
from libs.events.rows import key_names

NAME_BYTES_MAX: Final = 63
"""PostgreSQL cuts longer names off, and a cut name may be another table's."""

LOCK_TIMEOUT_MS: Final = 200
"""Well below the second after which PostgreSQL looks for deadlocks."""
LOCK_ATTEMPTS: Final = 100
LOCK_PAUSE_S: Final = 0.1
"""For readers that were kept waiting."""

INDEXES: Final = """
    select c.relname, regexp_replace(pg_get_indexdef(i.indexrelid), ' INDEX \\S+ ON \\S+', '') as form
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = $1::text::regclass order by form, relname"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not the same in both; None where it is missing."""

    table: str
    key: Mapping[str, Any]
    live: Mapping[str, Any] | None
    rebuilt: Mapping[str, Any] | None


def name_of(table: Table, suffix: str = "") -> str:
    """The quoted name of a table with a suffix."""
    name = table.name + suffix
    if len(name.encode()) > NAME_BYTES_MAX:
        raise ValueError(f"{name} is too long for a table's name")
    return ".".join(_quoted(part) for part in (table.schema, name) if part)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def create(connection: PoolConnection, tables: Sequence[Table], suffix: str) -> None:
    for table in tables:
        shadow = name_of(table, suffix)
        await connection.execute(f"create table if not exists {shadow} (like {name_of(table)} including all)")


async def drop(connection: PoolConnection, tables: Sequence[Table], suffix: str) -> None:
    for table in tables:
        await connection.execute(f"drop table if exists {name_of(table, suffix)}")


async def count(connection: PoolConnection, tables: Sequence[Table], suffix: str) -> int:
    return sum([await connection.fetchval(f"select count(*) from {name_of(table, suffix)}") for table in tables])


async def differences(
    connection: PoolConnection, table: Table, suffix: str, limit: int
) -> tuple[int, list[Difference]]:
    """How many rows differ, and the first of them by key."""
    live, rebuilt = name_of(table), name_of(table, suffix)
    await connection.execute("set local enable_seqscan = on")  # all rows are wanted
    columns = ", ".join(_comparable(table, name) for name in table.c.keys())
    names = key_names(table)
    keys = ", ".join(_quoted(name) for name in names)
    rows = await connection.fetch(
        f"""
        with different as (
            select {keys}, count(*) over () as total from (
                (select {columns} from {live} except select {columns} from {rebuilt})
                union all
                (select {columns} from {rebuilt} except select {columns} from {live})
            ) as either group by {keys} order by {keys} limit $1)
        select total, to_jsonb(l)::text, to_jsonb(r)::text
        from different left join {live} l using ({keys}) left join {rebuilt} r using ({keys}) order by {keys}""",
        limit,
    )
    found = [_difference(table, names, row) for row in rows]
    return (rows[0][0] if rows else 0), found


def _comparable(table: Table, name: str) -> str:
    """A column as it can be compared: the type json knows no equality."""
    kind = table.c[name].type
    plain_json = isinstance(kind, JSON) and not isinstance(kind, JSONB)
    return f"{_quoted(name)}::jsonb as {_quoted(name)}" if plain_json else _quoted(name)


def _difference(table: Table, names: Sequence[str], row: asyncpg.Record) -> Difference:
    live, rebuilt = (orjson.loads(text) if text else None for text in row[1:3])
    known = rebuilt if live is None else live
    assert known is not None, "a row that differs is on one side at least"
    return Difference(table.name, {name: known[name] for name in names}, live, rebuilt)


async def lock(connection: PoolConnection, tables: Sequence[Table]) -> None:
    """Keep everybody away from the live tables until the end of the transaction.

    All of them or none, and tried again: a reader that has one and wants another would wait for us as we for it, and
    the database would end one of the two, as a rule the reader. Raises `LockNotAvailableError` when it never succeeds.
    """
    names = ", ".join(name_of(table) for table in tables)
    for attempt in range(LOCK_ATTEMPTS):
        try:
            async with connection.transaction():
                await connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT_MS}ms'")
                await connection.execute(f"lock table {names} in access exclusive mode")
            return
        except asyncpg.LockNotAvailableError:
            if attempt == LOCK_ATTEMPTS - 1:
                raise
        await asyncio.sleep(LOCK_PAUSE_S)


async def switch(connection: PoolConnection, tables: Sequence[Table], suffix: str) -> None:
    """Put the tables with the suffix in the place of the live ones, under their names, and drop those."""
    for table in tables:
        live, rebuilt = name_of(table), name_of(table, suffix)
        old_indexes = await connection.fetch(INDEXES, live)
        new_indexes = await connection.fetch(INDEXES, rebuilt)
        assert [row["form"] for row in old_indexes] == [row["form"] for row in new_indexes], "made like the live one"
        await connection.execute(f"drop table {live}")
        await connection.execute(f"alter table {rebuilt} rename to {_quoted(table.name)}")
        for old, new in zip(old_indexes, new_indexes, strict=True):
            index = ".".join(_quoted(part) for part in (table.schema, new["relname"]) if part)
            await connection.execute(f"alter index {index} rename to {_quoted(old['relname'])}")
