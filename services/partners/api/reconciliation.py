"""Reconciliation over HTTP: files in, breaks until they are over."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field
from sqlalchemy import select
from starlette.responses import Response

from libs.contracts import examples as ex
from libs.contracts.partners import BreakKind, BreakOutcome
from libs.contracts.types import Code, Id, MoneyField, Text
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.partners.api.files import BANK, FileBody, FileShown, reconcile
from services.partners.api.scope import READERS, own_codes, refuse_others, refuse_unknown_partner
from services.partners.domain.reconciliation import AnswerBreak, AssignBreak, Reconciliation, ResolveBreak
from services.partners.handlers import RECONCILIATION
from services.partners.library import reconciliation_policy
from services.partners.reconciliation_views import BREAK

router = APIRouter(tags=["reconciliation"])
FINANCE: Final = ("finance_officer", "finance_manager")
BREAK_ID: Final = "0197a3f0-0000-7000-8000-000000000009"
BREAK_EXAMPLE: Final[dict[str, Any]] = {
    "break_id": BREAK_ID,
    "counterparty": "harbour-bank",
    "kind": "AMOUNT",
    "reference": "0197a3f0-0000-7000-8000-000000000010",
    "file_date": "2026-03-02",
    "ours_amount": ex.cny("770.11"),
    "theirs_amount": ex.cny("770.10"),
    "ours_date": "2026-03-02",
    "theirs_date": "2026-03-02",
    "ours_status": "",
    "theirs_status": "",
    "age_days": 1,
    "assignee": "finance-2",
    "answer": "",
    "outcome": None,
    "reason": "",
}


class AssignBody(RequestModel):
    """Who is to find out why."""

    assignee: Text = Field(description="The person, as tokens name it.", examples=["finance-2"])


class BreakAnswerBody(RequestModel):
    """What the other side found."""

    answer: Text = Field(description="What it found.", examples=["Rounded twice; corrected."])


class ResolveBody(RequestModel):
    """How a break ends."""

    outcome: Literal["CORRECTED_HERE", "CORRECTED_THERE", "ACCEPTED"] = Field(description="What was done.")
    reason: Text = Field(description="Why, for the record.", examples=["The partner corrected its rounding."])


class BreakAct(ResponseModel):
    """A break that was acted on, and how many are open with the counterparty."""

    break_id: Id = Field(description="The break.", examples=[BREAK_ID])
    open: int = Field(description="Breaks that are open now.", examples=[0])


class BreakShown(ResponseModel):
    """A break: what each side has. What a side does not have is null or empty."""

    model_config = ConfigDict(json_schema_extra={"examples": [BREAK_EXAMPLE]})
    break_id: Id = Field(description="Its identifier.")
    counterparty: Id = Field(description="With whom; `bank:main` is our bank.", examples=["harbour-bank"])
    kind: BreakKind = Field(description="How the two differ.")
    reference: str = Field(description="What it is about; `loan/` before a loan.")
    file_date: BusinessDate = Field(description="The file in which it was found.")
    ours_amount: MoneyField | None = Field(description="Our amount.")
    theirs_amount: MoneyField | None = Field(description="Theirs.")
    ours_date: BusinessDate | None = Field(description="Our value date.")
    theirs_date: BusinessDate | None = Field(description="Theirs.")
    ours_status: str = Field(description="The loan's state with us.")
    theirs_status: str = Field(description="With them.")
    age_days: int = Field(description="How long it was or is open, in days.", examples=[1])
    assignee: str = Field(description="Who looks into it; empty before it is assigned.")
    answer: str = Field(description="What the other side said last.")
    outcome: BreakOutcome | None = Field(description="How it ended; null while it is open.")
    reason: str = Field(description="Why it ended so.")


class AgeBand(ResponseModel):
    """Open breaks of an age."""

    counterparty: Id = Field(description="With whom.", examples=["harbour-bank"])
    kind: BreakKind = Field(description="How the two sides differ.")
    days_min: int = Field(description="Open for at least so many days.", examples=[0])
    breaks: int = Field(description="How many.", examples=[1])


@router.post("/partners/{partner}/files", summary="Reconcile a partner's file", response_model=FileShown)
async def send_partner_file(
    partner: Code, body: FileBody, call: Annotated[Call, command(*FINANCE, "partner")]
) -> Response:
    """A partner sends its own; finance enters one that came another way. The same file again changes nothing."""
    await refuse_others(call.runtime, call.actor, partner)
    await refuse_unknown_partner(call.runtime, partner)
    return await reconcile(call, partner, body)


@router.post("/bank/statements", summary="Reconcile the bank's statement", response_model=FileShown)
async def send_bank_statement(body: FileBody, call: Annotated[Call, command(*FINANCE)]) -> Response:
    """Disbursements, returns, receipts, reversals and refunds of the ledger beside the bank's lines of a date."""
    return await reconcile(call, BANK, body)


@router.get("/breaks", summary="List breaks")
async def list_breaks(
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
    counterparty: Annotated[Id | None, Query(description="Only with this one.")] = None,
    state: Annotated[Literal["OPEN", "OVER"] | None, Query(description="Only these.")] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[BreakShown]:
    """With whom the caller may know of; a partner sees its own."""
    statement, own = select(BREAK), await own_codes(runtime, actor)
    if own is not None:
        statement = statement.where(BREAK.c.counterparty.in_(own))
    if counterparty is not None:
        statement = statement.where(BREAK.c.counterparty == counterparty)
    if state is not None:
        statement = statement.where((BREAK.c.outcome == "") == (state == "OPEN"))
    keys = parse_sort(None, {"break_id": BREAK.c.break_id}, default="break_id", unique="break_id")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=lambda row: _listed(row, runtime.today))


@router.get("/breaks/ages", summary="Count open breaks by age")
async def list_break_ages(
    actor: Annotated[Actor, Depends(require(*READERS))], runtime: Annotated[Runtime, Depends(runtime_of)]
) -> list[AgeBand]:
    """In the bands of the policy, from the day on which each was found."""
    statement, own = select(BREAK).where(BREAK.c.outcome == ""), await own_codes(runtime, actor)
    if own is not None:
        statement = statement.where(BREAK.c.counterparty.in_(own))
    bands: dict[tuple[str, str, int], int] = {}
    for row in await runtime.fetch(statement):
        age = (runtime.today - row["found_on"]).days
        at_least = max((days for days in reconciliation_policy().age_days if days <= age), default=0)
        key = (row["counterparty"], row["kind"], at_least)
        bands[key] = bands.get(key, 0) + 1
    return [
        AgeBand(counterparty=counterparty, kind=BreakKind(kind), days_min=days, breaks=count)
        for (counterparty, kind, days), count in sorted(bands.items())
    ]


@router.post("/breaks/{break_id}/assign", summary="Assign a break", response_model=BreakAct)
async def assign_break(break_id: Id, body: AssignBody, call: Annotated[Call, command(*FINANCE)]) -> Response:
    """To whoever is to find out why; again to somebody else."""
    asked = AssignBreak(break_id=break_id, assignee=body.assignee, by=call.actor.subject, today=call.today)
    return await _acted(call, await _counterparty(call, break_id), break_id, asked)


@router.post("/breaks/{break_id}/answer", summary="Answer a break", response_model=BreakAct)
async def answer_break(
    break_id: Id, body: BreakAnswerBody, call: Annotated[Call, command("partner", *FINANCE)]
) -> Response:
    """What the other side found; it stays open until we resolve it."""
    counterparty = await _counterparty(call, break_id)
    return await answer(call, counterparty, break_id, body.answer)


@router.post("/breaks/{break_id}/resolve", summary="Resolve a break", response_model=BreakAct)
async def resolve_break(break_id: Id, body: ResolveBody, call: Annotated[Call, command(*FINANCE)]) -> Response:
    """By a correction on either side, or because the difference is accepted."""
    asked = ResolveBreak(
        break_id=break_id,
        outcome=BreakOutcome(body.outcome),
        reason=body.reason,
        by=call.actor.subject,
        today=call.today,
    )
    return await _acted(call, await _counterparty(call, break_id), break_id, asked)


async def answer(call: Call, counterparty: str, break_id: str, text: str) -> Response:
    """What the other side found."""
    asked = AnswerBreak(break_id=break_id, answer=text, by=call.actor.subject, today=call.today)
    return await _acted(call, counterparty, break_id, asked)


async def _acted(
    call: Call, counterparty: str, break_id: str, asked: AssignBreak | AnswerBreak | ResolveBreak
) -> Response:
    def shown(state: Reconciliation) -> BreakAct:
        return BreakAct(break_id=break_id, open=len(state.open))

    return await call.execute(RECONCILIATION, RECONCILIATION.stream_id(counterparty), asked, body=shown)


async def _counterparty(call: Call, break_id: str) -> str:
    """With whom a break is; raises 404 where the caller may not know of it."""
    row = await call.runtime.fetch_one(select(BREAK.c.counterparty).where(BREAK.c.break_id == break_id))
    if row is None:
        raise Problem(NOT_FOUND)
    counterparty: str = row["counterparty"]
    await refuse_others(call.runtime, call.actor, counterparty)
    return counterparty


def _listed(row: Any, today: date) -> BreakShown:
    def money(name: str) -> Money | None:
        return None if row[name] is None else Money(row[name])

    return BreakShown(
        break_id=row["break_id"],
        counterparty=row["counterparty"],
        kind=BreakKind(row["kind"]),
        reference=row["reference"],
        file_date=row["file_date"],
        ours_amount=money("ours_minor"),
        theirs_amount=money("theirs_minor"),
        ours_date=row["ours_date"],
        theirs_date=row["theirs_date"],
        ours_status=row["ours_status"],
        theirs_status=row["theirs_status"],
        age_days=((row["resolved_on"] or today) - row["found_on"]).days,
        assignee=row["assignee"],
        answer=row["answer"],
        outcome=BreakOutcome(row["outcome"]) if row["outcome"] else None,
        reason=row["reason"],
    )
