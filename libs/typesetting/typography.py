"""Fonts and paragraph styles. A character that no font has is printed as its code point: nothing vanishes."""

from __future__ import annotations

import lzma
import threading
from collections.abc import Sequence
from functools import cache, lru_cache
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.platypus import Flowable, Paragraph, Table

from libs.typesetting.embedding import EmbeddedFont
from libs.typesetting.replay import Drawing, Recorded, RecordingText

FONTS: Final = Path(__file__).parent / "fonts"
COMMON: Final = "NotoSansSC"
BOLD: Final = "NotoSansSC-Bold"
RARE: Final = "NotoSansSC-Rare"

INK: Final = HexColor("#1b1f24")
QUIET: Final = HexColor("#5b6470")
RULE: Final = HexColor("#b9c0c8")
SHADE: Final = HexColor("#f1f3f5")

LETTERS: Final = "ab"
"""Stand for the lines of a text."""

rl_config.useA85 = 0  # text encoding of binary streams: a quarter more bytes, and time, for printers of the 1990s

WORKING: Final = threading.RLock()
"""ReportLab keeps its fonts and their subsets in module state: one document is made at a time."""


def font(name: str) -> EmbeddedFont:
    """A font, registered when it is first needed."""
    if name not in pdfmetrics._fonts:
        pdfmetrics.registerFont(EmbeddedFont(name, _file(name)))
    registered: EmbeddedFont = pdfmetrics.getFont(name)
    return registered


def _file(name: str) -> str | BytesIO:
    if name == RARE:
        return BytesIO(lzma.decompress((FONTS / "NotoSansSC-Regular-rare.ttf.xz").read_bytes()))
    return str(FONTS / ("NotoSansSC-Bold-templates.ttf" if name == BOLD else "NotoSansSC-Regular-common.ttf"))


@cache
def _has(name: str) -> frozenset[int]:
    return frozenset(font(name).face.charToGlyph)


@cache
def font_of(character: str, bold: bool = False) -> str:
    """The first font that has a character, bold ones first where asked; empty when none has."""
    code = ord(character)
    candidates = (BOLD, COMMON, RARE) if bold else (COMMON, RARE)
    return next((name for name in candidates if code in _has(name)), "")


def marked(text: str, *, bold: bool = False) -> str:
    """The text as paragraph markup, each run of characters in a font that has them."""
    runs = []
    usual = BOLD if bold else COMMON
    for name, characters in groupby(text, key=lambda character: font_of(character, bold)):
        run = "".join(characters)
        if not name:
            runs.append("".join(f"〔U+{ord(character):04X}〕" for character in run))
        elif name == usual:
            runs.append(escape(run))
        else:
            runs.append(f'<font name="{name}">{escape(run)}</font>')
    return "".join(runs)


def _style(name: str, size: float, leading: float, **more: object) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=COMMON, fontSize=size, leading=leading, textColor=INK, **more)


def _bold(name: str, size: float, leading: float, **more: object) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=BOLD, fontSize=size, leading=leading, textColor=INK, **more)


class Styles:
    """The few sizes that a document uses. Chinese breaks between characters, by the rules of its punctuation."""

    title = _bold("title", 20, 26, alignment=TA_CENTER, wordWrap="CJK")
    title_en = _style("title-en", 10, 14, alignment=TA_CENTER)
    line = _style("line", 8, 12, alignment=TA_CENTER, wordWrap="CJK")
    heading = _bold("heading", 11, 15, spaceBefore=9, spaceAfter=3, wordWrap="CJK")
    zh = _style("zh", 9, 13.5, wordWrap="CJK")
    zh_bold = _bold("zh-bold", 9, 13.5, wordWrap="CJK")
    en = _style("en", 7.2, 9.6, spaceAfter=4)
    cell = _style("cell", 8, 11, wordWrap="CJK")
    cell_bold = _bold("cell-bold", 8, 11, wordWrap="CJK")
    figure = _style("figure", 8, 11, alignment=TA_RIGHT)
    head = _bold("head", 8, 10, wordWrap="CJK")
    mono = _style("mono", 6.6, 9, wordWrap="CJK")


Styles.title_en.textColor = Styles.en.textColor = QUIET


class Block(Recorded, Paragraph):  # type: ignore[misc]  # ReportLab has no types
    """A paragraph."""

    def beginText(self, x: float, y: float) -> RecordingText:  # noqa: N802 - ReportLab's name
        return RecordingText(self.canv, x, y)


class Lines(Recorded, Flowable):  # type: ignore[misc]  # ReportLab has no types
    """Lines that nobody has to parse or break: they draw what a paragraph of as many letters draws, each with its text in
    its letter's place."""

    def __init__(self, lines: Sequence[str], style: ParagraphStyle, width: float) -> None:
        super().__init__()
        self._lines, self._needs, self.style = lines, width, style

    def _lay_out(self, _height: float) -> tuple[float, float]:
        assert self._stands_in >= self._needs, "they were promised this room"
        return self._stands_in, self.style.leading * len(self._lines)

    def _record(self, canvas: Any) -> Drawing:
        letters = _letters(len(self._lines), self.style)
        letters.wrapOn(canvas, self._stands_in, 0)
        letters.canv = canvas
        try:
            return letters.drawing(canvas).saying(dict(zip(LETTERS, self._lines, strict=False)))
        finally:
            del letters.canv


@cache
def _letters(lines: int, style: ParagraphStyle) -> Block:
    return Block("<br/>".join(LETTERS[:lines]), style)


class Frame(Recorded, Table):  # type: ignore[misc]  # ReportLab has no types
    """A box around paragraphs."""

    def __init__(self, parts: Sequence[Block], width: float, style: Sequence[tuple[Any, ...]]) -> None:
        super().__init__([[list(parts)]], colWidths=[width], style=style)


def paragraph(text: str, style: ParagraphStyle) -> Block:
    return Block(marked(text, bold=style.fontName == BOLD), style)


def lines(text: str, style: ParagraphStyle, width: float) -> Flowable:
    """Lines of text, none of them bold, where there is room for so much."""
    parts = text.split("\n")
    if len(parts) <= len(LETTERS) and all(_is_line(part, style, width) for part in parts):
        return Lines(parts, style, width)
    return broken(text, style)


def broken(text: str, style: ParagraphStyle) -> Block:
    """The same as a paragraph, broken wherever it stands."""
    return Block("<br/>".join(map(marked, text.split("\n"))), style)


def _is_line(text: str, style: ParagraphStyle, width: float) -> bool:
    """Whether it is one line of one font in which the parser would find nothing to do."""
    plain = escape(text) == text == " ".join(text.split()) and {*map(font_of, text)} == {style.fontName}
    return plain and pdfmetrics.stringWidth(text, style.fontName, style.fontSize) < width - 1


@cache
def standing(text: str, style: ParagraphStyle) -> Block:
    """A paragraph of a template's own text, which no value changes: parsed, broken and drawn once for all documents."""
    return paragraph(text, style)


@lru_cache(maxsize=1024)
def usual(text: str, style: ParagraphStyle) -> Block:
    """A paragraph that many documents have, for a while: the rates of a product, the dates of a day. Nothing personal:
    what is kept here is not forgotten with a person."""
    return paragraph(text, style)


def prepare() -> None:
    """Load the fonts that every document needs."""
    with WORKING:
        _has(COMMON)
        _has(BOLD)
