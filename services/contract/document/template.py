"""Templates as data: what a document says, in both languages, with names where the agreement's values go."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

FORMAT: Final = "puhui.contract-template/1"
SIGNATURES: Final = "signatures"
"""The words of the page of signatures, which no section has."""
PERSONAL: Final = frozenset({"guarantee_description"})
"""The names of values that somebody wrote about the borrower. Those of the parties stand in a table, not in clauses."""


@lru_cache(maxsize=1024)
def _names(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


@dataclass(frozen=True, slots=True)
class Text:
    """One text in Chinese, which binds, and in English, which explains it."""

    zh: str
    en: str

    def filled(self, values: Mapping[str, str]) -> Text:
        """The text with its values; raises `KeyError` for a name that has none."""
        return Text(self.zh.format_map(values), self.en.format_map(values))

    def names(self) -> frozenset[str]:
        """The values that the text asks for."""
        return _names(self.zh) | _names(self.en)


@dataclass(frozen=True, slots=True)
class Clause:
    text: Text
    highlight: bool = False
    when: str = ""
    has_values: bool = False
    is_personal: bool = False

    def filled(self, values: Mapping[str, str]) -> Clause:
        """The clause with its values; `has_values` says whether it is the same in every document, `is_personal` whether
        it says something of the borrower."""
        names = self.text.names()
        personal = not names.isdisjoint(PERSONAL)
        return replace(self, text=self.text.filled(values), has_values=bool(names), is_personal=personal)


@dataclass(frozen=True, slots=True)
class Section:
    title: Text
    clauses: Sequence[Clause]
    table: str = ""
    when: str = ""
    numbered: bool = True


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template; `sha256` is that of its file."""

    template_id: str
    version: int
    effective_from: date
    sha256: str
    source: str
    title: Text
    notice: Text
    footer: Text
    sections: Sequence[Section]
    signature_page: Text
    signature_text: Text
    tables: Mapping[str, Mapping[str, Text]]
    words: Mapping[str, Mapping[str, Text]]

    def __hash__(self) -> int:
        return hash(self.sha256)

    @property
    def name(self) -> str:
        return f"{self.template_id}-v{self.version}"

    def word(self, kind: str, code: str) -> Text:
        """What a code is called; the code itself where the template has no word for it."""
        return self.words[kind].get(code) or Text(code, code)

    def having(self, held: Collection[str]) -> Iterator[Section]:
        """The sections, with the clauses, of a document for which these conditions hold."""
        for section in self.sections:
            if not section.when or section.when in held:
                clauses = tuple(clause for clause in section.clauses if not clause.when or clause.when in held)
                yield replace(section, clauses=clauses)

    def tables_having(self, held: Collection[str]) -> Sequence[str]:
        """The tables of such a document and of its page of signatures."""
        return [*(section.table for section in self.having(held) if section.table), SIGNATURES]

    def texts(self) -> Iterator[Text]:
        """Every text that takes values."""
        yield from (self.footer, self.signature_text)
        for section in self.sections:
            yield from (clause.text for clause in section.clauses)


def read_template(path: Path) -> Template:
    """A template from its file. Raises `ValueError` when it is not of the form."""
    content = path.read_bytes()
    data = tomllib.loads(content.decode("utf-8"))
    if data.get("format") != FORMAT:
        raise ValueError(f"{path} is not of the format {FORMAT}")
    try:
        return Template(
            template_id=data["id"],
            version=data["version"],
            effective_from=data["effective_from"],
            sha256=sha256(content).hexdigest(),
            source=content.decode("utf-8"),
            title=_text(data["title"]),
            notice=_text(data["notice"]),
            footer=_text(data["footer"]),
            sections=tuple(_section(section) for section in data["section"]),
            signature_page=_text(data["signature_page"]),
            signature_text=_text(data["signature_page"]["text"]),
            tables=_vocabulary(data["tables"]),
            words=_vocabulary(data["words"]),
        )
    except KeyError as error:
        raise ValueError(f"{path} lacks {error}") from None


def _section(data: Mapping[str, Any]) -> Section:
    clauses = (
        Clause(_text(clause), clause.get("highlight", False), clause.get("when", ""))
        for clause in data.get("clause", ())
    )
    table, when, numbered = data.get("table", ""), data.get("when", ""), data.get("numbered", True)
    return Section(_text(data), tuple(clauses), table, when, numbered)


def _text(data: Mapping[str, Any]) -> Text:
    return Text(data["zh"], data["en"])


def _vocabulary(data: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Text]]:
    return {kind: {code: _text(text) for code, text in words.items()} for kind, words in data.items()}
