"""Months of the books: sealed in order, each once, each under the hash of the one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import PeriodSealed
from libs.contracts.problems import refuse_unless


@dataclass(frozen=True, slots=True)
class Periods:
    seals: tuple[PeriodSealed, ...] = ()

    @property
    def last_sha256(self) -> str:
        """Of the seal before; nothing's hash is empty."""
        return self.seals[-1].sha256 if self.seals else ""

    def seal(self, period: str) -> PeriodSealed | None:
        return next((seal for seal in self.seals if seal.period == period), None)


NO_PERIODS: Final = Periods()


@dataclass(frozen=True, kw_only=True, slots=True)
class SealPeriod:
    period: str
    first: date
    last: date
    entries: int
    lines: int
    sha256: str
    known_until: int
    sealed_by: str
    sealed_on: date


def decide(command: SealPeriod, state: Periods) -> list[DomainEvent]:
    if state.seal(command.period) is not None:
        return []
    if state.seals:
        expected = state.seals[-1].last + timedelta(days=1)
        refuse_unless(
            command.first == expected, "period-order", f"Months close in order: {expected:%Y-%m} is the next one."
        )
    sealed = PeriodSealed(
        period=command.period,
        first=command.first,
        last=command.last,
        entries=command.entries,
        lines=command.lines,
        sha256=command.sha256,
        previous_sha256=state.last_sha256,
        known_until=command.known_until,
        sealed_by=command.sealed_by,
        sealed_on=command.sealed_on,
    )
    return [sealed]


def evolve(state: Periods, event: DomainEvent) -> Periods:
    return Periods((*state.seals, event)) if isinstance(event, PeriodSealed) else state
