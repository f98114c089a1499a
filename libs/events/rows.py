"""Merges the changes of a batch into one change a row, so that a batch is written with few statements."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
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
    """What becomes of one row; `key` has the values of its primary key, in the order of `key_names`.

    Either `row` says what it is afterwards (None: gone). Or it is changed in three steps: `before` is set if the row
    is there, then `amounts` are added, which makes it when it is not there (no step when None), then `after` is set.
    Any series of changes has this form: what follows the first addition finds a row in any case.
    """

    table: Table
    key: tuple[Hashable, ...]
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

    table: str
    names: frozenset[str]
    keys: tuple[str, ...]
    defaults: Mapping[str, Any]

    def refuse_unknown(self, values: Mapping[str, Any]) -> None:
        if not values.keys() <= self.names:
            raise KeyError(f"{self.table} has no column {sorted(values.keys() - self.names)}")


@cache
def _shape(table: Table) -> _Shape:
    names = table.c.keys()
    keys = tuple(column.name for column in table.primary_key.columns)
    return _Shape(table.name, frozenset(names), keys, {name: default_of(table, name) for name in names})


def key_names(table: Table) -> tuple[str, ...]:
    return _shape(table).keys


def made_row(table: Table, key: Sequence[Hashable]) -> Row:
    """All columns of the row that an addition makes, before anything is added."""
    shape = _shape(table)
    return {**shape.defaults, **dict(zip(shape.keys, key, strict=True))}


def merge(changes: Iterable[Change]) -> list[RowChange]:
    """One change a row, equivalent to all of them in order; rows in the order of their first change."""
    rows: dict[tuple[str, tuple[Hashable, ...]], RowChange] = {}
    for change in changes:
        table = change.table
        shape = _shape(table)
        given = change.row if isinstance(change, Put) else change.key
        place = table.name, tuple([given[name] for name in shape.keys])
        row = rows.get(place)
        if row is None:
            row = rows[place] = RowChange(table, place[1])
        if isinstance(change, Put):
            shape.refuse_unknown(change.row)
            row.replaced, row.row = True, {**shape.defaults, **change.row}
        elif isinstance(change, Remove):
            row.replaced, row.row = True, None
        elif isinstance(change, Patch):
            _patch(row, shape, change.values)
        else:
            _add(row, shape, change.amounts)
    return list(rows.values())


def _patch(row: RowChange, shape: _Shape, values: Mapping[str, Any]) -> None:
    shape.refuse_unknown(values)
    if not values.keys().isdisjoint(shape.keys):
        raise ValueError(f"{row.table.name}: a key is not patched; remove the row and put another one")
    if row.replaced:
        if row.row is not None:
            row.row.update(values)
    elif row.amounts is None:
        row.before.update(values)
    else:
        row.after.update(values)


def _add(row: RowChange, shape: _Shape, amounts: Mapping[str, int]) -> None:
    shape.refuse_unknown(amounts)
    for name in amounts:
        if shape.defaults[name]:
            raise ValueError(f"{row.table.name}.{name} begins at {shape.defaults[name]}: additions begin at 0")
    if row.replaced:
        row.row = made_row(row.table, row.key) if row.row is None else row.row
        grown = row.row
    else:
        row.amounts = row.amounts or {}
        grown = row.amounts
    for name, amount in amounts.items():
        target = row.after if name in row.after and not row.replaced else grown
        target[name] = (target.get(name) or 0) + amount
