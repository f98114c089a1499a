"""How a font's characters get into a document: their codes, and the parts that are cut out of the font.

ReportLab numbers the characters of a font in the order in which a document shows them, 256 to a subset. Whatever depends
on codes then depends on everything that was shown before. Characters that are to have the same codes in many documents
stand in an `Alphabet`: a document that is begun with it has them in its first subsets, and whatever else it shows in
further ones. What is written for the first ones is the same each time, and is made once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cache
from itertools import chain
from typing import Any, Final, TypeAlias

from reportlab import rl_config
from reportlab.lib.rl_accel import escapePDF, fp_str
from reportlab.pdfbase.pdfdoc import (
    PDFArray,
    PDFDictionary,
    PDFDocument,
    PDFName,
    PDFObject,
    PDFStream,
    PDFTrueTypeFont,
    PDFZCompress,
)
from reportlab.pdfbase.ttfonts import FF_NONSYMBOLIC, FF_SYMBOLIC, SUBSETN, TTFont, makeToUnicodeCMap

BEYOND_PLANE_0: Final = re.compile(r"<([0-9A-F]{5,6})>")
SUBSET_SIZE: Final = 256
ASCII: Final = range(0x20, 0x7F)
ESCAPED: Final = tuple(escapePDF(bytes([code])) for code in range(SUBSET_SIZE))

NOT_NEEDED: Final = frozenset({"name"})
"""The tables of a font that no reader of a PDF asks for (ISO 32000-1, 9.9); ReportLab leaves this one in, a kilobyte of
every subset."""
GAP: Final = b"\0"
"""Where a reference stands in what is kept."""
Reference: TypeAlias = "PDFObject | bytes"
Codes: TypeAlias = dict[str, tuple[int, str]]
"""Subset and escaped code by character."""


class EmbeddedFont(TTFont):  # type: ignore[misc]  # ReportLab has no types
    """A font whose text can be copied from the document, characters beyond the Basic Multilingual Plane included."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._has_ascii = all(code in self.face.charToGlyph for code in ASCII)
        self.lean = copy(self.face)
        """The font without what a document does not need."""
        self.lean.table = {tag: place for tag, place in self.face.table.items() if tag not in NOT_NEEDED}
        self.lean.get_table = cache(self.lean.get_table)  # ReportLab copies all glyphs, megabytes, to take some of them

    def begin(self, document: Any, standing: Standing) -> None:
        """Give the document the standing codes. They come before any other character of the font."""
        assert document not in self.state, "nothing was shown before"
        state = self.state[document] = copy(standing.state)
        state.assignments, state.subsets = dict(state.assignments), list(state.subsets)
        state.codes, state.standing = dict(standing.codes), standing.subsets
        self.getSubsetInternalName(0, document)

    def codes_of(self, characters: str, document: Any) -> Codes:
        """The codes that the document has, those of `characters` among them; the ones that are new are given now."""
        codes: Codes = vars(self._assignState(document)).setdefault("codes", {})
        if any(character not in codes for character in characters):
            split = self.splitString(characters, document)
            given = ((subset, ESCAPED[code]) for subset, shown in split for code in shown)
            codes.update(zip(characters, given, strict=True))
        return codes

    def splitString(self, text: str, doc: Any, encoding: str = "utf-8") -> list[tuple[int, bytes]]:  # noqa: N802 - ReportLab's name
        """As ReportLab does it, which leaves the characters of ASCII their own codes: a figure needs no search."""
        if self._has_ascii and text.isascii() and text.isprintable():
            self._assignState(doc)
            return [(0, text.encode())] if text else []
        split: list[tuple[int, bytes]] = super().splitString(text, doc, encoding)
        return split

    def addObjects(self, doc: Any) -> None:  # noqa: N802 - ReportLab's name
        """As ReportLab does it, but what stands is not made anew."""
        state = self._assignState(doc)
        state.frozen = 1
        standing: Sequence[Subset] = vars(state).get("standing", ())
        face = self.lean if standing else self.face
        fonts = doc.idToObject["BasicFonts"].dict
        for number, characters in enumerate(state.subsets):
            name = self.getSubsetInternalName(number, doc)[1:]
            stands = number < len(standing)
            subset = standing[number] if stands else Subset(face, number, characters, compressed=doc.compression)
            fonts[name] = subset.added(doc, name)
        del self.state[doc]


class Subset:
    """Some of a font's characters, cut out of it, as the objects of a PDF."""

    def __init__(self, face: Any, number: int, characters: Sequence[int], *, compressed: bool) -> None:
        self.name = f"{SUBSETN(number).decode()}+{face.name.decode()}{face.subfontNameX.decode()}"
        self._face, self._characters = face, characters
        self._filters = [PDFZCompress] if compressed else None

    def added(self, document: Any, internal_name: str) -> PDFObject:
        """The font of this subset, with everything that it refers to added to the document."""
        to_text = document.Reference(self.to_text(), f"toUnicodeCMap:{self.name}")
        file = document.Reference(self.file(), f"fontFile:{self.name}")
        descriptor = document.Reference(self.descriptor(file), f"fontDescriptor:{self.name}")
        font = self.font(internal_name, to_text, descriptor)
        document.Reference(font, internal_name)
        return font

    def to_text(self) -> PDFObject:
        return PDFStream(
            None, BEYOND_PLANE_0.sub(_as_utf16, makeToUnicodeCMap(self.name, self._characters)), self._filters
        )

    def file(self) -> PDFObject:
        content = self._face.makeSubset(self._characters)
        return PDFStream(PDFDictionary({"Length1": len(content)}), content, self._filters)

    def descriptor(self, file: Reference) -> PDFObject:
        face = self._face
        return PDFDictionary(
            {
                "Type": "/FontDescriptor",
                "Ascent": face.ascent,
                "CapHeight": face.capHeight,
                "Descent": face.descent,
                "Flags": face.flags & ~FF_NONSYMBOLIC | FF_SYMBOLIC,
                "FontBBox": PDFArray(face.bbox),
                "FontName": PDFName(self.name),
                "ItalicAngle": face.italicAngle,
                "StemV": face.stemV,
                "FontFile2": file,
                "MissingWidth": face.defaultWidth,
            }
        )

    def font(self, internal_name: str, to_text: Reference, descriptor: Reference) -> PDFObject:
        font = PDFTrueTypeFont()
        font.Name, font.BaseFont = internal_name, self.name
        font.FirstChar, font.LastChar = 0, len(self._characters) - 1
        font.Widths = PDFArray([_number(self._face.getCharWidth(character)) for character in self._characters])
        font.ToUnicode, font.FontDescriptor = to_text, descriptor
        return font


class StandingSubset(Subset):
    """A subset that many documents have: it is cut, compressed and written once."""

    def __init__(self, font: EmbeddedFont, number: int, first: Any) -> None:
        """`first` is a document that has it."""
        super().__init__(font.lean, number, font.state[first].subsets[number], compressed=first.compression)
        internal_name = font.getSubsetInternalName(number, first)[1:]
        self._to_text, self._file = super().to_text().format(first), super().file().format(first)
        self._descriptor: Sequence[bytes] = super().descriptor(GAP).format(first).split(GAP)
        self._font: Sequence[bytes] = super().font(internal_name, GAP, GAP).format(first).split(GAP)

    def to_text(self) -> PDFObject:
        return Written([self._to_text])

    def file(self) -> PDFObject:
        return Written([self._file])

    def descriptor(self, file: Reference) -> PDFObject:
        return Written(self._descriptor, file)

    def font(self, _internal_name: str, to_text: Reference, descriptor: Reference) -> PDFObject:
        return Written(self._font, descriptor, to_text)  # the keys of a dictionary are sorted


class Written(PDFObject):  # type: ignore[misc]  # ReportLab has no types
    """An object as it stands in every file that has it, but for the numbers of what it refers to. ReportLab notes on an
    object which document it belongs to: each document has one of its own."""

    __RefOnly__ = 1

    def __init__(self, parts: Sequence[bytes], *references: PDFObject) -> None:
        self._parts, self._references = parts, references

    def format(self, document: Any) -> bytes:
        first, *others = self._parts
        numbers = [reference.format(document) for reference in self._references]
        return first + b"".join(chain.from_iterable(zip(numbers, others, strict=True)))


class Standing:
    """The standing codes of one font: those of ASCII, which ReportLab never changes, and its characters in this order
    from the first code on that a document gives."""

    def __init__(self, font: EmbeddedFont, characters: str, first: Any) -> None:
        self.codes = dict(font.codes_of("".join(map(chr, ASCII)) + characters, first))
        self.subsets = [StandingSubset(font, number, first) for number in range(len(font.state[first].subsets))]
        self.state = font.state.pop(first)
        self.state.internalName = None  # each document is told it, and that it has the font
        self.state.nextCode = len(self.subsets) * SUBSET_SIZE  # what comes later begins a subset


class Alphabet:
    """Characters that have standing codes, by their font. A document that is begun with it says nothing by that but which
    alphabet it was."""

    def __init__(self, characters: Mapping[EmbeddedFont, str]) -> None:
        first = PDFDocument(compression=rl_config.pageCompression)
        self._fonts = {font: Standing(font, shown, first) for font, shown in characters.items()}

    def begin(self, document: Any) -> None:
        """Give a document its codes, before it shows anything."""
        for font, standing in self._fonts.items():
            font.begin(document, standing)

    def has(self, characters: Mapping[EmbeddedFont, str]) -> bool:
        return all(
            font in self._fonts and self._fonts[font].codes.keys() >= set(shown) for font, shown in characters.items()
        )


@cache
def _number(width: float | bytes) -> bytes:
    """A width as ReportLab writes it: a font has few different ones, and a document four times 256 of them."""
    return width if isinstance(width, bytes) else fp_str(width).encode()


def _as_utf16(match: re.Match[str]) -> str:
    return f"<{chr(int(match[1], 16)).encode('utf-16-be').hex().upper()}>"
