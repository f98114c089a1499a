"""Partners' money with us over HTTP: what came in, what is set aside, and what is called for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from libs.contracts import examples as ex
from libs.contracts.types import Code, Id, MoneyField, Text
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, PositiveMoney, RequestModel, ResponseModel
from libs.service.runtime import Runtime, runtime_of
from services.partners.api.scope import READERS, refuse_others, refuse_unknown_partner
from services.partners.domain.funds import Funds, ReceiveFunds
from services.partners.handlers import FUNDS

router = APIRouter(prefix="/partners/{partner}/funds", tags=["funds"])


class ReceiptBody(RequestModel):
    """Money that came from a partner for its shares of loans."""

    amount: PositiveMoney = Field(description="How much.", examples=[ex.cny("1000000.00")])
    bank_reference: Text = Field(description="Under which reference of our bank's.", examples=["B20260201-000017"])
    value_date: BusinessDate = Field(description="On which date it was there.")


class CallShown(ResponseModel):
    """Money that is called for."""

    loan_id: Id = Field(description="For which loan.", examples=[ex.LOAN])
    amount: MoneyField = Field(description="How much.", examples=[ex.cny("8400.00")])
    until: str = Field(description="Until when (RFC 3339).", examples=["2026-02-03T02:03:04.000005Z"])


class FundsShown(ResponseModel):
    """A partner's money with us."""

    partner: Code = Field(description="Whose.", examples=["harbour-bank"])
    available: MoneyField = Field(description="Free for its shares of loans.", examples=[ex.cny("991600.00")])
    reserved: MoneyField = Field(description="Set aside for loans not paid out yet.", examples=[ex.cny("8400.00")])
    used: MoneyField = Field(description="Went into loans.", examples=[ex.cny("0.00")])
    called: list[CallShown] = Field(description="Called for and waited for, the oldest first.")


@router.post("", summary="Record money from a partner", status_code=201, response_model=FundsShown)
async def receive_funds(
    partner: Code, body: ReceiptBody, call: Annotated[Call, command("finance_officer", "finance_manager")]
) -> Response:
    """Calls that wait are served from it, the oldest first: the ledger then pays those loans out."""
    await refuse_unknown_partner(call.runtime, partner)
    asked = ReceiveFunds(
        partner=partner,
        receipt_id=call.new_id("receipt"),
        amount=body.amount,
        bank_reference=body.bank_reference,
        value_date=body.value_date,
        by=call.actor.subject,
        today=call.today,
    )
    return await call.execute(FUNDS, FUNDS.stream_id(partner), asked, body=_shown, status=201)


@router.get("", summary="Show a partner's money with us")
async def show_funds(
    partner: Code,
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> FundsShown:
    """What is free, set aside, used and called for; a partner sees its own."""
    await refuse_unknown_partner(runtime, partner)
    await refuse_others(runtime, actor, partner)
    state, _ = await runtime.commands.state(FUNDS, FUNDS.stream_id(partner))
    return _shown(state, partner)


def _shown(state: Funds, partner: str = "") -> FundsShown:
    return FundsShown(
        partner=state.partner or partner,
        available=Money(state.available),
        reserved=Money(sum(each.amount.minor for each in state.reserved.values())),
        used=Money(state.used),
        called=[
            CallShown(loan_id=each.loan_id, amount=each.amount, until=each.until) for each in state.called.values()
        ],
    )
