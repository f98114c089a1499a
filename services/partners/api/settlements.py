"""Settlements over HTTP: the netted payment instruction, the file behind it, and that it was paid."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import select
from starlette.responses import Response

from libs.contracts import examples as ex
from libs.contracts.partners import OWN, FixedFeeCharged, FundedAmounts, SettlementMade
from libs.contracts.types import Code, Id, MoneyField, Text
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.partners.api.scope import READERS, own_codes
from services.partners.domain.settlement import RecordPayment, Settlements
from services.partners.handlers import SETTLEMENT
from services.partners.settling import LINES, settlement_file
from services.partners.views import SETTLEMENT as SETTLEMENTS

router = APIRouter(prefix="/settlements", tags=["settlements"])
EXAMPLE = SettlementMade.example
CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}, "description": "The file."}
}


class SettlementShown(ResponseModel):
    """A settlement, which is also the instruction to pay: `payer` pays `amount` to `payee` under its identifier."""

    settlement_id: Id = Field(
        description="Its identifier, and the reference of the payment.", examples=[EXAMPLE["settlement_id"]]
    )
    partner: Code = Field(description="With whom.", examples=["harbour-bank"])
    settled_on: BusinessDate = Field(description="The business date on which it was made.")
    movements: int = Field(description="Lines of its file.", examples=[1])
    amounts: FundedAmounts = Field(description="The partner's parts of what moved.")
    transferred: MoneyField = Field(description="Principal that it bought, less sold.", examples=[ex.cny("0.00")])
    transferred_interest: MoneyField = Field(
        description="Interest that it bought before it was met, less sold.", examples=[ex.cny("0.00")]
    )
    funded: MoneyField = Field(description="What of payouts it had paid before.", examples=[ex.cny("0.00")])
    servicing_fee: MoneyField = Field(description="What it pays us for servicing.", examples=[ex.cny("6.30")])
    price_margin: MoneyField = Field(
        description="What of the income on its part is ours by its price.", examples=[ex.cny("0.00")]
    )
    first_loss: MoneyField = Field(
        description="What we pay it of losses that we bear first; negative: what it pays us.", examples=[ex.cny("0.00")]
    )
    fixed_fees: list[FixedFeeCharged] = Field(
        description="For months and for this settlement; those for loans are on the lines of its file.", examples=[[]]
    )
    fixed_fee: MoneyField = Field(
        description="All fixed fees, what it pays us; negative: what we pay it.", examples=[ex.cny("0.00")]
    )
    payer: Code = Field(description="Who pays; `own` is ourselves.", examples=["own"])
    payee: Code = Field(description="Who is paid.", examples=["harbour-bank"])
    amount: MoneyField = Field(description="How much.", examples=[ex.cny("763.81")])
    file_sha256: str = Field(description="The hash of its file.", examples=[ex.SHA256])
    paid_on: date | None = Field(description="When its payment was recorded.", examples=["2026-03-03"])
    bank_reference: str = Field(description="The bank's reference of the payment.", examples=["B20260303-000021"])


class PaymentBody(RequestModel):
    """The payment of a settlement."""

    bank_reference: Text = Field(description="The bank's reference.", examples=["B20260303-000021"])
    value_date: BusinessDate = Field(description="On which date the money was there.")


class PaymentShown(ResponseModel):
    """A settlement that was paid."""

    settlement_id: Id = Field(description="Its identifier.", examples=[EXAMPLE["settlement_id"]])
    bank_reference: str = Field(description="The bank's reference.", examples=["B20260303-000021"])
    paid_on: BusinessDate = Field(description="The business date on which that was recorded.")


@router.get("", summary="List settlements")
async def list_settlements(
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[SettlementShown]:
    """The latest first; a partner sees its own."""
    statement, own = select(SETTLEMENTS), await own_codes(runtime, actor)
    if own is not None:
        statement = statement.where(SETTLEMENTS.c.partner.in_(own))
    columns = {"settled_on": SETTLEMENTS.c.settled_on, "settlement_id": SETTLEMENTS.c.settlement_id}
    keys = parse_sort(None, columns, default="-settled_on", unique="settlement_id")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_listed)


@router.get("/{settlement_id}", summary="Show a settlement")
async def show_settlement(
    settlement_id: Id,
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> SettlementShown:
    """What moved in all, the fee, and who pays what to whom."""
    return _listed(await _row(runtime, actor, settlement_id))


@router.get(
    "/{settlement_id}/file", summary="Download the file of a settlement", response_class=Response, responses=CSV
)
async def download_settlement(
    settlement_id: Id,
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> Response:
    """Every movement of the partner's parts, and fixed fees for months and for the settlement, as CSV; its SHA-256 is the settlement's `file_sha256`."""
    row = await _row(runtime, actor, settlement_id)
    rows = await runtime.store.pool.fetch(LINES, settlement_id)
    made = SettlementMade.model_validate_json(row["document"])
    name = {"content-disposition": f'attachment; filename="settlement-{settlement_id}.csv"'}
    return Response(settlement_file(rows, made.fixed_fees), media_type="text/csv", headers=name)


@router.post("/{settlement_id}/payment", summary="Record that a settlement was paid", response_model=PaymentShown)
async def record_payment(
    settlement_id: Id, body: PaymentBody, call: Annotated[Call, command("finance_officer", "finance_manager")]
) -> Response:
    """By us or by the partner, as the settlement says."""
    row = await _row(call.runtime, call.actor, settlement_id)
    asked = RecordPayment(
        settlement_id=settlement_id,
        bank_reference=body.bank_reference,
        value_date=body.value_date,
        by=call.actor.subject,
        today=call.today,
    )
    stream_id = SETTLEMENT.stream_id(row["partner"])
    return await call.execute(SETTLEMENT, stream_id, asked, body=lambda state: _paid(state, settlement_id))


async def _row(runtime: Runtime, actor: Actor, settlement_id: str) -> Any:
    row = await runtime.fetch_one(select(SETTLEMENTS).where(SETTLEMENTS.c.settlement_id == settlement_id))
    own = await own_codes(runtime, actor)
    if row is None or (own is not None and row["partner"] not in own):
        raise Problem(NOT_FOUND)
    return row


def _paid(state: Settlements, settlement_id: str) -> PaymentShown:
    paid = state.paid[settlement_id]
    return PaymentShown(settlement_id=settlement_id, bank_reference=paid.bank_reference, paid_on=paid.paid_on)


def _listed(row: Any) -> SettlementShown:
    made = SettlementMade.model_validate_json(row["document"])
    ours = made.net.minor >= 0
    return SettlementShown(
        settlement_id=made.settlement_id,
        partner=made.partner,
        settled_on=made.settled_on,
        movements=made.movements,
        amounts=made.amounts,
        transferred=made.transferred,
        transferred_interest=made.transferred_interest,
        funded=made.funded,
        servicing_fee=made.servicing_fee,
        price_margin=made.price_margin,
        first_loss=made.first_loss,
        fixed_fees=list(made.fixed_fees),
        fixed_fee=made.fixed_fee,
        payer=OWN if ours else made.partner,
        payee=made.partner if ours else OWN,
        amount=Money(abs(made.net.minor), made.net.currency),
        file_sha256=made.file_sha256,
        paid_on=row["paid_on"],
        bank_reference=row["bank_reference"],
    )
