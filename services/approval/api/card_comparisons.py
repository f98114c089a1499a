"""What would have been decided on another card's scores: made, looked at case by case, made again, signed off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from libs.contracts.approval import CardCompared, DecisionBasis
from libs.contracts.problems import Rejected
from libs.contracts.types import Id
from libs.service.commands import Call, command
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime
from services.approval import card_what_if, models
from services.approval.api.card_comparison_models import (
    CardCases,
    CardCaseShown,
    CardComparison,
    CardComparisonEntry,
)
from services.approval.api.comparisons import CASES_MAX, Reader, Running
from services.approval.api.tables import all_tables, table_named
from services.approval.domain.card_comparison import RecordCardComparison, SignOffCardComparison, State
from services.approval.handlers import CARD_COMPARISON, TABLE_ID
from services.approval.rescored import rescoring_told
from services.approval.tables import DecisionTable

router = APIRouter(tags=["comparisons"])

ComparisonId = Annotated[Id, Path(description="The comparison.")]
PATH: Final = "/card-comparisons/{comparison_id}"


@router.post("/card-comparisons", summary="Compare a card", status_code=201, response_model=CardComparison)
async def make_card_comparison(call: Annotated[Call, command("risk_manager")], body: CardComparisonEntry) -> Response:
    """Decides past applications again on the scores that another card gives them (`POST
    /scoring/cards/{name}/rescorings` tells them), beside what decides, and counts the difference.

    It reads events and changes nothing. The same request later gives the same cases for the same decisions.
    """
    runtime = call.runtime
    told = await rescoring_told(runtime, body.rescoring_id)
    if told is None:
        raise Rejected(
            "rescoring-unknown",
            "No such rescoring was heard of to its end: make one with POST /scoring/cards/{name}/rescorings, and send "
            "this again a moment later.",
            field="/rescoring_id",
            status=422,
        )
    table = None if body.table_version is None else await table_named(runtime, TABLE_ID, body.table_version)
    until = await runtime.store.last_sequence()
    result = await card_what_if.compare(runtime, told.rescoring_id, until, await _tables(runtime, table))
    compared = CardCompared(
        comparison_id=call.new_id("card-comparison"),
        rescoring_id=told.rescoring_id,
        card_id=told.card_id,
        version=told.version,
        card_sha256=told.card_sha256,
        drafted_by=told.drafted_by,
        rescored_by=told.rescored_by,
        table_version=body.table_version,
        table_sha256=None if table is None else table.sha256,
        until_sequence=until,
        rescored=told.applications,
        considered=len(result.cases),
        changed=len(result.changed),
        outcomes=result.outcomes(),
        grades=result.grades(),
        offered=result.offered,
        would_be_offered=result.would_be_offered,
        result_sha256=result.sha256,
        compared_by=call.actor.subject,
        compared_on=call.today,
    )
    return await call.execute(
        CARD_COMPARISON,
        CARD_COMPARISON.stream_id(compared.comparison_id),
        RecordCardComparison(compared=compared),
        _shown,
        status=201,
        location=f"/approval/card-comparisons/{compared.comparison_id}",
    )


@router.get(PATH, summary="A comparison of a card")
async def read_card_comparison(_actor: Reader, runtime: Running, comparison_id: ComparisonId) -> CardComparison:
    """Counts and money by outcome and by grade, as they were and as they would be, and who has signed it off."""
    return _shown(await _state(runtime, comparison_id))


@router.get(f"{PATH}/cases", summary="A comparison of a card case by case")
async def read_card_cases(
    _actor: Reader,
    runtime: Running,
    comparison_id: ComparisonId,
    unchanged: Annotated[bool, Query(description="Those too that would be decided as they were.")] = False,
    after: Annotated[int, Query(ge=0, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=CASES_MAX)] = 200,
) -> CardCases:
    """Score, grade, outcome, terms and reasons, as they were and as they would be, of every application with another
    outcome or other terms. Made again from the events each time it is asked."""
    result = await _again(runtime, _compared(await _state(runtime, comparison_id)))
    cases = [case for case in result.cases if (unchanged or case.changed) and case.place > after]
    page = cases[:limit]
    more = page[-1].place if len(cases) > limit else None
    return CardCases(items=[CardCaseShown.of(case) for case in page], next=more)


@router.get(f"{PATH}/verification", summary="Make a comparison of a card again")
async def verify_card_comparison(_actor: Reader, runtime: Running, comparison_id: ComparisonId) -> models.Reproduced:
    """Whether the same applications on the same scores under the same tables give the same result, to the last case."""
    compared = _compared(await _state(runtime, comparison_id))
    result = await _again(runtime, compared)
    return models.Reproduced(
        comparison_id=comparison_id,
        result_sha256=compared.result_sha256,
        made_again_sha256=result.sha256,
        equal=result.sha256 == compared.result_sha256,
    )


@router.post(f"{PATH}/sign-off", summary="Sign off a card's comparison", response_model=CardComparison)
async def sign_off_card_comparison(
    call: Annotated[Call, command("senior_credit_officer", "risk_manager")],
    comparison_id: ComparisonId,
    body: models.SignOffEntry,
) -> Response:
    """Somebody who neither drafted the card nor scored with it nor compared takes what it shows. Scoring hears of it:
    where its policy asks for that, the card may then be approved as champion."""
    order = SignOffCardComparison(note=body.note, by=call.actor.subject, today=call.today)
    return await call.execute(CARD_COMPARISON, CARD_COMPARISON.stream_id(comparison_id), order, _shown)


async def _tables(runtime: Runtime, table: DecisionTable | None) -> Callable[[DecisionBasis], DecisionTable]:
    """The one table named, or for each application the one that decided on it."""
    tables, _ = await all_tables(runtime)
    by_hash = {each.sha256: each for each in tables}

    def then(basis: DecisionBasis) -> DecisionTable:
        found = by_hash.get(basis.table_sha256) if table is None else table
        if found is None:
            raise Rejected(
                "table-gone",
                f"Version {basis.table_version} of the table decided then and is not here as it was; "
                "name a table_version that GET /approval/tables lists.",
                field="/table_version",
            )
        return found

    return then


async def _again(runtime: Runtime, compared: CardCompared) -> card_what_if.Result:
    table = None
    if compared.table_version is not None:
        table = await table_named(runtime, TABLE_ID, compared.table_version)
        if table.sha256 != compared.table_sha256:
            raise Rejected("table-changed", "This version's document is not the one that was compared.")
    tables = await _tables(runtime, table)
    return await card_what_if.compare(runtime, compared.rescoring_id, compared.until_sequence, tables)


async def _state(runtime: Runtime, comparison_id: str) -> State:
    state, _ = await runtime.commands.state(CARD_COMPARISON, CARD_COMPARISON.stream_id(comparison_id))
    if state.compared is None:
        raise Problem(NOT_FOUND, "There is no such comparison; POST /approval/card-comparisons makes one.")
    return state


def _compared(state: State) -> CardCompared:
    assert state.compared is not None, "_state says so"
    return state.compared


def _shown(state: State) -> CardComparison:
    return CardComparison.of(_compared(state), state.signed)
