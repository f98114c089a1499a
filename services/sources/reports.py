"""What the simulated credit bureau and business registry say: reports by seed, in the words their clients expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.sources.faults import Behaviour, draw

Facts = dict[str, int | str]
Make = Callable[[int, str, bool], Facts]


def credit_facts(seed: int, number: str, adverse: bool) -> Facts:
    """A credit report: what is owed elsewhere and how it was paid."""
    if adverse:
        return {
            "credit-history": "past-delay",
            "other-instalment-plans": "bank",
            "bureau-score": 380 + draw(seed, f"score/{number}", 100),
            "overdue-now-minor": 10_000 + draw(seed, f"overdue/{number}", 1_000_000),
            "worst-arrears-days": 91 + draw(seed, f"arrears/{number}", 300),
            "monthly-debt-service-minor": 500_000,
            "enquiries-3-months": 11 + draw(seed, f"enquiries/{number}", 20),
        }
    return {
        "credit-history": "existing-paid-duly",
        "other-instalment-plans": "none",
        "bureau-score": 620 + draw(seed, f"score/{number}", 200),
        "overdue-now-minor": 0,
        "worst-arrears-days": 0,
        "monthly-debt-service-minor": 0,
        "enquiries-3-months": draw(seed, f"enquiries/{number}", 4),
    }


def registry_facts(seed: int, number: str, adverse: bool) -> Facts:
    """An extract of the business register."""
    if adverse:
        return {
            "registration-status": "revoked",
            "abnormal-operation": "yes",
            "enforcement-listed": "yes",
            "years-in-business": draw(seed, f"years/{number}", 30),
            "representative-changes": 1 + draw(seed, f"representative/{number}", 3),
        }
    return {
        "registration-status": "active",
        "abnormal-operation": "no",
        "enforcement-listed": "no",
        "years-in-business": 1 + draw(seed, f"years/{number}", 30),
        "representative-changes": 0,
    }


REPORTS: Final[Mapping[str, Make]] = {"bureau": credit_facts, "registry": registry_facts}
LONG_AGO: Final = "2020-01-01"
SOMEBODY_ELSE: Final = "某某某"


def report(kind: str, seed: int, number: str, name: str, behaviour: Behaviour, today: str) -> dict[str, Any]:
    """The answer about a number."""
    facts = REPORTS[kind](seed, number, behaviour is Behaviour.ADVERSE)
    if behaviour is Behaviour.PARTIAL:
        facts = dict(list(facts.items())[:1])
    return {
        "reference": f"{kind[:1].upper()}{draw(seed, f'reference/{number}', 10**12):012d}",
        "as_of": LONG_AGO if behaviour is Behaviour.STALE else today,
        "name": SOMEBODY_ELSE if behaviour is Behaviour.CONFLICTING else name,
        "facts": facts,
    }
