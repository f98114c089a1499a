"""Groups of connected borrowers, and how the limits on what they may owe stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from sqlalchemy import select
from starlette.responses import Response

from libs.contracts.approval import ConnectionKind
from libs.contracts.types import Id
from libs.events.commands import Outcome
from libs.events.store import Session
from libs.lending.money import Money
from libs.service.commands import Call, Decide, command
from libs.service.models import MoneyField, RequestModel, ResponseModel, Text
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.approval import exposure
from services.approval.api.decisions import OFFICERS, Reader
from services.approval.domain import group as domain
from services.approval.domain.exposure import Dimension, line_name
from services.approval.handlers import GROUP
from services.approval.library import library
from services.approval.models import example

router = APIRouter(tags=["limits"])

Running = Annotated[Runtime, Depends(runtime_of)]
Officer = Annotated[Call, command(*OFFICERS)]
Manager = Annotated[Call, command("risk_manager", "senior_credit_officer")]
GroupId = Annotated[Id, Path(description="The group.")]
ApplicantId = Annotated[Id, Path(description="The borrower, as the applicant of his applications.")]
SORTABLE = {"line": exposure.exposure_line.c.line, "used": exposure.exposure_line.c.used_minor}


class MemberEntry(RequestModel):
    """A borrower who counts as one risk with the others of a group."""

    model_config = example(applicant_id="applicant-2", kind="CONTROL", basis="Holds 60% of the shares")

    applicant_id: Id
    kind: ConnectionKind
    basis: Text = Field(description="Where it was found, and of which date.")


class GroupEntry(RequestModel):
    """Borrowers who count as one risk from now on."""

    model_config = example(
        members=[
            {"applicant_id": "applicant-1", "kind": "CONTROL", "basis": "Sole director, company register 2026-01-31"},
            {"applicant_id": "applicant-2", "kind": "CONTROL", "basis": "Holds 60%, company register 2026-01-31"},
        ]
    )

    members: Annotated[tuple[MemberEntry, ...], Field(min_length=2, max_length=50)]


class MembersEntry(RequestModel):
    """Further borrowers of a group."""

    model_config = example(members=[{"applicant_id": "applicant-3", "kind": "FAMILY", "basis": "Spouse, by interview"}])

    members: Annotated[tuple[MemberEntry, ...], Field(min_length=1, max_length=50)]


class RemovalEntry(RequestModel):
    """Why a borrower no longer counts with the group."""

    model_config = example(reason="Sold the shares, company register 2026-06-30")

    reason: Text


class MemberShown(ResponseModel):
    applicant_id: str
    kind: ConnectionKind
    basis: str
    connected_by: str
    connected_on: date


class GroupShown(ResponseModel):
    """A group of connected borrowers."""

    model_config = example(group_id="group-1", members=[])

    group_id: str
    members: list[MemberShown]

    @classmethod
    def of(cls, group_id: str, state: domain.State) -> Self:
        members = [
            MemberShown(**{name: getattr(member, name) for name in MemberShown.model_fields})
            for member in state.members.values()
        ]
        return cls(group_id=group_id, members=members)


class LineShown(ResponseModel):
    """What is owed and reserved on a line."""

    model_config = example(line="group:group-1", used={"amount": "1200000.00", "currency": "CNY"})

    line: str
    used: MoneyField

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(line=row["line"], used=Money(row["used_minor"], library().exposure.currency))


class LimitShown(ResponseModel):
    """A limit in force."""

    code: str
    dimension: Dimension
    of: str = Field(description="The one value of the dimension that it is about; empty: each.")
    applies_to: dict[str, str] = Field(description="The kind of applicant or product, the channel; empty: all.")
    amount: MoneyField
    effective_from: date
    source: str
    standing: str


class LimitsShown(ResponseModel):
    """The limits on what may be owed, as they are in force today."""

    model_config = example(version=1, limits=[])

    version: int
    limits: list[LimitShown]


@router.get("/limits", summary="The limits in force")
async def read_limits(_actor: Reader, runtime: Running) -> LimitsShown:
    """What one borrower, a group of connected ones, or a part of the book may owe at most, each with its source."""
    policy, today = library().exposure, runtime.today
    limits = [
        LimitShown(
            code=limit.code,
            dimension=limit.dimension,
            of=limit.of,
            applies_to={
                name: getattr(limit, name)
                for name in ("applicant_kind", "product_kind", "channel")
                if getattr(limit, name)
            },
            amount=policy.amount_of(limit, today),
            effective_from=limit.effective_from,
            source=limit.source,
            standing=limit.standing,
        )
        for limit in policy.in_force(today)
    ]
    return LimitsShown(version=policy.version, limits=limits)


@router.get("/exposures", summary="What is owed and reserved")
async def list_exposures(
    _actor: Reader,
    runtime: Running,
    dimension: Annotated[Dimension | None, Query(description="Only lines of this kind.")] = None,
    sort: Annotated[str | None, Query(max_length=20, description="line, used; - for falling.")] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[LineShown]:
    """Every line with what counts on it: approvals that stand, and loans until they are paid back."""
    table = exposure.exposure_line
    statement = select(table, table.c.used_minor.label("used"))
    if dimension is not None:
        statement = statement.where(table.c.line.startswith(line_name(dimension, ""), autoescape=True))
    keys = parse_sort(sort, SORTABLE, default="line", unique="line")
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=LineShown.of)


@router.get("/groups/{group_id}", summary="A group of connected borrowers")
async def read_group(_actor: Reader, runtime: Running, group_id: GroupId) -> GroupShown:
    """Who belongs to it, why, and by whose word."""
    state, _ = await runtime.commands.state(GROUP, GROUP.stream_id(group_id))
    if not state.members:
        raise Problem(NOT_FOUND, "There is no such group.")
    return GroupShown.of(group_id, state)


@router.post("/groups", summary="Connect borrowers", status_code=201, response_model=GroupShown)
async def make_group(call: Officer, body: GroupEntry) -> Response:
    """From now on they count as one risk: what all of them owe is held to the limit of a group. What they owe already
    counts at once, also where it is more than the limit."""
    group_id = call.new_id("group")
    return await _connect(call, group_id, body.members, new=True)


@router.post("/groups/{group_id}/members", summary="Add to a group", status_code=201, response_model=GroupShown)
async def add_members(call: Officer, group_id: GroupId, body: MembersEntry) -> Response:
    """Further borrowers who count as one risk with the others."""
    return await _connect(call, group_id, body.members, new=False)


@router.post(
    "/groups/{group_id}/members/{applicant_id}/removal", summary="Take out of a group", response_model=GroupShown
)
async def remove_member(call: Manager, group_id: GroupId, applicant_id: ApplicantId, body: RemovalEntry) -> Response:
    """He counts by himself again. By somebody else than who connected him, since it frees a limit."""
    order = domain.DisconnectBorrower(
        group_id=group_id, applicant_id=applicant_id, reason=body.reason, by=call.actor.subject, today=call.today
    )
    return await _execute(call, group_id, order, status=200)


async def _connect(call: Call, group_id: str, members: tuple[MemberEntry, ...], *, new: bool) -> Response:
    connections = tuple(
        domain.Connection(applicant_id=each.applicant_id, kind=each.kind, basis=each.basis) for each in members
    )
    order = domain.ConnectBorrowers(
        group_id=group_id, connections=connections, elsewhere={}, by=call.actor.subject, today=call.today, new=new
    )
    return await _execute(call, group_id, order, status=201)


async def _execute(call: Call, group_id: str, order: domain.Command, *, status: int) -> Response:
    return await call.execute(
        GROUP,
        GROUP.stream_id(group_id),
        order,
        partial(GroupShown.of, group_id),
        status=status,
        location=f"/approval/groups/{group_id}" if status == 201 else "",
        within=_moving,
    )


async def _moving(
    session: Session, decide: Decide[domain.Command, domain.State], order: domain.Command
) -> Outcome[domain.State]:
    """The group is changed and what its borrowers owe is moved, both or neither."""
    match order:
        case domain.ConnectBorrowers():
            groups = await exposure.groups_of(session, [each.applicant_id for each in order.connections])
            elsewhere = {applicant: group for applicant, group in groups.items() if group != order.group_id}
            order = replace(order, elsewhere=elsewhere)
        case domain.DisconnectBorrower():
            await exposure.groups_of(session, [order.applicant_id])
    outcome = await decide(order)
    await exposure.follow_group(session, outcome.events)
    return outcome
