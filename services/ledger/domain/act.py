"""What one person asks for and another agrees to (R7.10): asked, and then approved, rejected or lapsed, once."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Final, Literal, TypeAlias

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import ActApproved, ActKind, ActLapsed, ActRejected, ActRequested
from libs.contracts.problems import Rejected, refuse_unless
from libs.lending.money import Money
from services.ledger.domain.checks import Check

State: TypeAlias = Literal["OPEN", "APPROVED", "REJECTED", "LAPSED"]


@dataclass(frozen=True, slots=True)
class Act:
    """One request; `ended` says what became of it."""

    requested: ActRequested | None = None
    ended: ActApproved | ActRejected | ActLapsed | None = None

    @property
    def state(self) -> State:
        match self.ended:
            case ActApproved():
                return "APPROVED"
            case ActRejected():
                return "REJECTED"
            case ActLapsed():
                return "LAPSED"
            case None:
                return "OPEN"

    @property
    def ended_by(self) -> str | None:
        """Who approved or rejected it."""
        match self.ended:
            case ActApproved(approved_by=by) | ActRejected(rejected_by=by):
                return by
            case _:
                return None

    @property
    def ended_on(self) -> date | None:
        match self.ended:
            case ActApproved(approved_on=on) | ActRejected(rejected_on=on) | ActLapsed(lapsed_on=on):
                return on
            case None:
                return None


NO_ACT: Final = Act()


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What an act is about; empty is what it is not about."""

    loan_id: str = ""
    repayment_id: str = ""
    suspense_id: str = ""
    period: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActCommand:
    today: date


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestAct(ActCommand):
    """`asked` is the body of the request, and `amount` what it would move."""

    act_id: str
    act: ActKind
    target: Target
    asked: dict[str, Any]
    amount: Money | None
    check: Check
    requested_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ApproveAct(ActCommand):
    approved_by: str
    roles: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectAct(ActCommand):
    reason: str
    rejected_by: str
    roles: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class LapseAct(ActCommand):
    """A day was opened: what nobody agreed to in time is over."""


def decide(command: ActCommand, state: Act) -> list[DomainEvent]:
    match command:
        case RequestAct():
            return _request(command, state)
        case ApproveAct():
            return [_approve(command, _open(state, command.today))]
        case RejectAct():
            return [_reject(command, _open(state, command.today))]
        case LapseAct():
            return _lapse(command, state)
        case _:
            raise AssertionError(f"{type(command).__name__} is a command of an act")


def _request(command: RequestAct, state: Act) -> list[DomainEvent]:
    if state.requested is not None:
        return []
    event = ActRequested(
        act_id=command.act_id,
        act=command.act,
        **asdict(command.target),
        asked=command.asked,
        amount=command.amount,
        agreed_by=command.check.agreed_by,
        open_until=command.check.open_until(command.today),
        requested_by=command.requested_by,
        requested_on=command.today,
    )
    return [event]


def _open(state: Act, today: date) -> ActRequested:
    requested = state.requested
    if requested is None:
        raise Rejected("act-not-found", "Nothing was asked for under this id; look it up in the list.", status=404)
    refuse_unless(state.ended is None, "act-ended", f"This request is {state.state.lower()} already.")
    refuse_unless(
        today <= requested.open_until,
        "act-lapsed",
        f"It could be agreed to until {requested.open_until}; ask for it again.",
    )
    return requested


def _refuse_unless_may_agree(requested: ActRequested, roles: frozenset[str]) -> None:
    refuse_unless(
        not roles.isdisjoint(requested.agreed_by),
        "act-role",
        f"To this agrees somebody with the role {' or '.join(requested.agreed_by)}.",
        status=403,
    )


def _approve(command: ApproveAct, requested: ActRequested) -> DomainEvent:
    refuse_unless(
        command.approved_by != requested.requested_by,
        "four-eyes",
        "Who asked for it does not agree to it; another person does.",
        status=403,
    )
    _refuse_unless_may_agree(requested, command.roles)
    return ActApproved(
        act_id=requested.act_id,
        act=requested.act,
        loan_id=requested.loan_id,
        requested_by=requested.requested_by,
        approved_by=command.approved_by,
        approved_on=command.today,
    )


def _reject(command: RejectAct, requested: ActRequested) -> DomainEvent:
    """By who could have agreed to it, or by who asked for it."""
    if command.rejected_by != requested.requested_by:
        _refuse_unless_may_agree(requested, command.roles)
    return ActRejected(
        act_id=requested.act_id,
        act=requested.act,
        loan_id=requested.loan_id,
        requested_by=requested.requested_by,
        reason=command.reason,
        rejected_by=command.rejected_by,
        rejected_on=command.today,
    )


def _lapse(command: LapseAct, state: Act) -> list[DomainEvent]:
    requested = state.requested
    if requested is None or state.ended is not None or command.today <= requested.open_until:
        return []
    event = ActLapsed(
        act_id=requested.act_id,
        act=requested.act,
        loan_id=requested.loan_id,
        requested_by=requested.requested_by,
        lapsed_on=command.today,
    )
    return [event]


def evolve(state: Act, event: DomainEvent) -> Act:
    match event:
        case ActRequested():
            return Act(event)
        case ActApproved() | ActRejected() | ActLapsed():
            return replace(state, ended=event)
        case _:
            return state
