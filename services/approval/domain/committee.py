"""Votes of the credit committee on what was recommended, and proofs of the conditions of an approval."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from libs.contracts.approval import ApplicationApproved, ConditionMet, ConditionProof, Offer, Outcome, VoteCast
from libs.contracts.problems import Rejected, refuse_unless
from services.approval.domain.casework import answered, not_involved, referred_request
from services.approval.domain.commands import CastVote, MeetCondition
from services.approval.domain.determination import basis_of, declined, longer_than_allowed, within_limits
from services.approval.domain.state import Event, State, Status


def vote(command: CastVote, state: State) -> Sequence[Event]:
    """The vote that makes the quorum decides: approved where enough of the votes are for it, else declined."""
    request = referred_request(state)
    not_involved(command.member, command.related, request)
    answered(command.today, state)
    offer = _voted_on(command, state)
    cast = VoteCast(
        application_id=state.application_id,
        member=command.member,
        outcome=command.outcome,
        note=command.note,
        voted_on=command.today,
    )
    votes = (*state.votes, cast)
    if len(votes) < command.committee.quorum:
        return [cast]
    recommendation = state.recommendation
    assert recommendation is not None, "a vote is on a recommendation"
    people = (recommendation.officer, *(each.member for each in votes))
    for_it = sum(each.outcome is Outcome.APPROVE for each in votes)
    if for_it < command.committee.approve_share * len(votes):
        return [cast, declined(state, (), people, command.note, command.today)]
    within_limits(offer, command.exposures)
    expires_on = command.today + timedelta(days=command.authority.offer_days)
    return [
        cast,
        ApplicationApproved(
            application_id=state.application_id,
            request=request,
            offer=offer.model_copy(update={"expires_on": expires_on}),
            basis=basis_of(state),
            reasons=state.reasons,
            decided_by=people,
            note=command.note,
            approved_on=command.today,
            exposures=command.exposures,
            override="committee" if state.reviewed else "",
            term_override="committee" if longer_than_allowed(offer, state) else "",
        ),
    ]


def _voted_on(command: CastVote, state: State) -> Offer:
    """The offer that was recommended; raises `Rejected` unless this member may vote on it."""
    refuse_unless(
        command.outcome is not Outcome.REFER, "outcome-not-final", "Vote APPROVE or DECLINE.", field="/outcome",
        status=422,
    )  # fmt: skip
    refuse_unless(not state.officer, "case-claimed", f"{state.officer} works on this application; vote afterwards.")
    recommended = state.recommendation
    if recommended is None or recommended.offer is None:
        raise Rejected("nothing-to-vote-on", "The committee votes on an approval that an officer has recommended.")
    refuse_unless(
        recommended.officer != command.member,
        "second-person-needed",
        "You recommended it; others vote on it.",
        status=403,
    )
    refuse_unless(
        command.member not in [each.member for each in state.votes], "voted-already", "You have voted on this."
    )
    refuse_unless(
        recommended.offer.amount <= command.committee.decide_max,
        "authority-exceeded",
        f"The committee's authority ends at {command.committee.decide_max.amount}.",
        status=403,
    )
    return recommended.offer


def meet_condition(command: MeetCondition, state: State) -> Sequence[Event]:
    """The approval counts with the last proof, within the limits as they are then."""
    if state.status is Status.NONE or state.request is None:
        raise Rejected("decision-not-found", "No decision is known for this application.", status=404)
    refuse_unless(state.status is Status.CONDITIONAL, "no-conditions", f"The decision stands as {state.status}.")
    not_involved(command.officer, command.related, state.request)
    prepared = state.prepared
    assert prepared is not None, "a conditional approval was prepared"
    refuse_unless(
        command.officer not in prepared.decided_by,
        "second-person-needed",
        "You decided on this application; somebody else sees the proof.",
        status=403,
    )
    open_ = {each.code: each for each in state.conditions_open}
    condition = open_.get(command.code)
    if condition is None:
        raise Rejected("condition-not-open", f"Open are: {', '.join(open_)}.", field="/code", status=422)
    met = _proof(command, state, condition.proof)
    if len(open_) > 1:
        return [met]
    within_limits(prepared.offer, command.exposures)
    return [
        met,
        ApplicationApproved(
            application_id=state.application_id,
            request=state.request,
            offer=prepared.offer,
            basis=basis_of(state),
            reasons=prepared.reasons,
            decided_by=prepared.decided_by,
            note=prepared.note,
            approved_on=command.today,
            exposures=command.exposures,
            delegated_by=prepared.delegated_by,
            override=prepared.override,
            term_override=prepared.term_override,
        ),
    ]


def _proof(command: MeetCondition, state: State, proof: ConditionProof) -> ConditionMet:
    coverage = command.coverage_bps if proof is ConditionProof.COVERAGE else None
    if coverage is None:
        refuse_unless(
            bool(command.document_sha256),
            "proof-needed",
            "Send the hash of the document that shows it.",
            field="/document_sha256",
            status=422,
        )
    else:
        refuse_unless(
            coverage >= command.coverage_min_bps,
            "coverage-too-low",
            f"The security covers {coverage} basis points of the loan; the policy asks for {command.coverage_min_bps}.",
        )
    return ConditionMet(
        application_id=state.application_id,
        code=command.code,
        document_sha256=command.document_sha256,
        coverage_bps=coverage,
        note=command.note,
        seen_by=command.officer,
        seen_on=command.today,
    )
