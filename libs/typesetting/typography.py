"""Fonts and paragraph styles. A character that no font has is printed as its code point: nothing vanishes."""

from __future__ import annotations

import lzma
import re
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
from reportlab.lib.rl_accel import fp_str
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.pdfdoc import PDFTrueTypeFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, Table

from libs.typesetting.replay import Codes, Recorded, RecordingText

FONTS: Final = Path(__file__).parent / "fonts"
COMMON: Final = "NotoSansSC"
BOLD: Final = "NotoSansSC-Bold"
RARE: Final = "NotoSansSC-Rare"

INK: Final = HexColor("#1b1f24")
QUIET: Final = HexColor("#5b6470")
RULE: Final = HexColor("#b9c0c8")
SHADE: Final = HexColor("#f1f3f5")

BEYOND_PLANE_0: Final = re.compile(r"<([0-9A-F]{5,6})>")

rl_config.useA85 = 0  # text encoding of binary streams: a quarter more bytes, and time, for printers of the 1990s

WORKING: Final = threading.RLock()
"""ReportLab keeps its fonts and their subsets in module state: one document is made at a time."""


class EmbeddedFont(TTFont):  # type: ignore[misc]  # ReportLab has no types
    """A font whose text can be copied from the document, characters beyond the Basic Multilingual Plane included.

    ReportLab writes their code points into the map from glyphs to text, where UTF-16 is due (ISO 32000-1, 9.10.3).
    """

    def codes_in(self, doc: Any) -> Codes:
        """Subset and escaped code of the characters that were shown in a document."""
        codes: Codes = vars(self._assignState(doc)).setdefault("codes", {})
        return codes

    def addObjects(self, doc: Any) -> None:  # noqa: N802 - ReportLab's name
        super().addObjects(doc)
        for name, made in doc.idToObject.items():
            if name.startswith("toUnicodeCMap:"):
                made.content = BEYOND_PLANE_0.sub(_as_utf16, made.content)
        for pdf_font in doc.idToObject["BasicFonts"].dict.values():
            if isinstance(pdf_font, PDFTrueTypeFont):
                pdf_font.Widths.sequence = [_number(width) for width in pdf_font.Widths.sequence]


@cache
def _number(width: float | bytes) -> bytes:
    """A width as ReportLab writes it: a font has few different ones, and a document four times 256 of them."""
    return width if isinstance(width, bytes) else fp_str(width).encode()


def _as_utf16(match: re.Match[str]) -> str:
    return f"<{chr(int(match[1], 16)).encode('utf-16-be').hex().upper()}>"


def font(name: str) -> TTFont:
    """A font, registered when it is first needed."""
    if name not in pdfmetrics._fonts:
        pdfmetrics.registerFont(EmbeddedFont(name, _file(name)))
    return pdfmetrics.getFont(name)


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


class Frame(Recorded, Table):  # type: ignore[misc]  # ReportLab has no types
    """A box around paragraphs."""

    def __init__(self, parts: Sequence[Block], width: float, style: Sequence[tuple[Any, ...]]) -> None:
        super().__init__([[list(parts)]], colWidths=[width], style=style)


def paragraph(text: str, style: ParagraphStyle) -> Block:
    return Block(marked(text, bold=style.fontName == BOLD), style)


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
