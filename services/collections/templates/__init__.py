"""Message templates: versioned texts in both languages, with named places for what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from string import Formatter
from typing import Any, Final, Self

FORMAT: Final = "puhui.message-template/1"
LANGUAGES: Final = ("zh", "en")


class TemplateError(ValueError):
    """A template that cannot be used; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """One version of a text. `places` are the names that each language's text uses."""

    code: str
    version: int
    effective_from: date
    texts: Mapping[str, str]
    places: frozenset[str]

    @property
    def label(self) -> str:
        return f"{self.code} v{self.version}"

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        if document.get("format") != FORMAT:
            raise TemplateError(f"format {document.get('format')!r} is not {FORMAT}")
        texts, places = document["texts"], frozenset(document["places"])
        for language in LANGUAGES:
            used = {name for _, name, _, _ in Formatter().parse(texts[language]) if name is not None}
            if used != places:
                raise TemplateError(f"{document['code']}, {language}: places {sorted(used)}, not {sorted(places)}")
        return cls(
            document["code"],
            document["version"],
            date.fromisoformat(document["effective_from"]),
            texts,
            places,
        )

    def fill(self, **values: str) -> dict[str, str]:
        """The text in each language; raises `KeyError` for a place without a value."""
        return {language: self.texts[language].format_map(values) for language in LANGUAGES}
