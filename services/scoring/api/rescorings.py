"""A card's scores of past applications, for approval to decide on again."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field
from starlette.responses import Response

from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.scoring import CardRescored
from libs.contracts.types import Id
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime
from services.scoring.api.access import Reader
from services.scoring.api.cards import CardPath, Running, find
from services.scoring.domain.rescoring import EndRescoring, State, TellPart
from services.scoring.rescoring import RESCORING, Digest, Which, parts_of
from services.scoring.shelf import shelf
from services.scoring.validation import shown_until

router = APIRouter(tags=["cards"])

RescoringId = Annotated[Id, Path(description="The rescoring.")]


class RescoringEntry(RequestModel):
    """On which applications: those scored within these dates."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scored_from": "2026-01-01", "scored_to": "2026-02-28"}]}
    )

    scored_from: BusinessDate
    scored_to: BusinessDate


class Rescoring(ResponseModel):
    """What was scored again, and the hash of all cases."""

    model_config = ConfigDict(json_schema_extra={"examples": [CardRescored.example]})

    rescoring_id: str
    card_id: str
    version: int
    card_sha256: str
    drafted_by: str = Field(description="Empty for a card that a release of the program brought.")
    scored_from: date
    scored_to: date
    until_sequence: int
    parts: int
    applications: int
    unusable: int = Field(description="Of these the card cannot use an answer.")
    result_sha256: str
    rescored_by: str
    rescored_on: date

    @classmethod
    def of(cls, rescored: CardRescored) -> Self:
        return cls.model_validate(rescored.payload())


class RescoringAgain(ResponseModel):
    """A rescoring made again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "rescoring_id": "rescoring-1",
                    "result_sha256": CardRescored.example["result_sha256"],
                    "made_again_sha256": CardRescored.example["result_sha256"],
                    "equal": True,
                }
            ]
        }
    )

    rescoring_id: str
    result_sha256: str
    made_again_sha256: str
    equal: bool


@router.post(
    "/cards/{name}/rescorings", summary="Score past applications again", status_code=201, response_model=Rescoring
)
async def rescore(name: CardPath, call: Annotated[Call, command("risk_manager")], body: RescoringEntry) -> Response:
    """Scores past applications again with any card and tells approval, which can decide them again on it
    (`POST /approval/card-comparisons`). Nothing follows for the applications. Interrupted, the same request goes on."""
    refuse_unless(
        body.scored_from <= body.scored_to,
        "period-not-usable",
        "Ask for a period that does not end before it begins.",
        field="/scored_to",
        status=422,
    )
    runtime = call.runtime
    now = await shelf(runtime.commands)
    card = find(now, name)
    rescoring_id = call.new_id("rescoring")
    stream_id = RESCORING.stream_id(rescoring_id)
    state, _ = await runtime.commands.state(RESCORING, stream_id)
    begun = state.until_sequence
    which = Which(body.scored_from, body.scored_to, await shown_until(runtime) if begun is None else begun)
    digest = Digest()
    async for part in parts_of(runtime, card, which, rescoring_id):
        digest.add(part)
        await runtime.commands.handle(RESCORING, stream_id, TellPart(part=part), call.cause())
    refuse_unless(
        digest.parts > 0,
        "nothing-to-rescore",
        "No application that the card is for was scored in this period; ask for another one.",
        field="/scored_from",
        status=422,
    )
    drafted = now.record(card).drafted
    rescored = CardRescored(
        rescoring_id=rescoring_id,
        card_id=card.card_id,
        version=card.version,
        card_sha256=card.sha256,
        drafted_by=drafted.drafted_by if drafted is not None else "",
        scored_from=which.first,
        scored_to=which.last,
        until_sequence=which.until_sequence,
        parts=digest.parts,
        applications=digest.applications,
        unusable=digest.unusable,
        result_sha256=digest.sha256,
        rescored_by=call.actor.subject,
        rescored_on=call.today,
    )
    return await call.execute(
        RESCORING,
        stream_id,
        EndRescoring(rescored=rescored),
        _shown,
        status=201,
        location=f"/scoring/rescorings/{rescoring_id}",
    )


@router.get("/rescorings/{rescoring_id}", summary="Show a rescoring")
async def show_rescoring(_actor: Reader, runtime: Running, rescoring_id: RescoringId) -> Rescoring:
    """Which card on which applications, and the hash of all cases."""
    return Rescoring.of(await _ended(runtime, rescoring_id))


@router.get("/rescorings/{rescoring_id}/verification", summary="Make a rescoring again")
async def verify_rescoring(_actor: Reader, runtime: Running, rescoring_id: RescoringId) -> RescoringAgain:
    """Whether the same card on the same applications says the same, to the last case."""
    rescored = await _ended(runtime, rescoring_id)
    card = find(await shelf(runtime.commands), f"{rescored.card_id}-v{rescored.version}")
    if card.sha256 != rescored.card_sha256:
        raise Rejected("card-changed", "This card's document is not the one that applications were scored again with.")
    digest = Digest()
    which = Which(rescored.scored_from, rescored.scored_to, rescored.until_sequence)
    async for part in parts_of(runtime, card, which, rescoring_id):
        digest.add(part)
    return RescoringAgain(
        rescoring_id=rescoring_id,
        result_sha256=rescored.result_sha256,
        made_again_sha256=digest.sha256,
        equal=digest.sha256 == rescored.result_sha256,
    )


async def _ended(runtime: Runtime, rescoring_id: str) -> CardRescored:
    state, _ = await runtime.commands.state(RESCORING, RESCORING.stream_id(rescoring_id))
    if state.ended is None:
        raise Problem(NOT_FOUND, "There is no such rescoring; POST /scoring/cards/{name}/rescorings makes one.")
    return state.ended


def _shown(state: State) -> Rescoring:
    assert state.ended is not None, "it was ended just now"
    return Rescoring.of(state.ended)
