"""A score as it is shown, whether it stands or was only tried."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ConfigDict, Field

from libs.contracts.scoring import ApplicationScored
from libs.contracts.values import Named, Reason
from libs.service.models import Code, DecimalField, ResponseModel
from services.scoring.domain.card import Assessment, Card
from services.scoring.domain.indicators import Answer, Catalogue, Category
from services.scoring.domain.outcome import named, published

EXAMPLE_SCORE: Final[dict[str, Any]] = {
    "score": 612,
    "grade": "B",
    "probability_of_default": "0.196326",
    "indicators": [
        {
            "indicator": "savings-balance",
            "name": {"zh": "储蓄及有价证券", "en": "Savings and securities"},
            "category": "financial",
            "answer": "below-1000",
            "bin": "none | below-1000",
            "points": 58,
        }
    ],
    "reasons": [
        {
            "code": "savings-balance",
            "text": {"zh": "储蓄或有价证券较少", "en": "Savings or securities are small"},
        }
    ],
}
EXAMPLE_CARD: Final[dict[str, Any]] = {
    "name": "german-credit-v1",
    "card_id": "german-credit",
    "version": 1,
    "sha256": "af37a17bfd20541f21097dde5e05f0b705ba14c0a22d09b9b2f3f7f1cc10c2cc",
}


class CardName(ResponseModel):
    """A card, and the hash of the bytes that it is."""

    name: Code
    card_id: Code
    version: int
    sha256: str = Field(description="SHA-256 of the card's document.")


class IndicatorPoints(ResponseModel):
    """What one indicator brought to the score."""

    indicator: Code
    name: Named
    category: Category | None = Field(description="Null when the catalogue has the indicator no longer.")
    answer: int | str | None = Field(description="As it was given; null when there was none.")
    bin: str = Field(description="The class of answers it fell into; `missing` when there was none.")
    points: int


class Score(ResponseModel):
    """A score and all that made it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_SCORE]})

    score: int = Field(description="Higher is better.")
    grade: str
    probability_of_default: DecimalField = Field(description='A fraction: "0.196326" is 19.6326 %.')
    indicators: list[IndicatorPoints]
    reasons: list[Reason] = Field(
        description="What cost most against an applicant near the cut-off, the costliest first; at most four."
    )


def card_name(card: Card) -> CardName:
    return CardName(name=card.name, card_id=card.card_id, version=card.version, sha256=card.sha256)


def score_given(event: ApplicationScored, catalogue: Catalogue) -> Score:
    return Score(
        score=event.score,
        grade=event.grade,
        probability_of_default=event.probability_of_default,
        indicators=[_points(catalogue, each.indicator, each.value, each.bin, each.points) for each in event.indicators],
        reasons=list(event.reasons),
    )


def score_tried(assessment: Assessment, catalogue: Catalogue) -> Score:
    return Score(
        score=assessment.score,
        grade=assessment.grade,
        probability_of_default=assessment.probability_of_default,
        indicators=[
            _points(catalogue, bin.indicator_id, answer, bin.label, bin.points)
            for answer, bin in assessment.contributions
        ],
        reasons=[published(reason) for reason in assessment.reasons],
    )


def _points(catalogue: Catalogue, indicator_id: str, answer: Answer, bin: str, points: int) -> IndicatorPoints:
    declared = catalogue.indicators.get(indicator_id)
    return IndicatorPoints(
        indicator=indicator_id,
        name=named(declared.name) if declared else Named(zh=indicator_id, en=indicator_id),
        category=declared.category if declared else None,
        answer=answer,
        bin=bin,
        points=points,
    )
