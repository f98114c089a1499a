"""Who may decide what: the authority matrix, a dated document with its source."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, Self, TypeVar

from libs.lending.money import Money


@dataclass(frozen=True, slots=True)
class Authority:
    """One version of the matrix. `decide_max`: the largest amount a role decides on; `four_eyes_from`: at and above
    it a decision needs another person's recommendation; `offer_days`: how long an offer stands."""

    version: int
    effective_from: date
    source: str
    decide_max: Mapping[str, Money]
    four_eyes_from: Money
    offer_days: int

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            version=document["version"],
            effective_from=date.fromisoformat(document["effective_from"]),
            source=document["source"],
            decide_max={role: Money.of(amount) for role, amount in document["decide_max"].items()},
            four_eyes_from=Money.of(document["four_eyes_from"]),
            offer_days=document["offer_days"],
        )

    def limit(self, roles: Collection[str]) -> Money:
        """The largest amount that somebody with these roles decides on; zero without authority."""
        return largest(self.decide_max, roles)


def largest(decide_max: Mapping[str, Money], roles: Collection[str]) -> Money:
    """The largest amount that one of these roles has; zero where none has any."""
    held = [decide_max[role] for role in roles if role in decide_max]
    return max(held, key=lambda amount: amount.minor, default=Money.zero())


class _Dated(Protocol):
    @property
    def version(self) -> int: ...

    @property
    def effective_from(self) -> date: ...


P = TypeVar("P", bound=_Dated)


def in_force(versions: Collection[P], on: date) -> P:
    """The version in force on a date; raises `LookupError` when none is."""
    valid = [version for version in versions if version.effective_from <= on]
    if not valid:
        raise LookupError(f"no policy is in force on {on}")
    return max(valid, key=lambda version: (version.effective_from, version.version))
