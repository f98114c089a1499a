"""What is drawn once and replayed gives the very bytes that ReportLab gives when it draws everything afresh."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pypdf import PdfReader
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Paragraph, Spacer, Table

from libs.typesetting.embedding import Alphabet
from libs.typesetting.pages import WIDTH, pages
from libs.typesetting.typography import (
    BOLD,
    COMMON,
    Frame,
    Lines,
    Styles,
    broken,
    font,
    lines,
    marked,
    paragraph,
    prepare,
    standing,
)

CLAUSE = "借款人应按还款计划足额还款（Article 3），年利率18%；逾期的，按日计收逾期利息。" * 4
BOX = [("BOX", (0, 0), (-1, -1), 0.8, "#000000")]
HEIGHT_LEFT = 20
Setting = Callable[[str, ParagraphStyle], Flowable]


@pytest.fixture(autouse=True, scope="module")
def fonts() -> None:
    prepare()


def document(story: list[Flowable], alphabet: Alphabet | None = None) -> bytes:
    facts: dict[str, Any] = {"title": "t", "author": "a", "subject": "s", "footer": "页脚", "label": "{number}/{pages}"}
    return pages(story, **facts, made_on=date(2026, 2, 1), alphabet=alphabet)


@cache
def clause_alphabet() -> Alphabet:
    """The characters of the clause, which the names' and the table's are not among."""
    return Alphabet({font(COMMON): "".join(dict.fromkeys(CLAUSE)), font(BOLD): "".join(dict.fromkeys(CLAUSE))})


def afresh(text: str, style: ParagraphStyle) -> Flowable:
    return Paragraph(marked(text, bold=style.fontName == BOLD), style)


def framed_afresh(parts: list[Flowable]) -> Flowable:
    return Table([[parts]], colWidths=[WIDTH], style=BOX)


def framed(parts: list[Any]) -> Flowable:
    return Frame(parts, WIDTH, BOX)


def story(name: str, shared: Setting, own: Setting, frame: Callable[[list[Any]], Flowable]) -> list[Flowable]:
    """Texts of every kind behind a name, which moves the codes of all characters after it."""
    cells = [[shared("金额 <Amount>", Styles.cell), shared("金额 <Amount>", Styles.figure), "12,000.00"]]
    return [
        own(name, Styles.line),
        *(shared(CLAUSE, style) for style in (Styles.zh, Styles.zh_bold, Styles.en, Styles.mono)),
        Table(cells, colWidths=[90, 200, 80]),
        Table(cells, colWidths=[60, 40, 80]),
        frame([shared(CLAUSE, Styles.zh_bold), own(f"{name}，\U000323af", Styles.zh)]),
        *(shared(CLAUSE * 5, Styles.zh) for _ in range(6)),
    ]


@pytest.mark.parametrize("with_alphabet", [False, True])
@pytest.mark.parametrize("name", ["张三", "买买提·吐尔逊", "龑𬭩", "Wang & <Li>"])
def test_a_replayed_document_is_the_one_that_is_drawn_afresh(name: str, with_alphabet: bool) -> None:
    alphabet = clause_alphabet() if with_alphabet else None
    replayed = document(story(name, standing, paragraph, framed), alphabet)
    assert replayed == document(story(name, afresh, afresh, framed_afresh), alphabet)
    assert len(PdfReader(BytesIO(replayed)).pages) == 3, "a paragraph is broken over pages"


def test_a_shared_paragraph_can_move_to_the_next_page_in_every_document() -> None:
    def moved() -> bytes:
        page = 736  # points between the margins
        return document([Spacer(0, page - HEIGHT_LEFT), standing("不能在此页，" * 80, Styles.title)])

    assert moved() == moved()


CELL = 100
"""The width of a narrow cell, in points."""
TEXTS = st.lists(st.text("aZ09 -&<>;·张三丰\u3000\u00a0龑\U000323af", max_size=30), min_size=1, max_size=3).map(
    "\n".join
)


@given(text=TEXTS)
@example(text="张三")
@example(text="张" * 14)
@example(text="张三\n6222020200012345678")
@example(text="一行容不下的名称有限责任公司有限责任公司")
def test_lines_are_those_of_a_paragraph(text: str) -> None:
    for style in (Styles.cell, Styles.mono):
        quick, slow = ([make(text, style)] for make in (in_a_cell, broken))
        assert document([Table([quick], colWidths=[CELL + 12])]) == document([Table([slow], colWidths=[CELL + 12])])


def in_a_cell(text: str, style: ParagraphStyle) -> Flowable:
    return lines(text, style, CELL)


def test_lines_are_not_parsed_where_they_fit() -> None:
    assert isinstance(lines("张三\n6222020200012345678", Styles.cell, CELL), Lines)
    assert not isinstance(lines("张三" * 20, Styles.cell, CELL), Lines)
