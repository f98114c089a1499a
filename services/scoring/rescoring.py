"""A card on past applications, told to who decides: what each would score, part by part, so that approval can decide on
it again. A part is an append of its own, and live work goes on between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final

from libs.contracts.scoring import ApplicationScored, ApplicationsRescored, RescoredCase
from libs.contracts.values import Reason
from libs.events.canonical import canonical
from libs.events.decider import Decider
from libs.service.runtime import Runtime
from services.scoring.domain.card import Card
from services.scoring.domain.outcome import not_usable, published, unusable_of
from services.scoring.domain.rescoring import INITIAL, Command, Event, State, decide, evolve
from services.scoring.library import library
from services.scoring.validation import scored_again, scored_for

RESCORING: Final[Decider[Command, State, Event]] = Decider("rescoring", INITIAL, decide, evolve)
PART: Final = 250
"""Applications a part: some 40 kB, and some milliseconds of work."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which applications: scored within these dates, up to a place of the service's order."""

    first: date
    last: date
    until_sequence: int


class Digest:
    """The hash of all cases, of their canonical JSON one after another, and how many there are."""

    def __init__(self) -> None:
        self._hash = sha256()
        self.applications = self.unusable = self.parts = 0

    def add(self, part: ApplicationsRescored) -> None:
        codes = [reason.code for reason in part.reasons]
        for case in part.cases:
            told = [case.application_id, case.score, case.grade, [codes[place] for place in case.reasons]]
            self._hash.update(canonical(told))
            self.unusable += case.score is None
        self.applications += len(part.cases)
        self.parts = part.part

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


async def parts_of(
    runtime: Runtime, card: Card, which: Which, rescoring_id: str
) -> AsyncIterator[ApplicationsRescored]:
    """What the card says of every application, in parts, from the events alone: the same for the same question."""
    number, first = 1, 1
    batch: list[ApplicationScored] = []
    async for scored in scored_for(runtime, card, which.first, which.last, which.until_sequence):
        batch.append(scored)
        if len(batch) == PART:
            yield _part(card, batch, rescoring_id, number, first, which.until_sequence)
            number, first, batch = number + 1, first + PART, []
    if batch:
        yield _part(card, batch, rescoring_id, number, first, which.until_sequence)


def _part(
    card: Card, batch: Sequence[ApplicationScored], rescoring_id: str, number: int, first: int, until: int
) -> ApplicationsRescored:
    """Reasons are few and long: each is written once."""
    places: dict[Reason, int] = {}
    return ApplicationsRescored(
        rescoring_id=rescoring_id,
        part=number,
        first=first,
        until_sequence=until,
        cases=tuple(_case(card, scored, places) for scored in batch),
        reasons=tuple(places),
    )


def _case(card: Card, scored: ApplicationScored, places: dict[Reason, int]) -> RescoredCase:
    assessment = scored_again(card, scored)
    unusable = unusable_of(assessment)
    reasons: Sequence[Any] = [not_usable(unusable, library().catalogue)] if unusable else assessment.reasons
    return RescoredCase(
        application_id=scored.application_id,
        score=None if unusable else assessment.score,
        grade=None if unusable else assessment.grade,
        reasons=tuple(places.setdefault(published(reason), len(places)) for reason in reasons),
    )
