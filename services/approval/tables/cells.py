"""A decision table laid out in cells: the finest pieces of the space of facts that its conditions tell apart.

Within one cell every row answers alike, so that looking at each cell once is looking at every possible application.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Final

CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "scored": ("true", "false"),
    "guarantee": ("UNSECURED", "SURETY", "MORTGAGE", "PLEDGE"),
}
"""Columns whose codes are known beforehand; grades are those that the table names, and every letter before the last."""
NUMBERS: Final = ("dti_bps", "amount_minor", "coverage_bps", "term_months")
CELLS_MAX: Final = 100_000
"""A table of three limits a column has some 2,000; looking at these takes a tenth of a second."""

Cell = tuple[str | int, ...]
"""One value a column, standing for all that the table treats alike."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a table, each with the values that stand for its pieces, and for each row which it admits."""

    columns: Sequence[str]
    pieces: Sequence[Sequence[str | int]]
    admitted: Sequence[Sequence[frozenset[str | int]]]
    asks: Sequence[Sequence[bool]]
    """Whether a row has a condition on a column."""

    @property
    def size(self) -> int:
        return prod(len(piece) for piece in self.pieces)

    def cells(self) -> Iterator[Cell]:
        return product(*self.pieces)

    def fitting(self) -> Iterator[int]:
        """For each cell in the order of `cells` the rows that fit, a bit a row; the lowest one decides."""
        masks = [
            [sum(1 << number for number, row in enumerate(self.admitted) if piece in row[place]) for piece in pieces]
            for place, pieces in enumerate(self.pieces)
        ]
        everyone = (1 << len(self.admitted)) - 1
        for of_columns in product(*masks):
            fitting = everyone
            for mask in of_columns:
                fitting &= mask
            yield fitting

    def told(self, cell: Cell) -> str:
        """A cell as somebody who edits the table reads it."""
        return ", ".join(f"{column} {value}" for column, value in zip(self.columns, cell, strict=True))


def layout_of(content: Mapping[str, Any]) -> Layout:
    """The layout of a table whose cells are of the forms that lint admits."""
    columns = [column["field"] for column in content["inputs"]]
    conditions = [[row.get(column["id"], "") for column in content["inputs"]] for row in content["rules"]]
    pieces: list[Sequence[str | int]] = [
        _numbers([row[place] for row in conditions])
        if column in NUMBERS
        else CODES.get(column) or _grades(", ".join(row[place] for row in conditions))
        for place, column in enumerate(columns)
    ]
    admitted = [
        [_admitted(cell, piece, column) for cell, piece, column in zip(row, pieces, columns, strict=True)]
        for row in conditions
    ]
    return Layout(columns, pieces, admitted, [[bool(cell) for cell in row] for row in conditions])


def _numbers(conditions: Sequence[str]) -> tuple[int, ...]:
    """The least number of each piece that the limits of a column cut the numbers from 0 into."""
    starts = {0}
    for condition in conditions:
        for low, high in _ranges(condition):
            starts |= {low} if high is None else {low, high + 1}
    return tuple(sorted(start for start in starts if start >= 0))


def _ranges(condition: str) -> Iterator[tuple[int, int | None]]:
    """The numbers a condition admits: first and last, the last None where there is no end."""
    limits = [int(number) for number in re.findall(r"[0-9]+", condition)]
    if not condition:
        return
    if condition.startswith("["):
        yield limits[0], limits[1]
    elif condition.startswith(">"):
        yield limits[0] + (not condition.startswith(">=")), None
    else:
        yield 0, limits[0] - (not condition.startswith("<="))


def _codes(condition: str) -> frozenset[str]:
    return frozenset(re.findall(r"'([^']*)'", condition))


def _grades(conditions: str) -> tuple[str, ...]:
    """Grades begin with A: a table that speaks of D and not of B has forgotten B."""
    named = _codes(conditions)
    last = ord(max((grade[0] for grade in named), default="A"))
    letters = {chr(letter) for letter in range(ord("A"), last + 1)}
    return tuple(sorted(named | {letter for letter in letters if not any(grade[0] == letter for grade in named)}))


def _admitted(condition: str, pieces: Sequence[str | int], column: str) -> frozenset[str | int]:
    if condition == "":
        return frozenset(pieces)
    if column in NUMBERS:
        ranges = list(_ranges(condition))
        return frozenset(
            piece
            for piece in pieces
            if any(low <= int(piece) and (high is None or int(piece) <= high) for low, high in ranges)
        )
    return frozenset([condition]) if column == "scored" else _codes(condition)
