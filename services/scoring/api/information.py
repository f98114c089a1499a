"""Information about an applicant beside his own answers: what is needed, what came of it, and what people bring."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy import select

from libs.contracts.problems import Rejected
from libs.contracts.scoring import InformationObtained
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.etag import etag, not_modified
from libs.service.models import BusinessDate, Code, Id
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import FORBIDDEN, Problem, invalid
from libs.service.runtime import Runtime, runtime_of
from services.scoring.api.access import Reader
from services.scoring.api.information_models import Brought, InformationShown, ItemListed, ItemState, Withdrawal, shown
from services.scoring.domain.assessment import SettleItem, State, WithdrawConsent
from services.scoring.domain.indicators import Standing
from services.scoring.domain.information import BroughtBy, ItemKind
from services.scoring.handlers import assessments, rules_for
from services.scoring.library import library
from services.scoring.records import FIND_DOCUMENT, bound
from services.scoring.shelf import shelf
from services.scoring.views import INFORMATION

router = APIRouter(tags=["information"])

Running = Annotated[Runtime, Depends(runtime_of)]
Bringing = Annotated[Call, command("credit_officer", "loan_officer", "senior_credit_officer")]
Withdrawing = Annotated[Call, command("customer", "loan_officer")]
DocumentReader = Depends(require("credit_officer", "risk_manager", "senior_credit_officer"))
ApplicationId = Annotated[Id, Path(description="The application.")]
ItemPath = Annotated[Code, Path(description="The item, for example `interview`.")]


@router.get("/information", summary="List items of information")
async def list_information(
    _actor: Reader,
    runtime: Running,
    state: Annotated[ItemState | None, Query(description="Only in this state.")] = None,
    item: Annotated[Code | None, Query(description="Only of this kind.")] = None,
    due_to: Annotated[BusinessDate | None, Query(description="Only due by this date.")] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[ItemListed]:
    """Items that were asked for, the earliest due first: with `state=OPEN&item=interview` an officer's day."""
    statement = select(INFORMATION)
    columns = INFORMATION.c
    for column, value in ((columns.state, state), (columns.item, item)):
        if value is not None:
            statement = statement.where(column == value)
    if due_to is not None:
        statement = statement.where(columns.due_on <= due_to)
    sortable = {name: columns[name] for name in ("due_on", "item", "application_id")}
    keys = parse_sort("due_on,item", sortable, default="due_on", unique="application_id")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=ItemListed.of)


@router.get("/assessments/{application_id}/information", summary="Show an application's information")
async def show_information(
    application_id: ApplicationId, request: Request, response: Response, _actor: Reader, runtime: Running
) -> InformationShown:
    """What the policy asked for, and each item with source, dates, consent, hash, facts, or why it does not count."""
    state, version = await _gathered(runtime, application_id)
    if (unchanged := not_modified(request, version)) is not None:
        return unchanged  # type: ignore[return-value]  # FastAPI sends a Response as it is
    response.headers["etag"] = etag(version)
    return shown(state)


@router.post(
    "/assessments/{application_id}/information/{item}",
    summary="Bring an item",
    status_code=201,
    response_model=InformationShown,
)
async def bring_item(application_id: ApplicationId, item: ItemPath, body: Brought, call: Bringing) -> Response:
    """An officer brings what no machine can ask for: an interview, an account history, an association's reference."""
    state, _ = await _gathered(call.runtime, application_id)
    kind = library().kinds.get(item)
    if kind is None or kind.brought_by is not BroughtBy.PERSON:
        raise Rejected("item-not-brought", f"People bring {', '.join(_brought())}; sources are asked.", status=422)
    _refuse_facts(kind, body.facts)
    if not call.today - timedelta(days=kind.valid_days) <= body.as_of <= call.today:
        raise invalid("/as_of", "not-current", f"Such an item is of the last {kind.valid_days} days.")
    obtained = InformationObtained(
        application_id=application_id,
        item=item,
        source=kind.source,
        reference=body.reference,
        as_of=body.as_of,
        valid_until=body.as_of + timedelta(days=kind.valid_days),
        consent=kind.consent,
        sha256=body.sha256,
        media_type=body.media_type,
        size_bytes=body.size_bytes,
        facts=kind.taken(body.facts),
        provided_by=call.actor.subject,
        obtained_on=call.today,
    )
    order = SettleItem(
        settled=obtained, on=call.today, rules=rules_for(await shelf(call.runtime.commands), state), by_person=True
    )
    location = f"/scoring/assessments/{application_id}/information"
    return await call.execute(
        assessments, assessments.stream_id(application_id), order, shown, status=201, location=location
    )


@router.post(
    "/assessments/{application_id}/consent-withdrawals",
    summary="Withdraw a consent",
    status_code=201,
    response_model=InformationShown,
)
async def withdraw_consent(application_id: ApplicationId, body: Withdrawal, call: Withdrawing) -> Response:
    """The applicant agrees no longer: nothing more is asked for under it, and nothing that came is used any more. What
    was assessed before stands."""
    state, _ = await _gathered(call.runtime, application_id)
    assert state.gathered is not None, "_gathered says so"
    applicant_id = state.gathered.asked.request.applicant_id
    if call.role == "customer" and call.actor.on_behalf_of != applicant_id:
        raise Problem(FORBIDDEN, "Act for the applicant: name him in On-Behalf-Of.")
    order = WithdrawConsent(
        application_id=application_id,
        purpose=body.purpose,
        by=call.actor.subject,
        on=call.today,
        rules=rules_for(await shelf(call.runtime.commands), state),
    )
    return await call.execute(assessments, assessments.stream_id(application_id), order, shown, status=201)


@router.get(
    "/assessments/{application_id}/information/{item}/document",
    summary="Show what a source answered",
    response_class=Response,
    dependencies=[DocumentReader],
    responses={
        200: {
            "description": "The bytes that the item's hash is of.",
            "content": {"application/json": {"example": {"reference": "CR-20260201-7"}}},
        }
    },
)
async def show_document(application_id: ApplicationId, item: ItemPath, runtime: Running) -> Response:
    """What a source answered, byte for byte. Personal data: for those who decide, and gone when the person is erased."""
    return await document(runtime, application_id, item)


async def document(runtime: Runtime, authority: str, item: str, applicant_id: str | None = None) -> Response:
    """What a source answered under an authority; 404 when it answered nothing, or not about this applicant."""
    row = await runtime.store.pool.fetchrow(FIND_DOCUMENT, authority, item)
    if row is None or applicant_id not in (None, row["applicant_id"]):
        raise Rejected(
            "document-unknown",
            "No source answered that here; documents of people are kept elsewhere.",
            status=404,
        )
    key = await runtime.codec.opening_key(row["applicant_id"])
    content = key.open_bytes(row["content"], bound(authority, item))
    return Response(content, media_type=row["media_type"], headers={"etag": f'"{sha256(content).hexdigest()}"'})


async def _gathered(runtime: Runtime, application_id: str) -> tuple[State, int]:
    state, version = await runtime.commands.state(assessments, assessments.stream_id(application_id))
    if state.gathered is None:
        raise Rejected(
            "information-unknown",
            "Nothing was asked for: no such application was submitted, or the policy needs nothing for it.",
            status=404,
        )
    return state, version


def _brought() -> list[str]:
    return [kind.id for kind in library().kinds.values() if kind.brought_by is BroughtBy.PERSON]


def _refuse_facts(kind: ItemKind, facts: Mapping[str, int | str]) -> None:
    """Every declared fact, each as it may be; nothing else."""
    for name in sorted(facts.keys() | kind.facts.keys()):
        fact = kind.facts.get(name)
        if fact is None:
            raise invalid(f"/facts/{name}", "unknown-fact", f"A {kind.id} has {', '.join(kind.facts)}.")
        if fact.standing(facts.get(name)) is not Standing.ANSWERED:
            fitting = (
                f"one of {', '.join(fact.codes)}" if fact.codes else f"{fact.minimum} to {fact.maximum} {fact.unit}"
            )
            raise invalid(f"/facts/{name}", "fact-not-usable", f"Needed: {fitting}.")
