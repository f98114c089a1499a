"""Call scripts: what a collector says, step by step, in both languages, and what he never says (R4.12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from string import Formatter
from typing import Any, Final, Self

from libs.contracts.collections import ContactChannel, Stage
from services.collections.templates import LANGUAGES

FORMAT: Final = "puhui.call-script/1"
PLACES: Final = frozenset({"overdue", "currency", "days"})
"""What a script may name of a case: the amount past due, its currency, the days past due."""
TELLS_OF_DEBT: Final = ("欠", "贷", "逾期", "还款", "debt", "loan", "overdue", "owe", "repay", "arrears", "past due")
"""Words that would tell a third party of the debt."""

Texts = Mapping[str, str]


class ScriptError(ValueError):
    """A script that must not be used; the message says what is wrong."""


class Listener(StrEnum):
    """Who is on the line."""

    DEBTOR = "DEBTOR"
    THIRD_PARTY = "THIRD_PARTY"
    """Anybody else: he is asked to pass on a call, and told of no debt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScript:
    """One version. `steps` in their order, `never` what breaks the law or the company's rules."""

    code: str
    version: int
    effective_from: date
    listener: Listener
    stages: frozenset[Stage]
    channels: frozenset[ContactChannel]
    steps: Sequence[Texts]
    never: Sequence[Texts]
    source: str
    standing: str

    @property
    def label(self) -> str:
        return f"{self.code} v{self.version}"

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Raises `ScriptError` for a document that must not be used."""
        if document.get("format") != FORMAT:
            raise ScriptError(f"format {document.get('format')!r} is not {FORMAT}")
        try:
            script = cls(
                code=document["code"],
                version=document["version"],
                effective_from=date.fromisoformat(document["effective_from"]),
                listener=Listener(document["listener"]),
                stages=frozenset(map(Stage, document["stages"])),
                channels=frozenset(map(ContactChannel, document["channels"])),
                steps=document["steps"],
                never=document["never"],
                source=document["source"],
                standing=document["standing"],
            )
            faults = script._faults()
        except (KeyError, TypeError, ValueError) as error:
            raise ScriptError(f"not of the form of a script: {error!r}") from error
        if faults:
            raise ScriptError(f"{script.label}: {'; '.join(faults)}")
        return script

    def _faults(self) -> list[str]:
        faults = []
        texts = [text[language] for text in (*self.steps, *self.never) for language in LANGUAGES]
        if not all((self.steps, self.never, self.stages, self.channels, *texts)):
            faults.append("a script has stages, channels, steps and what is never said, in both languages")
        places = {name for text in texts for _, name, _, _ in Formatter().parse(text) if name is not None}
        if not places <= PLACES:
            faults.append(f"a script names {sorted(PLACES)}, not {sorted(places - PLACES)}")
        if self.listener is Listener.THIRD_PARTY:
            said = " ".join(text[language] for text in self.steps for language in LANGUAGES).lower()
            if told := [word for word in TELLS_OF_DEBT if word in said]:
                faults.append(f"a third party is not told of the debt: {', '.join(told)}")
            if places:
                faults.append("a third party is told nothing of the case")
        return faults

    def filled(self, **values: str) -> list[dict[str, str]]:
        """The steps with a case's values."""
        return [{language: step[language].format_map(values) for language in LANGUAGES} for step in self.steps]


def for_stage(scripts: Sequence[CallScript], stage: Stage, on: date) -> list[CallScript]:
    """The latest version in force of each script for a stage, those for the debtor first."""
    latest: dict[str, CallScript] = {}
    for script in sorted(scripts, key=lambda each: (each.effective_from, each.version)):
        if script.effective_from <= on:
            latest[script.code] = script
    found = [script for script in latest.values() if stage in script.stages]
    return sorted(found, key=lambda script: (script.listener is not Listener.DEBTOR, script.code))
