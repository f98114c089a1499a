"""Merges the changes of a batch into one change a row, so that a batch is written with few statements."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import Table

from libs.events.projection import Change, Patch, Put, Remove

Row: TypeAlias = dict[str, Any]


class Kind(IntEnum):
    """What a statement does to rows, in the order in which a batch does it."""

    REMOVE = 1
    PUT = 2
    PATCH = 3
    ADD = 4
    AMEND = 5
    """A patch of a row that an addition may just have made."""


@dataclass(slots=True)
class RowChange:
    """What becomes of one row.

    Either `row` says what it is afterwards (None: gone). Or it is changed in three steps: `before` is set if the row
    is there, then `amounts` are added, which makes it when it is not there (no step when None), then `after` is set.
    Any series of changes has this form: what follows the first addition finds a row in any case.
    """

    table: Table
    key: Mapping[str, Any]
    replaced: bool = False
    row: Row | None = None
    before: Row = field(default_factory=dict)
    amounts: dict[str, int] | None = None
    after: Row = field(default_factory=dict)

    def steps(self) -> Iterator[tuple[Kind, Row]]:
        """The statements' kinds with the columns that each sets or adds to, in order."""
        if self.replaced:
            yield (Kind.REMOVE, {}) if self.row is None else (Kind.PUT, self.row)
            return
        if self.before:
            yield Kind.PATCH, self.before
        if self.amounts is not None:
            yield Kind.ADD, dict(self.amounts)
        if self.after:
            yield Kind.AMEND, self.after


@cache
def default_of(table: Table, column: str) -> Any:
    """The value of a column that nobody has set: its scalar default, or null."""
    default = table.c[column].default
    if default is None:
        return None
    if not default.is_scalar:
        raise TypeError(f"{table.name}.{column}: only a plain value can be the default of a read model's column")
    return default.arg  # type: ignore[attr-defined]  # scalar defaults have one, which SQLAlchemy's base type hides


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is asked of a table for every row: its columns' names, those of the key, and what they are unless set."""

    names: frozenset[str]
    keys: tuple[str, ...]
    defaults: Mapping[str, Any]


@cache
def _shape(table: Table) -> _Shape:
    names = table.c.keys()
    keys = tuple(column.name for column in table.primary_key.columns)
    return _Shape(frozenset(names), keys, {name: default_of(table, name) for name in names})


def whole_row(table: Table, row: Mapping[str, Any]) -> Row:
    """All columns of a row: as given, else their defaults. Raises `KeyError` for a column that does not exist."""
    _refuse_unknown(table, row)
    return {**_shape(table).defaults, **row}


def key_names(table: Table) -> tuple[str, ...]:
    return _shape(table).keys


def merge(changes: Iterable[Change]) -> list[RowChange]:
    """One change a row, equivalent to all of them in order; rows in the order of their first change."""
    rows: dict[tuple[Hashable, ...], RowChange] = {}
    for change in changes:
        table = change.table
        given = change.row if isinstance(change, Put) else change.key
        names = key_names(table)
        place = (table.name, *[given[name] for name in names])
        row = rows.get(place)
        if row is None:
            row = rows[place] = RowChange(table, dict(zip(names, place[1:], strict=True)))
        if isinstance(change, Put):
            row.replaced, row.row = True, whole_row(table, change.row)
        elif isinstance(change, Remove):
            row.replaced, row.row = True, None
        elif isinstance(change, Patch):
            _patch(row, change.values)
        else:
            _add(row, change.amounts)
    return list(rows.values())


def _patch(row: RowChange, values: Mapping[str, Any]) -> None:
    _refuse_unknown(row.table, values)
    if not values.keys().isdisjoint(row.key):
        raise ValueError(f"{row.table.name}: a key is not patched; remove the row and put another one")
    if row.replaced:
        if row.row is not None:
            row.row.update(values)
    elif row.amounts is None:
        row.before.update(values)
    else:
        row.after.update(values)


def _add(row: RowChange, amounts: Mapping[str, int]) -> None:
    _refuse_unknown(row.table, amounts)
    defaults = _shape(row.table).defaults
    for name in amounts:
        if defaults[name]:
            raise ValueError(f"{row.table.name}.{name} begins at {defaults[name]}: additions begin at 0")
    if row.replaced:
        row.row = whole_row(row.table, row.key) if row.row is None else row.row
        grown = row.row
    else:
        row.amounts = row.amounts or {}
        grown = row.amounts
    for name, amount in amounts.items():
        target = row.after if name in row.after and not row.replaced else grown
        target[name] = (target.get(name) or 0) + amount


def _refuse_unknown(table: Table, values: Mapping[str, Any]) -> None:
    known = _shape(table).names
    for name in values:
        if name not in known:
            raise KeyError(f"{table.name} has no column {sorted(values.keys() - known)}")
