"""The decider of a violation: found, assigned, answered, closed with what follows from it and what is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from libs.contracts.audit import ViolationAnswered, ViolationAssigned, ViolationClosed, ViolationFound
from libs.contracts.problems import Rejected, refuse_unless

Event = ViolationFound | ViolationAssigned | ViolationAnswered | ViolationClosed


class Status(StrEnum):
    NONE = "NONE"
    FOUND = "FOUND"
    ASSIGNED = "ASSIGNED"
    ANSWERED = "ANSWERED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Violation:
    """Where a violation stands."""

    status: Status = Status.NONE
    found: ViolationFound | None = None
    assigned: ViolationAssigned | None = None
    answered: ViolationAnswered | None = None
    closed: ViolationClosed | None = None


INITIAL: Final = Violation()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportViolation:
    """A control test found it; found again, it is the same one."""

    found: ViolationFound


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignViolation:
    to: str
    due: date
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerViolation:
    answer: str
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseViolation:
    consequence: str
    lesson: str
    by: str
    today: date


Command = ReportViolation | AssignViolation | AnswerViolation | CloseViolation


def decide(command: Command, state: Violation) -> Sequence[Event]:
    if isinstance(command, ReportViolation):
        return [] if state.found is not None else [command.found]
    found = state.found
    if found is None:
        raise Rejected("violation-unknown", "There is no such violation.", status=404)
    refuse_unless(state.status is not Status.CLOSED, "violation-closed", "This violation is closed.")
    match command:
        case AssignViolation():
            refuse_unless(
                command.to != found.person,
                "answers-for-himself",
                "Somebody else than the person concerned answers for it.",
                field="/assigned_to",
                status=422,
            )
            refuse_unless(
                command.due >= command.today, "due-past", "Name a date that lies ahead.", field="/due", status=422
            )
            return [
                ViolationAssigned(
                    violation_id=found.violation_id,
                    assigned_to=command.to,
                    due=command.due,
                    assigned_on=command.today,
                )
            ]
        case AnswerViolation():
            refuse_unless(
                state.assigned is not None and state.assigned.assigned_to == command.by,
                "not-assigned",
                "Only the one whom it is assigned to answers it.",
                status=403,
            )
            return [
                ViolationAnswered(
                    violation_id=found.violation_id,
                    answer=command.answer,
                    answered_by=command.by,
                    answered_on=command.today,
                )
            ]
        case CloseViolation():
            refuse_unless(
                state.status is Status.ANSWERED, "not-answered", "A violation is closed when it has been answered."
            )
            refuse_unless(command.by != found.person, "own-violation", "Nobody closes his own violation.", status=403)
            return [
                ViolationClosed(
                    violation_id=found.violation_id,
                    consequence=command.consequence,
                    lesson=command.lesson,
                    closed_by=command.by,
                    closed_on=command.today,
                )
            ]


def evolve(state: Violation, event: Event) -> Violation:
    match event:
        case ViolationFound():
            return replace(state, status=Status.FOUND, found=event)
        case ViolationAssigned():
            return replace(state, status=Status.ASSIGNED, assigned=event)
        case ViolationAnswered():
            return replace(state, status=Status.ANSWERED, answered=event)
        case ViolationClosed():
            return replace(state, status=Status.CLOSED, closed=event)
