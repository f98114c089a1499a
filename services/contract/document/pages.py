"""Sets a contract as a PDF. The same contents give the same bytes, so that a document's hash can be checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from hashlib import sha256
from typing import Final

from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Flowable, KeepTogether, Spacer

from libs.contracts.contract import ContractAccepted, Signature
from libs.typesetting.embedding import Alphabet
from libs.typesetting.pages import WIDTH, pages
from libs.typesetting.typography import (
    COMMON,
    QUIET,
    WORKING,
    Block,
    Frame,
    Styles,
    paragraph,
    prepare,
    standing,
    usual,
)
from services.contract.document import tables
from services.contract.document.alphabet import alphabet_of
from services.contract.document.append import with_pages
from services.contract.document.template import Clause, Section
from services.contract.document.values import STANDING, Contents, conditions_of, values_of

PAGE_OF: Final = "第 {number} 页 共 {pages} 页    Page {number} of {pages}"
NUMERALS: Final = "零一二三四五六七八九十"
FRAME: Final = [
    ("FONT", (0, 0), (-1, -1), COMMON, 8),
    ("BOX", (0, 0), (-1, -1), 0.8, QUIET),
    ("TOPPADDING", (0, 0), (-1, -1), 3),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ("LEFTPADDING", (0, 0), (-1, -1), 6),
    ("RIGHTPADDING", (0, 0), (-1, -1), 6),
]
TABLES: Final[dict[str, Callable[[Contents], Flowable]]] = {
    "parties": tables.parties,
    "lenders": tables.lenders,
    "disclosure": tables.disclosure,
    "plan": tables.plan,
}


def contract_pdf(contents: Contents) -> bytes:
    """The contract as it is offered."""
    with WORKING:
        prepare()
        values = values_of(contents)
        return _built(contents, values, [*_opening(contents), *_sections(contents, values)])


def signed_pdf(
    contents: Contents, document: bytes, accepted: ContractAccepted, signatures: Sequence[Signature]
) -> bytes:
    """The document that was signed, byte for byte, with a page of signatures behind it."""
    template, values = contents.template, values_of(contents)
    with WORKING:
        prepare()
        title = f"{template.signature_page.zh}  {template.signature_page.en}"
        page = [
            standing(title, Styles.heading),
            *_text(Clause(template.signature_text).filled(values)),
            Spacer(0, 3 * mm),
            *tables.signatures(contents, sha256(document).hexdigest(), accepted, signatures),
        ]
        return with_pages(document, _built(contents, values, page, label=title), shares=contents.setting == STANDING)


def _opening(contents: Contents) -> list[Flowable]:
    template = contents.template
    return [
        standing(template.title.zh, Styles.title),
        standing(template.title.en, Styles.title_en),
        paragraph(f"{contents.number}    {contents.offered_on.isoformat()}", Styles.line),
        Spacer(0, 3 * mm),
        _standing_frame(Clause(template.notice, highlight=True)),
    ]


def _sections(contents: Contents, values: Mapping[str, str]) -> Iterator[Flowable]:
    held = conditions_of(contents.agreement)
    number = 0
    for section in contents.template.having(held):
        number += section.numbered
        numbered = enumerate(section.clauses, start=1)
        clauses = [_clause(clause.filled(values), f"{number}.{index}  ") for index, clause in numbered]
        heading = standing(_heading(section, number), Styles.heading)
        if section.table:
            yield CondPageBreak(45 * mm)
            yield from (heading, TABLES[section.table](contents), Spacer(0, 2 * mm))
            yield from (part for clause in clauses for part in clause)
        else:
            yield KeepTogether([heading, *clauses[0]])
            yield from (part for clause in clauses[1:] for part in clause)


def _heading(section: Section, number: int) -> str:
    ordinal = f"第{_numeral(number)}条  " if section.numbered else ""
    return f"{ordinal}{section.title.zh}  {section.title.en}"


def _numeral(number: int) -> str:
    """1 to 99 as Chinese count articles: 十二."""
    tens, ones = divmod(number, 10)
    words = ("" if tens == 1 else NUMERALS[tens]) + "十" if tens else ""
    return words + (NUMERALS[ones] if ones or not tens else "")


def _clause(clause: Clause, ordinal: str) -> list[Flowable]:
    if not clause.highlight:
        return _text(clause, ordinal)
    frame: Callable[[Clause, str], Frame] = (
        _frame if clause.is_personal else _usual_frame if clause.has_values else _standing_frame
    )
    return [frame(clause, ordinal), Spacer(0, 1.5 * mm)]


def _frame(clause: Clause, ordinal: str = "") -> Frame:
    return _framed(_text(clause, ordinal))


_usual_frame = lru_cache(maxsize=256)(_frame)
_standing_frame = cache(_frame)


def _text(clause: Clause, ordinal: str = "") -> list[Block]:
    style = Styles.zh_bold if clause.highlight else Styles.zh
    setting: Callable[[str, ParagraphStyle], Block] = (
        paragraph if clause.is_personal else usual if clause.has_values else standing
    )
    return [setting(ordinal + clause.text.zh, style), setting(clause.text.en, Styles.en)]


def _framed(parts: Sequence[Block]) -> Frame:
    return Frame(parts, WIDTH, FRAME)


def _built(contents: Contents, values: Mapping[str, str], story: list[Flowable], *, label: str = PAGE_OF) -> bytes:
    return pages(
        story,
        title=f"{contents.template.title.zh} {contents.number}",
        author=contents.lender.name.zh,
        subject=contents.template.name,
        footer=contents.template.footer.zh.format_map(values),
        label=label,
        made_on=contents.offered_on,
        keywords=contents.borrower.blind,
        alphabet=_alphabet(contents) if contents.setting == STANDING else None,
    )


def _alphabet(contents: Contents) -> Alphabet:
    return alphabet_of(contents.template, contents.lender, conditions_of(contents.agreement))
