"""What is known of officers: whom they are related to, and who acts for whom in absence."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from libs.contracts.approval import AuthorityDelegated, RelationDeclared
from libs.contracts.examples import APPLICANT
from libs.contracts.problems import refuse_unless
from libs.contracts.types import Id
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, Code, RequestModel, ResponseModel, Text
from libs.service.runtime import Runtime, runtime_of
from services.approval.api.decisions import OFFICERS
from services.approval.domain import officer as domain
from services.approval.handlers import OFFICER, officer_state
from services.approval.models import example

router = APIRouter(tags=["officers"])

Running = Annotated[Runtime, Depends(runtime_of)]
Reader = Annotated[Actor, Depends(require(*OFFICERS, "auditor", "compliance_officer"))]
Officer = Annotated[Call, command(*OFFICERS)]
Declarer = Annotated[Call, command(*OFFICERS, "finance_manager", "contract_officer", "compliance_officer")]
Controller = Annotated[Call, command("risk_manager", "compliance_officer")]
OfficerId = Annotated[Id, Path(description="The subject of the officer's tokens.")]
ApplicantId = Annotated[Id, Path(description="The applicant to whom he is related.")]
DelegationId = Annotated[Id, Path(description="The delegation.")]


class RelationEntry(RequestModel):
    """Whom an officer is related to, and how it is known."""

    model_config = example(applicant_id=APPLICANT, relation="sibling", basis="Own declaration of January 2026")

    applicant_id: Id
    relation: Code
    basis: Text


class EndEntry(RequestModel):
    """Why an officer is no longer related to somebody."""

    model_config = example(reason="Divorced, certificate seen")

    reason: Text


class DelegationEntry(RequestModel):
    """Whose absence, who acts meanwhile, in which role."""

    model_config = example(
        officer="senior-credit-officer",
        role="risk_manager",
        first_day="2026-02-09",
        last_day="2026-02-20",
        reason="On leave over the new year",
    )

    officer: Id
    role: Literal["credit_officer", "senior_credit_officer", "risk_manager"]
    first_day: BusinessDate
    last_day: BusinessDate
    reason: Text


class RelationShown(ResponseModel):
    applicant_id: str
    relation: str
    basis: str
    declared_by: str
    declared_on: date


class DelegationShown(ResponseModel):
    delegation_id: str
    delegator: str
    role: str
    first_day: date
    last_day: date
    reason: str


class OfficerShown(ResponseModel):
    """Whom an officer is related to, and whose authority he may use."""

    model_config = example(officer="credit-officer", relations=[], delegations=[])

    officer: str
    relations: list[RelationShown]
    delegations: list[DelegationShown]

    @classmethod
    def of(cls, subject: str, state: domain.State) -> Self:
        return cls(
            officer=subject,
            relations=[
                RelationShown(**{name: getattr(each, name) for name in RelationShown.model_fields})
                for each in state.relations.values()
            ],
            delegations=[
                DelegationShown(**{name: getattr(each, name) for name in DelegationShown.model_fields})
                for each in state.delegations.values()
            ],
        )


async def _execute(call: Call, subject: str, order: domain.Command, *, status: int = 200) -> Response:
    location = f"/approval/officers/{subject}" if status == 201 else ""
    shown = partial(OfficerShown.of, subject)
    return await call.execute(OFFICER, OFFICER.stream_id(subject), order, shown, status=status, location=location)


@router.get("/officers/{officer}", summary="What is known of an officer")
async def read_officer(_actor: Reader, runtime: Running, officer: OfficerId) -> OfficerShown:
    """The related-party list and the delegations of one officer; empty for one of whom nothing is known."""
    return OfficerShown.of(officer, await officer_state(runtime.commands, officer))


@router.post(
    "/officers/{officer}/relations", summary="Declare a relation", status_code=201, response_model=OfficerShown
)
async def declare_relation(call: Declarer, officer: OfficerId, body: RelationEntry) -> Response:
    """From now on he works on none of that applicant's applications. Everybody declares his own relations; risk managers
    and compliance officers also those of others."""
    controller = call.actor.has("risk_manager", "compliance_officer")
    refuse_unless(
        officer == call.actor.subject or controller,
        "not-your-relation",
        "Declare your own relations; a risk manager or compliance officer declares others'.",
        status=403,
    )
    declared = RelationDeclared(
        **body.model_dump(), officer=officer, declared_by=call.actor.subject, declared_on=call.today
    )
    return await _execute(call, officer, domain.DeclareRelation(declared=declared), status=201)


@router.post("/officers/{officer}/relations/{applicant_id}/end", summary="End a relation", response_model=OfficerShown)
async def end_relation(call: Controller, officer: OfficerId, applicant_id: ApplicantId, body: EndEntry) -> Response:
    """By somebody else than the officer himself."""
    order = domain.EndRelation(
        officer=officer, applicant_id=applicant_id, reason=body.reason, by=call.actor.subject, today=call.today
    )
    return await _execute(call, officer, order)


@router.post("/delegations", summary="Lend authority", status_code=201, response_model=OfficerShown)
async def delegate(call: Officer, body: DelegationEntry) -> Response:
    """For days of absence another officer may decide up to what a role of yours may. He stays one person: where two are
    needed, he is one of them, and not with you as the other."""
    delegated = AuthorityDelegated(
        **body.model_dump(),
        delegation_id=call.new_id("delegation"),
        delegator=call.actor.subject,
        delegated_on=call.today,
    )
    return await _execute(call, body.officer, domain.Delegate(delegated=delegated, held=call.actor.roles), status=201)


@router.post("/delegations/{officer}/{delegation_id}/end", summary="Take authority back", response_model=OfficerShown)
async def end_delegation(call: Officer, officer: OfficerId, delegation_id: DelegationId) -> Response:
    """By who has lent it."""
    order = domain.EndDelegation(officer=officer, delegation_id=delegation_id, by=call.actor.subject, today=call.today)
    return await _execute(call, officer, order)
