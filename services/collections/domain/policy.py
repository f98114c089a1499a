"""The rules of collection: a dated document, each rule with its source and how far that source is confirmed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from typing import Any, Final, Self

from libs.contracts.collections import ContactChannel, Stage, ThirdPartyGround
from libs.contracts.problems import Rejected

FORMAT: Final = "puhui.collection-policy/1"
REMEMBERED_DAYS: Final = 7
"""How many days of contacts a debtor's record keeps at hand; later entries reach back less far than that."""
SEVERITY: Final[Mapping[Stage, int]] = {stage: place for place, stage in enumerate(Stage)}
"""How far collection has gone, from 0."""


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


@dataclass(frozen=True, slots=True)
class StageRule:
    """From so many days past due on a case is at least at `stage`."""

    stage: Stage
    from_days: int


@dataclass(frozen=True, slots=True)
class QuietHours:
    """No contact from `start` (included) to `end` (excluded), over midnight when `start` is the later one."""

    start: time
    end: time
    channels: frozenset[ContactChannel]

    def cover(self, at: time) -> bool:
        if self.start > self.end:
            return at >= self.start or at < self.end
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of the rules."""

    name: str
    version: int
    effective_from: date
    rules: Mapping[str, Rule] = field(repr=False)
    reminder_days_before: tuple[int, ...]
    case_grace_days: int
    stages: tuple[StageRule, ...]
    legal_from_days: int
    channels: Mapping[Stage, frozenset[ContactChannel]]
    quiet_hours: QuietHours
    effective_calls_per_day: int
    dial_attempts_per_number_per_day: int
    third_party_grounds: frozenset[ThirdPartyGround]
    third_party_attempts_before: int
    complaint_stops_contact: bool
    contact_entry_days: int
    promise_days_ahead: int
    promise_min_share: Decimal
    teams: Mapping[Stage, tuple[str, ...]]

    @property
    def label(self) -> str:
        return f"{self.name} v{self.version}"

    def stage(self, days_past_due: int) -> Stage:
        """The stage that a case reaches by itself."""
        reached = [rule.stage for rule in self.stages if rule.from_days <= days_past_due]
        return max(reached, key=SEVERITY.__getitem__, default=self.stages[0].stage)

    def refusal(self, rule: str, code: str, detail: str, **more: Any) -> Rejected:
        """A refusal that names the rule behind it."""
        return Rejected(code, detail, **{"basis": self.rules[rule].as_json(), **more})

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Raises `PolicyError` for a document that must not be used."""
        if document.get("format") != FORMAT:
            raise PolicyError(f"format {document.get('format')!r} is not {FORMAT}")
        try:
            rules = {name: Rule(name, **rule) for name, rule in document["rules"].items()}
            policy = cls(
                name=document["name"],
                version=document["version"],
                effective_from=date.fromisoformat(document["effective_from"]),
                rules=rules,
                **_values({name: rule.value for name, rule in rules.items()}),
            )
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise PolicyError(f"not of the form of a policy: {error!r}") from error
        faults = _faults(policy)
        if faults:
            raise PolicyError("; ".join(faults))
        return policy


def _values(rules: Mapping[str, Any]) -> dict[str, Any]:
    quiet, others = rules["quiet_hours"], rules["third_party_contact"]
    return {
        "reminder_days_before": tuple(rules["reminder_days_before"]),
        "case_grace_days": rules["case_grace_days"],
        "stages": tuple(StageRule(Stage(rule["stage"]), rule["from_days"]) for rule in rules["stages"]),
        "legal_from_days": rules["legal_from_days"],
        "channels": {Stage(stage): frozenset(map(ContactChannel, use)) for stage, use in rules["channels"].items()},
        "quiet_hours": QuietHours(
            time.fromisoformat(quiet["from"]),
            time.fromisoformat(quiet["to"]),
            frozenset(map(ContactChannel, quiet["channels"])),
        ),
        "effective_calls_per_day": rules["effective_calls_per_day"],
        "dial_attempts_per_number_per_day": rules["dial_attempts_per_number_per_day"],
        "third_party_grounds": frozenset(map(ThirdPartyGround, others["grounds"])),
        "third_party_attempts_before": others["attempts_before"],
        "complaint_stops_contact": rules["complaint_stops_contact"],
        "contact_entry_days": rules["contact_entry_days"],
        "promise_days_ahead": rules["promise_days_ahead"],
        "promise_min_share": Decimal(rules["promise_min_share"]),
        "teams": {Stage(stage): tuple(names) for stage, names in rules["teams"].items()},
    }


def _faults(policy: Policy) -> list[str]:
    """What would make the rules contradict one another."""
    faults = []
    if not policy.stages or [SEVERITY[rule.stage] for rule in policy.stages] != sorted(
        {SEVERITY[rule.stage] for rule in policy.stages}
    ):
        faults.append("stages rise, each once")
    if sorted({rule.from_days for rule in policy.stages}) != [rule.from_days for rule in policy.stages]:
        faults.append("days of the stages rise")
    if any(rule.stage is Stage.LEGAL for rule in policy.stages):
        faults.append("a person hands a case over to legal recourse, not a number of days")
    if not policy.channels.keys() == policy.teams.keys() == set(Stage):
        faults.append("every stage has channels and a team")
    if not all(policy.teams.values()):
        faults.append("a team has at least one collector")
    if not 0 <= policy.contact_entry_days < REMEMBERED_DAYS:
        faults.append(f"contacts are entered within {REMEMBERED_DAYS - 1} days")
    if not Decimal(0) < policy.promise_min_share <= Decimal(1):
        faults.append("the share of a promise is above 0 and at most 1")
    if any(days < 0 for days in policy.reminder_days_before):
        faults.append("reminders come before the due date")
    return faults


def in_force(versions: Collection[Policy], on: date) -> Policy:
    """The version in force on a date; raises `LookupError` when none is."""
    valid = [version for version in versions if version.effective_from <= on]
    if not valid:
        raise LookupError(f"no collection policy is in force on {on}")
    return max(valid, key=lambda version: (version.effective_from, version.version))
