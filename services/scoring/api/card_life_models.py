"""The life of a card, as it is asked for and told."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from pydantic import ConfigDict, Field

from libs.contracts.scoring import CardApproved, CardCleared, CardRetired, CardUse, CardValidated, GradeShift, Sha256
from libs.contracts.types import Text
from libs.service.models import BusinessDate, Code, DecimalField, Id, RequestModel, ResponseModel
from services.scoring.api.cards import EXAMPLE, CardSummary, find, summary
from services.scoring.domain.card_record import State
from services.scoring.library import library
from services.scoring.shelf import shelf_of

_VALIDATION: Final[dict[str, Any]] = {
    name: value for name, value in CardValidated.example.items() if name not in ("card_id", "version")
}


class Draft(RequestModel):
    """A card as a whole document, as GET shows one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"document": {"format": "puhui.scorecard/1", "card_id": "german-credit"}}]}
    )

    document: dict[str, Any]


class ValidationEntry(RequestModel):
    """On which applications: those scored within these dates. With the SHA-256 of the model report (`make model-report`
    tells it), who approves the card can see that it is the one he reads."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scored_from": "2026-01-01", "scored_to": "2026-02-28"}]}
    )

    scored_from: BusinessDate
    scored_to: BusinessDate
    report_sha256: Sha256 | None = None


class ApprovalEntry(RequestModel):
    """What a card is approved for, from which day on, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"use": "CHALLENGER", "effective_from": "2026-04-01", "note": "A quarter in the shadow first"}]
        }
    )

    use: CardUse
    effective_from: BusinessDate
    note: Text


class RetirementEntry(RequestModel):
    """Why a card is used no more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Its applicants have changed"}]})

    reason: Text


class Validation(ResponseModel):
    """What a card does to past applications."""

    model_config = ConfigDict(json_schema_extra={"examples": [_VALIDATION]})

    sha256: str
    scored_from: date
    scored_to: date
    until_sequence: int
    applications: int
    unusable: int = Field(description="Of these the card cannot use an answer.")
    better: int
    worse: int
    grades: list[GradeShift]
    stability: DecimalField
    mean_probability: DecimalField | None
    mean_probability_before: DecimalField | None
    result_sha256: str
    validated_by: str
    validated_on: date
    report_sha256: str | None = None

    @classmethod
    def of(cls, validated: CardValidated) -> Validation:
        return cls.model_validate(validated.payload())


class MovedCase(ResponseModel):
    """An application whose grade would be another one (null: the card cannot use an answer)."""

    application_id: Id
    before: str
    grade: str | None
    score: int | None


class ValidationAgain(ResponseModel):
    """A validation made again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "result_sha256": _VALIDATION["result_sha256"],
                    "as_recorded": True,
                    "moved": [{"application_id": "application-1", "before": "B", "grade": "C", "score": 598}],
                }
            ]
        }
    )

    result_sha256: str
    as_recorded: bool = Field(description="Whether it is the hash on record; if not, something is not what it was.")
    moved: list[MovedCase]


class GradePair(ResponseModel):
    """How many applications the champion and the challenger gave these grades (null: the challenger cannot)."""

    champion_grade: str
    grade: str | None
    applications: int


class Shadow(ResponseModel):
    """A challenger beside the champion on live applications."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "card": "german-credit-v2",
                    "applications": 51,
                    "same": 44,
                    "pairs": [{"champion_grade": "B", "grade": "C", "applications": 7}],
                }
            ]
        }
    )

    card: Code
    applications: int
    same: int
    pairs: list[GradePair]


class CardLife(ResponseModel):
    """A card with the last of each thing that happened to it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "card": EXAMPLE,
                    "drafted_by": "risk-manager",
                    "drafted_on": "2026-03-01",
                    "validation": _VALIDATION,
                    "cleared": CardCleared.example,
                    "approvals": [CardApproved.example],
                    "retirement": None,
                }
            ]
        }
    )

    card: CardSummary
    drafted_by: str | None = Field(description="Null for a card that a release of the program brought.")
    drafted_on: date | None
    validation: Validation | None
    cleared: CardCleared | None = Field(
        default=None, description="The comparison of past decisions under it that was signed off."
    )
    approvals: list[CardApproved]
    retirement: CardRetired | None


def life_of(state: State, name: str) -> CardLife:
    """A card's life as the record has it."""
    now = shelf_of(library(), state)
    card = find(now, name)
    record = now.record(card)
    return CardLife(
        card=summary(card, now),
        drafted_by=record.drafted.drafted_by if record.drafted else None,
        drafted_on=record.drafted.drafted_on if record.drafted else None,
        validation=Validation.of(record.validated) if record.validated else None,
        cleared=record.cleared,
        approvals=list(record.approved.values()),
        retirement=record.retired,
    )
