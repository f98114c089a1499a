"""The decider of a collection case: one episode of arrears of one loan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from libs.contracts.collections import (
    ArrearsUpdated,
    CaseAssigned,
    CaseEnd,
    CaseStageChanged,
    CollectionCaseClosed,
    CollectionCaseOpened,
    PlanAgreed,
    PromiseMade,
    RepaymentNoted,
    Stage,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.lending.money import Money
from services.collections.domain.commands import (
    AgreePlan,
    AssignCase,
    ChangeStage,
    CloseCase,
    Command,
    ExpirePlan,
    ExpirePromise,
    FollowArrears,
    GiveOut,
    MakePromise,
    NoteRepayment,
    OpenCase,
)
from services.collections.domain.plan import PlanStatus
from services.collections.domain.policy import SEVERITY, PlanRules, Policy
from services.collections.domain.promise import PromiseStatus
from services.collections.domain.state import Event, State, Status, evolve, initial

__all__ = ["decide", "evolve", "initial"]

ARREARS_PAID: Final = "arrears-paid"
LOAN_SETTLED: Final = "loan-settled"


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that follow; raises `Rejected`. What the ledger tells of a case that is closed changes nothing."""
    match command:
        case OpenCase():
            return _open(command, state)
        case FollowArrears():
            return _follow(command, state) if state.status is Status.OPEN else []
        case NoteRepayment():
            return _note(command, state) if state.status is Status.OPEN else []
        case ExpirePromise():
            return _expire(command, state) if state.status is Status.OPEN else []
        case ExpirePlan():
            return _expire_plan(command, state) if state.status is Status.OPEN else []
        case CloseCase():
            return _close(state, command.end, command.reason, command.today) if state.status is Status.OPEN else []
        case GiveOut():
            return _given_out(command.policy, state, command.today) if state.status is Status.OPEN else []
        case AssignCase():
            return _assign(command, _open_case(state))
        case ChangeStage():
            return _change_stage(command, _open_case(state))
        case MakePromise():
            return _promise(command, _open_case(state))
        case AgreePlan():
            return _agree(command, _open_case(state))


def _open_case(state: State) -> State:
    if state.status is Status.NONE:
        raise Rejected("case-not-found", "There is no such collection case.", status=404)
    refuse_unless(state.status is Status.OPEN, "case-closed", f"The case was closed on {state.closed_on}.")
    return state


def _open(command: OpenCase, state: State) -> Sequence[Event]:
    """A case that was closed the same day is opened anew: its identifier is that of loan and date."""
    if state.status is Status.OPEN:
        return []
    opened = CollectionCaseOpened(
        case_id=command.case_id,
        loan_id=command.loan_id,
        application_id=command.application_id,
        applicant_id=command.applicant_id,
        overdue=command.overdue,
        days_past_due=command.days_past_due,
        stage=command.policy.stage(command.days_past_due),
        opened_on=command.today,
    )
    return [opened, *_given_out(command.policy, evolve(initial, opened), command.today)]


def _given_out(policy: Policy, state: State, today: date) -> Sequence[CaseAssigned]:
    """A case stays with its collector while he is of the stage's team; else it goes to the loan's in that team."""
    if state.collector in policy.teams[state.stage]:
        return []
    collector = policy.collector(state.stage, state.loan_id)
    return [CaseAssigned(case_id=state.case_id, collector=collector, assigned_on=today)]


def _follow(command: FollowArrears, state: State) -> Sequence[Event]:
    """Cured, further into arrears, or something in between. By itself a stage only rises."""
    if command.days_past_due == 0:
        if command.settled:
            return _close(state, CaseEnd.SETTLED, LOAN_SETTLED, command.today)
        return _close(state, CaseEnd.CURED, ARREARS_PAID, command.today)
    stage = command.policy.stage(command.days_past_due)
    if SEVERITY[stage] > SEVERITY[state.stage]:
        reason = f"{command.days_past_due} days past due"
        return _to_stage(command.policy, state, stage, reason, command.overdue, command.days_past_due, command.today)
    if (command.overdue, command.days_past_due) == (state.overdue, state.days_past_due):
        return []
    return [
        ArrearsUpdated(
            case_id=state.case_id,
            loan_id=state.loan_id,
            overdue=command.overdue,
            days_past_due=command.days_past_due,
            updated_on=command.today,
        )
    ]


def _to_stage(
    policy: Policy, state: State, stage: Stage, reason: str, overdue: Money, days_past_due: int, today: date
) -> Sequence[Event]:
    changed = CaseStageChanged(
        case_id=state.case_id,
        loan_id=state.loan_id,
        previous=state.stage,
        stage=stage,
        overdue=overdue,
        days_past_due=days_past_due,
        reason=reason,
        changed_on=today,
    )
    return [changed, *_given_out(policy, evolve(state, changed), today)]


def _note(command: NoteRepayment, state: State) -> Sequence[Event]:
    noted = RepaymentNoted(
        case_id=state.case_id,
        loan_id=state.loan_id,
        repayment_id=command.repayment_id,
        amount=command.amount,
        value_date=command.value_date,
        overdue=command.overdue,
        days_past_due=command.days_past_due,
        noted_on=command.today,
    )
    after = evolve(state, noted)
    promised = after.promise.after_money(state.case_id, command.today) if after.promise else []
    planned = after.plan.after_money(state.case_id, command.today) if after.plan else []
    return [noted, *promised, *planned]


def _expire(command: ExpirePromise, state: State) -> Sequence[Event]:
    if state.promise is None or state.promise.promise_id != command.promise_id:
        return []
    return state.promise.after_date(state.case_id, command.today)


def _expire_plan(command: ExpirePlan, state: State) -> Sequence[Event]:
    if state.plan is None or state.plan.plan_id != command.plan_id:
        return []
    return state.plan.after_date(state.case_id, command.today)


def _close(state: State, end: CaseEnd, reason: str, today: date) -> Sequence[Event]:
    """Promise and plan do not outlive their case: they are kept when the arrears were made good in time, else broken."""
    promised: Sequence[Event] = []
    planned: Sequence[Event] = []
    made_good = end is not CaseEnd.WRITTEN_OFF
    if state.plan is not None and state.plan.status is PlanStatus.OPEN:
        planned = (state.plan.after_cure if made_good else state.plan.given_up)(state.case_id, today)
    if state.promise is not None and state.promise.status is PromiseStatus.OPEN:
        promise = state.promise
        promised = promise.after_cure(state.case_id, today) if made_good else [promise.broken(state.case_id, today)]
    closed = CollectionCaseClosed(case_id=state.case_id, loan_id=state.loan_id, end=end, reason=reason, closed_on=today)
    return [*promised, *planned, closed]


def _assign(command: AssignCase, state: State) -> Sequence[Event]:
    team = command.policy.teams[state.stage]
    if command.collector not in team:
        detail = f"At stage {state.stage} a case is worked on by {', '.join(team)}."
        raise command.policy.refusal("teams", "collector-not-of-team", detail, field="/collector", status=422)
    if command.collector == state.collector:
        return []
    return [CaseAssigned(case_id=state.case_id, collector=command.collector, assigned_on=command.today)]


def _change_stage(command: ChangeStage, state: State) -> Sequence[Event]:
    refuse_unless(command.stage is not state.stage, "stage-unchanged", f"The case is at stage {state.stage} already.")
    if command.stage is Stage.LEGAL:
        refuse_unless(
            not command.complaint_open,
            "complaint-open",
            "Resolve the debtor's complaint before the case goes to court.",
        )
        if state.days_past_due < command.policy.legal_from_days:
            detail = (
                f"A case goes to legal recourse from {command.policy.legal_from_days} days past due; "
                f"this one is at {state.days_past_due}."
            )
            raise command.policy.refusal("legal_from_days", "legal-too-early", detail)
    return _to_stage(
        command.policy, state, command.stage, command.reason, state.overdue, state.days_past_due, command.today
    )


def _promise(command: MakePromise, state: State) -> Sequence[Event]:
    policy = command.policy
    refuse_unless(
        not command.complaint_open, "complaint-open", "Resolve the debtor's complaint before asking for a promise."
    )
    _refuse_beside_another(state)
    latest = command.today + timedelta(days=policy.promise_days_ahead)
    if not command.today <= command.due <= latest:
        detail = f"Promise a date from {command.today} to {latest}."
        raise policy.refusal("promise_days_ahead", "promise-date", detail, field="/due", status=422)
    refuse_unless(
        command.amount.currency == state.overdue.currency,
        "currency-differs", f"The loan is in {state.overdue.currency}.", field="/amount", status=422,
    )  # fmt: skip
    least = state.overdue.times(policy.promise_min_share, "ROUND_UP")
    if command.amount < least or command.amount.minor <= 0:
        detail = f"Promise at least {least.amount} of the {state.overdue.amount} overdue."
        raise policy.refusal("promise_min_share", "promise-too-small", detail, field="/amount", status=422)
    return [
        PromiseMade(
            case_id=state.case_id,
            promise_id=command.promise_id,
            loan_id=state.loan_id,
            amount=command.amount,
            due=command.due,
            made_on=command.today,
        )
    ]


def _refuse_beside_another(state: State) -> None:
    """A case has one promise or one plan that runs."""
    refuse_unless(
        state.promise is None or state.promise.status is not PromiseStatus.OPEN,
        "promise-open", "A promise is open; wait until its date has passed.",
    )  # fmt: skip
    refuse_unless(
        state.plan is None or state.plan.status is not PlanStatus.OPEN,
        "plan-open", "A plan is agreed and goes on; what it asks for counts.",
    )  # fmt: skip


def _agree(command: AgreePlan, state: State) -> Sequence[Event]:
    policy, parts = command.policy, command.parts
    rules = policy.plan
    if rules is None:
        raise Rejected("plan-unknown", f"{policy.label} knows no negotiated plans.")
    refuse_unless(
        not command.complaint_open, "complaint-open", "Resolve the debtor's complaint before agreeing on a plan."
    )
    _refuse_beside_another(state)
    if state.stage not in rules.stages:
        detail = f"Plans are negotiated at {', '.join(rules.stages)}; this case is at {state.stage}."
        raise policy.refusal("plan_stages", "plan-too-early", detail)
    most = rules.parts if command.by_manager else rules.parts_alone
    if not rules.PARTS_LEAST <= len(parts) <= most:
        rule = "plan_parts" if command.by_manager else "plan_parts_alone"
        detail = f"Agree on {rules.PARTS_LEAST} to {most} parts; a single one is a promise."
        if not command.by_manager and len(parts) <= rules.parts:
            detail += f" More, up to {rules.parts}, a manager agrees to."
        raise policy.refusal(rule, "plan-parts", detail, field="/parts", status=422)
    _refuse_dates(command, rules)
    refuse_unless(
        {part.amount.currency for part in parts} == {state.overdue.currency},
        "currency-differs", f"The loan is in {state.overdue.currency}.", field="/parts", status=422,
    )  # fmt: skip
    least = state.overdue.times(rules.min_share, "ROUND_UP")
    total = Money(sum(part.amount.minor for part in parts), state.overdue.currency)
    if total < least or min(part.amount.minor for part in parts) <= 0:
        detail = f"Agree on at least {least.amount} of the {state.overdue.amount} overdue, something by each date."
        raise policy.refusal("plan_min_share", "plan-too-small", detail, field="/parts", status=422)
    return [
        PlanAgreed(
            case_id=state.case_id,
            plan_id=command.plan_id,
            loan_id=state.loan_id,
            parts=parts,
            agreed_on=command.today,
        )
    ]


def _refuse_dates(command: AgreePlan, rules: PlanRules) -> None:
    """Dates rise from today on, none too far from the one before it, the last not too far ahead."""
    before = command.today
    for number, part in enumerate(command.parts):
        latest = min(before + timedelta(days=rules.gap_days), command.today + timedelta(days=rules.days_ahead))
        if not before < part.due <= latest:
            last = latest < before + timedelta(days=rules.gap_days)
            rule = "plan_days_ahead" if last else "plan_gap_days"
            detail = f"Agree on a date after {before} and no later than {latest}."
            raise command.policy.refusal(rule, "plan-date", detail, field=f"/parts/{number}/due", status=422)
        before = part.due
