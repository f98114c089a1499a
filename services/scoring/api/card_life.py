"""The life of a card: drafted, validated on past applications, approved by a second person, retired."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import func, select
from starlette.responses import Response

from libs.contracts.problems import refuse_unless
from libs.contracts.scoring import CardValidated
from libs.events.canonical import NotCanonical, canonical
from libs.service.commands import Call, command
from libs.service.models import BusinessDate
from libs.service.problems import NOT_FOUND, Problem, invalid
from services.scoring.api.access import Reader
from services.scoring.api.card_life_models import (
    ApprovalEntry,
    CardLife,
    Draft,
    GradePair,
    MovedCase,
    RetirementEntry,
    Shadow,
    ValidationAgain,
    ValidationEntry,
    life_of,
)
from services.scoring.api.cards import CardPath, Running, find
from services.scoring.domain.card import check_card
from services.scoring.domain.card_document import read_card
from services.scoring.domain.card_life import ApproveCard, DraftCard, RecordValidation, RetireCard
from services.scoring.library import library
from services.scoring.shelf import CARDS, CARDS_STREAM, shelf
from services.scoring.validation import shown_until, validate
from services.scoring.views import CHALLENGED

router = APIRouter(tags=["cards"])

Managing = Annotated[Call, command("risk_manager")]
Approving = Annotated[Call, command("risk_manager", "senior_credit_officer")]


@router.post("/cards", summary="Draft a card", status_code=201, response_model=CardLife)
async def draft_card(call: Managing, body: Draft) -> Response:
    """Puts a card on record under the hash of its canonical JSON, once it has passed every check that a published one
    passes. It scores nobody before it is validated, and approved by somebody else."""
    try:
        raw = canonical(body.document)
        card = read_card(raw)
        check_card(card, library().catalogue, library().prohibited)
    except (NotCanonical, ValueError) as fault:
        raise invalid("/document", "card-fault", str(fault)) from None
    order = DraftCard(
        card_id=card.card_id,
        version=card.version,
        sha256=card.sha256,
        document=json.loads(raw),
        published=frozenset(each.name for each in library().cards),
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(
        CARDS,
        CARDS_STREAM,
        order,
        lambda state: life_of(state, card.name),
        status=201,
        location=f"/scoring/cards/{card.name}/life",
    )


@router.get("/cards/{name}/life", summary="Show a card's life")
async def show_life(name: CardPath, _actor: Reader, runtime: Running) -> CardLife:
    """Who drafted it, what validation showed, who approved it for what, and whether it is retired."""
    return life_of((await shelf(runtime.commands)).state, name)


@router.post("/cards/{name}/validations", summary="Validate a card", status_code=201, response_model=CardLife)
async def validate_card(name: CardPath, call: Managing, body: ValidationEntry) -> Response:
    """Scores past applications again, beside what they were scored with, and puts the figures on record."""
    refuse_unless(
        body.scored_from <= body.scored_to,
        "period-not-usable",
        "Ask for a period that does not end before it begins.",
        field="/scored_to",
        status=422,
    )
    runtime = call.runtime
    card = find(await shelf(runtime.commands), name)
    until = await shown_until(runtime)
    result = await validate(runtime, card, body.scored_from, body.scored_to, until)
    validated = CardValidated(
        card_id=card.card_id,
        version=card.version,
        sha256=card.sha256,
        scored_from=body.scored_from,
        scored_to=body.scored_to,
        until_sequence=until,
        applications=len(result.cases),
        unusable=result.unusable,
        better=result.moved(up=True),
        worse=result.moved(up=False),
        grades=result.grades(),
        stability=result.stability,
        mean_probability=result.mean_probability(before=False),
        mean_probability_before=result.mean_probability(before=True),
        result_sha256=result.sha256,
        validated_by=call.actor.subject,
        validated_on=call.today,
        report_sha256=body.report_sha256,
    )
    order = RecordValidation(validated=validated)
    return await call.execute(CARDS, CARDS_STREAM, order, lambda state: life_of(state, name), status=201)


@router.get("/cards/{name}/validation/cases", summary="Make a validation again")
async def show_validation(name: CardPath, _actor: Reader, runtime: Running) -> ValidationAgain:
    """The last validation made again from the events: every application whose grade moves, and the hash of all cases,
    which is that on record or something is not what it was."""
    now = await shelf(runtime.commands)
    validated = now.record(find(now, name)).validated
    if validated is None:
        raise Problem(NOT_FOUND, "This card was not validated here; POST /scoring/cards/{name}/validations does it.")
    card = find(now, name)
    result = await validate(runtime, card, validated.scored_from, validated.scored_to, validated.until_sequence)
    return ValidationAgain(
        result_sha256=result.sha256,
        as_recorded=result.sha256 == validated.result_sha256,
        moved=[
            MovedCase(application_id=case.application_id, before=case.before, grade=case.grade, score=case.score)
            for case in result.cases
            if case.grade != case.before
        ],
    )


@router.post("/cards/{name}/approvals", summary="Approve a card", status_code=201, response_model=CardLife)
async def approve_card(name: CardPath, call: Approving, body: ApprovalEntry) -> Response:
    """Somebody who neither drafted nor validated the card approves it, as challenger in the shadow of the champion or as
    champion, from a day after today on."""
    card = find(await shelf(call.runtime.commands), name)
    order = ApproveCard(
        name=name,
        use=body.use,
        effective_from=body.effective_from,
        earliest=card.effective_from,
        note=body.note,
        policy=library().card_policy(call.today),
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(CARDS, CARDS_STREAM, order, lambda state: life_of(state, name), status=201)


@router.post("/cards/{name}/retirement", summary="Retire a card", status_code=201, response_model=CardLife)
async def retire_card(name: CardPath, call: Managing, body: RetirementEntry) -> Response:
    """From tomorrow on the card is used no more. Where no other one is in force then, a person assesses."""
    card = find(await shelf(call.runtime.commands), name)
    order = RetireCard(
        card_id=card.card_id,
        version=card.version,
        published=frozenset(each.name for each in library().cards),
        reason=body.reason,
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(CARDS, CARDS_STREAM, order, lambda state: life_of(state, name), status=201)


@router.get("/cards/{name}/shadow", summary="Show a challenger beside the champion")
async def show_shadow(
    name: CardPath,
    _actor: Reader,
    runtime: Running,
    scored_from: Annotated[BusinessDate, Query(description="First business date.")],
    scored_to: Annotated[BusinessDate, Query(description="Last business date.")],
) -> Shadow:
    """What a challenger said of live applications beside the champion: how many had which pair of grades."""
    card = find(await shelf(runtime.commands), name)
    columns = CHALLENGED.c
    statement = (
        select(columns.champion_grade, columns.grade, func.count().label("applications"))
        .where(columns.card == card.name, columns.scored_on.between(scored_from, scored_to))
        .group_by(columns.champion_grade, columns.grade)
        .order_by(columns.champion_grade, columns.grade.asc().nulls_last())
    )
    pairs = [GradePair(**row) for row in await runtime.fetch(statement)]
    total = sum(each.applications for each in pairs)
    same = sum(each.applications for each in pairs if each.grade == each.champion_grade)
    return Shadow(card=card.name, applications=total, same=same, pairs=pairs)
