"""The decider: what becomes of a person's data, from the request to erase them to the end of every duty to keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Final

from libs.contracts.audit import (
    ErasureDue,
    ErasureRequested,
    LegalHoldPlaced,
    LegalHoldReleased,
    PersonalDataRead,
    PersonErased,
    PersonRestricted,
    RestrictionLifted,
)
from libs.contracts.problems import Rejected, refuse_unless
from services.audit.domain.retention import Relationship, RetentionPolicy, Rule

LEGAL_HOLD: Final = "legal-hold"
RETENTION_ENDED: Final = "retention-ended"
REPORTS_KEPT: Final = 1_000

Event = (
    ErasureRequested
    | PersonRestricted
    | RestrictionLifted
    | LegalHoldPlaced
    | LegalHoldReleased
    | ErasureDue
    | PersonErased
    | PersonalDataRead
)


class Status(StrEnum):
    IN_USE = "IN_USE"
    RESTRICTED = "RESTRICTED"
    """Kept because a rule says so, and used for nothing else."""
    ERASURE_DUE = "ERASURE_DUE"
    ERASED = "ERASED"


@dataclass(frozen=True, slots=True)
class Person:
    """Where a person's data stand. `until` is the last day on which a rule keeps them."""

    status: Status = Status.IN_USE
    rule: str = ""
    source: str = ""
    until: date | None = None
    readers: tuple[str, ...] = ()
    holds: Mapping[str, LegalHoldPlaced] = field(default_factory=dict)
    reports: Mapping[str, PersonalDataRead] = field(default_factory=dict)
    erased_on: date | None = None

    def is_due(self, today: date) -> bool:
        """Whether nothing keeps restricted data any longer."""
        kept = self.until is not None and today <= self.until
        return self.status is Status.RESTRICTED and not kept and not self.holds


INITIAL: Final = Person()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestErasure:
    """Erase what may be erased; restrict what a rule keeps."""

    applicant_id: str
    ground: str
    relationship: Relationship
    policy: RetentionPolicy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftRestriction:
    applicant_id: str
    reason: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHold:
    applicant_id: str
    hold_id: str
    reason: str
    authority: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseHold:
    applicant_id: str
    hold_id: str
    reason: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRestriction:
    """Order the erasure if nothing keeps the data any longer, by the dealings that are known and the rules in force now:
    what was heard after the restriction counts, since what is erased does not come back."""

    applicant_id: str
    relationship: Relationship
    policy: RetentionPolicy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmErasure:
    """The key is gone."""

    applicant_id: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReading:
    """Somebody in a role is going to be shown a person's data."""

    applicant_id: str
    report_id: str
    shown: str
    purpose: str
    reader: str
    role: str
    today: date


Command = RequestErasure | LiftRestriction | PlaceHold | ReleaseHold | EndRestriction | ConfirmErasure | RecordReading


def decide(command: Command, state: Person) -> Sequence[Event]:
    match command:
        case RequestErasure():
            return _request(command, state)
        case LiftRestriction():
            return _lift(command, state)
        case PlaceHold():
            return _place(command, state)
        case ReleaseHold():
            return _release(command, state)
        case EndRestriction():
            return _end(command, state)
        case ConfirmErasure():
            return [_erased(command, state)] if state.status is Status.ERASURE_DUE else []
        case RecordReading():
            return [_reading(command, state)]


def _request(command: RequestErasure, state: Person) -> Sequence[Event]:
    """A request that comes again changes nothing. One while something still runs is refused: performing a contract is
    a ground of its own for its data (PIPL 13 (2))."""
    if state.status is not Status.IN_USE:
        return []
    running = command.relationship.running
    refuse_unless(
        not running,
        "relationship-running",
        f"Nothing is erased while this runs: {', '.join(running)}. Settle, withdraw or cancel it first.",
    )
    rule = command.policy.rule(command.relationship.standing)
    by_law, hold = rule.keeps(command.relationship, command.today), next(iter(state.holds.values()), None)
    requested = ErasureRequested(applicant_id=command.applicant_id, ground=command.ground, requested_on=command.today)
    if by_law:
        return [requested, _restricted(command, rule, rule.code, rule.source)]
    if hold is not None:
        return [requested, _restricted(command, rule, LEGAL_HOLD, hold.authority)]
    due = ErasureDue(applicant_id=command.applicant_id, rule=rule.code, source=rule.source, due_on=command.today)
    return [requested, due]


def _restricted(command: RequestErasure | EndRestriction, rule: Rule, code: str, source: str) -> PersonRestricted:
    return PersonRestricted(
        applicant_id=command.applicant_id,
        rule=code,
        source=source,
        relationship_ended_on=command.relationship.ended_on,
        until=rule.until(command.relationship, command.today),
        readers=command.policy.readers,
        restricted_on=command.today,
    )


def _end(command: EndRestriction, state: Person) -> Sequence[Event]:
    """While something runs (a loan that is owed again, a security that was heard of late) nothing is decided; where the
    last of it ended later than was known, the rule keeps the data from then on."""
    relationship = command.relationship
    if not state.is_due(command.today) or relationship.running:
        return []
    rule = command.policy.rule(relationship.standing)
    if relationship.ended_on is not None and rule.keeps(relationship, command.today):
        return [_restricted(command, rule, rule.code, rule.source)]
    return [_due(command, state)]


def _lift(command: LiftRestriction, state: Person) -> Sequence[Event]:
    _not_erased(state)
    refuse_unless(
        state.status is Status.RESTRICTED, "not-restricted", "These data are in use; nothing is to be lifted."
    )
    return [RestrictionLifted(applicant_id=command.applicant_id, reason=command.reason, lifted_on=command.today)]


def _place(command: PlaceHold, state: Person) -> Sequence[Event]:
    _not_erased(state)
    return [
        LegalHoldPlaced(
            applicant_id=command.applicant_id,
            hold_id=command.hold_id,
            reason=command.reason,
            authority=command.authority,
            placed_on=command.today,
        )
    ]


def _release(command: ReleaseHold, state: Person) -> Sequence[Event]:
    refuse_unless(
        command.hold_id in state.holds, "hold-unknown", "No such legal hold is open on this person.", status=404
    )
    return [
        LegalHoldReleased(
            applicant_id=command.applicant_id,
            hold_id=command.hold_id,
            reason=command.reason,
            released_on=command.today,
        )
    ]


def _due(command: EndRestriction, state: Person) -> ErasureDue:
    return ErasureDue(applicant_id=command.applicant_id, rule=state.rule, source=state.source, due_on=command.today)


def _erased(command: ConfirmErasure, state: Person) -> PersonErased:
    return PersonErased(
        applicant_id=command.applicant_id, rule=state.rule, source=state.source, erased_on=command.today
    )


def _reading(command: RecordReading, state: Person) -> PersonalDataRead:
    _not_erased(state)
    restricted = state.status is Status.RESTRICTED
    refuse_unless(
        not restricted or command.role in state.readers,
        "restricted-to-others",
        f"These data are restricted; they are read by {' and '.join(state.readers)} alone.",
        status=403,
    )
    return PersonalDataRead(
        applicant_id=command.applicant_id,
        report_id=command.report_id,
        reader=command.reader,
        shown=command.shown,
        purpose=command.purpose,
        restricted=restricted,
        read_on=command.today,
    )


def _not_erased(state: Person) -> None:
    if state.status in (Status.ERASURE_DUE, Status.ERASED):
        raise Rejected("person-erased", "This person's data are erased; nothing is left to act on.", status=410)


def evolve(state: Person, event: Event) -> Person:
    match event:
        case ErasureRequested():
            return state
        case PersonRestricted():
            return replace(
                state,
                status=Status.RESTRICTED,
                rule=event.rule,
                source=event.source,
                until=event.until,
                readers=event.readers,
            )
        case RestrictionLifted():
            return replace(state, status=Status.IN_USE, rule="", source="", until=None, readers=())
        case LegalHoldPlaced():
            return replace(state, holds={**state.holds, event.hold_id: event})
        case LegalHoldReleased():
            return replace(state, holds={key: hold for key, hold in state.holds.items() if key != event.hold_id})
        case ErasureDue():
            return replace(state, status=Status.ERASURE_DUE, rule=event.rule, source=event.source)
        case PersonErased():
            return replace(state, status=Status.ERASED, erased_on=event.erased_on)
        case PersonalDataRead():
            kept = dict(list(state.reports.items())[-REPORTS_KEPT + 1 :])
            return replace(state, reports={**kept, event.report_id: event})
