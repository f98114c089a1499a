"""A4 pages with a footer, made the same from the same contents: no clock goes into a document."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from typing import Any, Final

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, SimpleDocTemplate

from libs.typesetting.embedding import Alphabet
from libs.typesetting.typography import COMMON, QUIET, RULE

MARGIN: Final = 18 * mm
FRAME_PADDING: Final = 6
"""What ReportLab leaves free inside a frame, in points."""
WIDTH: Final = 174 * mm


def pages(
    story: list[Flowable],
    *,
    title: str,
    author: str,
    subject: str,
    footer: str,
    label: str,
    made_on: date,
    keywords: str = "",
    alphabet: Alphabet | None = None,
) -> bytes:
    """The story on pages. `label` numbers them: "{number}" of "{pages}". `alphabet` are the characters that have standing
    codes; without one they all get theirs as they are shown."""
    out = BytesIO()
    template = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN - FRAME_PADDING,
        rightMargin=MARGIN - FRAME_PADDING,
        topMargin=15 * mm,
        bottomMargin=18 * mm,
        title=title,
        author=author,
        subject=subject,
        keywords=keywords,
        creator="Puhui",
        lang="zh-CN",
        invariant=1,
    )

    def canvas(*arguments: Any, **options: Any) -> NumberedCanvas:
        return NumberedCanvas(*arguments, footer=footer, label=label, made_on=made_on, alphabet=alphabet, **options)

    template.build(story, canvasmaker=canvas)
    return out.getvalue()


class NumberedCanvas(Canvas):  # type: ignore[misc]  # ReportLab has no types
    """Pages with a footer that tells how many there are; dated by the business day, not by the clock."""

    def __init__(
        self, *arguments: Any, footer: str, label: str, made_on: date, alphabet: Alphabet | None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options | {"initialFontName": COMMON})
        self._footer, self._label, self.alphabet = footer, label, alphabet
        if alphabet is not None:
            alphabet.begin(self._doc)
        self._pages: list[dict[str, Any]] = []
        stamp = self._doc._timeStamp
        stamp.YMDhms = (made_on.year, made_on.month, made_on.day, 0, 0, 0)

    def showPage(self) -> None:  # noqa: N802 - ReportLab's name
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, page in enumerate(self._pages, start=1):
            self.__dict__.update(page)
            self._draw_footer(number, len(self._pages))
            super().showPage()
        super().save()

    def _draw_footer(self, number: int, pages: int) -> None:
        y, right = 11 * mm, A4[0] - MARGIN
        self.setStrokeColor(RULE)
        self.setLineWidth(0.4)
        self.line(MARGIN, y + 3.5 * mm, right, y + 3.5 * mm)
        self.setFillColor(QUIET)
        self.setFont(COMMON, 6.5)
        self.drawString(MARGIN, y, self._footer)
        self.drawRightString(right, y, self._label.format(number=number, pages=pages))
