"""How people work on referred applications: leases, deadlines, questions, conditions, committee, review, cooling."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Final, Self

from libs.contracts.approval import Condition, Outcome
from libs.contracts.values import Named, Reason
from libs.lending.money import Money
from services.approval.domain.policy import largest

BASIS_POINTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Queue:
    """`deadline_days`: after the referral; `escalates_to`: where a late case goes, empty where it stays."""

    deadline_days: int
    escalates_to: str


@dataclass(frozen=True, slots=True)
class Committee:
    """Who votes, how many must, which share of the votes approves, and up to which amount."""

    roles: frozenset[str]
    quorum: int
    approve_share: Fraction
    decide_max: Money


@dataclass(frozen=True, slots=True)
class Review:
    """What holds when people look at what the table declined: an override has reasons and limits of its own."""

    request_days: int
    queue: str
    four_eyes: bool
    override_reasons: Mapping[str, Named]
    decide_max: Mapping[str, Money]

    def limit(self, roles: Collection[str]) -> Money:
        return largest(self.decide_max, roles)


@dataclass(frozen=True, slots=True)
class LongerTerm:
    """What holds when people offer a longer term than the table allows the grade: reasons and limits of its own."""

    reasons: Mapping[str, Named]
    decide_max: Mapping[str, Money]

    def limit(self, roles: Collection[str]) -> Money:
        return largest(self.decide_max, roles)


@dataclass(frozen=True, slots=True)
class Cooling:
    """How long after a decline for one of these reasons a new application is declined for that alone."""

    days: int
    after: frozenset[str]
    reason: Reason


@dataclass(frozen=True, slots=True)
class Freeze:
    """What becomes of an application of a borrower who is frozen: `outcome` is REFER or DECLINE."""

    outcome: Outcome
    queue: str
    four_eyes: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """What an applicant is told who is declined. `score_reasons_with`: reasons of the table that are explained by those
    of the score; texts have places for what they are about."""

    score_reasons_with: frozenset[str]
    reasons_max: int
    title: Named
    intro: Named
    automatic: Named
    by_people: Named

    def main_reasons(self, of_table: tuple[Reason, ...], of_score: tuple[Reason, ...]) -> tuple[Reason, ...]:
        """The table's reasons, and where the score is one, what cost most of it; no more than there are."""
        explained = any(reason.code in self.score_reasons_with for reason in of_table)
        return (of_table + (of_score if explained else ()))[: self.reasons_max]


@dataclass(frozen=True, slots=True)
class CaseworkPolicy:
    """One version, in force from a date."""

    version: int
    effective_from: date
    lease_days: int
    answer_days: int
    queues: Mapping[str, Queue]
    questions: Mapping[str, Reason]
    conditions: Mapping[str, Condition]
    committee: Committee
    review: Review
    longer_term: LongerTerm
    cooling: Cooling
    freeze: Freeze
    notice: NoticePolicy

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Raises `KeyError` or `ValueError` for a document that must not be used."""
        committee, review, cooling = document["committee"], document["review"], document["cooling"]
        queues = {code: Queue(each["deadline_days"], each["escalates_to"]) for code, each in document["queues"].items()}
        lost = {queue.escalates_to for queue in queues.values()} - {"", *queues}
        share = _share(committee)
        if lost or not 0 < share <= 1 or committee["quorum"] < 1:
            raise ValueError(f"queues escalate to one another, a quorum is 1 or more, a share up to 1: {lost}")
        return cls(
            version=document["version"],
            effective_from=date.fromisoformat(document["effective_from"]),
            lease_days=document["lease_days"],
            answer_days=document["answer_days"],
            queues=queues,
            questions={code: Reason(code=code, text=Named(**text)) for code, text in document["questions"].items()},
            conditions={
                code: Condition(code=code, text=Named(zh=each["zh"], en=each["en"]), proof=each["proof"])
                for code, each in document["conditions"].items()
            },
            committee=Committee(
                roles=frozenset(committee["roles"]),
                quorum=committee["quorum"],
                approve_share=share,
                decide_max=Money.of(committee["decide_max"]),
            ),
            review=Review(
                request_days=review["request_days"],
                queue=review["queue"],
                four_eyes=review["four_eyes"],
                override_reasons={code: Named(**text) for code, text in review["override_reasons"].items()},
                decide_max={role: Money.of(amount) for role, amount in review["decide_max"].items()},
            ),
            longer_term=_longer_term(document.get("longer_term", {"reasons": {}, "decide_max": {}})),
            notice=_notice(document["notice"]),
            freeze=_freeze(document["freeze"], queues),
            cooling=Cooling(cooling["days"], frozenset(cooling["after"]), Reason.model_validate(cooling["reason"])),
        )

    def due(self, queue: str, referred_on: date) -> date | None:
        """The last day on which a case of a queue is decided in time; None for a queue without a deadline."""
        known = self.queues.get(queue)
        return referred_on + timedelta(days=known.deadline_days) if known is not None else None

    def late(self, today: date) -> Sequence[tuple[str, date]]:
        """The queues from which late cases go on, each with the last day of referral of those that are late today."""
        return [
            (code, today - timedelta(days=queue.deadline_days + 1))
            for code, queue in self.queues.items()
            if queue.escalates_to
        ]


def _share(committee: Mapping[str, Any]) -> Fraction:
    """Exact, as "2/3"; the first version had basis points, which are no thirds."""
    if "approve_share" not in committee:
        return Fraction(committee["approve_bps"], BASIS_POINTS)
    if not isinstance(committee["approve_share"], str):
        raise ValueError("a share of votes is a fraction in quotes")
    return Fraction(committee["approve_share"])


def _longer_term(document: Mapping[str, Any]) -> LongerTerm:
    return LongerTerm(
        reasons={code: Named(**text) for code, text in document["reasons"].items()},
        decide_max={role: Money.of(amount) for role, amount in document["decide_max"].items()},
    )


def _freeze(document: Mapping[str, Any], queues: Collection[str]) -> Freeze:
    outcome = Outcome(document["outcome"])
    if outcome is Outcome.APPROVE or document["queue"] not in queues:
        raise ValueError("who is frozen is declined, or referred to a queue that there is")
    return Freeze(outcome, document["queue"], document["four_eyes"], Reason.model_validate(document["reason"]))


def _notice(document: Mapping[str, Any]) -> NoticePolicy:
    return NoticePolicy(
        score_reasons_with=frozenset(document["score_reasons_with"]),
        reasons_max=document["reasons_max"],
        **{name: Named(**document[name]) for name in ("title", "intro", "automatic", "by_people")},
    )
