"""Which acts need a second person on a date. Values and sources are data; this is their form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from libs.contracts.ledger import ActKind
from libs.lending.money import Money
from services.ledger.domain.policy import PolicyError

ALWAYS: Final = "always"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """An act needs a second person above an amount (None: always), except by somebody who acts as one of `exempt`."""

    above: Money | None
    agreed_by: tuple[str, ...]
    lapses_after_days: int
    exempt: frozenset[str]

    def asks(self, amount: Money | None) -> bool:
        """Whether a second person must agree to what moves so much. What has no amount, or another currency, is not
        below any."""
        if self.above is None or amount is None or amount.currency != self.above.currency:
            return True
        return amount > self.above

    def open_until(self, today: date) -> date:
        """The last day on which what is asked for today may be agreed to."""
        return today + timedelta(days=self.lapses_after_days)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checks:
    """One version of the policy: an act that it does not name is done by one person."""

    name: str
    version: int
    effective_from: date
    acts: Mapping[ActKind, Check]

    @property
    def label(self) -> str:
        return f"{self.name} v{self.version}"


def read_checks(document: dict[str, Any]) -> Checks:
    """A policy from its JSON document; raises `PolicyError` for one that contradicts itself."""
    checks = Checks(
        name=document["name"],
        version=document["version"],
        effective_from=date.fromisoformat(document["effective_from"]),
        acts={
            ActKind(act): Check(
                above=None if rule["above_minor"] == ALWAYS else Money(rule["above_minor"], document["currency"]),
                agreed_by=tuple(rule["agreed_by"]),
                lapses_after_days=rule["lapses_after_days"],
                exempt=frozenset(rule["exempt"]),
            )
            for act, rule in document["acts"].items()
        },
    )
    for act, check in checks.acts.items():
        if not check.agreed_by or check.lapses_after_days < 1:
            raise PolicyError(f"{checks.label}: {act} needs somebody who agrees, and a day or more to do so")
        if check.above is not None and check.above.minor < 0:
            raise PolicyError(f"{checks.label}: {act} needs a second person above zero or more")
    return checks
