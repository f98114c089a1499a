"""A small service built on the chassis, for its tests."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from libs.contracts.problems import Rejected
from libs.service.actor import Actor
from libs.service.app_factory import ServiceApp, create_app
from libs.service.auth import require
from libs.service.etag import Precondition, etag, not_modified, precondition, required_precondition
from libs.service.idempotency import fingerprint, idempotency_key
from libs.service.models import (
    BusinessDate,
    Id,
    PositiveMoney,
    RateField,
    RequestModel,
    ResponseModel,
    Text,
    Timestamp,
    ZeroOrMoreMoney,
)
from libs.service.pagination import CursorParameter, Limit, Page, SortKey, decode_cursor, page_of, parse_sort
from libs.service.tests.in_process import Identity

VERSION = 3
LOAN = sa.table("loan", sa.column("loan_id", sa.String()), sa.column("term", sa.Integer()))


class Channel(Enum):
    ONLINE = "online"
    BRANCH = "branch"


class Guarantor(RequestModel):
    kind: Literal["guarantor"]
    person_id: UUID


class Pledge(RequestModel):
    kind: Literal["pledge"]
    value: ZeroOrMoreMoney


class Search(BaseModel):
    term: int | None = None
    tags: list[str] = Field(default_factory=list, alias="tag")


class Repayment(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"amount": {"amount": "1000.00", "currency": "CNY"}, "paid_on": "2026-01-31", "instalments": 1}
            ]
        }
    )

    amount: PositiveMoney
    paid_on: BusinessDate
    instalments: int = Field(ge=1, le=360)
    received_at: Timestamp | None = None
    rate: RateField | None = None
    final: bool = False
    channel: Channel = Channel.ONLINE
    memo: Text | None = None
    security: Guarantor | Pledge | None = Field(default=None, discriminator="kind")
    tags: dict[str, Text] = Field(default_factory=dict, max_length=3)


class Loan(ResponseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"loan_id": "L-1", "term": 12}]})

    loan_id: str
    term: int


class Receipt(ResponseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"amount": "1000.00 CNY", "key": "k", "fingerprint": "00", "expected_version": None}]
        }
    )

    amount: str
    key: str
    fingerprint: str
    expected_version: int | None


router = APIRouter(prefix="/loans", tags=["loans"])
LoanId = Annotated[Id, Path(description="The loan.")]
ROWS: list[dict[str, Any]] = [{"loan_id": f"L-{n:02}", "term": n % 4} for n in range(10)]


@router.get("", summary="List loans")
async def list_loans(
    _actor: Annotated[Actor, Depends(require("loan_officer", "auditor"))],
    cursor: CursorParameter = None,
    limit: Limit = 3,
    sort: Annotated[str | None, Query(max_length=100)] = None,
    term: Annotated[list[int] | None, Query()] = None,
) -> Page[Loan]:
    """Loans in the order asked for."""
    keys: list[SortKey] = parse_sort(sort, {c.name: c for c in LOAN.c}, default="term", unique="loan_id")
    rows = [row for row in ROWS if term is None or row["term"] in term]
    for key in reversed(keys):
        rows.sort(key=lambda row: row[key.name], reverse=key.descending)
    if cursor is not None:
        values = decode_cursor(cursor, keys)
        names = [key.name for key in keys]
        position = next((n for n, row in enumerate(rows) if [row[name] for name in names] == values), len(rows))
        rows = rows[position + 1 :]
    return page_of(rows[: limit + 1], keys, limit=limit, item=lambda row: Loan(**row))


@router.get("/search", summary="Search loans", include_in_schema=False)
async def search_loans(wanted: Annotated[Search, Query()]) -> int:
    """How many loans there are like that."""
    if wanted.term == 418:
        raise HTTPException(418, "No tea here.")
    if wanted.term == 409:
        raise HTTPException(409)
    return len([row for row in ROWS if wanted.term in (None, row["term"])])


@router.get("/{loan_id}", summary="Show a loan")
async def show_loan(
    loan_id: LoanId, request: Request, response: Response, _actor: Annotated[Actor, Depends(require())]
) -> Loan:
    """One loan."""
    if loan_id == "missing":
        raise Rejected("loan-unknown", "There is no such loan.", status=404)
    if (unchanged := not_modified(request, VERSION)) is not None:
        return unchanged  # type: ignore[return-value]  # FastAPI sends a Response as it is
    response.headers["etag"] = etag(VERSION)
    return Loan(loan_id=loan_id, term=12)


@router.post("/{loan_id}/repayments", status_code=201, summary="Record a repayment")
async def repay(
    loan_id: LoanId,
    repayment: Repayment,
    request: Request,
    actor: Annotated[Actor, Depends(require("finance_officer"))],
    key: Annotated[str, Depends(idempotency_key)],
    condition: Annotated[Precondition, Depends(precondition)],
) -> Receipt:
    """Records money that came in."""
    condition.check(VERSION)
    if loan_id == "settled":
        raise Rejected("loan-settled", "The loan is settled.", field="/amount", loan_id=loan_id)
    return Receipt(
        amount=str(repayment.amount),
        key=key,
        fingerprint=fingerprint(request, actor).hex(),
        expected_version=condition.expected_version,
    )


@router.post("/{loan_id}/documents", status_code=201, summary="File a document", include_in_schema=False)
async def file_document(loan_id: LoanId, request: Request, actor: Annotated[Actor, Depends(require())]) -> str:
    return fingerprint(request, actor).hex()


@router.post("/{loan_id}/write-off", status_code=204, summary="Write off")
async def write_off(
    loan_id: LoanId,
    _actor: Annotated[Actor, Depends(require("finance_manager"))],
    condition: Annotated[Precondition, Depends(required_precondition)],
) -> None:
    """Writes a loan off."""
    condition.check(VERSION)


@router.get("/{loan_id}/broken", summary="Break", include_in_schema=False)
async def broken(loan_id: str) -> Loan:
    if loan_id == "store":
        raise ConnectionRefusedError("no store at postgresql://user:password@host")
    raise RuntimeError("applicant 110101199003070011 is not in the index\nDETAIL: secret")


def make_app(identity: Identity, **given: Any) -> ServiceApp:
    return create_app(
        "ledger",
        title="Ledger",
        description="Loans and money.",
        routers=[router],
        verifier=identity.verifier,
        **given,
    )
