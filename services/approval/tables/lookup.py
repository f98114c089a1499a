"""The row of a table that decides, looked up: a few comparisons instead of an expression interpreter's quarter of a
millisecond. That it is the row which the engine takes is checked when a table is read, and over all cells by a test."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from services.approval.tables.cells import NUMBERS, Layout

Mask = int
"""Rows, a bit each, the first row the lowest bit."""


class Lookup:
    """For each column which rows admit a value; a code that the table does not know is admitted by rows that do not
    ask."""

    def __init__(self, layout: Layout) -> None:
        self._names = layout.columns
        self._columns = [_column(layout, place) for place in range(len(layout.columns))]
        self._everyone = (1 << len(layout.admitted)) - 1

    def row(self, facts: object) -> int | None:
        """The number of the first row that fits, from 0; None when none does."""
        return next(self.rows(facts), None)

    def rows(self, facts: object, whatever: Collection[str] = ()) -> Iterator[int]:
        """The numbers of all rows that fit, in their order, whatever the facts of some columns."""
        fitting = self._everyone
        for name, (value_of, mask_of) in zip(self._names, self._columns, strict=True):
            if name not in whatever:
                fitting &= mask_of(value_of(facts))
        while fitting:
            lowest = fitting & -fitting
            yield lowest.bit_length() - 1
            fitting ^= lowest


def _column(layout: Layout, place: int) -> tuple[Callable[[object], Any], Callable[[Any], Mask]]:
    name, pieces = layout.columns[place], layout.pieces[place]
    masks = [sum(1 << number for number, row in enumerate(layout.admitted) if piece in row[place]) for piece in pieces]
    if name in NUMBERS:
        return attrgetter(name), _of_number([int(piece) for piece in pieces], masks)
    indifferent = sum(1 << number for number, asks in enumerate(layout.asks) if not asks[place])
    known: dict[str | bool, Mask] = {
        piece == "true" if name == "scored" else str(piece): mask for piece, mask in zip(pieces, masks, strict=True)
    }
    return attrgetter(name), _of_code(known, indifferent)


def _of_number(starts: Sequence[int], masks: Sequence[Mask]) -> Callable[[int], Mask]:
    def mask(value: int) -> Mask:
        assert value >= 0, f"a fact is never negative: {value}"
        return masks[bisect_right(starts, value) - 1]

    return mask


def _of_code(known: Mapping[str | bool, Mask], otherwise: Mask) -> Callable[[str | bool], Mask]:
    return lambda value: known.get(value, otherwise)
