"""Cards: which there are, which is in force, what one says, and what it would say of given answers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import ConfigDict, Field

from libs.contracts.problems import Rejected
from libs.contracts.scoring import CardUse
from libs.contracts.values import ApplicantKind, Named
from libs.events.canonical import canonical
from libs.service.models import BusinessDate, Code, RequestModel, ResponseModel
from libs.service.problems import VALIDATION_FAILED, FieldError, Problem, pointer_of
from libs.service.runtime import Runtime, runtime_of
from services.scoring.api.access import Reader
from services.scoring.api.scores import EXAMPLE_CARD, CardName, Score, card_name, score_tried
from services.scoring.domain.card import Card, assess, effective_card
from services.scoring.domain.card_record import CardOnRecord, Stage
from services.scoring.domain.outcome import named
from services.scoring.library import library
from services.scoring.shelf import Shelf
from services.scoring.shelf import shelf as shelf_now

router = APIRouter(tags=["cards"])

EXAMPLE: Final[dict[str, Any]] = {
    **EXAMPLE_CARD,
    "stage": "EFFECTIVE",
    "uses": [{"use": "CHAMPION", "effective_from": "2024-01-01"}],
    "retired_from": None,
    "products": [],
    "regions": [],
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


class CardUsed(ResponseModel):
    """What a card is used for, and from which day on."""

    use: CardUse
    effective_from: date


class CardSummary(CardName):
    """A card, how far it has come, when and for whom it is in force."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    stage: Stage
    uses: list[CardUsed] = Field(description="What it is approved for.")
    retired_from: date | None
    effective_from: date = Field(description="The first day that its document admits.")
    effective_to: date | None
    applies_to: list[ApplicantKind]
    products: list[Code] = Field(description="For these alone; empty: for all.")
    regions: list[str] = Field(description="For regions whose code begins so; empty: for all.")
    title: Named
    indicators: list[Code]
    grades: list[GradeBand]


class CardList(ResponseModel):
    """Every published card, by id and version."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE]}]})

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


Running = Annotated[Runtime, Depends(runtime_of)]
CardPath = Annotated[Code, Path(description="The card's name, for example `german-credit-v1`.")]


@router.get("/cards", summary="List cards")
async def list_cards(_actor: Reader, runtime: Running) -> CardList:
    """Every card there is, drafts and those no longer in force too."""
    shelf = await shelf_now(runtime.commands)
    return CardList(items=[summary(card, shelf) for card in shelf.cards])


@router.get("/cards/effective", summary="Show the card in force")
async def show_effective_card(
    _actor: Reader,
    runtime: Running,
    applicant_kind: Annotated[ApplicantKind, Query(description="For whom.")] = ApplicantKind.PERSON,
    product: Annotated[Code | None, Query(description="For an application for this product.")] = None,
    region: Annotated[str, Query(max_length=12, pattern="^[0-9]*$", description="Of an applicant from there.")] = "",
    on: Annotated[BusinessDate | None, Query(description="The business date; today unless given.")] = None,
) -> CardSummary:
    """The card that an application submitted on a business date is scored with."""
    day = on or runtime.today
    shelf = await shelf_now(runtime.commands)
    card = effective_card(shelf.champions, day, applicant_kind.value, product or "", region)
    if card is None:
        raise Rejected(
            "no-card-in-force", f"No card for {applicant_kind} is in force on {day}; ask for another day.", status=404
        )
    return summary(card, shelf)


@router.get("/cards/{name}", summary="Show a card")
async def show_card(name: CardPath, _actor: Reader, runtime: Running) -> CardSummary:
    """One card: how far it has come, when it is in force, for whom, its indicators and grades."""
    shelf = await shelf_now(runtime.commands)
    return summary(find(shelf, name), shelf)


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
async def show_card_document(name: CardPath, _actor: Reader, runtime: Running) -> Response:
    """The whole card, byte for byte: bins, points, calibration, reasons, data, metrics. Hash it and compare. Of one
    that was drafted here they are those of its canonical JSON."""
    shelf = await shelf_now(runtime.commands)
    card = find(shelf, name)
    drafted = shelf.record(card).drafted
    content = canonical(drafted.document) if drafted is not None else library().document(card)
    return Response(content, media_type="application/json", headers={"etag": f'"{card.sha256}"'})


@router.post("/cards/{name}/trials", summary="Try a card")
async def try_card(name: CardPath, trial: Trial, _actor: Reader, runtime: Running) -> Score:
    """What the card says of these answers. Nothing is recorded, and no application is touched."""
    card = find(await shelf_now(runtime.commands), name)
    _refuse_unknown(trial, card)
    return score_tried(assess(card, trial.answers), library().catalogue)


def find(shelf: Shelf, name: str) -> Card:
    """A card by its name; refuses one that is not there."""
    card = shelf.card(name)
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


def summary(card: Card, shelf: Shelf) -> CardSummary:
    """A card as it is shown, with its uses as approved here."""
    record = shelf.record(card)
    uses = [CardUse.CHAMPION] if card.name in {each.name for each in library().cards} else list(record.approved)
    return CardSummary(
        **card_name(card).model_dump(),
        stage=record.stage,
        uses=[CardUsed(use=use, effective_from=_since(card, record, use)) for use in uses],
        retired_from=record.retired.retired_from if record.retired is not None else None,
        products=list(card.segment.products),
        regions=list(card.segment.regions),
        effective_from=card.effective_from,
        effective_to=card.effective_to,
        applies_to=[ApplicantKind(kind) for kind in card.applies_to],
        title=named(card.title),
        indicators=[each.id for each in card.indicators],
        grades=[
            GradeBand(grade=each.grade, minimum_score=each.minimum_score, name=named(each.name)) for each in card.grades
        ],
    )


def _since(card: Card, record: CardOnRecord, use: CardUse) -> date:
    approved = record.approved.get(use)
    return card.effective_from if approved is None else approved.effective_from
