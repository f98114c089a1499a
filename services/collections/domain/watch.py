"""The decider of a borrower's watch: his warnings, his place on the watch list, and what is done about him."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
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
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import RateIncreaseRule
from services.collections.domain.watch_commands import (
    Command,
    CureWarnings,
    DecideMeasure,
    EndMeasure,
    EnterWatch,
    FollowRefusal,
    Found,
    LeaveQuietly,
    LeaveWatch,
    NoteNotice,
    ProposeMeasure,
    ProvideGuarantee,
    RaiseWarnings,
    ReviewWatch,
    TakeHigherRate,
)
from services.collections.domain.watch_policy import LEAVE, WEIGHT, WatchPolicy
from services.collections.domain.watch_state import INITIAL, Event, Measure, MeasureStatus, State, evolve

__all__ = ["INITIAL", "decide", "evolve"]

BOOKS: Final = "ledger"
"""Who ends a measure that the books do not carry."""


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that follow; raises `Rejected`."""
    match command:
        case RaiseWarnings():
            return _raise(command, state)
        case CureWarnings():
            return _cure(command, state)
        case LeaveQuietly():
            return _leave_quietly(command, state)
        case EnterWatch():
            refuse_unless(not state.watched, "already-watched", "The borrower is on the watch list already.")
            return [_entered(command.applicant_id, command.severity, command.reason, command.by, command)]
        case ReviewWatch():
            return _review(command, _watched(state))
        case ProposeMeasure():
            return _propose(command, _watched(state))
        case DecideMeasure():
            return _decide_measure(command, _measure(state, command.measure_id))
        case EndMeasure():
            return _end(command, _measure(state, command.measure_id))
        case ProvideGuarantee():
            return _provide(command, state)
        case NoteNotice():
            return _told(command, _measure(state, command.measure_id))
        case TakeHigherRate():
            return _take(command, _measure(state, command.measure_id))
        case FollowRefusal():
            return _refused(command, _measure(state, command.measure_id))
        case LeaveWatch():
            return _leave(command, _watched(state))


def _watched(state: State) -> State:
    refuse_unless(state.watched, "not-watched", "The borrower is not on the watch list; enter him first.")
    return state


def _raise(command: RaiseWarnings, state: State) -> Sequence[Event]:
    """Each warning once. A weighty one, or enough that stand, puts the borrower on the list; on it, a worse one than he
    is there for brings the review forward."""
    events: list[Event] = []
    for found in command.found:
        if found.warning_id in state.warnings:
            continue
        made: list[Event] = [_raised(command, found, state)]
        after = evolve(state, made[0])
        if not state.watched and _enters(after, found.rule.severity, command.policy):
            made.append(_entered(command.applicant_id, found.rule.severity, found.rule.code, "", command))
            after = evolve(after, made[-1])
        events += made
        state = after
    return events


def _raised(command: RaiseWarnings, found: Found, state: State) -> WarningRaised:
    rule, due = found.rule, None
    if state.watched and WEIGHT[rule.severity] > WEIGHT[state.severity]:
        due = command.today + timedelta(days=command.policy.review_days[rule.severity])
        due = min(due, state.review_due or due)
    return WarningRaised(
        applicant_id=command.applicant_id,
        warning_id=found.warning_id,
        rule=rule.code,
        severity=rule.severity,
        loan_id=command.loan_id,
        reason=rule.reason,
        policy=command.policy.label,
        until_cured=rule.until_cured,
        raised_on=command.today,
        review_due=due,
    )


def _enters(state: State, severity: Severity, policy: WatchPolicy) -> bool:
    """What was known when he was last taken off the list does not put him on it again."""
    if WEIGHT[severity] >= WEIGHT[policy.entry_severity]:
        return True
    new = [each for each in state.warnings.values() if state.left_on is None or each.raised_on > state.left_on]
    latest = max(each.raised_on for each in state.warnings.values())
    since = latest - timedelta(days=policy.quiet_days)
    return sum(each.cured_on is None or each.cured_on > since for each in new) >= policy.entry_signals


def _entered(
    applicant_id: str, severity: Severity, reason: str, by: str, command: RaiseWarnings | EnterWatch
) -> WatchEntered:
    return WatchEntered(
        applicant_id=applicant_id,
        severity=severity,
        reason=reason,
        entered_by=by,
        policy=command.policy.label,
        review_due=command.today + timedelta(days=command.policy.review_days[severity]),
        entered_on=command.today,
    )


def _cure(command: CureWarnings, state: State) -> Sequence[Event]:
    return [
        WarningCured(
            applicant_id=state.applicant_id, warning_id=key, loan_id=each.loan_id, cured_on=command.today
        )
        for key, each in state.warnings.items()
        if each.loan_id == command.loan_id and each.cured_on is None
    ]  # fmt: skip


def _leave_quietly(command: LeaveQuietly, state: State) -> Sequence[Event]:
    """Only whom a rule put on the list, and whom nothing is planned or done about."""
    last = command.today - timedelta(days=command.policy.quiet_days)
    if not state.watched or state.entered_by or state.standing_measures:
        return []
    dates = [state.entered_on, *(each.cured_on for each in state.warnings.values())]
    if any(on is None or on > last for on in dates):
        return []
    return [_left(state, f"cured for {command.policy.quiet_days} days", "", command.today)]


def _left(state: State, reason: str, by: str, today: date) -> WatchLeft:
    return WatchLeft(applicant_id=state.applicant_id, reason=reason, left_by=by, left_on=today)


def _review(command: ReviewWatch, state: State) -> Sequence[Event]:
    due = command.today + timedelta(days=command.policy.review_days[state.severity])
    return [
        WatchReviewed(
            applicant_id=state.applicant_id,
            findings=command.findings,
            leave=command.leave,
            reviewed_by=command.by,
            review_due=due,
            reviewed_on=command.today,
        )
    ]


def _leave(command: LeaveWatch, state: State) -> Sequence[Event]:
    policy, review = command.policy, state.review
    if review is None or not review.leave:
        raise Rejected("review-missing", "A review says first that he should leave the list; record one.")
    if command.today > review.reviewed_on + timedelta(days=policy.review_valid_days):
        detail = f"The review of {review.reviewed_on} is older than {policy.review_valid_days} days; review him again."
        raise policy.refusal("review_valid_days", "review-too-old", detail)
    if LEAVE in policy.two_persons and command.by == review.reviewed_by:
        detail = "Somebody else takes him off the list than reviewed him."
        raise policy.refusal("two_persons", "second-person-needed", detail, status=403)
    refuse_unless(
        not state.standing_measures,
        "measures-standing",
        "Measures are proposed or in force; decide or end them first.",
    )
    return [_left(state, command.reason, command.by, command.today)]


def _measure(state: State, measure_id: str) -> tuple[State, Measure]:
    measure = state.measures.get(measure_id)
    if measure is None:
        raise Rejected("measure-not-found", "No such measure is known of this borrower.", status=404)
    return state, measure


def _propose(command: ProposeMeasure, state: State) -> Sequence[Event]:
    kind = command.kind
    needs_loan = kind in (MeasureKind.MORE_GUARANTEE, MeasureKind.HIGHER_RATE)
    for fits, name, of in (
        ((command.limit is not None) == (kind is MeasureKind.LOWER_LIMIT), "limit", "LOWER_LIMIT"),
        (bool(command.clause) == (kind is MeasureKind.HIGHER_RATE), "clause", "HIGHER_RATE"),
        (bool(command.loan_id) == needs_loan, "loan_id", "MORE_GUARANTEE and HIGHER_RATE"),
        (command.increase is None or kind is MeasureKind.HIGHER_RATE, "increase", "HIGHER_RATE"),
    ):
        refuse_unless(
            fits, "measure-incomplete", f"{name} belongs to {of}, and is needed there.", field=f"/{name}", status=422
        )
    agreed = _clause(command) if kind is MeasureKind.HIGHER_RATE else None
    same = [m for m in map(state.measures.__getitem__, state.standing_measures) if m.kind is kind]
    refuse_unless(
        all(measure.loan_id != command.loan_id for measure in same),
        "measure-standing",
        f"{kind} is proposed or in force already.",
    )
    return [
        WatchMeasureProposed(
            applicant_id=state.applicant_id,
            measure_id=command.measure_id,
            kind=kind,
            loan_id=command.loan_id,
            limit=command.limit,
            clause=command.clause,
            reason=command.reason,
            proposed_by=command.by,
            proposed_on=command.today,
            increase=command.increase,
            notice_days=agreed.notice_days if agreed else None,
        )
    ]


def _clause(command: ProposeMeasure) -> RateIncreaseRule | None:
    """The clause of the loan's contract that a higher rate rests on; None under rules that leave it to what a person
    names. Refuses one that the rules do not know, that the contract does not have, or that admits less."""
    clauses, agreed = command.policy.rate_clauses, command.agreed
    if clauses is None:
        return None
    if command.clause not in clauses:
        allowed = f"only {', '.join(sorted(clauses))} does" if clauses else "the rate is fixed for the term"
        detail = f"Clause {command.clause} allows no higher rate: {allowed}. Agree on a change of the loan with the borrower."
        raise command.policy.refusal("rate_clauses", "rate-fixed", detail, field="/clause", status=422)
    if agreed is None or agreed.clause != command.clause:
        detail = "This loan's contract has no such clause: its rate is fixed. Agree on a change of the loan with the borrower."
        raise Rejected("rate-fixed", detail, field="/clause", status=422)
    if command.increase is None or not 0 < command.increase <= agreed.increase_max:
        detail = f"Say by how much the rate rises: more than 0, and at most {agreed.increase_max} by the contract."
        raise Rejected("increase-not-agreed", detail, field="/increase", status=422)
    return agreed


def _second(policy: WatchPolicy, kind: MeasureKind, first: str, by: str, detail: str) -> None:
    if kind in policy.two_persons and by == first:
        raise policy.refusal("two_persons", "second-person-needed", detail, status=403)


def _decide_measure(command: DecideMeasure, known: tuple[State, Measure]) -> Sequence[Event]:
    state, measure = known
    refuse_unless(measure.status is MeasureStatus.PROPOSED, "measure-decided", f"This measure is {measure.status}.")
    detail = "Somebody else decides on a measure than proposed it."
    _second(command.policy, measure.kind, measure.proposed_by, command.by, detail)
    decided = WatchMeasureDecided(
        applicant_id=state.applicant_id,
        measure_id=command.measure_id,
        kind=measure.kind,
        taken=command.take,
        reason=command.reason,
        decided_by=command.by,
        decided_on=command.today,
    )
    return [decided, *_begins(command, state, measure)] if command.take else [decided]


def _begins(command: DecideMeasure, state: State, measure: Measure) -> Sequence[Event]:
    """What others are told of a measure that is in force from now on."""
    named = {"applicant_id": state.applicant_id, "measure_id": command.measure_id}
    if measure.kind is MeasureKind.FREEZE:
        return [BorrowerFrozen(**named, frozen_on=command.today)]
    if measure.kind is MeasureKind.LOWER_LIMIT:
        assert measure.limit is not None, "a lower limit was proposed with its amount"
        return [BorrowerLimited(**named, limit=measure.limit, limited_on=command.today)]
    days = command.policy.guarantee_days
    if measure.kind is MeasureKind.MORE_GUARANTEE and days is not None:
        due_on = command.today + timedelta(days=days)
        return [GuaranteeDemanded(**named, loan_id=measure.loan_id, due_on=due_on, demanded_on=command.today)]
    return []


def _provide(command: ProvideGuarantee, state: State) -> Sequence[Event]:
    """What was demanded for the loan and is not given yet is given now, also after its date."""
    return [
        GuaranteeProvided(
            applicant_id=state.applicant_id,
            measure_id=key,
            loan_id=command.loan_id,
            security_id=command.security_id,
            provided_on=command.today,
        )
        for key, each in state.measures.items()
        if each.due_on is not None and each.loan_id == command.loan_id and each.status is MeasureStatus.IN_FORCE
    ]


def _told(command: NoteNotice, known: tuple[State, Measure]) -> Sequence[Event]:
    """Nothing for a measure that has ended meanwhile, or of which he was told already."""
    state, measure = known
    if measure.status is not MeasureStatus.IN_FORCE or measure.effective_from is not None:
        return []
    assert measure.increase is not None, "a higher rate was proposed with its increase"
    assert measure.notice_days is not None, "and with the clause's days of notice"
    return [
        HigherRateAnnounced(
            applicant_id=state.applicant_id,
            measure_id=command.measure_id,
            loan_id=measure.loan_id,
            clause=measure.clause,
            increase=measure.increase,
            template=command.template,
            told_on=command.today,
            effective_from=command.today + timedelta(days=measure.notice_days),
        )
    ]


def _take(command: TakeHigherRate, known: tuple[State, Measure]) -> Sequence[Event]:
    """Once, from the date that the borrower was told, and only while the measure is in force."""
    state, measure = known
    due = measure.effective_from is not None and measure.effective_from <= command.today
    if measure.status is not MeasureStatus.IN_FORCE or not due or measure.taken_on is not None:
        return []
    assert measure.increase is not None, "what was announced has its increase"
    assert measure.effective_from is not None, "and its date"
    return [
        HigherRateTaken(
            applicant_id=state.applicant_id,
            measure_id=command.measure_id,
            loan_id=measure.loan_id,
            clause=measure.clause,
            increase=measure.increase,
            decided_by=measure.decided_by,
            effective_from=measure.effective_from,
            taken_on=command.today,
        )
    ]


def _refused(command: FollowRefusal, known: tuple[State, Measure]) -> Sequence[Event]:
    """What the books do not carry is in force no more; nobody need review it."""
    state, measure = known
    if measure.status is not MeasureStatus.IN_FORCE:
        return []
    return [_ended(command.measure_id, state, measure, f"not booked: {command.reason}", BOOKS, command.today)]


def _ended(measure_id: str, state: State, measure: Measure, reason: str, by: str, today: date) -> WatchMeasureEnded:
    return WatchMeasureEnded(
        applicant_id=state.applicant_id,
        measure_id=measure_id,
        kind=measure.kind,
        reason=reason,
        ended_by=by,
        ended_on=today,
    )


def _end(command: EndMeasure, known: tuple[State, Measure]) -> Sequence[Event]:
    state, measure = known
    refuse_unless(
        measure.status is MeasureStatus.IN_FORCE, "measure-not-in-force", f"This measure is {measure.status}."
    )
    refuse_unless(
        bool(measure.reviewed_by), "review-missing", "The borrower is reviewed before a measure ends; record a review."
    )
    detail = "Somebody else ends a measure than reviewed the borrower."
    _second(command.policy, measure.kind, measure.reviewed_by, command.by, detail)
    ended = _ended(command.measure_id, state, measure, command.reason, command.by, command.today)
    named = {"applicant_id": state.applicant_id, "measure_id": command.measure_id}
    if measure.kind is MeasureKind.FREEZE:
        return [ended, BorrowerUnfrozen(**named, unfrozen_on=command.today)]
    if measure.kind is MeasureKind.LOWER_LIMIT:
        return [ended, BorrowerLimitLifted(**named, lifted_on=command.today)]
    if measure.taken_on is not None and measure.increase is not None:
        what = {**named, "loan_id": measure.loan_id, "increase": measure.increase}
        return [ended, HigherRateEnded(**what, ended_by=command.by, ended_on=command.today)]
    return [ended]
