"""Which offers the example partner takes: rules as data, a decision as a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from partners.kit import Money
from partners.kit.money import Exact

POLICY: Final = Path(__file__).with_name("policy.json")
NEEDED: Final = ("amount", "annual_rate", "grade", "instalments")


class Policy(BaseModel):
    """A version of the rules. `amount_max` is of the whole loan, `open_max` of the partner's own parts together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: str
    version: int
    effective_from: date
    source: str
    grades: list[str]
    amount_max: Exact
    instalments_max: int
    annual_rate_min: Exact
    open_max: Exact

    @classmethod
    def read(cls, path: Path = POLICY) -> Policy:
        return cls.model_validate_json(path.read_bytes())


@dataclass(frozen=True, slots=True)
class Decision:
    """What is answered; `text` is the reason, or the question."""

    answer: Literal["ACCEPT", "DECLINE", "ASK"]
    text: str = ""


def decide(policy: Policy, data: Mapping[str, Any], part: Money, committed: Money) -> Decision:
    """`data`: what the agreement names of the application; `part`: the partner's; `committed`: what is lent already."""
    missing = [name for name in NEEDED if data.get(name) is None]
    if missing:
        return Decision("ASK", f"We decide on {', '.join(missing)} too: please send it.")
    rules = (
        (data["grade"] in policy.grades, f"Grade {data['grade']} is not among {', '.join(policy.grades)}"),
        (Decimal(data["amount"]) <= policy.amount_max, f"More than {policy.amount_max} to one borrower"),
        (data["instalments"] <= policy.instalments_max, f"More than {policy.instalments_max} instalments"),
        (Decimal(data["annual_rate"]) >= policy.annual_rate_min, f"Below {policy.annual_rate_min} a year"),
        ((committed + part).amount <= policy.open_max, f"More than {policy.open_max} open in all"),
    )
    failed = [reason for holds, reason in rules if not holds]
    return Decision("DECLINE", "; ".join(failed)) if failed else Decision("ACCEPT")
