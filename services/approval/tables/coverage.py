"""What a decision table leaves open and what in it can never decide, over every possible application."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.approval.tables.cells import CELLS_MAX, Cell, Layout, layout_of

GAPS_TOLD: Final = 3
"""The first few show what is missing; a list of hundreds would hide it."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two rows that fit the same applications with different outcomes; the upper one decides."""

    upper: str
    upper_outcome: str
    lower: str
    lower_outcome: str
    cells: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every cell of a table looked at once. `decided` counts for each row the cells that it decides."""

    cells: int
    gaps: Sequence[str]
    gap_cells: int
    decided: Mapping[str, int]
    overlaps: Sequence[Overlap]
    too_large: bool = False

    def faults(self) -> Iterator[str]:
        """What must not be in a table that decides, a sentence each.

        An approval above a refusal that fits the same applications is one: the refusal was meant to stop somebody.
        """
        if self.too_large:
            yield f"the conditions cut applications into more than {CELLS_MAX} cells: use fewer different limits"
        for gap in self.gaps:
            yield f"no row fits {gap}: add a row for such applications (gaps in all: {self.gap_cells} cells)"
        for row, count in self.decided.items():
            if count == 0:
                yield f"{row} can never be reached: the rows above it fit all that it fits"
        for overlap in self.overlaps:
            if (overlap.upper_outcome, overlap.lower_outcome) == ("APPROVE", "DECLINE"):
                yield f"{overlap.upper} approves applications that {overlap.lower} declines: put the refusal above it"


def coverage_of(content: Mapping[str, Any]) -> Coverage:
    """The coverage of a table whose cells lint has found in order."""
    layout = layout_of(content)
    names = [f"row {number} ({row['out_rule'].strip(chr(39))})" for number, row in enumerate(content["rules"], 1)]
    if layout.size > CELLS_MAX:
        return Coverage(layout.size, (), 0, {}, (), too_large=True)
    outcomes = [row["out_outcome"].strip("'") for row in content["rules"]]
    decided = dict.fromkeys(names, 0)
    gaps: list[Cell] = []
    both: dict[tuple[int, int], int] = {}
    for cell, fitting in zip(layout.cells(), layout.fitting(), strict=True):
        if not fitting:
            gaps.append(cell)
            continue
        first, *others = _bits(fitting)
        decided[names[first]] += 1
        for other in others:
            if outcomes[other] != outcomes[first]:
                both[first, other] = both.get((first, other), 0) + 1
    overlaps = [
        Overlap(names[upper], outcomes[upper], names[lower], outcomes[lower], count)
        for (upper, lower), count in sorted(both.items())
    ]
    return Coverage(layout.size, _told(layout, gaps), len(gaps), decided, overlaps)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _told(layout: Layout, gaps: Sequence[Cell]) -> list[str]:
    return [layout.told(gap) for gap in gaps[:GAPS_TOLD]]
