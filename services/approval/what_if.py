"""What another table would have decided: past applications asked again, beside what decides, from the events alone.

An application is taken as it was first decided: its request, its score and grade, on its day. Nothing is written, and
the work gives way to others every few cases, so that it may run while the service decides.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final

from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationDeclined,
    ApplicationReferred,
    Outcome,
    OutcomeChange,
)
from libs.contracts.base import DomainEvent
from libs.contracts.values import Reason
from libs.events.canonical import canonical
from libs.events.envelope import StoredEvent
from libs.lending.money import Money
from libs.service.runtime import Runtime
from services.approval.handlers import verdict_on
from services.approval.tables import DecisionTable

BATCH: Final = 250
BREATH: Final = 10
"""Cases between two breaths: some milliseconds of work."""
DECIDED: Final[dict[type[DomainEvent], tuple[Outcome, str]]] = {
    ApplicationApproved: (Outcome.APPROVE, "approved_on"),
    ApplicationDeclined: (Outcome.DECLINE, "declined_on"),
    ApplicationReferred: (Outcome.REFER, "referred_on"),
}
FIRST_DECISIONS: Final = """
    select s.stream_id, e.version, e.event_id, e.type, e.data, e.metadata, q.global_seq
    from es.sequence q join es.event e using (stream_no, version) join es.stream s using (stream_no)
    where q.global_seq > $1 and q.global_seq <= $2 and e.version = 1 and e.type = any($3)
    order by q.global_seq limit $4"""
TYPES: Final = [event.type_name for event in DECIDED]


@dataclass(frozen=True, slots=True)
class Case:
    """One application, as it was decided and as it would be."""

    sequence: int
    application_id: str
    decided_on: date
    amount: Money
    grade: str
    score: int | None
    was: Outcome
    was_rule: str
    would_be: Outcome
    would_be_rule: str
    reasons: tuple[Reason, ...]

    @property
    def changed(self) -> bool:
        return self.was is not self.would_be

    def to_json(self) -> dict[str, Any]:
        return {
            "application_id": self.application_id,
            "decided_on": self.decided_on.isoformat(),
            "amount": self.amount.amount,
            "score": self.score,
            "grade": self.grade,
            "was": self.was.value,
            "was_rule": self.was_rule,
            "would_be": self.would_be.value,
            "would_be_rule": self.would_be_rule,
            "reasons": [reason.code for reason in self.reasons],
        }


@dataclass(frozen=True, slots=True)
class Period:
    """Which applications: first decided within these dates, up to a place of the service's order."""

    first: date
    last: date
    until_sequence: int


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

    def outcomes(self) -> tuple[OutcomeChange, ...]:
        """Counts and money by what was decided and what would be; one currency, as an offer has."""
        counts: Counter[tuple[Outcome, Outcome]] = Counter()
        sums: Counter[tuple[Outcome, Outcome]] = Counter()
        for case in self.cases:
            counts[case.was, case.would_be] += 1
            sums[case.was, case.would_be] += case.amount.minor
        return tuple(
            OutcomeChange(was=was, would_be=would_be, count=count, amount=Money(sums[was, would_be]))
            for (was, would_be), count in sorted(counts.items())
        )


async def compare(runtime: Runtime, table: DecisionTable, period: Period) -> Result:
    """Every application of the period under `table`."""
    cases: list[Case] = []
    async for event, sequence in _first_decisions(runtime, period.until_sequence):
        decided_on: date = getattr(event, DECIDED[type(event)][1])
        if period.first <= decided_on <= period.last:
            cases.append(_case(event, sequence, table, decided_on))
            if len(cases) % BREATH == 0:
                await asyncio.sleep(0)
    return Result(cases)


async def _first_decisions(runtime: Runtime, until: int) -> AsyncIterator[tuple[Any, int]]:
    after = 0
    while rows := await runtime.store.pool.fetch(FIRST_DECISIONS, after, until, TYPES, BATCH):
        for row in rows:
            stored = StoredEvent(*row)
            yield runtime.codec.decode(stored.type, stored.data), stored.sequence
        after = rows[-1]["global_seq"]


def _case(event: Any, sequence: int, table: DecisionTable, decided_on: date) -> Case:
    basis, request = event.basis, event.request
    verdict = verdict_on(table, request, score=basis.score, grade=basis.grade, on=decided_on)
    return Case(
        sequence=sequence,
        application_id=event.application_id,
        decided_on=decided_on,
        amount=request.amount,
        grade=basis.grade,
        score=basis.score,
        was=DECIDED[type(event)][0],
        was_rule=basis.rules[0],
        would_be=verdict.outcome,
        would_be_rule=verdict.basis.rules[0],
        reasons=verdict.reasons,
    )
