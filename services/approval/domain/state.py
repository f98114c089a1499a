"""Where the decision on one application stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationDeclined,
    ApplicationReferred,
    ApprovalLapsed,
    CaseClaimed,
    CaseReleased,
    DecisionBasis,
    DecisionRecommended,
    ExposureReinstated,
    ExposureReleased,
    Offer,
    OfferAccepted,
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
)


class Status(StrEnum):
    NONE = "NONE"
    REFERRED = "REFERRED"
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
            return replace(state, officer=event.officer)
        case CaseReleased():
            return replace(state, officer="")
        case DecisionRecommended():
            return replace(state, recommendation=event, officer="")
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
        case ExposureReleased():
            return replace(state, reserved=False, paid_back=True)
        case ExposureReinstated():
            return replace(state, reserved=True, paid_back=False)
