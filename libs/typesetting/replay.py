"""What a flowable draws, kept apart from the codes that its characters have in one document.

ReportLab numbers the characters of a font anew in every document, in the order in which they appear, so that a drawing
cannot be kept as it stands. Everything else of it can: places, sizes, colours, breaks. A drawing is recorded once and
replayed with the codes of each document, and comes out byte for byte as if it had been drawn afresh.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias
from weakref import ref

from reportlab.lib.rl_accel import escapePDF, fp_str
from reportlab.pdfbase.pdfmetrics import getFont
from reportlab.pdfgen.textobject import PDFTextObject
from reportlab.platypus import Flowable

PLACE: Final = re.compile("\0([0-9]+)\0")
"""Where a run of text stands in a recorded operator string."""
NO_SUBSET: Final = -1
SOME_SUBSET: Final = 0


class Run(NamedTuple):
    """Text to show in one font. `begins`: the font has just been chosen, and must be named again."""

    font: Any
    codes: tuple[int, ...]
    size_and_leading: str
    begins: bool


Operators: TypeAlias = "tuple[str | Run, ...]"


class Recording(list[Any]):
    """Takes the place of a canvas's operators while something is recorded: strings, or operators recorded before."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Run] = []

    def operators(self) -> tuple[Operators, ...]:
        return tuple(self._split(each) if isinstance(each, str) else each for each in self)

    def _split(self, operators: str) -> Operators:
        parts = PLACE.split(operators)
        return tuple(self.runs[int(part)] if odd % 2 else part for odd, part in enumerate(parts))


class RecordingText(PDFTextObject):  # type: ignore[misc]  # ReportLab has no types
    """A text object that notes which text it is to show, and leaves the place free."""

    def _formatText(self, text: str) -> str:  # noqa: N802 - ReportLab's name
        size_and_leading = f"{fp_str(self._fontsize)} Tf {fp_str(self._leading)} TL"
        begins = self._curSubset == NO_SUBSET
        runs = self._canvas._code.runs
        runs.append(Run(getFont(self._fontname), tuple(map(ord, text)), size_and_leading, begins))
        if text:
            self._curSubset = SOME_SUBSET
        return f"\0{len(runs) - 1}\0"


class Recorded(Flowable):  # type: ignore[misc]  # ReportLab has no types
    """A flowable that is measured and drawn once for each width that it stands in. Mixed in before the kind that it
    is."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._sizes: dict[float, tuple[float, float]] = {}
        self._drawings: dict[float, tuple[Operators, ...]] = {}
        self._stands_in = self._laid_out_in = 0.0

    def wrap(self, availWidth: float, availHeight: float) -> tuple[float, float]:  # noqa: N803 - ReportLab's names
        self._stands_in = availWidth
        if availWidth not in self._sizes:
            self._sizes[availWidth] = self._lay_out(availHeight)
        return self._sizes[availWidth]

    def split(self, availWidth: float, availHeight: float) -> list[Flowable]:  # noqa: N803 - ReportLab's names
        self._stands_in = availWidth
        if self._laid_out_in != availWidth:
            self._lay_out(availHeight)
        parts: list[Flowable] = super().split(availWidth, availHeight)
        self._laid_out_in = 0.0  # a paragraph forgets its lines where it cannot be split
        return parts

    def draw(self) -> None:
        vars(self).pop("_postponed", None)  # set when it moved to the next page, which it may do in every document
        canvas = self.canv
        if self._stands_in not in self._drawings:
            self._drawings[self._stands_in] = self._record(canvas)
        drawing = self._drawings[self._stands_in]
        if isinstance(canvas._code, Recording):
            canvas._code.extend(drawing)
        else:
            replay(canvas, drawing)

    def _lay_out(self, height: float) -> tuple[float, float]:
        size: tuple[float, float] = super().wrap(self._stands_in, height)
        self._laid_out_in = self._stands_in
        return size

    def _record(self, canvas: Any) -> tuple[Operators, ...]:
        before, canvas._code = canvas._code, Recording()
        try:
            if self._laid_out_in != self._stands_in:
                self._lay_out(0)
            super().draw()
            operators: tuple[Operators, ...] = canvas._code.operators()
            return operators
        finally:
            canvas._code = before


def replay(canvas: Any, recorded: tuple[Operators, ...]) -> None:
    """Draw it, with the codes that the characters have, or get now, in the document of the canvas."""
    document, subset = canvas._doc, NO_SUBSET
    for operators in recorded:
        if len(operators) == 1:
            canvas._code.append(operators[0])
            continue
        out = []
        for piece in operators:
            if isinstance(piece, str):
                out.append(piece)
            else:
                shown, subset = _shown(piece, document, NO_SUBSET if piece.begins else subset)
                out.append(shown)
        canvas._code.append("".join(out))


def _shown(run: Run, document: Any, subset: int) -> tuple[str, int]:
    """The operators that show a run, and the subset that they end with."""
    codes: Mapping[int, tuple[int, str]] = run.font.codes_in(document)
    operators: list[str] = []
    text: list[str] = []
    for character in run.codes:
        of, code = codes[character]
        if of != subset:
            if text:
                operators.append(f"({''.join(text)}) Tj")
                text = []
            operators.append(f"{run.font.getSubsetInternalName(of, document)} {run.size_and_leading}")
            subset = of
        text.append(code)
    if text:
        operators.append(f"({''.join(text)}) Tj")
    return " ".join(operators), subset


class Codes(dict[int, tuple[int, str]]):
    """Subset and escaped code of every character that a font has shown in one document."""

    def __init__(self, font: Any, document: Any) -> None:
        super().__init__()
        self._font, self._document = font, ref(document)

    def __missing__(self, character: int) -> tuple[int, str]:
        ((subset, code),) = self._font.splitString(chr(character), self._document())
        self[character] = subset, escapePDF(code)
        return self[character]
