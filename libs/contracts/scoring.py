"""What the scoring service publishes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar

from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent, Value
from libs.contracts.types import Code, DecimalField, Id
from libs.contracts.values import LoanRequest, Reason


class IndicatorScore(Value):
    """What one indicator contributed: the answer given, the bin it fell into, the points of that bin."""

    indicator: Code
    value: int | str | None
    bin: str
    points: int


class ApplicationScored(DomainEvent, type="puhui.scoring.application-scored.v1"):
    """An application was assessed by a card: score, grade, and every input with its points.

    `reasons` are the indicators that cost most against an applicant near the cut-off, at most four. Higher scores are
    better; `probability_of_default` is a fraction. An answer that was not given is null and counts as the worst one.
    The request travels on unchanged.
    """

    application_id: Id
    request: LoanRequest
    card_id: Code
    card_version: Annotated[int, Field(ge=1)]
    card_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    score: int
    probability_of_default: DecimalField
    grade: Annotated[str, Field(pattern="^[A-Z][0-9]?$")]
    indicators: tuple[IndicatorScore, ...]
    reasons: tuple[Reason, ...]
    scored_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "request": ex.REQUEST,
        "card_id": "german-credit",
        "card_version": 1,
        "card_sha256": ex.SHA256,
        "score": 612,
        "probability_of_default": "0.0831",
        "grade": "B",
        "indicators": [
            {"indicator": "savings-balance", "value": "below-1000", "bin": "none | below-1000", "points": 58}
        ],
        "reasons": [
            {
                "code": "savings-balance",
                "text": {"zh": "储蓄或有价证券较少", "en": "Savings or securities are small"},
            }
        ],
        "scored_on": "2026-02-01",
    }


class ScoringFailed(DomainEvent, type="puhui.scoring.scoring-failed.v1"):
    """An application could not be scored (no card in force, an answer that cannot be used): a person must look at it."""

    application_id: Id
    request: LoanRequest
    reason: Reason
    failed_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "request": ex.REQUEST,
        "reason": {"code": "no-card-in-force", "text": {"zh": "无有效评分卡", "en": "No score card is in force"}},
        "failed_on": "2026-02-01",
    }
