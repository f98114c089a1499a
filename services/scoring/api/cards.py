"""Cards: which there are, which is in force, what one says, and what it would say of given answers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import ConfigDict, Field

from libs.contracts.problems import Rejected
from libs.contracts.values import ApplicantKind, Named
from libs.service.models import BusinessDate, Code, RequestModel, ResponseModel
from libs.service.problems import VALIDATION_FAILED, FieldError, Problem, pointer_of
from libs.service.runtime import Runtime, runtime_of
from services.scoring.api.access import Reader
from services.scoring.api.scores import EXAMPLE_CARD, CardName, Score, card_name, score_tried
from services.scoring.domain.card import Card, assess, effective_card
from services.scoring.domain.outcome import named
from services.scoring.library import library

router = APIRouter(tags=["cards"])

_EXAMPLE: Final[dict[str, Any]] = {
    **EXAMPLE_CARD,
    "effective_from": "2024-01-01",
    "effective_to": None,
    "applies_to": ["PERSON"],
    "title": {"zh": "个人小额贷款申请评分卡（示范）", "en": "Application scorecard for personal microloans"},
    "indicators": ["current-account-status", "savings-balance"],
    "grades": [{"grade": "B", "minimum_score": 600, "name": {"zh": "良", "en": "Low risk"}}],
}


class GradeBand(ResponseModel):
    """A grade and the scores from which it holds, up to the grade above."""

    grade: str
    minimum_score: int
    name: Named


class CardSummary(CardName):
    """A card, when and for whom it is in force."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    effective_from: date
    effective_to: date | None
    applies_to: list[ApplicantKind]
    title: Named
    indicators: list[Code]
    grades: list[GradeBand]


class CardList(ResponseModel):
    """Every published card, by id and version."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_EXAMPLE]}]})

    items: list[CardSummary]


class Trial(RequestModel):
    """Answers to try a card with."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "answers": {
                        "requested-amount-minor": 1200000,
                        "requested-term-months": 12,
                        "current-account-status": "overdrawn",
                        "savings-balance": None,
                    }
                }
            ]
        }
    )

    answers: dict[Code, int | Annotated[str, Field(max_length=64)] | None] = Field(
        max_length=100,
        description="By indicator: a code, a whole number in the indicator's unit, or null for no answer.",
    )


CardPath = Annotated[Code, Path(description="The card's name, for example `german-credit-v1`.")]


@router.get("/cards", summary="List cards")
async def list_cards(_actor: Reader) -> CardList:
    """Every card that has been published, those no longer in force too."""
    return CardList(items=[_summary(card) for card in library().cards])


@router.get("/cards/effective", summary="Show the card in force")
async def show_effective_card(
    _actor: Reader,
    runtime: Annotated[Runtime, Depends(runtime_of)],
    applicant_kind: Annotated[ApplicantKind, Query(description="For whom.")] = ApplicantKind.PERSON,
    on: Annotated[BusinessDate | None, Query(description="The business date; today unless given.")] = None,
) -> CardSummary:
    """The card that an application submitted on a business date is scored with."""
    day = on or runtime.today
    card = effective_card(library().cards, day, applicant_kind.value)
    if card is None:
        raise Rejected(
            "no-card-in-force", f"No card for {applicant_kind} is in force on {day}; ask for another day.", status=404
        )
    return _summary(card)


@router.get("/cards/{name}", summary="Show a card")
async def show_card(name: CardPath, _actor: Reader) -> CardSummary:
    """One card: when it is in force, for whom, its indicators and grades."""
    return _summary(_find(name))


@router.get(
    "/cards/{name}/document",
    summary="Show a card's document",
    response_class=Response,
    responses={
        200: {
            "description": "The bytes that the card's hash is of.",
            "content": {"application/json": {"example": {"format": "puhui.scorecard/1", "card_id": "german-credit"}}},
        }
    },
)
async def show_card_document(name: CardPath, _actor: Reader) -> Response:
    """The whole card, byte for byte: bins, points, calibration, reasons, data, metrics. Hash it and compare."""
    card = _find(name)
    return Response(library().document(card), media_type="application/json", headers={"etag": f'"{card.sha256}"'})


@router.post("/cards/{name}/trials", summary="Try a card")
async def try_card(name: CardPath, trial: Trial, _actor: Reader) -> Score:
    """What the card says of these answers. Nothing is recorded, and no application is touched."""
    card = _find(name)
    _refuse_unknown(trial, card)
    return score_tried(assess(card, trial.answers), library().catalogue)


def _find(name: str) -> Card:
    card = library().card(name)
    if card is None:
        raise Rejected("card-unknown", "There is no card of this name; GET /scoring/cards lists them.", status=404)
    return card


def _refuse_unknown(trial: Trial, card: Card) -> None:
    known = sorted(each.id for each in card.indicators)
    detail = f"The card does not ask for this; it asks for {', '.join(known)}."
    errors = [
        FieldError("indicator-unknown", detail, pointer=pointer_of(("answers", name)))
        for name in trial.answers
        if name not in known
    ]
    if errors:
        raise Problem(VALIDATION_FAILED, errors=errors)


def _summary(card: Card) -> CardSummary:
    return CardSummary(
        **card_name(card).model_dump(),
        effective_from=card.effective_from,
        effective_to=card.effective_to,
        applies_to=[ApplicantKind(kind) for kind in card.applies_to],
        title=named(card.title),
        indicators=[each.id for each in card.indicators],
        grades=[
            GradeBand(grade=each.grade, minimum_score=each.minimum_score, name=named(each.name)) for each in card.grades
        ],
    )
