"""For how long a person's data must be kept, and who may read them meanwhile: rules as data, each with its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Self

from libs.contracts.values import Named


class Standing(StrEnum):
    """What a person is or was to the lender."""

    CUSTOMER = "CUSTOMER"
    """There was a contract."""
    APPLICANT = "APPLICANT"
    """There never was one."""
    CONTACT = "CONTACT"
    """Speaks for a partner; no customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """A person's dealings with the lender: what still runs, and when the last of it ended."""

    standing: Standing
    running: tuple[str, ...] = ()
    ended_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of retention; `basis` is how far its source is confirmed (P primary text, S secondary, M memory)."""

    code: str
    applies_to: Standing
    keep_years: int
    text: Named
    source: str
    basis: str

    def until(self, relationship: Relationship, today: date) -> date:
        """The last day on which the data are kept; counted from today where nothing is known to have ended."""
        return years_after(relationship.ended_on or today, self.keep_years)

    def keeps(self, relationship: Relationship, today: date) -> bool:
        """Whether the data may not be erased yet."""
        return self.keep_years > 0 and today <= self.until(relationship, today)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """The rules in force from a date on."""

    version: int
    effective_from: date
    rules: Sequence[Rule]
    readers: tuple[str, ...]
    readers_source: str

    @property
    def label(self) -> str:
        return f"retention v{self.version}"

    def rule(self, standing: Standing) -> Rule:
        """The rule for such a person: of several the one that keeps longest."""
        return max((rule for rule in self.rules if rule.applies_to is standing), key=lambda rule: rule.keep_years)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Raises `ValueError` when a kind of person has no rule."""
        rules = [
            Rule(
                code=rule["code"],
                applies_to=Standing(rule["applies_to"]),
                keep_years=rule["keep_years"],
                text=Named(**rule["text"]),
                source=rule["source"],
                basis=rule["standing"],
            )
            for rule in document["rules"]
        ]
        if {rule.applies_to for rule in rules} != set(Standing):
            raise ValueError("every kind of person needs a rule of retention")
        readers = document["restricted_readers"]
        return cls(
            version=document["version"],
            effective_from=date.fromisoformat(document["effective_from"]),
            rules=rules,
            readers=tuple(readers["roles"]),
            readers_source=readers["source"],
        )


def years_after(day: date, years: int) -> date:
    """The same day so many years later; of 29 February the first of March in a common year."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
