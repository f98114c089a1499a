"""The decider of who funds an approved loan: partners are asked one after another, and each decides for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeAlias

from libs.contracts.approval import ApplicationApproved
from libs.contracts.contract import CoLender
from libs.contracts.partners import (
    FundingAnswer,
    FundingAnswered,
    FundingArranged,
    FundingClarified,
    FundingLapsed,
    FundingOffered,
    FundingQuestioned,
    FundingWithdrawn,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.lending.money import Money

QUESTIONS_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFunding:
    """Ask a partner; `answer_until` is RFC 3339 in UTC, compared as text."""

    approval: ApplicationApproved
    partner: str
    agreement: str
    version: int
    share_ppm: int
    amount: Money
    data: dict[str, str | int | None]
    answer_until: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class FundAlone:
    """Nobody else is left to be asked: we fund the loan ourselves."""

    approval: ApplicationApproved
    loan_id: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFunding:
    """`lenders` are all who lend if the partner accepts; `now` is RFC 3339 in UTC."""

    partner: str
    answer: FundingAnswer
    reason: str
    loan_id: str
    lenders: Sequence[CoLender]
    now: str
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAboutFunding:
    partner: str
    question: str
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ClarifyFunding:
    answer: str
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseFunding:
    """The partner's time is over."""

    partner: str
    now: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawFunding:
    """The approval, the contract or the loan came to nothing."""

    reason: str
    today: date


@dataclass(frozen=True, slots=True)
class Funding:
    """Whom an approved loan was offered to, who is being asked, and who funds it."""

    offered: FundingOffered | None = None
    """The offer that waits for an answer."""
    asked: tuple[str, ...] = ()
    offers: tuple[FundingOffered, ...] = ()
    questions: tuple[FundingQuestioned | FundingClarified, ...] = ()
    accepted: FundingOffered | None = None
    arranged: FundingArranged | None = None
    withdrawn: bool = False

    def offer_to(self, partner: str) -> FundingOffered | None:
        return next((offer for offer in self.offers if offer.partner == partner), None)


Command: TypeAlias = (
    OfferFunding | FundAlone | AnswerFunding | AskAboutFunding | ClarifyFunding | LapseFunding | WithdrawFunding
)
Event: TypeAlias = (
    FundingOffered
    | FundingQuestioned
    | FundingClarified
    | FundingAnswered
    | FundingLapsed
    | FundingArranged
    | FundingWithdrawn
)
INITIAL: Final = Funding()


def decide(command: Command, state: Funding) -> Sequence[Event]:
    match command:
        case OfferFunding():
            return _offered(command, state)
        case FundAlone():
            return _alone(command, state)
        case AnswerFunding():
            return _answered(command, state)
        case AskAboutFunding():
            offer = _open(state, command.partner)
            refuse_unless(len(state.questions) < QUESTIONS_MAX, "questions-too-many", "Decide on what you know.")
            question = FundingQuestioned(
                application_id=offer.application_id,
                partner=offer.partner,
                question=command.question,
                asked_by=command.by,
                asked_on=command.today,
            )
            return [question]
        case ClarifyFunding():
            return [_clarified(command, state)]
        case LapseFunding():
            return _lapsed(command, state)
        case WithdrawFunding():
            return _withdrawn(command, state)


def evolve(state: Funding, event: Event) -> Funding:
    match event:
        case FundingOffered():
            return replace(
                state, offered=event, offers=(*state.offers, event), asked=(*state.asked, event.partner), questions=()
            )
        case FundingQuestioned() | FundingClarified():
            return replace(state, questions=(*state.questions, event))
        case FundingAnswered():
            accepted = state.offered if event.answer is FundingAnswer.ACCEPT else None
            return replace(state, offered=None, accepted=accepted)
        case FundingLapsed():
            return replace(state, offered=None)
        case FundingArranged():
            return replace(state, arranged=event)
        case FundingWithdrawn():
            return replace(state, offered=None, withdrawn=True)


def _offered(command: OfferFunding, state: Funding) -> Sequence[Event]:
    if state.withdrawn or state.arranged is not None or state.offered is not None or command.partner in state.asked:
        return []
    return [
        FundingOffered(
            application_id=command.approval.application_id,
            partner=command.partner,
            agreement=command.agreement,
            version=command.version,
            share_ppm=command.share_ppm,
            amount=command.amount,
            data=command.data,
            answer_until=command.answer_until,
            approval=command.approval,
            offered_on=command.on,
        )
    ]


def _alone(command: FundAlone, state: Funding) -> Sequence[Event]:
    if state.withdrawn or state.arranged is not None or state.offered is not None:
        return []
    return [
        FundingArranged(
            application_id=command.approval.application_id,
            loan_id=command.loan_id,
            approval=command.approval,
            lenders=(),
            asked=state.asked,
            arranged_on=command.on,
        )
    ]


def _answered(command: AnswerFunding, state: Funding) -> Sequence[Event]:
    offer = _open(state, command.partner)
    refuse_unless(
        command.now <= offer.answer_until,
        "funding-lapsed",
        f"The offer stood until {offer.answer_until}; it goes to the next lender.",
    )
    accepts = command.answer is FundingAnswer.ACCEPT
    refuse_unless(
        accepts or command.reason != "", "reason-missing", "Say why you decline.", field="/reason", status=422
    )
    answered = FundingAnswered(
        application_id=offer.application_id,
        partner=offer.partner,
        agreement=offer.agreement,
        answer=command.answer,
        reason=command.reason,
        answered_by=command.by,
        answered_on=command.today,
    )
    if not accepts:
        return [answered]
    return [
        answered,
        FundingArranged(
            application_id=offer.application_id,
            loan_id=command.loan_id,
            approval=offer.approval,
            lenders=tuple(command.lenders),
            agreement=offer.agreement,
            agreement_version=offer.version,
            asked=state.asked,
            arranged_on=command.today,
        ),
    ]


def _clarified(command: ClarifyFunding, state: Funding) -> FundingClarified:
    offer = state.offered
    if offer is None:
        raise Rejected("funding-not-open", "No partner is being asked about this application now.", status=409)
    refuse_unless(
        bool(state.questions) and isinstance(state.questions[-1], FundingQuestioned),
        "nothing-asked",
        "The partner has no open question.",
    )
    return FundingClarified(
        application_id=offer.application_id,
        partner=offer.partner,
        answer=command.answer,
        answered_by=command.by,
        answered_on=command.today,
    )


def _lapsed(command: LapseFunding, state: Funding) -> Sequence[Event]:
    offer = state.offered
    if offer is None or offer.partner != command.partner or command.now <= offer.answer_until:
        return []
    return [
        FundingLapsed(
            application_id=offer.application_id,
            partner=offer.partner,
            agreement=offer.agreement,
            lapsed_on=command.today,
        )
    ]


def _withdrawn(command: WithdrawFunding, state: Funding) -> Sequence[Event]:
    """Of what was offered or accepted; an approval that nobody else was to fund leaves no trace here."""
    committed = state.offered or state.accepted
    if committed is None or state.withdrawn:
        return []
    return [
        FundingWithdrawn(
            application_id=committed.application_id,
            partner=committed.partner,
            agreement=committed.agreement,
            reason=command.reason,
            withdrawn_on=command.today,
        )
    ]


def _open(state: Funding, partner: str) -> FundingOffered:
    """The offer that waits for this partner's answer."""
    if state.offer_to(partner) is None:
        raise Rejected("funding-not-found", "Nothing was offered to this partner under this application.", status=404)
    if state.offered is None or state.offered.partner != partner:
        raise Rejected("funding-not-open", "This offer was answered, has lapsed or was withdrawn.", status=409)
    return state.offered
