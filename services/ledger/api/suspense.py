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
from libs.events.commands import Cause
from libs.events.store import Session
from libs.lending.money import Money
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, Code, Id, MoneyField, PositiveMoney, RequestModel, ResponseModel, Text
from libs.service.pagination import CursorParameter, Limit, Page, SortKey, page_of, paginate
from libs.service.runtime import Runtime, runtime_of
from services.ledger.api.access import Bookkeeper
from services.ledger.api.checked import WAITS, Act, By, Work, perform
from services.ledger.api.shapes import example
from services.ledger.domain.act import Target
from services.ledger.domain.commands import ReceiveRepayment
from services.ledger.domain.suspense import HoldReceipt, MatchReceipt, ReturnReceipt, Suspense
from services.ledger.handlers import LOAN, SUSPENSE
from services.ledger.references import reserved
from services.ledger.views import SUSPENSE as HELD

router = APIRouter(tags=["suspense"])

SuspenseId = Annotated[Id, Path(description="The held receipt.")]
FINANCE: Final = ("finance_officer", "finance_manager")
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


async def _holding(by: By, _target: Target, body: SuspenseBody) -> Work:
    suspense_id = by.new_id("suspense")
    asked = HoldReceipt(
        today=by.today,
        suspense_id=suspense_id,
        amount=body.amount,
        value_date=body.value_date,
        channel=body.channel,
        bank_reference=body.bank_reference,
        text=body.text,
    )
    return Work(
        decider=SUSPENSE,
        stream_id=SUSPENSE.stream_id(suspense_id),
        command=asked,
        shown=shown,
        effective_date=body.value_date,
        status=201,
    )


HOLD: Final = Act(
    kind=ActKind.SUSPENSE_HOLD,
    roles=(*FINANCE, "service"),
    body=SuspenseBody,
    work=_holding,
    amount=lambda received: received.amount,
)


@router.post(
    "/suspense",
    summary="Hold an unidentified receipt",
    status_code=201,
    response_model=SuspenseShown,
    responses=WAITS,
)
async def hold(body: SuspenseBody, call: Annotated[Call, command(*HOLD.roles)]) -> Response:
    """Money in the bank that belongs to no loan yet. A reference of the bank is accepted once."""
    return await perform(call, HOLD, Target(), body)


async def _match(by: By, target: Target, body: MatchBody) -> Work:
    """The repayment is decided here once, so that one which must fail fails when it is asked for."""
    suspense_id, policy, commands = target.suspense_id, by.policy, by.runtime.commands
    state, _ = await commands.state(SUSPENSE, SUSPENSE.stream_id(suspense_id))
    received = state.received
    if received is None:
        raise Rejected("suspense-not-found", "Nothing is held under this id; look it up in the list.", status=404)
    repayment = ReceiveRepayment(
        today=by.today,
        policy=policy,
        repayment_id=suspense_id,
        amount=received.amount,
        value_date=received.value_date,
        purpose=body.purpose,
        channel=received.channel,
        bank_reference=received.bank_reference,
        closed_periods=by.actor.has("finance_manager"),
    )
    loan_stream = LOAN.stream_id(body.loan_id)
    if state.closed is None:
        loan, _ = await commands.state(LOAN, loan_stream)
        LOAN.decide(repayment, loan)

    async def repaid(session: Session, cause: Cause) -> None:
        await commands.handle(LOAN, loan_stream, repayment, cause, within=session)

    return Work(
        decider=SUSPENSE,
        stream_id=SUSPENSE.stream_id(suspense_id),
        command=MatchReceipt(
            today=by.today, loan_id=body.loan_id, repayment_id=suspense_id, matched_by=by.actor.subject
        ),
        shown=shown,
        effective_date=received.value_date,
        rules={"ledger-policy": policy.label},
        around=lambda: reserved(by.runtime, received.bank_reference, body.loan_id, suspense_id),
        beside=repaid,
    )


MATCH: Final = Act(
    kind=ActKind.SUSPENSE_MATCH, roles=FINANCE, body=MatchBody, work=_match, amount=lambda matched: matched.amount
)


@router.post(
    "/suspense/{suspense_id}/match", summary="Match a held receipt", response_model=SuspenseShown, responses=WAITS
)
async def match(suspense_id: SuspenseId, body: MatchBody, call: Annotated[Call, command(*MATCH.roles)]) -> Response:
    """A repayment of the loan with the value date on which the money came; both happen or neither."""
    state, _ = await call.runtime.commands.state(SUSPENSE, SUSPENSE.stream_id(suspense_id))
    if getattr(state.closed, "loan_id", "") == body.loan_id:  # the same request again
        return Response(shown(state).model_dump_json(), media_type="application/json")
    return await perform(call, MATCH, Target(suspense_id=suspense_id), body)


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
