"""What past applications would have become on another card's scores: decided again by the same decider, under the table
that decided on them or under another one, beside what decides now, from the events alone.

What stood beside the table then (limits, a freeze, a cooling period) stands again where the first decision says so.
Nothing is written, and the work gives way to others every few cases.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any, Final

from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationDeclined,
    ApplicationReferred,
    DecisionBasis,
    GradeChange,
    Offer,
    Outcome,
    OutcomeChange,
)
from libs.contracts.base import DomainEvent
from libs.contracts.values import Reason
from libs.events.canonical import canonical
from libs.lending.money import Money
from libs.service.runtime import Runtime
from services.approval.domain import decision
from services.approval.domain.commands import ConsiderApplication
from services.approval.handlers import consider
from services.approval.library import library
from services.approval.rescored import Rescored, first_decisions
from services.approval.tables import DecisionTable

BREATH: Final = 10
"""Cases between two breaths: some milliseconds of work."""

OUTCOMES: Final[dict[type[DomainEvent], Outcome]] = {
    ApplicationApproved: Outcome.APPROVE,
    ApplicationDeclined: Outcome.DECLINE,
    ApplicationReferred: Outcome.REFER,
}
First = ApplicationApproved | ApplicationDeclined | ApplicationReferred


@dataclass(frozen=True, slots=True)
class Standing:
    """How an application stands on a score: what follows from it, what is offered, and why."""

    score: int | None
    grade: str
    outcome: Outcome
    rules: tuple[str, ...]
    offer: Offer | None
    reasons: tuple[Reason, ...]

    @property
    def terms(self) -> list[str | int]:
        """Amount, term and price of what is offered at once; empty where nothing is."""
        offer = self.offer
        return [] if offer is None else [offer.amount.amount, offer.instalments, str(offer.annual_rate)]

    @property
    def offered_minor(self) -> int:
        return 0 if self.offer is None else self.offer.amount.minor

    def to_json(self) -> list[Any]:
        codes = [reason.code for reason in self.reasons]
        return [self.score, self.grade, self.outcome.value, list(self.rules), self.terms, codes]


@dataclass(frozen=True, slots=True)
class Case:
    """One application, as it was first decided and as it would be."""

    place: int
    application_id: str
    decided_on: date
    amount: Money
    was: Standing
    would_be: Standing

    @property
    def changed(self) -> bool:
        """Another outcome, or other terms of what is offered."""
        return (self.was.outcome, self.was.terms) != (self.would_be.outcome, self.would_be.terms)

    def to_json(self) -> list[Any]:
        return [self.application_id, self.decided_on.isoformat(), self.was.to_json(), self.would_be.to_json()]


@dataclass(frozen=True, slots=True)
class Result:
    """All cases in their order, and what they come to."""

    cases: Sequence[Case]

    @property
    def changed(self) -> list[Case]:
        return [case for case in self.cases if case.changed]

    @property
    def sha256(self) -> str:
        """Of the canonical JSON of all cases: made again, it is the same or something is not what it was."""
        return sha256(canonical([case.to_json() for case in self.cases])).hexdigest()

    @property
    def offered(self) -> Money:
        return Money(sum(case.was.offered_minor for case in self.cases))

    @property
    def would_be_offered(self) -> Money:
        return Money(sum(case.would_be.offered_minor for case in self.cases))

    def outcomes(self) -> tuple[OutcomeChange, ...]:
        """Counts and money asked for, by what was decided and what would be; one currency, as an offer has."""
        counts: Counter[tuple[Outcome, Outcome]] = Counter()
        asked: Counter[tuple[Outcome, Outcome]] = Counter()
        for case in self.cases:
            pair = case.was.outcome, case.would_be.outcome
            counts[pair] += 1
            asked[pair] += case.amount.minor
        return tuple(
            OutcomeChange(was=pair[0], would_be=pair[1], count=counts[pair], amount=Money(asked[pair]))
            for pair in sorted(counts)
        )

    def grades(self) -> tuple[GradeChange, ...]:
        """Counts and money, asked for and offered, by grade before and after."""
        pairs: dict[tuple[str, str], list[Case]] = {}
        for case in self.cases:
            pairs.setdefault((case.was.grade, case.would_be.grade), []).append(case)
        return tuple(
            GradeChange(
                was=was,
                would_be=would_be,
                count=len(cases),
                amount=Money(sum(case.amount.minor for case in cases)),
                offered=Result(cases).offered,
                would_be_offered=Result(cases).would_be_offered,
            )
            for (was, would_be), cases in sorted(pairs.items())
        )


async def compare(
    runtime: Runtime, rescoring_id: str, until: int, table_for: Callable[[DecisionBasis], DecisionTable]
) -> Result:
    """Every application of a rescoring on the score of its card; `table_for` gives the table to ask, by what was asked."""
    cases: list[Case] = []
    async for first, rescored in first_decisions(runtime, rescoring_id, until):
        cases.append(_case(first, rescored, table_for(first.basis)))
        if len(cases) % BREATH == 0:
            await asyncio.sleep(0)
    return Result(cases)


def _case(first: First, rescored: Rescored, table: DecisionTable) -> Case:
    on = _decided_on(first)
    command = consider(
        first.application_id,
        first.request,
        table,
        score=rescored.score,
        grade=rescored.grade,
        today=on,
        score_reasons=rescored.reasons,
    )
    [again] = decision.decide(_beside(command, first), decision.initial)
    assert isinstance(again, First), "an application is approved, declined or referred"
    return Case(rescored.place, first.application_id, on, first.request.amount, _standing(first), _standing(again))


def _beside(command: ConsiderApplication, first: First) -> ConsiderApplication:
    """With what stood beside the table when it was first decided, as far as that decision says."""
    casework, codes = library().casework(command.today), {reason.code for reason in first.reasons}
    if casework.freeze.reason.code in codes:
        command = replace(command, frozen=casework.freeze)
    if casework.cooling.reason.code in codes:
        command = replace(command, against=(casework.cooling.reason,))
    if not isinstance(first, ApplicationDeclined) and first.exposures:
        command = replace(command, exposures=first.exposures, referral=library().exposure.referral)
    return command


def _decided_on(first: First) -> date:
    match first:
        case ApplicationApproved():
            return first.approved_on
        case ApplicationDeclined():
            return first.declined_on
        case ApplicationReferred():
            return first.referred_on


def _standing(event: First) -> Standing:
    offer = event.offer if isinstance(event, ApplicationApproved) else None
    basis = event.basis
    return Standing(basis.score, basis.grade, OUTCOMES[type(event)], basis.rules, offer, event.reasons)
