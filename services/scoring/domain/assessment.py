"""The decider: an application is assessed once, by the card in force, or put before a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from libs.contracts.scoring import ApplicationScored, IndicatorScore, ScoringFailed
from libs.contracts.values import LoanRequest, Named
from libs.contracts.values import Reason as PublishedReason
from services.scoring.domain.card import Assessment, BinKind, Card, Reason, assess
from services.scoring.domain.indicators import Catalogue, Text
from services.scoring.domain.inputs import answers_of

Event = ApplicationScored | ScoringFailed

NO_CARD_IN_FORCE = Reason(
    "no-card-in-force",
    Text(
        "该日期没有适用于此类申请人的有效评分卡，须人工评估",
        "No scorecard for such an applicant is in force; a person must assess",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AssessApplication:
    """Assess what was submitted, on a business date, with the card in force then (none: a person must)."""

    application_id: str
    request: LoanRequest
    on: date
    card: Card | None
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class State:
    """Whether the application has been assessed."""

    outcome: Event | None = None


INITIAL = State()


def decide(command: AssessApplication, state: State) -> list[Event]:
    """One event, or none when the application has been assessed: a score stands as it was given."""
    if state.outcome is not None:
        return []
    if command.card is None:
        return [_failed(command, NO_CARD_IN_FORCE)]
    assessment = assess(command.card, answers_of(command.request, command.catalogue))
    unusable = [each.bin.indicator_id for each in assessment.contributions if each.bin.kind is BinKind.UNUSABLE]
    if unusable:
        return [_failed(command, _not_usable(unusable, command.catalogue))]
    return [_scored(command, command.card, assessment)]


def evolve(_state: State, event: Event) -> State:
    return State(event)


def _scored(command: AssessApplication, card: Card, assessment: Assessment) -> ApplicationScored:
    return ApplicationScored(
        application_id=command.application_id,
        request=command.request,
        card_id=card.card_id,
        card_version=card.version,
        card_sha256=card.sha256,
        score=assessment.score,
        probability_of_default=assessment.probability_of_default,
        grade=assessment.grade,
        indicators=tuple(
            IndicatorScore(indicator=bin.indicator_id, value=answer, bin=bin.label, points=bin.points)
            for answer, bin in assessment.contributions
        ),
        reasons=tuple(published(reason) for reason in assessment.reasons),
        scored_on=command.on,
    )


def _failed(command: AssessApplication, reason: Reason) -> ScoringFailed:
    return ScoringFailed(
        application_id=command.application_id,
        request=command.request,
        reason=published(reason),
        failed_on=command.on,
    )


def _not_usable(indicator_ids: Sequence[str], catalogue: Catalogue) -> Reason:
    names = [catalogue.indicators[each].name for each in indicator_ids]
    return Reason(
        "answer-not-usable",
        Text(
            f"下列信息无法采用，须人工评估：{'、'.join(name.zh_cn for name in names)}",
            f"Answers that cannot be used; a person must assess: {', '.join(name.en for name in names)}",
        ),
    )


def published(reason: Reason) -> PublishedReason:
    return PublishedReason(code=reason.code, text=named(reason.text))


def named(text: Text) -> Named:
    return Named(zh=text.zh_cn, en=text.en)
