"""What people do with a referred application: claim it, ask the applicant, recommend, give it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from libs.contracts.approval import (
    ApplicantAnswered,
    ApplicantAsked,
    CaseClaimed,
    CaseEscalated,
    CaseReleased,
    DecisionRecommended,
    Outcome,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import LoanRequest
from services.approval.domain.commands import (
    AnswerQuestion,
    AskApplicant,
    ClaimCase,
    EscalateCase,
    RecommendDecision,
    ReleaseCase,
)
from services.approval.domain.offers import make_offer
from services.approval.domain.state import Event, State, Status


def referred_request(state: State) -> LoanRequest:
    if state.status is Status.NONE or state.request is None:
        raise Rejected("decision-not-found", "No decision is known for this application.", status=404)
    refuse_unless(
        state.status is Status.REFERRED,
        "case-not-open",
        f"The decision stands as {state.status}; only a referred application is worked on.",
    )
    return state.request


def claim(command: ClaimCase, state: State) -> Sequence[Event]:
    """Whose lease is over has given the case back, once somebody else wants it."""
    request = referred_request(state)
    not_involved(command.officer, command.related, request)
    if state.officer == command.officer:
        return []
    claimed = CaseClaimed(application_id=state.application_id, officer=command.officer, claimed_on=command.today)
    if not state.officer:
        return [claimed]
    over = _lease_over(command, state)
    refuse_unless(
        over,
        "case-claimed",
        f"{state.officer} works on this application; it must be released first, or the time for it must be over.",
    )
    given_back = CaseReleased(
        application_id=state.application_id, officer=state.officer, reason="lease-expired", released_on=command.today
    )
    return [given_back, claimed]


def _lease_over(command: ClaimCase, state: State) -> bool:
    if command.lease_days is None or state.claimed_on is None:
        return False
    return state.claimed_on + timedelta(days=command.lease_days) < command.today


def release(command: ReleaseCase, state: State) -> Sequence[Event]:
    referred_request(state)
    holds(command.officer, state)
    return [
        CaseReleased(
            application_id=state.application_id,
            officer=command.officer,
            reason=command.reason,
            released_on=command.today,
        )
    ]


def recommend(command: RecommendDecision, state: State) -> Sequence[Event]:
    request = referred_request(state)
    not_involved(command.officer, command.related, request)
    holds(command.officer, state)
    answered(command.today, state)
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


def not_involved(officer: str, related: frozenset[str], request: LoanRequest) -> None:
    """Nobody works on his own application, or on that of somebody whom the related-party list names."""
    refuse_unless(
        officer != request.applicant_id, "own-application", "Nobody works on an application of his own.", status=403
    )
    refuse_unless(
        request.applicant_id not in related,
        "related-party",
        "You are related to the applicant; somebody else works on this application.",
        status=403,
    )


def answered(today: date, state: State) -> None:
    """While the applicant may still answer, nothing is decided."""
    question = state.question
    refuse_unless(
        question is None or today > question.answer_by,
        "answer-awaited",
        "The applicant was asked something and may still answer; wait for it, or for the last day to pass.",
    )


def holds(officer: str, state: State) -> None:
    refuse_unless(
        state.officer == officer,
        "case-not-claimed",
        "Claim the case first." if not state.officer else f"{state.officer} works on this application.",
    )


def ask(command: AskApplicant, state: State) -> Sequence[Event]:
    """A question to the applicant; the case stays with who asked."""
    request = referred_request(state)
    not_involved(command.officer, command.related, request)
    holds(command.officer, state)
    refuse_unless(state.question is None, "question-open", "The applicant was asked already and has not answered yet.")
    return [
        ApplicantAsked(
            application_id=state.application_id,
            question=command.question,
            asked_by=command.officer,
            answer_by=command.today + timedelta(days=command.answer_days),
            asked_on=command.today,
        )
    ]


def answer(command: AnswerQuestion, state: State) -> Sequence[Event]:
    """Also a late one, as long as the case is not decided."""
    referred_request(state)
    refuse_unless(
        state.question is not None and state.question.question.code == command.code,
        "question-not-open",
        "No such question is open.",
        field="/code",
    )
    return [
        ApplicantAnswered(
            application_id=state.application_id,
            code=command.code,
            documents=command.documents,
            answered_on=command.today,
        )
    ]


def escalate(command: EscalateCase, state: State) -> Sequence[Event]:
    """Once a queue; what was decided meanwhile stays where it is."""
    if state.status is not Status.REFERRED or state.queue != command.from_queue:
        return []
    return [
        CaseEscalated(
            application_id=state.application_id,
            from_queue=command.from_queue,
            to_queue=command.to_queue,
            due=command.due,
            escalated_on=command.today,
        )
    ]
