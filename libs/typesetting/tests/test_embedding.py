"""Characters with standing codes: what is written of them is the same in every document, whatever else it shows."""

from __future__ import annotations

from datetime import date
from functools import cache
from io import BytesIO
from struct import unpack_from
from typing import Any

import pytest
from pypdf import PdfReader

from libs.typesetting.embedding import Alphabet
from libs.typesetting.pages import pages
from libs.typesetting.typography import BOLD, COMMON, Styles, font, paragraph, prepare, standing

MANY = 600
"""More characters than fit into two subsets."""
FACTS: dict[str, Any] = {"title": "t", "author": "a", "subject": "s", "footer": "", "label": ""}


@pytest.fixture(autouse=True, scope="module")
def fonts() -> None:
    prepare()


@cache
def alphabet() -> Alphabet:
    return Alphabet({font(COMMON): many(), font(BOLD): "借款"})


def many() -> str:
    """The first Chinese characters of the font."""
    codes = sorted(code for code in font(COMMON).face.charToGlyph if code >= 0x4E00)
    return "".join(map(chr, codes[:MANY]))


def document(name: str, standing_codes: Alphabet | None) -> PdfReader:
    story = [paragraph(name, Styles.zh), standing(shown(), Styles.zh)]
    content = pages(story, **FACTS, made_on=date(2026, 2, 1), alphabet=standing_codes)
    return PdfReader(BytesIO(content), strict=True)


def shown() -> str:
    """Of every subset a few."""
    return many()[::20]


def embedded(reader: PdfReader) -> dict[str, tuple[bytes, bytes, Any]]:
    """Font file, map to text and widths of every subset, by the name that pages call it by."""
    return {
        name: (
            each["/FontDescriptor"]["/FontFile2"].get_data(),
            each["/ToUnicode"].get_data(),
            each["/Widths"],
        )
        for name, each in reader.pages[0]["/Resources"]["/Font"].items()
    }


def test_what_stands_is_the_same_whatever_else_is_shown() -> None:
    one, other = (embedded(document(name, alphabet())) for name in ("张强", "A 龙飞凤舞"))
    differing = {name for name in one if one[name] != other[name]}
    assert len(one) == 5
    assert differing == {"/F1+3"}, "a name has a subset of its own"
    assert len(embedded(document("ASCII", alphabet()))) == 4, "which is not there where nothing needs it"


def test_a_text_that_stands_is_written_the_same_behind_any_name() -> None:
    def written(name: str, codes: Alphabet | None) -> list[bytes]:
        content = document(name, codes).pages[0].get_contents()
        assert content is not None
        return [line for line in content.get_data().splitlines() if b" Tj" in line][1:]

    assert written("张强", alphabet()) == written("A 龙飞", alphabet())
    assert written("伍伎伏", None) != written("A 龙飞", None), "as it is without an alphabet"


def test_text_can_be_copied_from_standing_and_from_other_subsets() -> None:
    text = document("A 龘𬬩", alphabet()).pages[0].extract_text()
    assert "A 龘𬬩" in text
    assert shown() in "".join(text.split())


def test_a_subset_has_the_tables_that_a_reader_needs_and_no_name() -> None:
    for file, _, _ in embedded(document("张强", alphabet())).values():
        (tables,) = unpack_from(">H", file, 4)
        tags = {file[12 + 16 * table : 16 + 16 * table] for table in range(tables)}
        assert tags >= {b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp", b"cmap"}
        assert b"name" not in tags
