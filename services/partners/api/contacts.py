"""Contact persons of partners over HTTP: kept by our finance people and by the partner itself, seen by no other partner."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints
from starlette.responses import Response

from libs.contracts.partners import ContactNamed, ContactRole
from libs.contracts.types import Code, Id
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.partners.api.scope import READERS, refuse_others, refuse_unknown_partner
from services.partners.domain.contacts import CONTACT, ChangeContact, Contacts, Event, NameContact, known
from services.partners.handlers import CONTACTS

router = APIRouter(prefix="/partners/{partner}/contacts", tags=["contacts"])
EXAMPLE = ContactNamed.example
KEEPERS: Final = ("finance_officer", "finance_manager", "partner")

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Telephone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ()-]{4,24}[0-9]$")]
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$")]


class ContactBody(RequestModel):
    """Somebody who speaks for a partner."""

    role: ContactRole = Field(description="On what.", examples=[EXAMPLE["role"]])
    name: Name = Field(description="The person's name.", examples=[EXAMPLE["name"]])
    telephone: Telephone = Field(description="With its country or area code.", examples=[EXAMPLE["telephone"]])
    email: Email = Field(description="The address for business.", examples=[EXAMPLE["email"]])
    valid_from: BusinessDate = Field(description="From which date on.")
    valid_until: BusinessDate | None = Field(default=None, description="The last date; left out, until it is changed.")


class ContactShown(ResponseModel):
    """A contact person of a partner."""

    person_id: Id = Field(description="Its identifier; its data are erased under it.", examples=[EXAMPLE["person_id"]])
    role: ContactRole = Field(description="On what it speaks for the partner.", examples=[EXAMPLE["role"]])
    name: str = Field(description="The person's name.", examples=[EXAMPLE["name"]])
    telephone: str = Field(description="Its number.", examples=[EXAMPLE["telephone"]])
    email: str = Field(description="Its address.", examples=[EXAMPLE["email"]])
    valid_from: BusinessDate = Field(description="From which date on.")
    valid_until: date | None = Field(description="The last date, where there is one.", examples=["2026-12-31"])


@router.post("", summary="Name a contact person", status_code=201, response_model=ContactShown)
async def name_contact(partner: Code, body: ContactBody, call: Annotated[Call, command(*KEEPERS)]) -> Response:
    """What is recorded of the person is sealed under a key of that person, and gone when it is erased."""
    await _refuse(call, partner)
    person_id = CONTACT + call.new_id("contact")
    asked = NameContact(
        partner=partner, person_id=person_id, **body.model_dump(), by=call.actor.subject, today=call.today
    )
    return await call.execute(
        CONTACTS,
        CONTACTS.stream_id(partner),
        asked,
        body=lambda state: _shown(state[person_id]),
        status=201,
        subject=person_id,
    )


@router.post("/{person_id}", summary="Change a contact person", response_model=ContactShown)
async def change_contact(
    partner: Code, person_id: Id, body: ContactBody, call: Annotated[Call, command(*KEEPERS)]
) -> Response:
    """All of it anew: what is left out is no longer said. For another person name another, and let this one end."""
    await _refuse(call, partner)
    if person_id not in await _contacts(call.runtime, partner):
        raise Problem(NOT_FOUND)
    asked = ChangeContact(person_id=person_id, **body.model_dump(), by=call.actor.subject, today=call.today)
    stream_id = CONTACTS.stream_id(partner)
    return await call.execute(
        CONTACTS, stream_id, asked, body=lambda state: _shown(state[person_id]), subject=person_id
    )


@router.get("", summary="List a partner's contact persons")
async def list_contacts(
    partner: Code,
    actor: Annotated[Actor, Depends(require(*READERS))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> list[ContactShown]:
    """Whether or not they are valid today; who was erased is left out."""
    await refuse_others(runtime, actor, partner)
    await refuse_unknown_partner(runtime, partner)
    return [_shown(contact) for contact in known(await _contacts(runtime, partner))]


async def _refuse(call: Call, partner: str) -> None:
    await refuse_others(call.runtime, call.actor, partner)
    await refuse_unknown_partner(call.runtime, partner)


async def _contacts(runtime: Runtime, partner: str) -> Contacts:
    state, _ = await runtime.commands.state(CONTACTS, CONTACTS.stream_id(partner))
    return state


def _shown(contact: Event) -> ContactShown:
    return ContactShown(
        person_id=contact.person_id,
        role=contact.role,
        name=contact.name,
        telephone=contact.telephone,
        email=contact.email,
        valid_from=contact.valid_from,
        valid_until=contact.valid_until,
    )
