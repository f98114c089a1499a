"""How an application is assessed once everything is known that is to be known: scored, or not and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from libs.contracts.scoring import Advice, ApplicationScored, IndicatorScore, ScoringFailed, UsedItem
from libs.contracts.values import LoanRequest, Named
from libs.contracts.values import Reason as PublishedReason
from services.scoring.domain.card import Assessment, BinKind, Card, Reason, assess
from services.scoring.domain.indicators import Catalogue, Text
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


def outcome_of(application_id: str, request: LoanRequest, gathered: Gathered | None, rules: Rules, on: date) -> Outcome:
    """The assessment on a business date. `gathered` is None where nothing was needed; else none of it is open."""
    against = concerns(gathered, rules, on) if gathered is not None else []
    if rules.card is None:
        against.append(Concern(Advice.REFER, NO_CARD_IN_FORCE))
    if against or rules.card is None:
        return _failed(application_id, request, against, on)
    answers = answers_of(request, rules.catalogue)
    if gathered is not None:
        answers |= facts_of(gathered, rules.catalogue)
    assessment = assess(rules.card, answers)
    unusable = [each.bin.indicator_id for each in assessment.contributions if each.bin.kind is BinKind.UNUSABLE]
    if unusable:
        concern = Concern(Advice.REFER, _not_usable(unusable, rules.catalogue))
        return _failed(application_id, request, [concern], on)
    used = gathered.obtained.values() if gathered is not None else ()
    items = tuple(UsedItem(item=each.item, sha256=each.sha256, valid_until=each.valid_until) for each in used)
    return _scored(application_id, request, rules.card, assessment, items, on)


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
