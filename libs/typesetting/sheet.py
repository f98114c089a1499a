"""A plain sheet: a title, pairs of label and value, tables, paragraphs, a footer. For what is set once and is no
contract: statements, plans, receipts, certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer, Table, TableStyle

from libs.typesetting.pages import WIDTH, pages
from libs.typesetting.typography import COMMON, INK, RULE, SHADE, WORKING, Styles, paragraph, prepare

GRID: Final = [
    ("FONT", (0, 0), (-1, -1), COMMON, 8),
    ("TEXTCOLOR", (0, 0), (-1, -1), INK),
    ("GRID", (0, 0), (-1, -1), 0.4, RULE),
    ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
    ("TOPPADDING", (0, 0), (-1, -1), 2.5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Labels with their values."""

    rows: Sequence[tuple[str, str]]

    def flowable(self) -> Flowable:
        rows = [[paragraph(label, Styles.cell), paragraph(value, Styles.cell)] for label, value in self.rows]
        style = TableStyle([*GRID, ("BACKGROUND", (0, 0), (0, -1), SHADE)])
        return Table(rows, colWidths=[50 * mm, WIDTH - 50 * mm], style=style, spaceAfter=4 * mm)


@dataclass(frozen=True, slots=True)
class Grid:
    """A table with a heading; columns from `figures_from` on hold figures. Cells are plain: there may be hundreds."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures_from: int
    widths_mm: Sequence[float]

    def flowable(self) -> Flowable:
        head = [paragraph(text, Styles.head) for text in self.head]
        style = TableStyle(
            [*GRID, ("BACKGROUND", (0, 0), (-1, 0), SHADE), ("ALIGN", (self.figures_from, 1), (-1, -1), "RIGHT")]
        )
        widths = [width * mm for width in self.widths_mm]
        return Table([head, *map(list, self.rows)], colWidths=widths, style=style, repeatRows=1, spaceAfter=4 * mm)


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str

    def flowable(self) -> Flowable:
        return paragraph(self.text, Styles.zh)


def sheet_pdf(
    title: str, parts: Sequence[Pairs | Grid | Words], *, author: str, footer: str, label: str, made_on: date
) -> bytes:
    """The sheet as PDF: the same contents give the same bytes. One is set at a time."""
    with WORKING:
        prepare()
        story: list[Flowable] = [paragraph(title, Styles.title), Spacer(0, 5 * mm)]
        for part in parts:
            story += [part.flowable(), Spacer(0, 2 * mm)]
        return pages(story, title=title, author=author, subject=title, footer=footer, label=label, made_on=made_on)
