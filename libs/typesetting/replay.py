"""What a flowable draws, kept apart from the codes that its characters have in one document.

ReportLab numbers the characters of a font anew in every document, in the order in which they appear, so that a drawing
cannot be kept as it stands. Everything else of it can: places, sizes, colours, breaks. A drawing is recorded once and
replayed with the codes of each document, and comes out byte for byte as if it had been drawn afresh. Where an alphabet
gives all its characters standing codes, what was replayed once is kept too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias, cast
from weakref import WeakKeyDictionary

from reportlab.lib.rl_accel import fp_str
from reportlab.pdfbase.pdfmetrics import getFont
from reportlab.pdfgen.textobject import PDFTextObject
from reportlab.platypus import Flowable

from libs.typesetting.embedding import Alphabet, Codes, EmbeddedFont

PLACE: Final = re.compile("\0([0-9]+)\0")
"""Where a run of text stands in a recorded operator string."""
UNKNOWN: Final = "\0"
"""Not tried yet: no operators are like it."""
NO_SUBSET: Final = -1
SOME_SUBSET: Final = 0


class Run(NamedTuple):
    """Text to show in one font. `begins`: the font has just been chosen, and must be named again."""

    font: EmbeddedFont
    text: str
    size_and_leading: str
    begins: bool


Operators: TypeAlias = "tuple[str | Run, ...]"


@dataclass(frozen=True, eq=False)
class Drawing:
    """What was recorded, and which characters it shows in each font, in the order of their first appearance."""

    operators: tuple[Operators, ...]
    characters: dict[EmbeddedFont, str]
    standing: MutableMapping[Alphabet, str | None] = field(default_factory=WeakKeyDictionary)
    """Its operators with the codes of an alphabet; None where the alphabet lacks one of its characters."""

    def saying(self, texts: Mapping[str, str]) -> Drawing:
        """The same with other texts, for a drawing in one font."""
        (font,) = self.characters
        operators = (
            tuple(
                piece if isinstance(piece, str) else piece._replace(text=texts.get(piece.text, "")) for piece in pieces
            )
            for pieces in self.operators
        )
        return Drawing(tuple(operators), {font: "".join(dict.fromkeys("".join(texts.values())))})


class Recording(list[Any]):
    """Takes the place of a canvas's operators while something is recorded: strings, or operators recorded before."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Run] = []

    def drawing(self) -> Drawing:
        operators = tuple(self._split(each) if isinstance(each, str) else each for each in self)
        texts: dict[EmbeddedFont, str] = {}
        for run in (piece for pieces in operators for piece in pieces if isinstance(piece, Run)):
            texts[run.font] = texts.get(run.font, "") + run.text
        return Drawing(operators, {font: "".join(dict.fromkeys(text)) for font, text in texts.items()})

    def _split(self, operators: str) -> Operators:
        parts = PLACE.split(operators)
        return tuple(self.runs[int(part)] if odd % 2 else part for odd, part in enumerate(parts))


class RecordingText(PDFTextObject):  # type: ignore[misc]  # ReportLab has no types
    """A text object that notes which text it is to show, and leaves the place free."""

    _curSubset: int  # noqa: N815 - ReportLab's name

    def _formatText(self, text: str) -> str:  # noqa: N802 - ReportLab's name
        size_and_leading = f"{fp_str(self._fontsize)} Tf {fp_str(self._leading)} TL"
        begins = self._curSubset == NO_SUBSET
        runs = self._canvas._code.runs
        runs.append(Run(getFont(self._fontname), text, size_and_leading, begins))
        if text:
            self._curSubset = SOME_SUBSET
        return f"\0{len(runs) - 1}\0"


class Recorded(Flowable):  # type: ignore[misc]  # ReportLab has no types
    """A flowable that is measured and drawn once for each width that it stands in. Mixed in before the kind that it
    is."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._sizes: dict[float, tuple[float, float]] = {}
        self._drawings: dict[float, Drawing] = {}
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
        self.__dict__.pop("_postponed", None)  # set when it moved to the next page, which it may do in every document
        canvas = self.canv
        drawing = self.drawing(canvas)
        if isinstance(canvas._code, Recording):
            canvas._code.extend(drawing.operators)
        else:
            canvas._code.append(_operators(drawing, canvas.alphabet, canvas._doc))

    def drawOn(self, canvas: Any, x: float, y: float, _sW: float = 0) -> None:  # noqa: N802, N803 - ReportLab's names
        """As ReportLab does it, but without a copy of the canvas's state: what is drawn leaves it as it was."""
        x = self._hAlignAdjust(x, _sW)
        canvas._code += ("q", f"1 0 0 1 {fp_str(x, y)} cm")
        self._drawOn(canvas)
        canvas._code.append("Q")

    def drawing(self, canvas: Any) -> Drawing:
        if self._stands_in not in self._drawings:
            self._drawings[self._stands_in] = self._record(canvas)
        return self._drawings[self._stands_in]

    def _lay_out(self, height: float) -> tuple[float, float]:
        size: tuple[float, float] = super().wrap(self._stands_in, height)
        self._laid_out_in = self._stands_in
        return size

    def _record(self, canvas: Any) -> Drawing:
        before, canvas._code = canvas._code, Recording()
        try:
            if self._laid_out_in != self._stands_in:
                self._lay_out(0)
            super().draw()
            drawing: Drawing = canvas._code.drawing()
            return drawing
        finally:
            canvas._code = before


def _operators(drawing: Drawing, alphabet: Alphabet | None, document: Any) -> str:
    """What draws it in the document: kept with it where the codes of all its characters stand."""
    if alphabet is None:
        return replayed(drawing, document)
    operators = drawing.standing.get(alphabet, UNKNOWN)
    if operators == UNKNOWN:
        operators = replayed(drawing, document) if alphabet.has(drawing.characters) else None
        drawing.standing[alphabet] = operators
    return replayed(drawing, document) if operators is None else operators


def replayed(drawing: Drawing, document: Any) -> str:
    """Its operators, with the codes that the characters have, or get now, in the document."""
    subset, lines = NO_SUBSET, []
    codes_of = {font: font.codes_of(characters, document) for font, characters in drawing.characters.items()}
    for operators in drawing.operators:
        if len(operators) == 1:
            lines.append(cast("str", operators[0]))
            continue
        out: list[str] = []
        for piece in operators:
            if isinstance(piece, str):
                out.append(piece)
            else:
                subset = _show(piece, codes_of[piece.font], NO_SUBSET if piece.begins else subset, document, out)
        lines.append("".join(out))
    return "\n".join(lines)


def _show(run: Run, codes: Codes, subset: int, document: Any, out: list[str]) -> int:
    """Write the operators that show a run; the subset that they end with."""
    opened = False
    for of, code in map(codes.__getitem__, run.text):
        if of != subset:
            end = ") Tj " if opened else ""
            out.append(f"{end}{run.font.getSubsetInternalName(of, document)} {run.size_and_leading} (")
            subset, opened = of, True
        elif not opened:
            out.append("(")
            opened = True
        out.append(code)
    if opened:
        out.append(") Tj")
    return subset
