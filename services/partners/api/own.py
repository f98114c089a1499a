"""A partner's own view: its loans, what moved for it, statements, and everything that it was told. Nothing of others."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy import BigInteger, cast, func, select

from libs.contracts import examples as ex
from libs.contracts.partners import FundedAmounts
from libs.contracts.types import Code, Id, MoneyField
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.models import BusinessDate, ResponseModel
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import VALIDATION_FAILED, Problem
from libs.service.runtime import Runtime, runtime_of
from services.partners.api.scope import READERS, refuse_others, refuse_unknown_partner
from services.partners.domain.split import ACCOUNTS, CHANGES_HANDS, TRANSFERRED, TRANSFERRED_INTEREST
from services.partners.reconciliation_views import MOVEMENT
from services.partners.records import MESSAGE
from services.partners.sources import loans_of

router = APIRouter(prefix="/partners/{partner}", tags=["own view"])
EVENT = "0197a3f0-0000-7000-8000-000000000010"
Sequence = Annotated[int, Query(ge=0, le=2**53 - 1, description="Only what is after this place in the order.")]


async def viewing(
    partner: Code,
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> Runtime:
    """A dependency: the service, where the caller may see this partner's business; else 404."""
    await refuse_others(runtime, actor, partner)
    await refuse_unknown_partner(runtime, partner)
    return runtime


Viewing = Annotated[Runtime, Depends(viewing)]


class LoanOfPartner(ResponseModel):
    """A loan as far as the partner has a part of it."""

    loan_id: Id = Field(description="The loan.", examples=[ex.LOAN])
    since: BusinessDate = Field(description="From when on the partner has a part.")
    status: str = Field(description="ACTIVE, SETTLED, WRITTEN_OFF or RETURNED.", examples=["ACTIVE"])
    bucket: str = Field(description="Days past due by bucket.", examples=["CURRENT"])
    disbursed: MoneyField = Field(description="The partner's part of what was paid out.", examples=[ex.cny("8400.00")])
    outstanding: MoneyField = Field(description="Principal that it is owed.", examples=[ex.cny("7755.89")])
    written_off: MoneyField = Field(description="Its part of what is no longer counted on.", examples=[ex.cny("0.00")])


class CashFlow(ResponseModel):
    """A movement, and the partner's part of it."""

    movement_id: Id = Field(description="The ledger's event.", examples=[EVENT])
    reference: str = Field(description="The `id` of the event that the partner was told.", examples=[EVENT])
    loan_id: Id = Field(description="The loan.", examples=[ex.LOAN])
    type: str = Field(description="What moved it.", examples=["puhui.ledger.repayment-received.v1"])
    effective_on: BusinessDate = Field(description="On which date it counts.")
    cash: MoneyField = Field(description="In less out: what is settled.", examples=[ex.cny("770.11")])
    amounts: FundedAmounts = Field(description="By account.")
    transferred: MoneyField = Field(description="Principal bought, less sold.", examples=[ex.cny("0.00")])
    transferred_interest: MoneyField = Field(
        description="Interest bought before it was met, less sold.", examples=[ex.cny("0.00")]
    )


class StatementOfPartner(ResponseModel):
    """What moved for a partner in a period: opening plus movements is closing."""

    partner: Code = Field(description="Whose.", examples=["harbour-bank"])
    first: BusinessDate = Field(description="The first date.")
    last: BusinessDate = Field(description="The last date.")
    opening: MoneyField = Field(description="Principal owed before the first date.")
    amounts: FundedAmounts = Field(description="What moved, by account.")
    transferred: MoneyField = Field(description="Principal bought, less sold.")
    transferred_interest: MoneyField = Field(description="Interest bought before it was met, less sold.")
    closing: MoneyField = Field(description="Principal owed at the end of the last date.")
    cash: MoneyField = Field(description="In less out.")
    movements: int = Field(description="How many.", examples=[12])


class EventTold(ResponseModel):
    """An event as the partner was told of it."""

    position: int = Field(description="Its place among all that was told.", examples=[17])
    webhook_id: str = Field(description="The `webhook-id` of its deliveries.", examples=["msg_0197a3f0"])
    event: dict[str, Any] = Field(
        description="The CloudEvent, as it was sent.", examples=[{"specversion": "1.0", "id": EVENT}]
    )


@router.get("/loans", summary="List a partner's loans")
async def list_loans(
    partner: Code,
    runtime: Viewing,
    on: Annotated[BusinessDate | None, Query(description="At the end of this date; without, today.")] = None,
    status: Annotated[
        Literal["ACTIVE", "SETTLED", "WRITTEN_OFF", "RETURNED"] | None, Query(description="Only these.")
    ] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[LoanOfPartner]:
    """Every loan of which it has a part, to the fen."""
    held = loans_of(partner, on or runtime.today).subquery("loans")
    statement = select(held) if status is None else select(held).where(held.c.status == status)
    keys = parse_sort(None, {"loan_id": held.c.loan_id}, default="loan_id", unique="loan_id")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_loan)


@router.get("/cash-flows", summary="List what moved for a partner")
async def list_cash_flows(
    partner: Code,
    runtime: Viewing,
    first: Annotated[BusinessDate | None, Query(description="From this date on.")] = None,
    last: Annotated[BusinessDate | None, Query(description="Up to this date.")] = None,
    loan_id: Annotated[Id | None, Query(description="Only of this loan.")] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[CashFlow]:
    """In the order in which it became known."""
    statement = select(MOVEMENT).where(MOVEMENT.c.funder == partner)
    if first is not None:
        statement = statement.where(MOVEMENT.c.effective_on >= first)
    if last is not None:
        statement = statement.where(MOVEMENT.c.effective_on <= last)
    if loan_id is not None:
        statement = statement.where(MOVEMENT.c.loan_id == loan_id)
    columns = {"position": MOVEMENT.c.position, "movement_id": MOVEMENT.c.movement_id}
    keys = parse_sort(None, columns, default="position", unique="movement_id")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_cash_flow)


@router.get("/statement", summary="Show a partner's statement")
async def show_statement(
    partner: Code,
    runtime: Viewing,
    first: Annotated[BusinessDate, Query(description="The first date.")],
    last: Annotated[BusinessDate, Query(description="The last date.")],
) -> StatementOfPartner:
    """Of any period, by effective date as it is known now."""
    if last < first:
        raise Problem(VALIDATION_FAILED, "`last` is before `first`.")
    before = await _sums(runtime, partner, None, first)
    within = await _sums(runtime, partner, first, last)
    opening, moved = _outstanding(before), _outstanding(within)
    return StatementOfPartner(
        partner=partner,
        first=first,
        last=last,
        opening=Money(opening),
        amounts=_amounts(within),
        transferred=Money(within[f"{TRANSFERRED}_minor"]),
        transferred_interest=Money(within[f"{TRANSFERRED_INTEREST}_minor"]),
        closing=Money(opening + moved),
        cash=Money(within["cash_minor"]),
        movements=within["movements"],
    )


@router.get("/events", summary="Read again what a partner was told")
async def list_events(
    partner: Code, runtime: Viewing, after: Sequence = 0, cursor: CursorParameter = None, limit: Limit = 50
) -> Page[EventTold]:
    """Every event, from any place on: for whoever lost what was sent, or never had an endpoint."""
    statement = select(MESSAGE).where(MESSAGE.c.partner == partner, MESSAGE.c.position > after)
    keys = parse_sort(None, {"position": MESSAGE.c.position}, default="position", unique="position")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_told)


async def _sums(runtime: Runtime, partner: str, first: date | None, last: date) -> Any:
    """Of the dates from `first` to `last`; without `first` of all before `last`."""
    names = ("cash_minor", *(f"{name}_minor" for name in (*ACCOUNTS, *CHANGES_HANDS)))
    sums = [cast(func.coalesce(func.sum(MOVEMENT.c[name]), 0), BigInteger).label(name) for name in names]
    statement = select(func.count().label("movements"), *sums).where(MOVEMENT.c.funder == partner)
    on = MOVEMENT.c.effective_on
    statement = statement.where(on < last) if first is None else statement.where(on >= first, on <= last)
    return await runtime.fetch_one(statement)


def _outstanding(row: Any) -> int:
    owed: int = row["disbursed_minor"] - row["principal_minor"] + row[f"{TRANSFERRED}_minor"]
    return owed


def _amounts(row: Any) -> FundedAmounts:
    return FundedAmounts(**{name: Money(row[f"{name}_minor"]) for name in ACCOUNTS})


def _loan(row: Any) -> LoanOfPartner:
    return LoanOfPartner(
        loan_id=row["loan_id"],
        since=row["since"],
        status=row["status"],
        bucket=row["bucket"],
        disbursed=Money(row["disbursed_minor"]),
        outstanding=Money(row["outstanding_minor"]),
        written_off=Money(row["written_off_minor"]),
    )


def _cash_flow(row: Any) -> CashFlow:
    return CashFlow(
        movement_id=row["movement_id"],
        reference=row["reference"],
        loan_id=row["loan_id"],
        type=row["type"],
        effective_on=row["effective_on"],
        cash=Money(row["cash_minor"]),
        amounts=_amounts(row),
        transferred=Money(row[f"{TRANSFERRED}_minor"]),
        transferred_interest=Money(row[f"{TRANSFERRED_INTEREST}_minor"]),
    )


def _told(row: Any) -> EventTold:
    return EventTold(
        position=row["position"], webhook_id=f"msg_{row['message_id'].hex}", event=orjson.loads(row["body"])
    )
