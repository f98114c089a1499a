"""Given who speaks for a partner, when somebody is named or changed, then this follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from libs.contracts.partners import ContactChanged, ContactNamed, ContactRole
from libs.events.testing import Scenario
from services.partners.domain.contacts import CONTACTS_MAX, ChangeContact, NameContact, known, missing
from services.partners.handlers import CONTACTS

NAMED = ContactNamed.model_validate(ContactNamed.example)
CHANGED = ContactChanged.model_validate(ContactChanged.example)
NAME = NameContact(
    partner=NAMED.partner,
    person_id=NAMED.person_id,
    role=NAMED.role,
    name=NAMED.name,
    telephone=NAMED.telephone,
    email=NAMED.email,
    valid_from=NAMED.valid_from,
    valid_until=None,
    by="finance-2",
    today=date(2026, 2, 1),
)
CHANGE = ChangeContact(
    person_id=NAMED.person_id,
    role=NAMED.role,
    name=NAMED.name,
    telephone=NAMED.telephone,
    email=NAMED.email,
    valid_from=NAMED.valid_from,
    valid_until=date(2026, 12, 31),
    by="partner",
    today=date(2026, 3, 2),
)
ERASED = NAMED.model_copy(update=dict.fromkeys(("name", "telephone", "email"), "[erased]"))


def test_somebody_is_named_and_changed_and_the_same_again_is_nothing() -> None:
    Scenario(CONTACTS).when(NAME).then(NAMED)
    Scenario(CONTACTS).given(NAMED).when(CHANGE).then(CHANGED)
    Scenario(CONTACTS).given(NAMED, CHANGED).when(CHANGE).then()
    Scenario(CONTACTS).when(CHANGE).refused("contact-not-found")
    Scenario(CONTACTS).when(replace(NAME, name="[erased]")).refused("contact-without-name")
    Scenario(CONTACTS).when(replace(NAME, valid_until=date(2026, 1, 31))).refused("contact-never-valid")
    Scenario(CONTACTS).given(NAMED).when(replace(CHANGE, valid_until=date(2026, 1, 31))).refused("contact-never-valid")


def test_who_was_erased_counts_for_nothing_and_is_changed_no_more() -> None:
    Scenario(CONTACTS).given(ERASED).when(CHANGE).refused("contact-erased")
    state = CONTACTS.evolve(CONTACTS.initial, ERASED)
    assert known(state) == []
    assert missing(state, [ContactRole.SETTLEMENT], NAMED.valid_from) == [ContactRole.SETTLEMENT]


@pytest.mark.parametrize(
    ("on", "there"), [("2026-01-31", False), ("2026-02-01", True), ("2026-12-31", True), ("2027-01-01", False)]
)
def test_a_role_is_there_from_the_first_date_to_the_last(on: str, there: bool) -> None:
    state = CONTACTS.evolve(CONTACTS.evolve(CONTACTS.initial, NAMED), CHANGED)
    roles = missing(state, [ContactRole.BUSINESS, ContactRole.SETTLEMENT], date.fromisoformat(on))
    assert (ContactRole.SETTLEMENT not in roles) is there
    assert ContactRole.BUSINESS in roles


def test_a_partner_has_so_many_contact_persons_and_no_more() -> None:
    many = [NAMED.model_copy(update={"person_id": f"contact-{number}"}) for number in range(CONTACTS_MAX)]
    Scenario(CONTACTS).given(*many).when(NAME).refused("too-many-contacts")
