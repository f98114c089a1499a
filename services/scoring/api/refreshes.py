"""Borrowers and guarantors asked about anew while loans run: what came, what changed, and the consent that it rests on."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import select

from libs.contracts.problems import Rejected
from libs.contracts.scoring import RefreshRole
from libs.service.etag import etag, not_modified
from libs.service.models import BusinessDate, Code, Id
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import FORBIDDEN, Problem
from services.scoring.api.access import Reader
from services.scoring.api.information import DocumentReader, ItemPath, Running, Withdrawing, document
from services.scoring.api.information_models import ItemState, Withdrawal
from services.scoring.api.refresh_models import RefreshListed, RefreshShown, shown
from services.scoring.api.rules import PolicyShown
from services.scoring.domain.refresh import WithdrawRefreshConsent
from services.scoring.handlers import refreshes
from services.scoring.library import library
from services.scoring.records import FIND_PARTY
from services.scoring.views import REFRESH

router = APIRouter(tags=["refreshes"])

ApplicantId = Annotated[Id, Path(description="The borrower or guarantor.")]
RefreshId = Annotated[Id, Path(description="The refresh.")]


@router.get("/refreshes", summary="List items asked for anew")
async def list_refreshes(
    _actor: Reader,
    runtime: Running,
    state: Annotated[ItemState | None, Query(description="Only in this state.")] = None,
    item: Annotated[Code | None, Query(description="Only of this kind.")] = None,
    applicant_id: Annotated[Id | None, Query(description="Only of this borrower or guarantor.")] = None,
    role: Annotated[RefreshRole | None, Query(description="Only who was asked about in this role.")] = None,
    changed: Annotated[bool, Query(description="Only where a fact changed.")] = False,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[RefreshListed]:
    """What was asked of sources while loans run, the latest first: with `changed=true` what an officer looks at."""
    statement = select(REFRESH)
    columns = REFRESH.c
    wanted = {columns.state: state, columns.item: item, columns.applicant_id: applicant_id, columns.role: role}
    for column, value in wanted.items():
        if value is not None:
            statement = statement.where(column == value)
    if changed:
        statement = statement.where(columns.changes > 0)
    sortable = {name: columns[name] for name in ("requested_on", "refresh_id", "item")}
    keys = parse_sort("-requested_on,refresh_id", sortable, default="-requested_on", unique="item")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=RefreshListed.of)


@router.get("/refreshes/{applicant_id}", summary="Show what is known of somebody while a loan runs")
async def show_refresh(
    applicant_id: ApplicantId, request: Request, response: Response, _actor: Reader, runtime: Running
) -> RefreshShown:
    """What was asked last, and of each item what came last with every fact that changed, or why it did not come."""
    state, version = await runtime.commands.state(refreshes, refreshes.stream_id(applicant_id))
    if version == 0:
        raise Rejected(
            "refresh-unknown", "Nobody was asked about him while a loan of his ran, or one he answers for.", status=404
        )
    if (unchanged := not_modified(request, version)) is not None:
        return unchanged  # type: ignore[return-value]  # FastAPI sends a Response as it is
    response.headers["etag"] = etag(version)
    return shown(applicant_id, state)


@router.post(
    "/refreshes/{applicant_id}/consent-withdrawals",
    summary="Withdraw the consent to be asked about while a loan runs",
    status_code=201,
    response_model=RefreshShown,
)
async def withdraw_refresh_consent(applicant_id: ApplicantId, body: Withdrawal, call: Withdrawing) -> Response:
    """From now on no source that needs his consent is asked about him, until he agrees anew; what came before stands."""
    if call.role == "customer" and call.actor.on_behalf_of != applicant_id:
        raise Problem(FORBIDDEN, "Act for the applicant: name him in On-Behalf-Of.")
    if await call.runtime.store.pool.fetchrow(FIND_PARTY, applicant_id) is None:
        raise Rejected("applicant-unknown", "No such applicant is known here; use the identifier of one.", status=404)
    order = WithdrawRefreshConsent(
        applicant_id=applicant_id,
        purpose=body.purpose,
        by=call.actor.subject,
        policy=library().refresh_policy(call.today),
        on=call.today,
    )
    stream_id = refreshes.stream_id(applicant_id)
    return await call.execute(refreshes, stream_id, order, partial(shown, applicant_id), status=201)


@router.get(
    "/refreshes/{applicant_id}/{refresh_id}/{item}/document",
    summary="Show what a source answered while a loan runs",
    response_class=Response,
    dependencies=[DocumentReader],
    responses={
        200: {
            "description": "The bytes that the item's hash is of.",
            "content": {"application/json": {"example": {"reference": "CR-20260801-3"}}},
        }
    },
)
async def show_refresh_document(
    applicant_id: ApplicantId, refresh_id: RefreshId, item: ItemPath, runtime: Running
) -> Response:
    """What a source answered, byte for byte. Personal data: for those who decide, and gone when the person is erased."""
    return await document(runtime, refresh_id, item, applicant_id)


@router.get("/refresh-policy", summary="Show the policy on refreshes")
async def show_refresh_policy(
    _actor: Reader,
    runtime: Running,
    on: Annotated[BusinessDate | None, Query(description="The business date; today unless given.")] = None,
) -> PolicyShown:
    """How often borrowers and guarantors are asked about by grade, amount and watch state, for which items, and on which
    consent."""
    policy = library().refresh_policy(on or runtime.today)
    return PolicyShown(sha256=policy.sha256, document=dict(policy.document))
