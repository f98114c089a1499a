"""The decider of one application's decision: by the table alone, or by people where the table says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationDeclined,
    ApplicationReferred,
    ApprovalLapsed,
    CaseClaimed,
    CaseReleased,
    DecisionRecommended,
    Offer,
    OfferAccepted,
    Outcome,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import LoanRequest, Reason
from libs.lending.money import Money
from services.approval.domain.commands import (
    AcceptOffer,
    ClaimCase,
    Command,
    ConsiderApplication,
    DecideCase,
    LapseApproval,
    OfferTerms,
    RecommendDecision,
    ReleaseCase,
)
from services.approval.domain.state import Event, State, Status, evolve, initial

__all__ = ["decide", "evolve", "initial"]

BASIS_POINT: Final = Decimal("0.0001")
INSTALMENTS_MAX: Final = 360
RATE_MAX: Final = 10
"""What the shared language admits as a rate a year; what a lender may charge is checked with the contract."""
OFFER_EXPIRED: Final = "offer-expired"


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that follow; raises `Rejected`."""
    match command:
        case ConsiderApplication():
            return _consider(command, state)
        case ClaimCase():
            return _claim(command, state)
        case ReleaseCase():
            return _release(command, state)
        case RecommendDecision():
            return _recommend(command, state)
        case DecideCase():
            return _decide_case(command, state)
        case LapseApproval():
            return _lapse(command, state)
        case AcceptOffer():
            return _accept(command, state)


def _consider(command: ConsiderApplication, state: State) -> Sequence[Event]:
    """Once; an application withdrawn before it came here is decided no more."""
    if state.status is not Status.NONE:
        return []
    verdict, request = command.verdict, command.request
    if verdict.outcome is Outcome.APPROVE:
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


def make_offer(
    request: LoanRequest,
    terms: OfferTerms,
    conditions: tuple[Reason, ...],
    command: ConsiderApplication | RecommendDecision | DecideCase,
) -> Offer:
    """The offer on a request, with what a counter-offer changes; raises `Rejected` when it is more than asked for."""
    amount = request.amount if terms.amount is None else terms.amount
    instalments = request.instalments if terms.instalments is None else terms.instalments
    refuse_unless(
        amount.currency == request.amount.currency,
        "offer-currency",
        f"Offer an amount in {request.amount.currency}, as it was asked for.",
        field="/offer/amount",
        status=422,
    )
    refuse_unless(
        Money.zero(amount.currency) < amount <= request.amount,
        "offer-above-request",
        f"Offer an amount above zero and not above the {request.amount.amount} asked for.",
        field="/offer/amount",
        status=422,
    )
    refuse_unless(
        1 <= instalments <= INSTALMENTS_MAX,
        "offer-instalments",
        "Offer between 1 and 360 instalments.",
        field="/offer/instalments",
        status=422,
    )
    rate = request.product.annual_rate + terms.annual_rate_adjust_bps * BASIS_POINT
    refuse_unless(
        0 <= rate <= RATE_MAX,
        "offer-rate",
        f"The product's rate is {request.product.annual_rate}; adjust it to a rate between 0 and {RATE_MAX}.",
        field="/offer/annual_rate_adjust_bps",
        status=422,
    )
    return Offer(
        amount=amount,
        instalments=instalments,
        period_months=request.period_months,
        method=request.method,
        annual_rate=rate,
        fees=request.product.fees,
        conditions=conditions,
        expires_on=command.today + timedelta(days=command.authority.offer_days),
    )


def _referred(state: State) -> LoanRequest:
    if state.status is Status.NONE or state.request is None:
        raise Rejected("decision-not-found", "No decision is known for this application.", status=404)
    refuse_unless(
        state.status is Status.REFERRED,
        "case-not-open",
        f"The decision stands as {state.status}; only a referred application is worked on.",
    )
    return state.request


def _claim(command: ClaimCase, state: State) -> Sequence[Event]:
    request = _referred(state)
    _not_own(command.officer, request)
    if state.officer == command.officer:
        return []
    refuse_unless(
        not state.officer, "case-claimed", f"{state.officer} works on this application; it must be released first."
    )
    return [CaseClaimed(application_id=state.application_id, officer=command.officer, claimed_on=command.today)]


def _release(command: ReleaseCase, state: State) -> Sequence[Event]:
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


def _recommend(command: RecommendDecision, state: State) -> Sequence[Event]:
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


def _decide_case(command: DecideCase, state: State) -> Sequence[Event]:
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
        )
    ]


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
