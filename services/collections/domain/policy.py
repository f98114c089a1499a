"""The rules of collection: a dated document, each rule with its source and how far that source is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from hashlib import sha256
from typing import Any, ClassVar, Final

from libs.contracts.collections import ContactChannel, Stage, ThirdPartyGround
from services.collections.domain.rules import Rules

REMEMBERED_DAYS: Final = 7
"""How many days of contacts a debtor's record keeps at hand; later entries reach back less far than that."""
SEVERITY: Final[Mapping[Stage, int]] = {stage: place for place, stage in enumerate(Stage)}
"""How far collection has gone, from 0."""


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
class PlanRules:
    """Within which a plan is negotiated. `parts_alone`: how many parts a collector agrees to without a manager."""

    PARTS_LEAST: ClassVar[int] = 2
    stages: tuple[Stage, ...]
    parts: int
    parts_alone: int
    gap_days: int
    days_ahead: int
    min_share: Decimal

    @classmethod
    def of(cls, rules: Mapping[str, Any]) -> PlanRules | None:
        """None in a version that knows no plans."""
        if not any(name.startswith("plan_") for name in rules):
            return None
        return cls(
            stages=tuple(map(Stage, rules["plan_stages"])),
            parts=rules["plan_parts"],
            parts_alone=rules["plan_parts_alone"],
            gap_days=rules["plan_gap_days"],
            days_ahead=rules["plan_days_ahead"],
            min_share=Decimal(rules["plan_min_share"]),
        )

    @property
    def are_sound(self) -> bool:
        return (
            len(self.stages) > 0
            and self.PARTS_LEAST <= self.parts_alone <= self.parts
            and 0 < self.gap_days <= self.days_ahead
            and Decimal(0) < self.min_share <= Decimal(1)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(Rules):
    """One version of the rules."""

    format = "puhui.collection-policy/1"
    about = "collection policy"
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
    plan: PlanRules | None = None

    def stage(self, days_past_due: int) -> Stage:
        """The stage that a case reaches by itself."""
        reached = [rule.stage for rule in self.stages if rule.from_days <= days_past_due]
        return max(reached, key=SEVERITY.__getitem__, default=self.stages[0].stage)

    def collector(self, stage: Stage, loan_id: str) -> str:
        """Whose a loan's cases of a stage are: a draw for each pair of loan and collector, the highest of the team wins.
        It depends on nothing else, so that neither what is heard first nor a new name in the team moves the
        cases of others (rendezvous hashing, Thaler and Ravishankar 1998)."""
        return max(self.teams[stage], key=lambda name: sha256(f"{loan_id}/{name}".encode()).digest())

    @classmethod
    def values(cls, rules: Mapping[str, Any]) -> dict[str, Any]:
        return _values(rules)

    def faults(self) -> list[str]:
        return _faults(self)


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
        "plan": PlanRules.of(rules),
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
    if policy.plan is not None and not policy.plan.are_sound:
        faults.append("a plan has a stage, two parts or more, days between them, and a share above 0 and at most 1")
    if any(days < 0 for days in policy.reminder_days_before):
        faults.append("reminders come before the due date")
    return faults
