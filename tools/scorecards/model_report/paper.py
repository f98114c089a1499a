"""A report as PDF, by the sheets that every document of the platform is set with. A sheet holds no pictures: the figures
behind each stand in the table beside it, and the HTML file has the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final
from unicodedata import east_asian_width

from libs.typesetting.sheet import Grid, Words, sheet_pdf
from libs.typesetting.sheet import Pairs as SheetPairs
from tools.scorecards.model_report.blocks import Both, Pairs, Picture, Report, Section, Table
from tools.scorecards.model_report.blocks import Words as Paragraph

WIDTH_MM: Final = 174.0
LEAST_MM: Final = 11.0
LETTER_MM: Final = 1.65
"""About what a letter of a cell takes, and padding."""


def pdf_of(report: Report, made_on: date) -> bytes:
    """The same report gives the same bytes; dated as told, by no clock."""
    parts = [part for number, section in enumerate(report.sections, 1) for part in _section(number, section)]
    return sheet_pdf(
        f"{report.name} {report.title}",
        parts,
        author="Puhui",
        footer=f"{report.name} {report.sha256[:16]}",
        label="{number} / {pages}",
        made_on=made_on,
    )


def _section(number: int, section: Section) -> Iterator[Words | SheetPairs | Grid]:
    yield Words(f"{number} {section.title}")
    for block in section.blocks:
        match block:
            case Paragraph():
                yield Words(block.text.zh)
                yield Words(block.text.en)
            case Picture():
                yield Words(f"（{_told(block.caption)}: HTML）")
            case Pairs():
                yield Words(_told(block.caption))
                yield SheetPairs([(_told(label), value) for label, value in block.rows])
            case Table():
                yield Words(_told(block.caption))
                rows = [[cell.en for cell in block.head], *block.rows]
                yield Grid([cell.zh for cell in block.head], rows, block.figures_from, _widths(rows))


def _told(text: Both) -> str:
    return str(text) if text.en else text.zh


def _widths(rows: Sequence[Sequence[str]]) -> Sequence[float]:
    """Cells are not broken, so a column is as wide as its longest; what is left is shared out."""
    columns = list(zip(*rows, strict=True))
    needed = [max(LEAST_MM, LETTER_MM * max(map(_letters, column)) + 2) for column in columns]
    left = max(0.0, WIDTH_MM - sum(needed)) / len(needed)
    return [(each + left) * min(1.0, WIDTH_MM / sum(needed)) for each in needed]


def _letters(text: str) -> float:
    return sum(1.7 if east_asian_width(letter) in "WF" else 1 for letter in text)
