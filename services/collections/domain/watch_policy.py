"""The rules of early warning and of the watch list: a dated document, each rule with its source and standing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from libs.contracts.collections import MeasureKind, Severity
from libs.contracts.ledger import ChangeKind
from libs.contracts.values import Named
from libs.lending.calendar import add_months
from services.collections.domain.rules import Rules
from services.collections.domain.watch_rules import FactRule, LinkRule, News, WarningRule

WEIGHT: Final[Mapping[Severity, int]] = {severity: place for place, severity in enumerate(Severity)}
"""How much a severity weighs, from 0."""
BUCKET_DAYS: Final = frozenset({1, 31, 61, 91, 121, 151, 181})
"""The days past due at which the ledger tells of deeper arrears."""
LEAVE: Final = "LEAVE"


class Behaviour(StrEnum):
    """What a borrower does on a loan that rules look at."""

    FIRST_LATE = "FIRST_LATE"
    LATE = "LATE"
    DEEPER = "DEEPER"
    BROKEN_PROMISE = "BROKEN_PROMISE"
    PART_PAYMENT = "PART_PAYMENT"
    RETURNED = "RETURNED"
    SEVERAL_LATE = "SEVERAL_LATE"
    CHANGE_ASKED = "CHANGE_ASKED"
    GUARANTEE_LATE = "GUARANTEE_LATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRule(WarningRule):
    """One rule: a behaviour, `times` times within `within_months` (0: at any time), from `from_days` past due."""

    behaviour: Behaviour
    times: int
    within_months: int
    from_days: int

    def met(self, on: date, earlier: Sequence[date], days_past_due: int) -> bool:
        """Whether one more time on a date, after those on `earlier` dates, is a warning."""
        if days_past_due < self.from_days:
            return False
        since = add_months(on, -self.within_months) if self.within_months else date.min
        return 1 + sum(since < day <= on for day in earlier) >= self.times


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPolicy(Rules):
    """One version of the rules."""

    format = "puhui.early-warning/1"
    about = "policy of early warning"
    signals: tuple[SignalRule, ...]
    facts: tuple[FactRule, ...]
    linked: tuple[LinkRule, ...]
    entry_severity: Severity
    entry_signals: int
    review_days: Mapping[Severity, int]
    return_reasons: frozenset[str]
    change_kinds: frozenset[ChangeKind]
    quiet_days: int
    review_valid_days: int
    two_persons: frozenset[str]
    guarantee_days: int | None
    """Within how many days more guarantee is to be registered; None: by no date."""
    rate_clauses: frozenset[str] | None
    """Clauses of contracts that allow a higher rate; None: any that a person names."""

    def of(self, behaviour: Behaviour) -> list[SignalRule]:
        """The rules that look at a behaviour."""
        return [rule for rule in self.signals if rule.behaviour is behaviour]

    def of_linked(self, news: News) -> list[LinkRule]:
        """The rules over such news of those who are linked."""
        return [rule for rule in self.linked if rule.news is news]

    @classmethod
    def values(cls, rules: Mapping[str, Any]) -> dict[str, Any]:
        return _values(rules)

    def faults(self) -> list[str]:
        return _faults(self)


def _values(rules: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "signals": tuple(_signal(each) for each in rules["signals"]),
        "facts": tuple(FactRule.from_json(each) for each in rules.get("facts", ())),
        "linked": tuple(LinkRule.from_json(each) for each in rules.get("linked", ())),
        "entry_severity": Severity(rules["entry"]["severity"]),
        "entry_signals": rules["entry"]["signals"],
        "review_days": {Severity(severity): days for severity, days in rules["review_days"].items()},
        "return_reasons": frozenset(rules["return_reasons"]),
        "change_kinds": frozenset(map(ChangeKind, rules["change_kinds"])),
        "quiet_days": rules["quiet_days"],
        "review_valid_days": rules["review_valid_days"],
        "two_persons": frozenset(rules["two_persons"]),
        "guarantee_days": rules.get("guarantee_days"),
        "rate_clauses": frozenset(rules["rate_clauses"]) if "rate_clauses" in rules else None,
    }


def _signal(each: Mapping[str, Any]) -> SignalRule:
    severity, behaviour = Severity(each["severity"]), Behaviour(each["behaviour"])
    return SignalRule(**{**each, "severity": severity, "behaviour": behaviour, "text": Named(**each["text"])})


def _faults(policy: WatchPolicy) -> list[str]:
    """What would make the rules contradict one another, or never come true."""
    faults = []
    codes = [rule.code for rule in (*policy.signals, *policy.facts, *policy.linked)]
    if len(codes) != len(set(codes)) or not policy.signals:
        faults.append("there are signals, each with a code of its own")
    faults += [fault for rule in policy.facts for fault in rule.faults()]
    if any(rule.times < 1 or rule.within_months < 0 for rule in policy.signals):
        faults.append("a behaviour counts from one time on, within 0 or more months")
    if any(rule.from_days not in BUCKET_DAYS for rule in policy.signals if rule.behaviour is Behaviour.DEEPER):
        faults.append(f"days past due are told of at {sorted(BUCKET_DAYS)}")
    if policy.review_days.keys() != set(Severity) or min(policy.review_days.values()) < 1:
        faults.append("each severity has its days until a review, 1 or more")
    if policy.entry_signals < 1 or policy.quiet_days < 1 or policy.review_valid_days < 0:
        faults.append("signals and quiet days are 1 or more, a review is valid 0 or more days")
    if policy.guarantee_days is not None and policy.guarantee_days < 1:
        faults.append("more guarantee is given within a day at least")
    if policy.two_persons - {LEAVE, *MeasureKind}:
        faults.append("two persons are asked for by kinds of measures, and LEAVE")
    return faults
