"""The decider of a partner's contact persons: who speaks for it on what, from when until when.

Who was erased is read as a placeholder, counts for nothing and is changed no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from libs.contracts.partners import ContactChanged, ContactNamed, ContactRole
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.types import PLACEHOLDERS

CONTACT: Final = "contact-"
"""How identifiers of contact persons begin: their data are sealed under keys of these."""
CONTACTS_MAX: Final = 100
"""As many as are read: more than a lender has people for us, and each is opened with a key of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameContact:
    """Somebody speaks for the partner on what `role` says; without `valid_until` until that is changed."""

    partner: str
    person_id: str
    role: ContactRole
    name: str
    telephone: str
    email: str
    valid_from: date
    valid_until: date | None
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeContact:
    """All of it anew."""

    person_id: str
    role: ContactRole
    name: str
    telephone: str
    email: str
    valid_from: date
    valid_until: date | None
    by: str
    today: date


Command: TypeAlias = NameContact | ChangeContact
Event: TypeAlias = ContactNamed | ContactChanged
Contacts: TypeAlias = Mapping[str, Event]
"""What was said last of each."""
INITIAL: Final[Contacts] = {}


def decide(command: Command, state: Contacts) -> Sequence[Event]:
    refuse_unless(
        command.valid_until is None or command.valid_until >= command.valid_from,
        "contact-never-valid",
        "Name a date from `valid_from` on, or leave it out.",
        field="/valid_until",
        status=422,
    )
    refuse_unless(
        command.name not in PLACEHOLDERS,
        "contact-without-name",
        "This stands for a name that may not be read; send the person's name.",
        field="/name",
        status=422,
    )
    match command:
        case NameContact():
            return [_named(command, state)]
        case ChangeContact():
            return _changed(command, state)


def evolve(state: Contacts, event: Event) -> Contacts:
    return {**state, event.person_id: event}


def known(state: Contacts) -> list[Event]:
    """Those whose data may be read, in the order in which they were named."""
    return [contact for contact in state.values() if contact.name not in PLACEHOLDERS]


def missing(state: Contacts, needed: Iterable[ContactRole], on: date) -> list[ContactRole]:
    """Roles that nobody has on a date."""
    there = {contact.role for contact in known(state) if _is_valid(contact, on)}
    return [role for role in needed if role not in there]


def _is_valid(contact: Event, on: date) -> bool:
    return contact.valid_from <= on and (contact.valid_until is None or on <= contact.valid_until)


def _named(command: NameContact, state: Contacts) -> ContactNamed:
    refuse_unless(
        len(known(state)) < CONTACTS_MAX,
        "too-many-contacts",
        f"A partner has at most {CONTACTS_MAX} contact persons; have one that is over erased.",
    )
    return ContactNamed(
        partner=command.partner,
        person_id=command.person_id,
        role=command.role,
        name=command.name,
        telephone=command.telephone,
        email=command.email,
        valid_from=command.valid_from,
        valid_until=command.valid_until,
        named_by=command.by,
        named_on=command.today,
    )


def _changed(command: ChangeContact, state: Contacts) -> Sequence[ContactChanged]:
    before = state.get(command.person_id)
    if before is None:
        raise Rejected("contact-not-found", "This partner has no such contact person.", status=404)
    if before.name in PLACEHOLDERS:
        raise Rejected("contact-erased", "The data of this person were erased; name another person.", status=410)
    after = ContactChanged(
        partner=before.partner,
        person_id=command.person_id,
        role=command.role,
        name=command.name,
        telephone=command.telephone,
        email=command.email,
        valid_from=command.valid_from,
        valid_until=command.valid_until,
        changed_by=command.by,
        changed_on=command.today,
    )
    return [] if _said(after) == _said(before) else [after]


def _said(contact: Event) -> tuple[object, ...]:
    return (
        *(contact.role, contact.name, contact.telephone, contact.email),
        *(contact.valid_from, contact.valid_until),
    )
