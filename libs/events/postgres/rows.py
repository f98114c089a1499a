"""Writes a batch of row changes with one statement for each table, kind and set of columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, TypeAlias

import asyncpg.pool
import orjson
from sqlalchemy import JSON, Table
from sqlalchemy.dialects import postgresql

from libs.events.projection import Change
from libs.events.rows import Kind, default_of, key_names, merge

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialect factories carry no types
PoolConnection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Any]"


async def write(connection: PoolConnection, changes: Sequence[Change], suffix: str = "") -> None:
    """Apply changes in order; `suffix` redirects them to tables of a rebuild."""
    groups: dict[tuple[Kind, Table, tuple[str, ...]], list[list[Any]]] = defaultdict(list)
    for row in merge(changes):
        for kind, values in row.steps():
            names = _names(row.table, tuple(values))
            groups[kind, row.table, names].append([*row.key, *[values[name] for name in names]])
    # Every batch touches kinds, tables and rows in the same order, so that two batches seldom lock crosswise.
    for kind, table, names in sorted(groups, key=lambda group: (group[0], group[1].name, group[2])):
        records = groups[kind, table, names]
        records.sort()  # by key: no two are of one row, so nothing behind it is compared
        documents = _documents(table)
        columns = [
            [_text(value) for value in column] if name in documents else column
            for name, column in zip([*key_names(table), *names], zip(*records, strict=True), strict=True)
        ]
        await connection.execute(statement(kind, table, names, suffix), *columns)


@lru_cache(maxsize=4096)
def _names(table: Table, given: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of these that are not of the key, in an order that does not depend on who gave them."""
    return tuple(sorted(set(given) - set(key_names(table))))


@cache
def _documents(table: Table) -> frozenset[str]:
    """The columns of JSON, which the driver takes as text."""
    return frozenset(name for name in table.c.keys() if isinstance(table.c[name].type, JSON))


def _text(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


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
    if kind is Kind.PATCH or kind is Kind.AMEND:
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
    listed = ", ".join(quoted[name] for name in [*columns, *others])
    values = ", ".join([*(quoted[name] for name in columns), *(_literal(default_of(table, name)) for name in others)])
    settings = ", ".join(
        f"{quoted[name]} = coalesce(target.{quoted[name]}, 0) + excluded.{quoted[name]}" for name in names
    )
    action = f"update set {settings}" if settings else "nothing"
    insert = f"insert into {target} as target ({listed}) select {values} from {rows}"
    return f"{insert} on conflict ({conflict}) do {action}"


def _literal(value: Any) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"a default of type {type(value).__name__} is not supported")
