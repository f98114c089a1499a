"""A card on past applications: scored again from their events, beside what they were scored with.

Nothing is written, and the work gives way to others every few applications, so that it may run while the service works.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Final

from libs.contracts.scoring import ApplicationScored, GradeShift
from libs.events.canonical import canonical
from libs.events.operations import OWN
from libs.events.store import Position
from libs.service.runtime import Runtime
from services.scoring.domain.card import Assessment, Card, assess
from services.scoring.domain.indicators import Answer
from services.scoring.domain.inputs import answers_of
from services.scoring.domain.outcome import unusable_of
from services.scoring.domain.watching import stability_index
from services.scoring.library import library
from services.scoring.views import assessments_view

BATCH: Final = 250
BREATH: Final = 25
"""Applications between two breaths: less than a millisecond of work."""
STEP: Final = Decimal("0.0001")
SCORED: Final = """
    select e.data, q.global_seq from es.sequence q
    join es.event e using (stream_no, version) join es.stream s using (stream_no)
    join assessment_v1 a on s.stream_id = 'assessment-' || a.application_id
    where a.assessed_on between $1 and $2 and e.type = $3 and q.global_seq > $4 and q.global_seq <= $5
    order by q.global_seq limit $6"""


@dataclass(frozen=True, slots=True)
class Case:
    """One application, as it was scored and as the card scores it (None: it cannot)."""

    application_id: str
    before: str
    probability_before: Decimal
    score: int | None
    grade: str | None
    probability: Decimal | None

    def to_json(self) -> list[str | int | None]:
        return [self.application_id, self.before, self.score, self.grade]


@dataclass(frozen=True, slots=True)
class Result:
    """All cases in their order, and what they come to."""

    cases: Sequence[Case]

    @property
    def sha256(self) -> str:
        """Of the canonical JSON of all cases: made again, it is the same or something is not what it was."""
        return sha256(canonical([case.to_json() for case in self.cases])).hexdigest()

    @property
    def unusable(self) -> int:
        return sum(case.grade is None for case in self.cases)

    def moved(self, *, up: bool) -> int:
        """How many would have a better grade (or a worse one): A is the best."""
        usable = [(case.grade, case.before) for case in self.cases if case.grade is not None]
        return sum((grade < before) if up else (grade > before) for grade, before in usable)

    def grades(self) -> tuple[GradeShift, ...]:
        now = Counter(case.grade for case in self.cases if case.grade is not None)
        before = Counter(case.before for case in self.cases)
        return tuple(
            GradeShift(grade=grade, applications=now[grade], before=before[grade]) for grade in sorted({*now, *before})
        )

    @property
    def stability(self) -> Decimal:
        """The index between both distributions over the grades."""
        shifts = self.grades()
        index = stability_index(
            {each.grade: each.before for each in shifts}, {each.grade: each.applications for each in shifts}
        )
        return Decimal(index).quantize(STEP)

    def mean_probability(self, *, before: bool) -> Decimal | None:
        told = [
            case.probability_before if before else case.probability for case in self.cases if case.grade is not None
        ]
        known = [each for each in told if each is not None]
        return (sum(known, Decimal(0)) / len(known)).quantize(STEP) if known else None


async def validate(runtime: Runtime, card: Card, first: date, last: date, until: int) -> Result:
    """Every application scored within two dates that the card was made for, up to a place of the service's order."""
    return Result([_case(card, scored) async for scored in scored_for(runtime, card, first, last, until)])


async def shown_until(runtime: Runtime) -> int:
    """Up to which place of the service's order the rows are by which applications are found: what comes later belongs
    to no answer yet, so that the same question up to there has the same answer."""
    positions = await runtime.store.positions(assessments_view.consumer)
    return positions.get((OWN, 0), Position()).last_sequence


async def scored_for(
    runtime: Runtime, card: Card, first: date, last: date, until: int
) -> AsyncIterator[ApplicationScored]:
    """What was scored within two dates and the card was made for, in the service's order, with breaths between."""
    count = 0
    async for scored in _scored(runtime, first, last, until):
        request = scored.request
        if request.applicant_kind.value in card.applies_to and card.segment.fits(request.product.code, request.region):
            yield scored
            count += 1
            if count % BREATH == 0:
                await asyncio.sleep(0)


def scored_again(card: Card, scored: ApplicationScored) -> Assessment:
    """What the card says of the very answers that an application was scored with: what sources said of indicators is
    in them, and counts above what the applicant answered."""
    counted: dict[str, Answer] = {each.indicator: each.value for each in scored.indicators}
    return assess(card, answers_of(scored.request, library().catalogue) | counted)


async def _scored(runtime: Runtime, first: date, last: date, until: int) -> AsyncIterator[ApplicationScored]:
    after, type_name = 0, ApplicationScored.type_name
    while rows := await runtime.store.pool.fetch(SCORED, first, last, type_name, after, until, BATCH):
        for row in rows:
            yield runtime.codec.decode(type_name, row["data"])
        after = rows[-1]["global_seq"]


def _case(card: Card, scored: ApplicationScored) -> Case:
    assessment = scored_again(card, scored)
    usable = not unusable_of(assessment)
    return Case(
        application_id=scored.application_id,
        before=scored.grade,
        probability_before=scored.probability_of_default,
        score=assessment.score if usable else None,
        grade=assessment.grade if usable else None,
        probability=assessment.probability_of_default if usable else None,
    )
