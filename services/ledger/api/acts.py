"""What was asked for and waits until another person agrees (R7.10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from sqlalchemy import select

from libs.contracts.ledger import ActKind
from libs.contracts.problems import Rejected
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import Id
from libs.service.pagination import CursorParameter, Limit, Page, SortKey, page_of, paginate
from libs.service.runtime import Runtime, runtime_of
from services.ledger.api import adjustments, checked, corrections, periods, refinancing, repayments, suspense
from services.ledger.api.access import STAFF
from services.ledger.api.checked import Act, ActShown, act_shown
from services.ledger.api.corrections import ReasonBody
from services.ledger.domain.act import RejectAct, State
from services.ledger.handlers import ACT
from services.ledger.views import ACT as ASKED

router = APIRouter(tags=["acts"])

ACTS: Final[Mapping[ActKind, Act]] = {
    act.kind: act
    for act in (
        repayments.REVERSAL,
        adjustments.REINSTATEMENT,
        adjustments.REFUND,
        adjustments.WAIVER,
        adjustments.CHARGE,
        adjustments.CHANGE,
        adjustments.REDATING,
        adjustments.PAUSE,
        adjustments.OVERLAY,
        suspense.RETURN,
        periods.SEAL,
        repayments.REPAYMENT,
        suspense.HOLD,
        suspense.MATCH,
        refinancing.REFINANCING,
        corrections.PAYOUT_AGAIN,
    )
}
"""Those that are done with the approval. A file of repayments is none of them: who agrees to one sends it himself."""
PEOPLE: Final = sorted({role for act in ACTS.values() for role in act.roles} - {"service"})
"""Who may do any of these acts; to which of them he may agree is said by its request."""

ActId = Annotated[Id, Path(description="The request.")]
Staff = Annotated[Actor, Depends(require(*STAFF))]


@router.get("/acts", summary="List acts that were asked for")
async def list_acts(
    _actor: Staff,
    runtime: Annotated[Runtime, Depends(runtime_of)],
    state: Annotated[State, Query(description="What became of it.")] = "OPEN",
    loan_id: Annotated[Id | None, Query(description="Of one loan.")] = None,
    act: Annotated[ActKind | None, Query(description="Of one kind.")] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[ActShown]:
    """Oldest first; those that are open wait for another person."""
    columns = ASKED.c
    keys = [SortKey("requested_on", columns.requested_on), SortKey("act_id", columns.act_id)]
    statement = select(ASKED).where(columns.state == state)
    if loan_id is not None:
        statement = statement.where(columns.loan_id == loan_id)
    if act is not None:
        statement = statement.where(columns.act == act.value)
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_row)


@router.get("/acts/{act_id}", summary="Show an act that was asked for")
async def show_act(act_id: ActId, _actor: Staff, runtime: Annotated[Runtime, Depends(runtime_of)]) -> ActShown:
    """What was asked for, by whom, until when it may be agreed to and by which roles, and what became of it."""
    state, _ = await runtime.commands.state(ACT, ACT.stream_id(act_id))
    if state.requested is None:
        raise Rejected("act-not-found", "Nothing was asked for under this id; look it up in the list.", status=404)
    return act_shown(state)


@router.post("/acts/{act_id}/approve", summary="Agree to an act", response_model=ActShown)
async def approve(act_id: ActId, call: Annotated[Call, command(*PEOPLE)]) -> Response:
    """What was asked is done with it, once, as if who agrees had asked for it himself: by his authority, by the state of
    now. Where it is refused by now, nothing happens and the request stays open. Not by who asked."""
    return await checked.approve(call, act_id, ACTS)


@router.post("/acts/{act_id}/reject", summary="Turn an act down", response_model=ActShown)
async def reject(act_id: ActId, body: ReasonBody, call: Annotated[Call, command(*PEOPLE)]) -> Response:
    """By who could agree to it, or by who asked for it and takes it back."""
    asked = RejectAct(today=call.today, reason=body.reason, rejected_by=call.actor.subject, roles=call.actor.roles)
    return await call.execute(ACT, ACT.stream_id(act_id), asked, act_shown)


def _row(row: Mapping[str, Any]) -> ActShown:
    values = {name: row[name] for name in ActShown.model_fields if name != "amount"}
    moved = row["amount_minor"]
    return ActShown(**values, amount=Money(moved, row["currency"]) if moved is not None else None)
