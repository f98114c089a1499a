"""What a report is made of, the same for every form it takes: sections of words, pairs, tables and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Both:
    """A text in the two languages of the product."""

    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.zh} · {self.en}"


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph in each language."""

    text: Both


@dataclass(frozen=True, slots=True)
class Pairs:
    """Labels with their values."""

    caption: Both
    rows: Sequence[tuple[Both, str]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption and a heading; columns from `figures_from` on hold figures, the first names the row."""

    caption: Both
    head: Sequence[Both]
    rows: Sequence[Sequence[str]]
    figures_from: int = 1


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG, with what it shows in words. The table beside it holds the same figures."""

    svg: str
    caption: Both


Block = Words | Pairs | Table | Picture


@dataclass(frozen=True, slots=True)
class Section:
    title: Both
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Report:
    """`name` is the card's, `sha256` that of its bytes."""

    name: str
    title: Both
    sha256: str
    sections: Sequence[Section]
