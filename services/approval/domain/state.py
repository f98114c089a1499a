"""Where the decision on one application stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from libs.contracts.approval import (
    ApplicantAnswered,
    ApplicantAsked,
    ApplicationApproved,
    ApplicationDeclined,
    ApplicationReferred,
    ApprovalLapsed,
    ApprovalPrepared,
    CaseClaimed,
    CaseEscalated,
    CaseReleased,
    Condition,
    ConditionMet,
    DecisionBasis,
    DecisionRecommended,
    ExposureReinstated,
    ExposureReleased,
    Offer,
    OfferAccepted,
    ReviewRequested,
    VoteCast,
)
from libs.contracts.values import LoanRequest, Reason

Event = (
    ApplicationReferred
    | ApplicationApproved
    | ApplicationDeclined
    | ApprovalLapsed
    | CaseClaimed
    | CaseReleased
    | DecisionRecommended
    | OfferAccepted
    | ExposureReleased
    | ExposureReinstated
    | ApplicantAsked
    | ApplicantAnswered
    | ApprovalPrepared
    | ConditionMet
    | VoteCast
    | CaseEscalated
    | ReviewRequested
)


class Status(StrEnum):
    NONE = "NONE"
    REFERRED = "REFERRED"
    CONDITIONAL = "CONDITIONAL"
    APPROVED = "APPROVED"
    DECLINED = "DECLINED"
    LAPSED = "LAPSED"
    ACCEPTED = "ACCEPTED"


@dataclass(frozen=True, slots=True)
class State:
    """Where a decision stands."""

    application_id: str = ""
    status: Status = Status.NONE
    request: LoanRequest | None = None
    basis: DecisionBasis | None = None
    reasons: tuple[Reason, ...] = ()
    queue: str = ""
    four_eyes: bool = False
    officer: str = ""
    recommendation: DecisionRecommended | None = None
    offer: Offer | None = None
    decided_by: tuple[str, ...] = ()
    decided_on: date | None = None
    note: str = ""
    reserved: bool = False
    """The offer's amount counts towards limits."""
    paid_back: bool = False
    claimed_on: date | None = None
    question: ApplicantAsked | None = None
    votes: tuple[VoteCast, ...] = ()
    prepared: ApprovalPrepared | None = None
    met: tuple[ConditionMet, ...] = ()
    reviewed: bool = False
    """The table had declined, and people look at it because the applicant asked for it."""

    @property
    def conditions_open(self) -> tuple[Condition, ...]:
        met = {condition.code for condition in self.met}
        return tuple(each for each in self.prepared.conditions if each.code not in met) if self.prepared else ()


initial = State()


def evolve(state: State, event: Event) -> State:
    match event:
        case ApplicationReferred():
            return replace(
                state,
                application_id=event.application_id,
                status=Status.REFERRED,
                request=event.request,
                basis=event.basis,
                reasons=event.reasons,
                queue=event.queue,
                four_eyes=event.four_eyes,
            )
        case CaseClaimed():
            return replace(state, officer=event.officer, claimed_on=event.claimed_on)
        case CaseReleased():
            return replace(state, officer="")
        case DecisionRecommended():
            return replace(state, recommendation=event, officer="", votes=())
        case ApplicationApproved():
            return replace(
                state,
                application_id=event.application_id,
                status=Status.APPROVED,
                request=event.request,
                basis=event.basis,
                reasons=event.reasons,
                offer=event.offer,
                decided_by=event.decided_by,
                decided_on=event.approved_on,
                note=event.note,
                reserved=True,
            )
        case ApplicationDeclined():
            return replace(
                state,
                application_id=event.application_id,
                status=Status.DECLINED,
                request=event.request,
                basis=event.basis,
                reasons=event.reasons,
                decided_by=event.decided_by,
                decided_on=event.declined_on,
                note=event.note,
            )
        case ApprovalLapsed():
            return replace(state, application_id=event.application_id, status=Status.LAPSED, reserved=False)
        case OfferAccepted():
            reserved = state.offer is not None and not state.paid_back
            return replace(state, application_id=event.application_id, status=Status.ACCEPTED, reserved=reserved)
        case _:
            return _evolve_later(state, event)


def _evolve_later(state: State, event: Event) -> State:
    match event:
        case ApplicantAsked():
            return replace(state, question=event)
        case ApplicantAnswered():
            return replace(state, question=None)
        case VoteCast():
            return replace(state, votes=(*state.votes, event))
        case ApprovalPrepared():
            return replace(state, status=Status.CONDITIONAL, prepared=event, decided_by=event.decided_by, officer="")
        case ConditionMet():
            return replace(state, met=(*state.met, event))
        case CaseEscalated():
            return replace(state, queue=event.to_queue)
        case ReviewRequested():
            return replace(
                state,
                status=Status.REFERRED,
                queue=event.queue,
                four_eyes=event.four_eyes,
                reviewed=True,
                decided_on=None,
            )
        case ExposureReleased():
            return replace(state, reserved=False, paid_back=True)
        case ExposureReinstated():
            return replace(state, reserved=True, paid_back=False)
        case _:
            raise AssertionError(f"no decision knows {type(event).__name__}")
