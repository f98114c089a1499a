"""Channels and sources of applications: what came of them, and what they cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field
from sqlalchemy import select

from libs.contracts.application import AcquisitionCostKind
from libs.contracts.problems import refuse_unless
from libs.contracts.values import Channel
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import (
    BusinessDate,
    DecimalField,
    Id,
    MoneyField,
    PositiveMoney,
    RequestModel,
    ResponseModel,
    Text,
)
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.runtime import Runtime, runtime_of
from services.application.domain.acquisition import RecordCost, State, WithdrawCost, part_within
from services.application.handlers import ACQUISITION
from services.application.views import ACQUISITION_COST, CONTRACTED, reached

router = APIRouter(tags=["acquisition"])

Reader = Annotated[Actor, Depends(require("finance_officer", "finance_manager", "risk_manager", "auditor"))]
Running = Annotated[Runtime, Depends(runtime_of)]
Keeping = Annotated[Call, command("finance_officer", "finance_manager")]
CostId = Annotated[Id, Path(description="The cost's identifier.")]
SORTABLE: Final = {name: ACQUISITION_COST.c[name] for name in ("cost_id", "first_day", "recorded_on")}
SORTABLE["amount"] = ACQUISITION_COST.c.amount_minor
SHARE_PLACES: Final = Decimal("0.000001")
SOURCE: Final = "app-store"
AMOUNT: Final = {"amount": "3100.00", "currency": "CNY"}


class CostBody(RequestModel):
    """What a channel, or one source within it, cost over some days."""

    channel: Channel = Field(examples=["ONLINE"])
    source: Annotated[str, Field(max_length=500)] = Field(
        default="", examples=[SOURCE], description="As applications name it; empty for the channel as a whole."
    )
    kind: AcquisitionCostKind = Field(examples=["ADVERTISING"])
    amount: PositiveMoney = Field(examples=[AMOUNT])
    first_day: BusinessDate = Field(examples=["2026-01-01"])
    last_day: BusinessDate = Field(examples=["2026-01-31"])
    document: Text = Field(examples=["invoice 2026-0117"], description="What proves it.")


class WithdrawCostBody(RequestModel):
    """Why a cost counts no more."""

    reason: Text = Field(examples=["Recorded twice"])


class CostShown(ResponseModel):
    """A cost on record; one that was withdrawn counts no more."""

    cost_id: str = Field(examples=["6d1a2b7e-44d0-5b8e-9a5e-0d8f1a6f2c11"])
    channel: Channel = Field(examples=["ONLINE"])
    source: str = Field(examples=[SOURCE])
    kind: AcquisitionCostKind = Field(examples=["ADVERTISING"])
    amount: MoneyField = Field(examples=[AMOUNT])
    first_day: date = Field(examples=["2026-01-01"])
    last_day: date = Field(examples=["2026-01-31"])
    document: str = Field(examples=["invoice 2026-0117"])
    recorded_on: date = Field(examples=["2026-02-02"])
    withdrawn_on: date | None = Field(examples=[None])

    @classmethod
    def of(cls, state: State) -> Self:
        assert state is not None, "it is on record"
        known = state.recorded.model_dump()
        known["amount"] = state.recorded.amount
        return cls(**{name: known[name] for name in cls.model_fields if name in known}, withdrawn_on=state.withdrawn_on)

    @classmethod
    def listed(cls, row: Mapping[Any, Any]) -> Self:
        named = {name: row[name] for name in cls.model_fields if name != "amount"}
        return cls(amount=Money(row["amount_minor"], row["currency"]), **named)


class By(StrEnum):
    """By what applications are told apart."""

    SOURCE = "source"
    """Each source within its channel."""
    CHANNEL = "channel"


class AcquiredShown(ResponseModel):
    """Applications that began within the dates, what has become of them until now, and what those days cost."""

    channel: Channel = Field(examples=["ONLINE"])
    source: str = Field(examples=[SOURCE], description="Empty by channel, and for what names no source.")
    currency: str = Field(examples=["CNY"])
    started: int = Field(examples=[80])
    submitted: int = Field(examples=[60])
    contracted: int = Field(examples=[31])
    amount_contracted: MoneyField = Field(
        examples=[{"amount": "372000.00", "currency": "CNY"}],
        description="As asked for, of those that led to a contract.",
    )
    cost: MoneyField = Field(examples=[AMOUNT], description="By days, of costs that reach beyond the dates.")
    cost_a_submission: MoneyField | None = Field(examples=[{"amount": "51.67", "currency": "CNY"}])
    cost_a_contract: MoneyField | None = Field(examples=[{"amount": "100.00", "currency": "CNY"}])
    cost_share: DecimalField | None = Field(examples=["0.008333"], description="Of the amount contracted.")


class AcquisitionShown(ResponseModel):
    """One row a channel, or a source."""

    started_from: date = Field(examples=["2026-01-01"])
    started_to: date = Field(examples=["2026-01-31"])
    rows: list[AcquiredShown]


@router.post("/acquisition-costs", summary="Record a cost of acquisition", status_code=201, response_model=CostShown)
async def record_cost(call: Keeping, body: CostBody) -> Response:
    """Advertising, commission and the like, as its document says. It is a fact beside the books, which have it from its
    invoice."""
    cost_id = call.new_id("cost")
    given = {name: getattr(body, name) for name in CostBody.model_fields}
    return await call.execute(
        ACQUISITION,
        ACQUISITION.stream_id(cost_id),
        RecordCost(cost_id=cost_id, today=call.today, **given),
        CostShown.of,
        status=201,
        location=f"/application/acquisition-costs/{cost_id}",
    )


@router.post("/acquisition-costs/{cost_id}/withdraw", summary="Withdraw a cost", response_model=CostShown)
async def withdraw_cost(call: Keeping, cost_id: CostId, body: WithdrawCostBody) -> Response:
    """It was recorded wrongly: it counts no more, and stays on record with the reason."""
    withdraw = WithdrawCost(reason=body.reason, today=call.today)
    return await call.execute(ACQUISITION, ACQUISITION.stream_id(cost_id), withdraw, CostShown.of)


@router.get("/acquisition-costs", summary="List costs of acquisition")
async def list_costs(
    _actor: Reader,
    runtime: Running,
    channel: Annotated[Channel | None, Query(description="Only of this channel.")] = None,
    sort: Annotated[str | None, Query(max_length=100, description=f"By {', '.join(SORTABLE)}; `-` descends.")] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[CostShown]:
    """What was recorded, withdrawn costs among it."""
    keys = parse_sort(sort, SORTABLE, default="first_day", unique="cost_id")
    statement = select(ACQUISITION_COST)
    if channel is not None:
        statement = statement.where(ACQUISITION_COST.c.channel == channel.value)
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of([{**row, "amount": row["amount_minor"]} for row in rows], keys, limit=limit, item=CostShown.listed)


@router.get("/acquisition", summary="What channels bring and cost")
async def show_acquisition(
    _actor: Reader,
    runtime: Running,
    started_from: Annotated[BusinessDate, Query(description="First business date of the applications' beginnings.")],
    started_to: Annotated[BusinessDate, Query(description="Last one.")],
    by: Annotated[By, Query(description="Tell apart by this.")] = By.SOURCE,
) -> AcquisitionShown:
    """By channel and source: how many applications began, were submitted and led to a contract, over what amount, and what
    was paid to bring them in. What is recorded for a channel as a whole stands under it without a source."""
    refuse_unless(
        started_from <= started_to,
        "period-reversed",
        "The period begins after it ends.",
        field="/started_to",
        status=422,
    )
    costs = ACQUISITION_COST.c
    found = await runtime.fetch(
        select(ACQUISITION_COST).where(
            costs.withdrawn_on.is_(None), costs.last_day >= started_from, costs.first_day <= started_to
        )
    )
    sums: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for row in await runtime.fetch(reached(started_from, started_to)):
        place = (row["channel"], row["source"] if by is By.SOURCE else "", row["currency"])
        sums[place].update({name: int(row[name]) for name in ("started", "submitted", CONTRACTED, "amount_minor")})
    for row in found:
        place = (row["channel"], row["source"] if by is By.SOURCE else "", row["currency"])
        days, wanted = (row["first_day"], row["last_day"]), (started_from, started_to)
        sums[place]["cost"] += part_within(row["amount_minor"], days, wanted)
    rows = [_acquired(place, sums[place]) for place in sorted(sums)]
    return AcquisitionShown(started_from=started_from, started_to=started_to, rows=rows)


def _acquired(place: tuple[str, str, str], sums: Counter[str]) -> AcquiredShown:
    channel, source, currency = place
    cost, amount = Money(sums["cost"], currency), sums["amount_minor"]
    share = (Decimal(cost.minor) / Decimal(amount)).quantize(SHARE_PLACES, ROUND_HALF_UP) if amount else None
    return AcquiredShown(
        channel=Channel(channel),
        source=source,
        currency=currency,
        started=sums["started"],
        submitted=sums["submitted"],
        contracted=sums[CONTRACTED],
        amount_contracted=Money(amount, currency),
        cost=cost,
        cost_a_submission=_each(cost, sums["submitted"]),
        cost_a_contract=_each(cost, sums[CONTRACTED]),
        cost_share=share,
    )


def _each(cost: Money, number: int) -> Money | None:
    if not number:
        return None
    return Money(int((Decimal(cost.minor) / number).quantize(Decimal(1), ROUND_HALF_UP)), cost.currency)
