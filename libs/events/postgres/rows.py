"""Writes a batch of row changes with one statement for each table, kind and set of columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import asyncpg.pool
import orjson
from sqlalchemy import JSON, Table
from sqlalchemy.dialects import postgresql

from libs.events.projection import Change
from libs.events.rows import Kind, RowChange, default_of, key_names, merge

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialect factories carry no types
PoolConnection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Any]"
ORDER = (Kind.REMOVE, Kind.PUT, Kind.PATCH, Kind.ADD)


async def write(connection: PoolConnection, changes: Sequence[Change], suffix: str = "") -> None:
    """Apply changes in order; `suffix` redirects them to tables of a rebuild."""
    groups: dict[tuple[Kind, Table, tuple[str, ...]], list[list[Any]]] = defaultdict(list)
    for row in merge(changes):
        for kind, values in _parts(row):
            names = tuple(sorted(values))
            keys = key_names(row.table)
            record = [row.key[name] for name in keys] + [_plain(row.table, name, values[name]) for name in names]
            groups[kind, row.table, names].append(record)
    for kind in ORDER:
        for (group_kind, table, names), records in groups.items():
            if group_kind is kind:
                records.sort(key=lambda record: str(record[: len(key_names(table))]))  # one lock order for everybody
                await connection.execute(statement(kind, table, names, suffix), *zip(*records, strict=True))


def _parts(row: RowChange) -> list[tuple[Kind, dict[str, Any]]]:
    """A patch with additions becomes two writes on different columns; everything else is one."""
    keys = set(key_names(row.table))
    values = {name: value for name, value in row.values.items() if name not in keys}
    if row.kind is Kind.ADD:
        return [(Kind.ADD, dict(row.amounts))]
    parts: list[tuple[Kind, dict[str, Any]]] = [(row.kind, values)] if values or row.kind is not Kind.PATCH else []
    if row.amounts:
        parts.append((Kind.ADD, dict(row.amounts)))
    return parts


def _plain(table: Table, name: str, value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(table.c[name].type, JSON) and value is not None else value


@lru_cache(maxsize=4096)
def statement(kind: Kind, table: Table, names: tuple[str, ...], suffix: str) -> str:
    """The statement that takes one array for each key column and each of `names`."""
    keys = key_names(table)
    columns = [*keys, *names]
    quoted = {name: f'"{name}"' for name in table.c.keys()}
    target = ".".join(f'"{part}"' for part in (table.schema, table.name + suffix) if part)
    types = [table.c[name].type.compile(dialect=DIALECT) for name in columns]
    arrays = ", ".join(f"${i}::{type_name}[]" for i, type_name in enumerate(types, 1))
    rows = f"unnest({arrays}) as given ({', '.join(quoted[name] for name in columns)})"
    same_key = " and ".join(f"target.{quoted[name]} = given.{quoted[name]}" for name in keys)
    if kind is Kind.REMOVE:
        return f"delete from {target} as target using {rows} where {same_key}"
    if kind is Kind.PATCH:
        settings = ", ".join(f"{quoted[name]} = given.{quoted[name]}" for name in names)
        return f"update {target} as target set {settings} from {rows} where {same_key}"
    conflict = ", ".join(quoted[name] for name in keys)
    if kind is Kind.PUT:
        settings = ", ".join(f"{quoted[name]} = excluded.{quoted[name]}" for name in names)
        listed = ", ".join(quoted[name] for name in columns)
        action = f"update set {settings}" if settings else "nothing"
        insert = f"insert into {target} as target ({listed}) select {listed} from {rows}"
        return f"{insert} on conflict ({conflict}) do {action}"
    others = [name for name in table.c.keys() if name not in columns and default_of(table, name) is not None]
    listed = ", ".join([*(quoted[name] for name in columns), *(quoted[name] for name in others)])
    given = ", ".join([*(quoted[name] for name in columns), *(_literal(default_of(table, name)) for name in others)])
    settings = ", ".join(f"{quoted[name]} = target.{quoted[name]} + excluded.{quoted[name]}" for name in names)
    insert = f"insert into {target} as target ({listed}) select {given} from {rows}"
    return f"{insert} on conflict ({conflict}) do update set {settings}"


def _literal(value: Any) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"a default of type {type(value).__name__} is not supported")
