"""Contracts: listed, and one with all its terms."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import ColumnElement, select

from libs.service.etag import etag, not_modified
from libs.service.models import BusinessDate, Code, Id
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.runtime import Runtime, runtime_of
from libs.service.waiting import awaited
from services.contract.api.access import ContractPath, Reader, contract_seen_by, is_front_end
from services.contract.api.models import ContractDetail, ContractSummary, detail_of, summary_of
from services.contract.domain.contract import Status
from services.contract.handlers import contracts
from services.contract.views import CONTRACT

router = APIRouter(tags=["contracts"])

Filter = list[ColumnElement[bool]]
SORTABLE: Final = {name: CONTRACT.c[name] for name in ("offered_on", "expires_on", "amount_minor", "contract_id")}


async def filters(
    status: Annotated[Status | None, Query(description="Where it stands.")] = None,
    applicant_id: Annotated[Id | None, Query(description="One borrower.")] = None,
    application_id: Annotated[Id | None, Query(description="The application that led to it.")] = None,
    product_code: Annotated[Code | None, Query(description="One product.")] = None,
    offered_from: Annotated[BusinessDate | None, Query(description="First business date of the offer.")] = None,
    offered_to: Annotated[BusinessDate | None, Query(description="Last business date of the offer.")] = None,
) -> Filter:
    """The conditions that a list of contracts is asked with."""
    columns = CONTRACT.c
    equal = {
        columns.status: status.value if status else None,
        columns.applicant_id: applicant_id,
        columns.application_id: application_id,
        columns.product_code: product_code,
    }
    conditions = [column == value for column, value in equal.items() if value is not None]
    if offered_from is not None:
        conditions.append(columns.offered_on >= offered_from)
    if offered_to is not None:
        conditions.append(columns.offered_on <= offered_to)
    return conditions


@router.get("/contracts", summary="List contracts")
async def list_contracts(
    actor: Reader,
    runtime: Annotated[Runtime, Depends(runtime_of)],
    conditions: Annotated[Filter, Depends(filters)],
    sort: Annotated[
        str | None,
        Query(max_length=100, description="`offered_on`, `expires_on`, `amount_minor`, `contract_id`; - descends."),
    ] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[ContractSummary]:
    """Contracts that meet every filter, the latest offer first. A borrower's front end gets that borrower's alone."""
    keys = parse_sort(sort, SORTABLE, default="-offered_on", unique="contract_id")
    statement = select(CONTRACT).where(*conditions)
    if is_front_end(actor):
        statement = statement.where(CONTRACT.c.applicant_id == actor.on_behalf_of)
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=summary_of)


@router.get("/contracts/{contract_id}", summary="Show a contract")
@awaited(contracts, "contract_id")
async def show_contract(
    contract_id: ContractPath,
    request: Request,
    response: Response,
    actor: Reader,
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> ContractDetail:
    """One contract: terms, cost disclosure, plan, hashes, and what has become of it. The ETag is its version."""
    state, _, version = await contract_seen_by(actor, runtime, contract_id)
    if (unchanged := not_modified(request, version)) is not None:
        return unchanged  # type: ignore[return-value]  # FastAPI sends a Response as it is
    response.headers["etag"] = etag(version)
    return detail_of(state)
