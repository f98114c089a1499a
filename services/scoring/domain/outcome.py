"""How an application is assessed once everything is known that is to be known: scored, or not and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from libs.contracts.scoring import Advice, ApplicationScored, ChallengerScored, IndicatorScore, ScoringFailed, UsedItem
from libs.contracts.values import LoanRequest, Named
from libs.contracts.values import Reason as PublishedReason
from services.scoring.domain.card import Assessment, BinKind, Card, Reason, assess
from services.scoring.domain.indicators import Answer, Catalogue, Text
from services.scoring.domain.inputs import answers_of
from services.scoring.domain.judging import Concern, Gathered, Rules, concerns, facts_of

Outcome = ApplicationScored | ScoringFailed

NO_CARD_IN_FORCE: Final = Reason(
    "no-card-in-force",
    Text(
        "该日期没有适用于此类申请人的有效评分卡，须人工评估",
        "No scorecard for such an applicant is in force; a person must assess",
    ),
)


def outcome_of(
    application_id: str, request: LoanRequest, gathered: Gathered | None, rules: Rules, on: date
) -> list[Outcome | ChallengerScored]:
    """The assessment on a business date, and what challengers say. `gathered` is None where nothing was needed; else
    none of it is open."""
    outcome = _assessed(application_id, request, gathered, rules, on)
    if isinstance(outcome, ScoringFailed) or not rules.challengers:
        return [outcome]
    answers = _answers(request, gathered, rules.catalogue)
    return [outcome, *(_challenged(card, answers, outcome) for card in rules.challengers)]


def _assessed(application_id: str, request: LoanRequest, gathered: Gathered | None, rules: Rules, on: date) -> Outcome:
    against = concerns(gathered, rules, on) if gathered is not None else []
    if rules.card is None:
        against.append(Concern(Advice.REFER, NO_CARD_IN_FORCE))
    if against or rules.card is None:
        return _failed(application_id, request, against, on)
    assessment = assess(rules.card, _answers(request, gathered, rules.catalogue))
    if unusable := unusable_of(assessment):
        concern = Concern(Advice.REFER, not_usable(unusable, rules.catalogue))
        return _failed(application_id, request, [concern], on)
    used = gathered.obtained.values() if gathered is not None else ()
    items = tuple(UsedItem(item=each.item, sha256=each.sha256, valid_until=each.valid_until) for each in used)
    return _scored(application_id, request, rules.card, assessment, items, on)


def _answers(request: LoanRequest, gathered: Gathered | None, catalogue: Catalogue) -> dict[str, Answer]:
    answers = answers_of(request, catalogue)
    return answers if gathered is None else answers | facts_of(gathered, catalogue)


def unusable_of(assessment: Assessment) -> list[str]:
    """Indicators of which the card cannot use the answer: then it says nothing of the applicant."""
    return [each.bin.indicator_id for each in assessment.contributions if each.bin.kind is BinKind.UNUSABLE]


def _challenged(card: Card, answers: Mapping[str, Answer], outcome: ApplicationScored) -> ChallengerScored:
    assessment = assess(card, answers)
    usable = not unusable_of(assessment)
    return ChallengerScored(
        application_id=outcome.application_id,
        card_id=card.card_id,
        card_version=card.version,
        card_sha256=card.sha256,
        score=assessment.score if usable else None,
        probability_of_default=assessment.probability_of_default if usable else None,
        grade=assessment.grade if usable else None,
        champion=f"{outcome.card_id}-v{outcome.card_version}",
        champion_score=outcome.score,
        champion_grade=outcome.grade,
        scored_on=outcome.scored_on,
    )


def _scored(
    application_id: str,
    request: LoanRequest,
    card: Card,
    assessment: Assessment,
    items: tuple[UsedItem, ...],
    on: date,
) -> ApplicationScored:
    return ApplicationScored(
        application_id=application_id,
        request=request,
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
        scored_on=on,
        items=items,
    )


def _failed(application_id: str, request: LoanRequest, against: Sequence[Concern], on: date) -> ScoringFailed:
    first, *others = against
    return ScoringFailed(
        application_id=application_id,
        request=request,
        reason=published(first.reason),
        failed_on=on,
        advice=first.advice,
        further=tuple(published(each.reason) for each in others),
    )


def not_usable(indicator_ids: Sequence[str], catalogue: Catalogue) -> Reason:
    """Why there is no score: the indicators of which the card cannot use the answer."""
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
