"""What is known of a collection case, and how each event changes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from libs.contracts.collections import (
    ArrearsUpdated,
    CaseAssigned,
    CaseEnd,
    CaseStageChanged,
    CollectionCaseClosed,
    CollectionCaseOpened,
    PlanAgreed,
    PlanBroken,
    PlanKept,
    PlanProgressed,
    PromiseBroken,
    PromiseKept,
    PromiseMade,
    RepaymentNoted,
    Stage,
)
from libs.lending.money import Money
from services.collections.domain.plan import Plan, PlanStatus
from services.collections.domain.promise import Promise, PromiseStatus

Event = (
    CollectionCaseOpened
    | CaseAssigned
    | CaseStageChanged
    | ArrearsUpdated
    | RepaymentNoted
    | PromiseMade
    | PromiseKept
    | PromiseBroken
    | PlanAgreed
    | PlanProgressed
    | PlanKept
    | PlanBroken
    | CollectionCaseClosed
)

NOTHING: Final = Money(0)


class Status(StrEnum):
    NONE = "NONE"
    OPEN = "OPEN"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class State:
    """Where a case stands. `overdue` and `days_past_due` are those that the ledger last spoke of."""

    case_id: str = ""
    loan_id: str = ""
    application_id: str = ""
    applicant_id: str = ""
    status: Status = Status.NONE
    stage: Stage = Stage.EARLY
    collector: str = ""
    overdue: Money = NOTHING
    days_past_due: int = 0
    opened_on: date | None = None
    promise: Promise | None = None
    plan: Plan | None = None
    end: CaseEnd | None = None
    closed_on: date | None = None


initial = State()


def evolve(state: State, event: Event) -> State:
    match event:
        case CollectionCaseOpened():
            return State(
                case_id=event.case_id,
                loan_id=event.loan_id,
                application_id=event.application_id,
                applicant_id=event.applicant_id,
                status=Status.OPEN,
                stage=event.stage,
                overdue=event.overdue,
                days_past_due=event.days_past_due,
                opened_on=event.opened_on,
            )
        case CaseAssigned():
            return replace(state, collector=event.collector)
        case CaseStageChanged():
            return replace(state, stage=event.stage, overdue=event.overdue, days_past_due=event.days_past_due)
        case ArrearsUpdated():
            return replace(state, overdue=event.overdue, days_past_due=event.days_past_due)
        case RepaymentNoted():
            promise = state.promise.with_money(event) if state.promise else None
            plan = state.plan.with_money(event) if state.plan else None
            return replace(state, overdue=event.overdue, days_past_due=event.days_past_due, promise=promise, plan=plan)
        case PromiseMade():
            nothing = Money.zero(event.amount.currency)
            made = Promise(event.promise_id, event.amount, event.due, event.made_on, nothing)
            return replace(state, promise=made)
        case PromiseKept():
            return _promise_is(state, PromiseStatus.KEPT)
        case PromiseBroken():
            return _promise_is(state, PromiseStatus.BROKEN)
        case PlanAgreed():
            return replace(state, plan=Plan(plan_id=event.plan_id, parts=event.parts, agreed_on=event.agreed_on))
        case PlanProgressed():
            return _plan_is(state, PlanStatus.OPEN, parts_met=event.parts_met)
        case PlanKept():
            return _plan_is(state, PlanStatus.KEPT)
        case PlanBroken():
            return _plan_is(state, PlanStatus.BROKEN)
        case CollectionCaseClosed():
            return replace(state, status=Status.CLOSED, end=event.end, closed_on=event.closed_on)


def _promise_is(state: State, status: PromiseStatus) -> State:
    assert state.promise is not None, "only a promise that was made is kept or broken"
    return replace(state, promise=replace(state.promise, status=status))


def _plan_is(state: State, status: PlanStatus, parts_met: int | None = None) -> State:
    assert state.plan is not None, "only a plan that was agreed goes on, is kept or broken"
    met = state.plan.parts_met if parts_met is None else parts_met
    return replace(state, plan=replace(state.plan, status=status, parts_met=met))
