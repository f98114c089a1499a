"""Money held until it is known what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field
from sqlalchemy import select

from libs.contracts import examples as ex
from libs.contracts.ledger import ActKind, RepaymentPurpose
from libs.contracts.problems import Rejected
from libs.events.store import ConcurrencyError
from libs.lending.money import Money
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, Code, Id, MoneyField, PositiveMoney, RequestModel, ResponseModel, Text
from libs.service.pagination import CursorParameter, Limit, Page, SortKey, page_of, paginate
from libs.service.problems import CONFLICT, Problem
from libs.service.runtime import Runtime, runtime_of
from services.ledger.api.access import Bookkeeper
from services.ledger.api.checked import WAITS, Act, By, Work, perform
from services.ledger.api.shapes import example
from services.ledger.domain.act import Target
from services.ledger.domain.commands import ReceiveRepayment
from services.ledger.domain.suspense import HoldReceipt, MatchReceipt, ReturnReceipt, Suspense
from services.ledger.handlers import LOAN, SUSPENSE
from services.ledger.library import library
from services.ledger.references import reserved
from services.ledger.views import SUSPENSE as HELD

router = APIRouter(tags=["suspense"])

SuspenseId = Annotated[Id, Path(description="The held receipt.")]
FINANCE: Final = ("finance_officer", "finance_manager")
ATTEMPTS: Final = 20
State = Literal["HELD", "MATCHED", "RETURNED"]


class SuspenseBody(RequestModel):
    """Money that came in for nobody knows what."""

    model_config = example(
        amount=ex.cny("1100.16"),
        value_date="2026-03-02",
        channel="bank-transfer",
        bank_reference="R20260302-000009",
        text="Zhang, loan of my brother",
    )

    amount: PositiveMoney
    value_date: BusinessDate
    channel: Code = "bank-transfer"
    bank_reference: str = Field(default="", max_length=140)
    text: Text = Field(description="What the payer wrote.")


class MatchBody(RequestModel):
    """Whose repayment it is."""

    model_config = example(loan_id=ex.LOAN, purpose="INSTALMENT")

    loan_id: Id
    purpose: RepaymentPurpose = RepaymentPurpose.INSTALMENT


class SendBackBody(RequestModel):
    """Why it goes back."""

    model_config = example(reason="Meant for another company")

    reason: Text


class SuspenseShown(ResponseModel):
    """One receipt and what became of it."""

    model_config = example(
        suspense_id="suspense-1",
        state="HELD",
        amount=ex.cny("1100.16"),
        value_date="2026-03-02",
        received_on="2026-03-02",
        channel="bank-transfer",
        bank_reference="R20260302-000009",
        text="Zhang, loan of my brother",
        loan_id="",
        closed_on=None,
    )

    suspense_id: Id
    state: State
    amount: MoneyField
    value_date: date
    received_on: date
    channel: str
    bank_reference: str
    text: str
    loan_id: str
    closed_on: date | None


def shown(state: Suspense) -> SuspenseShown:
    received, closed = state.received, state.closed
    assert received is not None, "it was received first"
    loan_id: str = getattr(closed, "loan_id", "")
    return SuspenseShown(
        suspense_id=received.suspense_id,
        state="HELD" if closed is None else "MATCHED" if loan_id else "RETURNED",
        amount=received.amount,
        value_date=received.value_date,
        received_on=received.received_on,
        channel=received.channel,
        bank_reference=received.bank_reference,
        text=received.text,
        loan_id=loan_id,
        closed_on=getattr(closed, "matched_on", None) or getattr(closed, "returned_on", None),
    )


@router.get("/suspense", summary="List money held in suspense")
async def list_suspense(
    _actor: Bookkeeper,
    runtime: Annotated[Runtime, Depends(runtime_of)],
    state: Annotated[State, Query(description="What became of it.")] = "HELD",
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[SuspenseShown]:
    """Oldest first."""
    columns = HELD.c
    keys = [SortKey("received_on", columns.received_on), SortKey("suspense_id", columns.suspense_id)]
    statement = select(HELD).where(columns.state == state)
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_row)


@router.post("/suspense", summary="Hold an unidentified receipt", status_code=201, response_model=SuspenseShown)
async def hold(body: SuspenseBody, call: Annotated[Call, command(*FINANCE, "service")]) -> Response:
    """Money in the bank that belongs to no loan yet. A reference of the bank is accepted once."""
    suspense_id = call.new_id("suspense")
    asked = HoldReceipt(
        today=call.today,
        suspense_id=suspense_id,
        amount=body.amount,
        value_date=body.value_date,
        channel=body.channel,
        bank_reference=body.bank_reference,
        text=body.text,
    )
    return await call.execute(
        SUSPENSE, SUSPENSE.stream_id(suspense_id), asked, shown, status=201, effective_date=body.value_date
    )


@router.post("/suspense/{suspense_id}/match", summary="Match a held receipt", response_model=SuspenseShown)
async def match(suspense_id: SuspenseId, body: MatchBody, call: Annotated[Call, command(*FINANCE)]) -> SuspenseShown:
    """A repayment of the loan with the value date on which the money came; both happen or neither."""
    stream_id, policy = SUSPENSE.stream_id(suspense_id), library().policy(call.today)
    state, _ = await call.runtime.commands.state(SUSPENSE, stream_id)
    received = state.received
    if received is None:
        raise Rejected("suspense-not-found", "Nothing is held under this id; look it up in the list.", status=404)
    if getattr(state.closed, "loan_id", "") == body.loan_id:
        return shown(state)  # the same request again
    repayment = ReceiveRepayment(
        today=call.today,
        policy=policy,
        repayment_id=suspense_id,
        amount=received.amount,
        value_date=received.value_date,
        purpose=body.purpose,
        channel=received.channel,
        bank_reference=received.bank_reference,
        closed_periods=call.actor.has("finance_manager"),
    )
    matched = MatchReceipt(
        today=call.today, loan_id=body.loan_id, repayment_id=suspense_id, matched_by=call.actor.subject
    )
    cause = call.cause(received.value_date, {"ledger-policy": policy.label})
    async with reserved(call.runtime, received.bank_reference, body.loan_id, suspense_id):
        for _ in range(ATTEMPTS):
            try:
                async with call.runtime.store.transaction() as session:
                    commands = call.runtime.commands
                    outcome = await commands.handle(SUSPENSE, stream_id, matched, cause, within=session)
                    await commands.handle(LOAN, LOAN.stream_id(body.loan_id), repayment, cause, within=session)
            except ConcurrencyError:
                continue
            return shown(outcome.state)
    raise Problem(CONFLICT, "Too many commands on this loan at once; send it again.")


async def _return(by: By, target: Target, body: SendBackBody) -> Work:
    asked = ReturnReceipt(today=by.today, reason=body.reason)
    return Work(decider=SUSPENSE, stream_id=SUSPENSE.stream_id(target.suspense_id), command=asked, shown=shown)


RETURN: Final = Act(
    kind=ActKind.SUSPENSE_RETURN,
    roles=FINANCE,
    body=SendBackBody,
    work=_return,
    amount=lambda returned: returned.amount,
)


@router.post(
    "/suspense/{suspense_id}/return",
    summary="Send a held receipt back",
    response_model=SuspenseShown,
    responses=WAITS,
)
async def send_back(
    suspense_id: SuspenseId, body: SendBackBody, call: Annotated[Call, command(*RETURN.roles)]
) -> Response:
    """To who had sent it."""
    return await perform(call, RETURN, Target(suspense_id=suspense_id), body)


def _row(row: Mapping[str, Any]) -> SuspenseShown:
    values = {name: row[name] for name in SuspenseShown.model_fields if name != "amount"}
    return SuspenseShown(**values, amount=Money(row["amount_minor"], row["currency"]))
