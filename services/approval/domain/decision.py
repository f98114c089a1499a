"""The decider of one application's decision: by the table alone, or by people where the table says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationDeclined,
    ApplicationReferred,
    ApprovalLapsed,
    ExposureReinstated,
    ExposureReleased,
    OfferAccepted,
    Outcome,
    ReviewRequested,
)
from libs.contracts.problems import Rejected, refuse_unless
from services.approval.domain.casework import answer, ask, claim, escalate, recommend, release
from services.approval.domain.casework_policy import Freeze
from services.approval.domain.commands import (
    AcceptOffer,
    AnswerQuestion,
    AskApplicant,
    CastVote,
    ClaimCase,
    Command,
    ConsiderApplication,
    DecideCase,
    EscalateCase,
    LapseApproval,
    MeetCondition,
    OfferTerms,
    RecommendDecision,
    ReinstateExposure,
    ReleaseCase,
    ReleaseExposure,
    RequestReview,
    Verdict,
)
from services.approval.domain.committee import meet_condition, vote
from services.approval.domain.determination import decide_case
from services.approval.domain.exposure import room, tightest
from services.approval.domain.offers import make_offer
from services.approval.domain.state import Event, State, Status, evolve, initial

__all__ = ["decide", "evolve", "initial"]

OFFER_EXPIRED: Final = "offer-expired"


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that follow; raises `Rejected`."""
    match command:
        case ConsiderApplication():
            return _consider(command, state)
        case ClaimCase():
            return claim(command, state)
        case ReleaseCase():
            return release(command, state)
        case RecommendDecision():
            return recommend(command, state)
        case DecideCase():
            return decide_case(command, state)
        case CastVote():
            return vote(command, state)
        case MeetCondition():
            return meet_condition(command, state)
        case AskApplicant():
            return ask(command, state)
        case AnswerQuestion():
            return answer(command, state)
        case EscalateCase():
            return escalate(command, state)
        case RequestReview():
            return _review(command, state)
        case LapseApproval():
            return _lapse(command, state)
        case AcceptOffer():
            return _accept(command, state)
        case ReleaseExposure():
            return _release_exposure(command, state)
        case ReinstateExposure():
            return _reinstate_exposure(command, state)


def _consider(command: ConsiderApplication, state: State) -> Sequence[Event]:
    """Once; an application withdrawn before it came here is decided no more."""
    if state.status is not Status.NONE:
        return []
    verdict, request = command.verdict, command.request
    if command.against and verdict.outcome is not Outcome.DECLINE:
        verdict = replace(verdict, outcome=Outcome.DECLINE, reasons=command.against)
    if command.frozen is not None:
        verdict = _frozen(verdict, command.frozen)
    if verdict.outcome is Outcome.APPROVE:
        line = tightest(command.exposures)
        if line is not None and room(line) < request.amount.minor:
            return [_refer_over_limit(command)]
        terms = OfferTerms(instalments=verdict.instalments, annual_rate_adjust_bps=verdict.rate_adjust_bps)
        offer = make_offer(request, terms, verdict.conditions, command)
        return [
            ApplicationApproved(
                application_id=command.application_id,
                request=request,
                offer=offer,
                basis=verdict.basis,
                reasons=verdict.reasons,
                decided_by=(),
                approved_on=command.today,
                exposures=command.exposures,
            )
        ]
    if verdict.outcome is Outcome.DECLINE:
        reasons, notice = verdict.reasons, command.notice
        if notice is not None:
            reasons = notice.main_reasons(reasons, command.score_reasons)
        return [
            ApplicationDeclined(
                application_id=command.application_id,
                request=request,
                basis=verdict.basis,
                reasons=reasons,
                decided_by=(),
                declined_on=command.today,
            )
        ]
    return [
        ApplicationReferred(
            application_id=command.application_id,
            request=request,
            basis=verdict.basis,
            reasons=verdict.reasons if verdict.basis.score is not None else (*verdict.reasons, *command.score_reasons),
            queue=verdict.queue,
            four_eyes=verdict.four_eyes or request.amount >= command.authority.four_eyes_from,
            referred_on=command.today,
        )
    ]


def _frozen(verdict: Verdict, freeze: Freeze) -> Verdict:
    """Nothing is approved by rule for who is frozen; what the table declines stays declined."""
    if verdict.outcome is Outcome.DECLINE:
        return verdict
    if freeze.outcome is Outcome.DECLINE:
        return replace(verdict, outcome=Outcome.DECLINE, reasons=(freeze.reason,))
    reasons = (freeze.reason, *(verdict.reasons if verdict.outcome is Outcome.REFER else ()))
    four_eyes = verdict.four_eyes or freeze.four_eyes
    return replace(verdict, outcome=Outcome.REFER, queue=freeze.queue, four_eyes=four_eyes, reasons=reasons)


def _refer_over_limit(command: ConsiderApplication) -> ApplicationReferred:
    """The table would approve, a limit does not allow it: a person looks at it, and may offer less."""
    referral = command.referral
    assert referral is not None, "limits come with where to refer to"
    return ApplicationReferred(
        application_id=command.application_id,
        request=command.request,
        basis=command.verdict.basis,
        reasons=(referral.reason,),
        queue=referral.queue,
        four_eyes=referral.four_eyes or command.request.amount >= command.authority.four_eyes_from,
        referred_on=command.today,
        exposures=command.exposures,
    )


def _lapse(command: LapseApproval, state: State) -> Sequence[Event]:
    """A withdrawal may come before the application itself; then it is never decided."""
    if state.status in (Status.DECLINED, Status.LAPSED, Status.ACCEPTED):
        return []
    if command.reason == OFFER_EXPIRED:
        prepared = state.prepared.offer if state.prepared is not None else None
        offer = {Status.APPROVED: state.offer, Status.CONDITIONAL: prepared}.get(state.status)
        if offer is None or offer.expires_on >= command.today:
            return []
    return [ApprovalLapsed(application_id=command.application_id, reason=command.reason, lapsed_on=command.today)]


def _review(command: RequestReview, state: State) -> Sequence[Event]:
    """Of a decision that no person took; within some time, and once: what people decide stands."""
    if state.status is Status.NONE or state.request is None:
        raise Rejected("decision-not-found", "No decision is known for this application.", status=404)
    refuse_unless(
        state.status is Status.DECLINED and not state.decided_by,
        "nothing-to-review",
        "A person is asked to review what was declined without one.",
    )
    assert state.decided_on is not None, "what is declined has a date"
    last_day = state.decided_on + timedelta(days=command.review.request_days)
    refuse_unless(
        command.today <= last_day, "review-too-late", f"A review could be asked for until {last_day.isoformat()}."
    )
    return [
        ReviewRequested(
            application_id=state.application_id,
            queue=command.review.queue,
            four_eyes=command.review.four_eyes,
            requested_on=command.today,
        )
    ]


def _accept(command: AcceptOffer, state: State) -> Sequence[Event]:
    """A signature that crossed the offer's lapse prevails: the contract exists."""
    if state.status is Status.ACCEPTED:
        return []
    return [
        OfferAccepted(application_id=command.application_id, contract_id=command.contract_id, accepted_on=command.today)
    ]


def _release_exposure(command: ReleaseExposure, state: State) -> Sequence[Event]:
    """Once; what counts towards no limit has nothing to release."""
    if not state.reserved or state.offer is None:
        return []
    return [
        ExposureReleased(
            application_id=command.application_id,
            reason=command.reason,
            amount=state.offer.amount,
            released_on=command.today,
        )
    ]


def _reinstate_exposure(command: ReinstateExposure, state: State) -> Sequence[Event]:
    """Limits are not asked: the money is owed, whether or not it may be lent again."""
    if not state.paid_back or state.offer is None:
        return []
    return [
        ExposureReinstated(
            application_id=command.application_id,
            reason=command.reason,
            amount=state.offer.amount,
            reinstated_on=command.today,
        )
    ]
