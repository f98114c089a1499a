"""The decider of one application's decision: by the table alone, or by people where the table says so."""

from __future__ import annotations

from collections.abc import Sequence
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
)
from services.approval.domain.casework import claim, decide_case, recommend, release
from services.approval.domain.commands import (
    AcceptOffer,
    ClaimCase,
    Command,
    ConsiderApplication,
    DecideCase,
    LapseApproval,
    OfferTerms,
    RecommendDecision,
    ReinstateExposure,
    ReleaseCase,
    ReleaseExposure,
)
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
    if verdict.outcome is Outcome.APPROVE:
        line = tightest(command.exposures)
        if line is not None and room(line) < request.amount.minor:
            return [_refer_over_limit(command)]
        offer = make_offer(
            request, OfferTerms(annual_rate_adjust_bps=verdict.rate_adjust_bps), verdict.conditions, command
        )
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
        return [
            ApplicationDeclined(
                application_id=command.application_id,
                request=request,
                basis=verdict.basis,
                reasons=verdict.reasons,
                decided_by=(),
                declined_on=command.today,
            )
        ]
    return [
        ApplicationReferred(
            application_id=command.application_id,
            request=request,
            basis=verdict.basis,
            reasons=verdict.reasons,
            queue=verdict.queue,
            four_eyes=verdict.four_eyes or request.amount >= command.authority.four_eyes_from,
            referred_on=command.today,
        )
    ]


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
        still_open = state.offer is None or state.offer.expires_on >= command.today
        if state.status is not Status.APPROVED or still_open:
            return []
    return [ApprovalLapsed(application_id=command.application_id, reason=command.reason, lapsed_on=command.today)]


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
