"""How people decide a referred application: within their own authority or one that was lent, with or without
conditions, and with a reason where the table had declined."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationDeclined,
    ApprovalPrepared,
    DecisionBasis,
    ExposureLine,
    Offer,
    Outcome,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import Reason
from libs.lending.money import Money
from services.approval.domain.casework import answered, holds, not_involved, referred_request
from services.approval.domain.commands import DecideCase, Lent
from services.approval.domain.exposure import room, tightest
from services.approval.domain.offers import make_offer
from services.approval.domain.state import Event, State


def decide_case(command: DecideCase, state: State) -> Sequence[Event]:
    request = referred_request(state)
    not_involved(command.officer, command.related, request)
    holds(command.officer, state)
    answered(command.today, state)
    refuse_unless(
        command.outcome is not Outcome.REFER, "outcome-not-final", "Decide APPROVE or DECLINE.", field="/outcome",
        status=422,
    )  # fmt: skip
    people = _people(command, state)
    if command.outcome is Outcome.DECLINE:
        refuse_unless(
            not command.conditions and not command.override and not command.term_override,
            "conditions-of-a-decline",
            "Conditions and overrides belong to an approval; leave them out.",
            field="/conditions" if command.conditions else "/override" if command.override else "/term_override",
            status=422,
        )
        return [declined(state, command.reasons, people, command.note, command.today)]
    offer = make_offer(request, command.terms, (), command)
    _term_overridden(command, state, offer)
    delegated_by = _authority(command, state, offer)
    _overridden(command, state)
    within_limits(offer, command.exposures)
    reasons = command.reasons or state.reasons
    if command.conditions:
        return [
            ApprovalPrepared(
                application_id=state.application_id,
                offer=offer,
                conditions=command.conditions,
                reasons=reasons,
                decided_by=people,
                note=command.note,
                delegated_by=delegated_by,
                override=command.override,
                term_override=command.term_override,
                prepared_on=command.today,
            )
        ]
    return [
        ApplicationApproved(
            application_id=state.application_id,
            request=request,
            offer=offer,
            basis=basis_of(state),
            reasons=reasons,
            decided_by=people,
            note=command.note,
            approved_on=command.today,
            exposures=command.exposures,
            delegated_by=delegated_by,
            override=command.override,
            term_override=command.term_override,
        )
    ]


def _people(command: DecideCase, state: State) -> tuple[str, ...]:
    """Who takes the decision: also whoever recommended it; two different persons where four eyes are needed."""
    recommended = state.recommendation
    if state.four_eyes:
        refuse_unless(
            recommended is not None and recommended.officer != command.officer,
            "second-person-needed",
            "This case needs the recommendation of another officer before it is decided.",
        )
    others = [recommended.officer] if recommended and recommended.officer != command.officer else []
    return (*others, command.officer)


def _authority(command: DecideCase, state: State, offer: Offer) -> str:
    """Whose authority the decision is taken on: empty for the officer's own; raises `Rejected` where none reaches.

    Nobody lends authority for a case that he recommended himself, or on a relative's: that would make one of two.
    """
    own = _limit(command, state, offer)
    if offer.amount <= own:
        return ""
    request, recommended = state.request, state.recommendation
    for lent in command.lent:
        most = _limit(lent, state, offer)
        recommended_himself = recommended is not None and recommended.officer == lent.delegator
        involved = request is not None and request.applicant_id in {lent.delegator, *lent.related}
        if offer.amount <= most and not recommended_himself and not involved:
            return lent.delegator
    raise Rejected(
        "authority-exceeded",
        f"Your authority ends at {own.amount}; recommend, and let somebody with more authority decide.",
        field="/offer/amount",
        status=403,
    )


def _limit(held: DecideCase | Lent, state: State, offer: Offer) -> Money:
    """The largest amount of an authority for this offer; what overrides the table has limits of its own."""
    most = held.review_limit if state.reviewed else held.limit
    return min(most, held.longer_term_limit) if longer_than_allowed(offer, state) else most


def longer_than_allowed(offer: Offer, state: State) -> bool:
    """Whether an offer has a longer term than the table allows the grade."""
    most = basis_of(state).term_months_max
    return most is not None and offer.instalments * offer.period_months > most


def _term_overridden(command: DecideCase, state: State, offer: Offer) -> None:
    """Who offers a longer term than the table allows the grade says why, by a reason of the policy; nobody else does."""
    if not longer_than_allowed(offer, state):
        refuse_unless(
            not command.term_override, "nothing-overridden", "The table allows this term; leave the override out.",
            field="/term_override", status=422,
        )  # fmt: skip
        return
    known = command.longer_term.reasons if command.longer_term is not None else {}
    most = basis_of(state).term_months_max
    why = f", or say in term_override why more: one of {', '.join(known)}" if known else ""
    refuse_unless(
        command.term_override in known,
        "term-override-reason-needed",
        f"The table allows this applicant a term of {most} months. Offer fewer instalments{why}.",
        field="/term_override" if command.term_override else "/offer/instalments",
        status=422,
    )


def _overridden(command: DecideCase, state: State) -> None:
    """Who approves what the table declined says why, by a reason of the policy; nobody else does."""
    if not state.reviewed:
        refuse_unless(
            not command.override, "nothing-overridden", "The table did not decline this case; leave the override out.",
            field="/override", status=422,
        )  # fmt: skip
        return
    known = command.review.override_reasons if command.review is not None else {}
    refuse_unless(
        command.override in known,
        "override-reason-needed",
        f"The table declined this application. Say why you approve it: one of {', '.join(known)}.",
        field="/override",
        status=422,
    )


def basis_of(state: State) -> DecisionBasis:
    assert state.basis is not None, "a referred application has a basis"
    return state.basis


def declined(
    state: State, reasons: tuple[Reason, ...], people: tuple[str, ...], note: str, today: date
) -> ApplicationDeclined:
    assert state.request is not None, "a referred application has a request"
    return ApplicationDeclined(
        application_id=state.application_id,
        request=state.request,
        basis=basis_of(state),
        reasons=reasons or state.reasons,
        decided_by=people,
        note=note,
        declined_on=today,
    )


def within_limits(offer: Offer, exposures: Sequence[ExposureLine]) -> None:
    line = tightest(exposures)
    if line is not None and room(line) < offer.amount.minor:
        left = Money(max(room(line), 0), line.limit.currency)
        raise Rejected(
            "exposure-limit-exceeded",
            f"{line.line} may owe at most {line.limit.amount} ({line.rule}); {line.used.amount} is owed or reserved. "
            f"Offer at most {left.amount}, or decline.",
            field="/offer/amount",
        )
