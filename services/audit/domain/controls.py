"""Standing control tests, as data: what they look for, how grave a finding is, and where the rule comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Self

from libs.contracts.audit import Severity
from libs.contracts.values import Named
from libs.lending.money import Money


class Kind(StrEnum):
    SAME_PERSON = "SAME_PERSON"
    """One person did both of two acts on the same thing."""
    BEYOND_AUTHORITY = "BEYOND_AUTHORITY"
    """An amount over the limit of the role in which it was decided."""
    FOUR_EYES = "FOUR_EYES"
    """A large amount that one person alone decided."""
    OFFICES = "OFFICES"
    """Offices that check each other, held by one person."""


KNOWN = {
    Kind.SAME_PERSON: {"subject", "first", "second"},
    Kind.BEYOND_AUTHORITY: {"types", "amount", "limits"},
    Kind.FOUR_EYES: {"types", "amount", "people", "from"},
    Kind.OFFICES: {"offices"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One test. `rule` holds what its kind needs."""

    code: str
    kind: Kind
    severity: Severity
    text: Named
    source: str
    basis: str
    rule: Mapping[str, Any]

    def amount_of(self, payload: Mapping[str, Any]) -> Money:
        value: Any = payload
        for step in self.rule["amount"]:
            value = value[step]
        return Money.of(value["amount"], value["currency"])

    def beyond(self, role: str, payload: Mapping[str, Any]) -> str:
        """What is wrong with an amount decided in a role; "" when nothing is. A role without a limit has none to use."""
        amount, limit = self.amount_of(payload), self.rule["limits"].get(role, "0.00")
        within = amount <= Money.of(limit, amount.currency)
        return "" if within else f"{amount.amount} {amount.currency} decided as {role}, whose limit is {limit}"

    def one_pair_of_eyes(self, payload: Mapping[str, Any]) -> str:
        """What is wrong with who decided; "" when nothing is, or when no person decided."""
        amount, people = self.amount_of(payload), set(payload[self.rule["people"]])
        large = amount >= Money.of(self.rule["from"], amount.currency)
        return f"{amount.amount} {amount.currency} decided by one person" if large and len(people) == 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPolicy:
    """The tests in force from a date on. `outsiders` are roles of front ends and programs, who hold no office."""

    version: int
    effective_from: date
    outsiders: tuple[str, ...]
    controls: Sequence[Control]

    @property
    def label(self) -> str:
        return f"controls v{self.version}"

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Raises `ValueError` or `KeyError` for a test that is not of its kind's form."""
        controls = []
        for entry in document["controls"]:
            kind = Kind(entry["kind"])
            if missing := KNOWN[kind] - entry.keys():
                raise ValueError(f"{entry['code']}: {', '.join(sorted(missing))} is missing")
            controls.append(
                Control(
                    code=entry["code"],
                    kind=kind,
                    severity=Severity(entry["severity"]),
                    text=Named(**entry["text"]),
                    source=entry["source"],
                    basis=entry["standing"],
                    rule={name: entry[name] for name in KNOWN[kind]},
                )
            )
        return cls(
            version=document["version"],
            effective_from=date.fromisoformat(document["effective_from"]),
            outsiders=tuple(document["outsiders"]),
            controls=controls,
        )
