"""What is known of a borrower's warnings and of his place on the watch list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from libs.contracts.collections import (
    BorrowerFrozen,
    BorrowerLimited,
    BorrowerLimitLifted,
    BorrowerUnfrozen,
    GuaranteeDemanded,
    GuaranteeProvided,
    HigherRateAnnounced,
    HigherRateEnded,
    HigherRateTaken,
    MeasureKind,
    Severity,
    WarningCured,
    WarningRaised,
    WatchEntered,
    WatchLeft,
    WatchMeasureDecided,
    WatchMeasureEnded,
    WatchMeasureProposed,
    WatchReviewed,
)
from libs.lending.money import Money

Event = (
    WarningRaised
    | WarningCured
    | WatchEntered
    | WatchReviewed
    | WatchMeasureProposed
    | WatchMeasureDecided
    | WatchMeasureEnded
    | BorrowerFrozen
    | BorrowerUnfrozen
    | BorrowerLimited
    | BorrowerLimitLifted
    | GuaranteeDemanded
    | GuaranteeProvided
    | HigherRateAnnounced
    | HigherRateTaken
    | HigherRateEnded
    | WatchLeft
)


class MeasureStatus(StrEnum):
    PROPOSED = "PROPOSED"
    IN_FORCE = "IN_FORCE"
    REFUSED = "REFUSED"
    ENDED = "ENDED"
    FULFILLED = "FULFILLED"
    """More guarantee was given."""


STANDING: Final = frozenset({MeasureStatus.PROPOSED, MeasureStatus.IN_FORCE})


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning; `cured_on` is the day from which it no longer stands, None while it does."""

    rule: str
    severity: Severity
    loan_id: str
    raised_on: date
    cured_on: date | None


@dataclass(frozen=True, slots=True)
class Measure:
    """`reviewed_by`: who reviewed the borrower since the measure is in force, last. `due_on`: by when more guarantee is to
    be registered, `security_id` what was. `increase`, `notice_days`: of a higher rate; `effective_from`: the date that the
    borrower was told, `taken_on`: when the ledger was."""

    kind: MeasureKind
    loan_id: str
    limit: Money | None
    clause: str
    proposed_by: str
    status: MeasureStatus = MeasureStatus.PROPOSED
    decided_by: str = ""
    reviewed_by: str = ""
    due_on: date | None = None
    security_id: str = ""
    increase: Decimal | None = None
    notice_days: int | None = None
    effective_from: date | None = None
    taken_on: date | None = None


@dataclass(frozen=True, slots=True)
class State:
    """`severity`, `entered_…` and `review_due` are those of the last time on the list."""

    applicant_id: str = ""
    watched: bool = False
    severity: Severity = Severity.LOW
    reason: str = ""
    entered_by: str = ""
    entered_on: date | None = None
    review_due: date | None = None
    review: WatchReviewed | None = None
    """The last review of this time on the list."""
    left_on: date | None = None
    warnings: Mapping[str, Warned] = field(default_factory=dict)
    measures: Mapping[str, Measure] = field(default_factory=dict)

    @property
    def standing_measures(self) -> list[str]:
        return [key for key, measure in self.measures.items() if measure.status in STANDING]

    @property
    def frozen(self) -> bool:
        return any(m.kind is MeasureKind.FREEZE and m.status is MeasureStatus.IN_FORCE for m in self.measures.values())


INITIAL: Final = State()


def evolve(state: State, event: Event) -> State:
    match event:
        case WarningRaised():
            cured_on = None if event.until_cured else event.raised_on
            warned = Warned(event.rule, event.severity, event.loan_id, event.raised_on, cured_on)
            state = replace(state, warnings={**state.warnings, event.warning_id: warned})
            if event.review_due is not None:
                state = replace(state, severity=event.severity, review_due=event.review_due)
            return replace(state, applicant_id=event.applicant_id)
        case WarningCured():
            cured = replace(state.warnings[event.warning_id], cured_on=event.cured_on)
            return replace(state, warnings={**state.warnings, event.warning_id: cured})
        case WatchEntered():
            return replace(
                state,
                applicant_id=event.applicant_id,
                watched=True,
                severity=event.severity,
                reason=event.reason,
                entered_by=event.entered_by,
                entered_on=event.entered_on,
                review_due=event.review_due,
                review=None,
            )
        case WatchReviewed():
            return _reviewed(state, event)
        case WatchMeasureProposed():
            measure = Measure(
                event.kind,
                event.loan_id,
                event.limit,
                event.clause,
                event.proposed_by,
                increase=event.increase,
                notice_days=event.notice_days,
            )
            return _measure(state, event.measure_id, measure)
        case WatchMeasureDecided():
            status = MeasureStatus.IN_FORCE if event.taken else MeasureStatus.REFUSED
            decided = replace(state.measures[event.measure_id], status=status, decided_by=event.decided_by)
            return _measure(state, event.measure_id, decided)
        case WatchMeasureEnded():
            ended = replace(state.measures[event.measure_id], status=MeasureStatus.ENDED)
            return _measure(state, event.measure_id, ended)
        case BorrowerFrozen() | BorrowerUnfrozen() | BorrowerLimited() | BorrowerLimitLifted():
            return state
        case HigherRateAnnounced():
            told = replace(state.measures[event.measure_id], effective_from=event.effective_from)
            return _measure(state, event.measure_id, told)
        case HigherRateTaken():
            return _measure(state, event.measure_id, replace(state.measures[event.measure_id], taken_on=event.taken_on))
        case HigherRateEnded():
            return state
        case GuaranteeDemanded():
            return _measure(state, event.measure_id, replace(state.measures[event.measure_id], due_on=event.due_on))
        case GuaranteeProvided():
            measure, status = state.measures[event.measure_id], MeasureStatus.FULFILLED
            return _measure(state, event.measure_id, replace(measure, status=status, security_id=event.security_id))
        case WatchLeft():
            return replace(state, watched=False, review_due=None, left_on=event.left_on)


def _measure(state: State, measure_id: str, measure: Measure) -> State:
    return replace(state, measures={**state.measures, measure_id: measure})


def _reviewed(state: State, event: WatchReviewed) -> State:
    measures = {
        key: replace(each, reviewed_by=event.reviewed_by) if each.status is MeasureStatus.IN_FORCE else each
        for key, each in state.measures.items()
    }
    return replace(state, review=event, review_due=event.review_due, measures=measures)
