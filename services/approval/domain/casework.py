"""What people do with a referred application: claim it, give it back, recommend, decide within their authority."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationDeclined,
    CaseClaimed,
    CaseReleased,
    DecisionRecommended,
    ExposureLine,
    Offer,
    Outcome,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import LoanRequest
from libs.lending.money import Money
from services.approval.domain.commands import ClaimCase, DecideCase, RecommendDecision, ReleaseCase
from services.approval.domain.exposure import room, tightest
from services.approval.domain.offers import make_offer
from services.approval.domain.state import Event, State, Status


def _referred(state: State) -> LoanRequest:
    if state.status is Status.NONE or state.request is None:
        raise Rejected("decision-not-found", "No decision is known for this application.", status=404)
    refuse_unless(
        state.status is Status.REFERRED,
        "case-not-open",
        f"The decision stands as {state.status}; only a referred application is worked on.",
    )
    return state.request


def claim(command: ClaimCase, state: State) -> Sequence[Event]:
    request = _referred(state)
    _not_own(command.officer, request)
    if state.officer == command.officer:
        return []
    refuse_unless(
        not state.officer, "case-claimed", f"{state.officer} works on this application; it must be released first."
    )
    return [CaseClaimed(application_id=state.application_id, officer=command.officer, claimed_on=command.today)]


def release(command: ReleaseCase, state: State) -> Sequence[Event]:
    _referred(state)
    _holds(command.officer, state)
    return [
        CaseReleased(
            application_id=state.application_id,
            officer=command.officer,
            reason=command.reason,
            released_on=command.today,
        )
    ]


def recommend(command: RecommendDecision, state: State) -> Sequence[Event]:
    request = _referred(state)
    _not_own(command.officer, request)
    _holds(command.officer, state)
    refuse_unless(
        command.outcome is not Outcome.REFER, "outcome-not-final", "Recommend APPROVE or DECLINE.", field="/outcome",
        status=422,
    )  # fmt: skip
    offer = make_offer(request, command.terms, (), command) if command.outcome is Outcome.APPROVE else None
    return [
        DecisionRecommended(
            application_id=state.application_id,
            officer=command.officer,
            outcome=command.outcome,
            note=command.note,
            offer=offer,
            recommended_on=command.today,
        )
    ]


def decide_case(command: DecideCase, state: State) -> Sequence[Event]:
    request = _referred(state)
    _not_own(command.officer, request)
    _holds(command.officer, state)
    refuse_unless(
        command.outcome is not Outcome.REFER, "outcome-not-final", "Decide APPROVE or DECLINE.", field="/outcome",
        status=422,
    )  # fmt: skip
    recommended = state.recommendation
    if state.four_eyes:
        refuse_unless(
            recommended is not None and recommended.officer != command.officer,
            "second-person-needed",
            "This case needs the recommendation of another officer before it is decided.",
        )
    others = [recommended.officer] if recommended and recommended.officer != command.officer else []
    people = (*others, command.officer)
    assert state.basis is not None, "a referred application has a basis"
    if command.outcome is Outcome.DECLINE:
        return [
            ApplicationDeclined(
                application_id=state.application_id,
                request=request,
                basis=state.basis,
                reasons=command.reasons or state.reasons,
                decided_by=people,
                note=command.note,
                declined_on=command.today,
            )
        ]
    offer = make_offer(request, command.terms, (), command)
    refuse_unless(
        offer.amount <= command.limit,
        "authority-exceeded",
        f"Your authority ends at {command.limit.amount}; recommend, and let somebody with more authority decide.",
        field="/offer/amount",
        status=403,
    )
    _within_limits(offer, command.exposures)
    return [
        ApplicationApproved(
            application_id=state.application_id,
            request=request,
            offer=offer,
            basis=state.basis,
            reasons=command.reasons or state.reasons,
            decided_by=people,
            note=command.note,
            approved_on=command.today,
            exposures=command.exposures,
        )
    ]


def _within_limits(offer: Offer, exposures: Sequence[ExposureLine]) -> None:
    line = tightest(exposures)
    if line is not None and room(line) < offer.amount.minor:
        left = Money(max(room(line), 0), line.limit.currency)
        raise Rejected(
            "exposure-limit-exceeded",
            f"{line.line} may owe at most {line.limit.amount} ({line.rule}); {line.used.amount} is owed or reserved. "
            f"Offer at most {left.amount}, or decline.",
            field="/offer/amount",
        )


def _not_own(officer: str, request: LoanRequest) -> None:
    refuse_unless(
        officer != request.applicant_id, "own-application", "Nobody works on an application of his own.", status=403
    )


def _holds(officer: str, state: State) -> None:
    refuse_unless(
        state.officer == officer,
        "case-not-claimed",
        "Claim the case first." if not state.officer else f"{state.officer} works on this application.",
    )
