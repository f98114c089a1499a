"""A dated document of rules, each with its source and how far that source is confirmed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Self, TypeVar

from libs.contracts.problems import Rejected


class PolicyError(ValueError):
    """A policy document that cannot be used; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it is written down. `standing`: P primary text, S secondary source, D draft, M to be confirmed."""

    name: str
    value: Any
    meaning: str
    source: str
    standing: str

    def as_json(self) -> dict[str, Any]:
        return {"rule": self.name, "source": self.source, "standing": self.standing}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One version of a document. A kind of document has a `format`, the fields that its rules are read as, and what
    would make them contradict one another."""

    format: ClassVar[str]
    about: ClassVar[str]
    """What its rules are called in a message."""
    name: str
    version: int
    effective_from: date
    rules: Mapping[str, Rule] = field(repr=False)

    @property
    def label(self) -> str:
        return f"{self.name} v{self.version}"

    def refusal(self, rule: str, code: str, detail: str, **more: Any) -> Rejected:
        """A refusal that names the rule behind it."""
        return Rejected(code, detail, **{"basis": self.rules[rule].as_json(), **more})

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Raises `PolicyError` for a document that must not be used."""
        if document.get("format") != cls.format:
            raise PolicyError(f"format {document.get('format')!r} is not {cls.format}")
        try:
            rules = {name: Rule(name, **rule) for name, rule in document["rules"].items()}
            policy = cls(
                name=document["name"],
                version=document["version"],
                effective_from=date.fromisoformat(document["effective_from"]),
                rules=rules,
                **cls.values({name: rule.value for name, rule in rules.items()}),
            )
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise PolicyError(f"not of the form of a policy: {error!r}") from error
        faults = policy.faults()
        if faults:
            raise PolicyError("; ".join(faults))
        return policy

    @classmethod
    def values(cls, rules: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of this kind of document, from the values of its rules by name."""
        raise NotImplementedError

    def faults(self) -> list[str]:
        """What would make the rules contradict one another, or never come true."""
        raise NotImplementedError


R = TypeVar("R", bound=Rules)


def in_force(versions: Collection[R], on: date) -> R:
    """The version in force on a date; raises `LookupError` when none is."""
    valid = [version for version in versions if version.effective_from <= on]
    if not valid:
        raise LookupError(f"no {next((each.about for each in versions), 'policy')} is in force on {on}")
    return max(valid, key=lambda version: (version.effective_from, version.version))
