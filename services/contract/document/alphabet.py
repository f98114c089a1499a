"""The characters of a contract that have standing codes: those of the clauses and tables that it has. What values bring,
names first of all, comes behind them and has its codes in one document alone.

The characters are a function of the template, the lender and the conditions that hold, and never change: a document that
was set with them is made again to be verified. Others for new documents would be another setting (`values.SETTINGS`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from libs.typesetting.embedding import Alphabet
from libs.typesetting.typography import BOLD, COMMON, font, font_of
from services.contract.document.parties import Lender
from services.contract.document.tables import BOLD_WORDS
from services.contract.document.template import Template

ALPHABETS: Final = 64
"""Kept at a time. Products differ in a few conditions: a platform has some ten combinations of them."""
NUMBERS: Final = "第条一二三四五六七八九十"
"""Of articles."""
USUAL: Final = "第页共¥—利息随每期还款收取"
"""The page's label, signs beside figures, and the item that every disclosure has."""


@lru_cache(maxsize=ALPHABETS)
def alphabet_of(template: Template, lender: Lender, held: frozenset[str]) -> Alphabet:
    """For documents of the template where these conditions hold."""
    bold = NUMBERS + "".join(_bold(template, held))
    common = USUAL + "".join(_common(template, held)) + "".join(_particulars(lender))
    return Alphabet({font(COMMON): _set_in(COMMON, common), font(BOLD): _set_in(BOLD, bold)})


def _set_in(name: str, text: str) -> str:
    """The characters of a text that are set in a font, each once."""
    return "".join(character for character in dict.fromkeys(text) if font_of(character, name == BOLD) == name)


def _bold(template: Template, held: frozenset[str]) -> Iterator[str]:
    yield from (template.title.zh, template.notice.zh)
    for section in template.having(held):
        yield from (section.title.zh, section.title.en)
        yield from (clause.text.zh for clause in section.clauses if clause.highlight)
    for table in template.tables_having(held):
        yield from (template.tables[table][word].zh for word in BOLD_WORDS[table])
    yield from (template.signature_page.zh, template.signature_page.en)


def _common(template: Template, held: frozenset[str]) -> Iterator[str]:
    yield from (template.title.en, template.notice.en, template.footer.zh)
    for section in template.having(held):
        yield from (clause.text.en for clause in section.clauses)
        yield from (clause.text.zh for clause in section.clauses if not clause.highlight)
    for table in template.tables_having(held):
        yield from (text.en for text in template.tables[table].values())
        yield from (text.zh for word, text in template.tables[table].items() if word not in BOLD_WORDS[table])
    yield from (template.signature_text.zh, template.signature_text.en)


def _particulars(lender: Lender) -> Iterator[str]:
    yield from (lender.name.zh, lender.name.en, lender.address.zh, lender.address.en)
