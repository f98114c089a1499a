"""Merges the changes of a batch into one change a row, so that a batch is written with few statements."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Table

from libs.events.projection import Add, Change, Patch, Put, Remove


class Kind(StrEnum):
    PUT = "put"
    PATCH = "patch"
    ADD = "add"
    REMOVE = "remove"


@dataclass(slots=True)
class RowChange:
    """What becomes of one row: `values` are set, then `amounts` are added (never the same column in both)."""

    table: Table
    key: Mapping[str, Any]
    kind: Kind
    values: dict[str, Any] = field(default_factory=dict)
    amounts: dict[str, int] = field(default_factory=dict)


def default_of(table: Table, column: str) -> Any:
    """The value of a column that nobody has set: its scalar default, or null."""
    default = table.c[column].default
    return getattr(default, "arg", None)


def whole_row(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    unknown = row.keys() - table.c.keys()
    if unknown:
        raise KeyError(f"{table.name} has no column {sorted(unknown)}")
    return {name: row[name] if name in row else default_of(table, name) for name in table.c.keys()}


def key_names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key.columns)


def merge(changes: Iterable[Change]) -> list[RowChange]:
    """One change a row, equivalent to all of them in order; rows in the order of their first change."""
    rows: dict[tuple[str, tuple[Hashable, ...]], RowChange] = {}
    for change in changes:
        table = change.table
        given = change.row if isinstance(change, Put) else change.key
        key = {name: given[name] for name in key_names(table)}
        place = (table.name, tuple(key.values()))
        row = rows.get(place)
        if row is None:
            row = rows[place] = RowChange(table, key, Kind.ADD)
        _merge_into(row, change)
    return [row for row in rows.values() if row.kind is not Kind.ADD or row.amounts]


def _merge_into(row: RowChange, change: Change) -> None:
    if isinstance(change, Put):
        row.kind, row.values, row.amounts = Kind.PUT, whole_row(change.table, change.row), {}
    elif isinstance(change, Remove):
        row.kind, row.values, row.amounts = Kind.REMOVE, {}, {}
    elif isinstance(change, Patch):
        if row.kind is Kind.REMOVE:
            return
        if row.kind is Kind.ADD:
            if row.amounts:
                raise ValueError(f"{row.table.name}: a row made by Add is not patched in the same batch")
            row.kind = Kind.PATCH
        row.values.update(change.values)
        for name in change.values:
            row.amounts.pop(name, None)
    elif isinstance(change, Add):
        if row.kind is Kind.REMOVE:
            row.kind, row.values = Kind.PUT, whole_row(row.table, row.key)
        for name, amount in change.amounts.items():
            if name in row.values:
                row.values[name] = (row.values[name] or 0) + amount
            else:
                row.amounts[name] = row.amounts.get(name, 0) + amount
