"""Personal members are found wherever they are in an event, and whatever may not be read leaves an event that is one."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import pytest

from libs.contracts import catalogue  # makes the registry complete
from libs.contracts.base import DomainEvent, Value
from libs.contracts.personal import personal_members, personal_values
from libs.contracts.types import PLACEHOLDERS, Personal, PersonalDate
from libs.events import sealing

SEALED_EVENTS = [
    pytest.param(event, id=event.__name__) for event in catalogue.EVENT_TYPES.values() if personal_members(event)
]


class Contact(Value):
    person_id: str
    telephone: Annotated[str, Personal("person_id")]


class Household(Value):
    applicant_id: str
    street: Annotated[str, Personal()]
    moved_on: PersonalDate = None
    head: Contact
    others: tuple[Contact, ...] = ()
    guardian: Contact | None = None


def test_members_are_found_in_models_in_lists_and_in_what_may_be_absent_each_with_its_person() -> None:
    payload = Household(
        applicant_id="ann",
        street="Elm",
        head=Contact(person_id="bob", telephone="1"),
        others=(Contact(person_id="cid", telephone="2"), Contact(person_id="dee", telephone="3")),
    ).model_dump(mode="json")
    assert personal_values(Household, payload) == [
        (("street",), "ann"),
        (("moved_on",), "ann"),
        (("head", "telephone"), "bob"),
        (("others", 0, "telephone"), "cid"),
        (("others", 1, "telephone"), "dee"),
    ]


def test_a_person_who_is_not_named_is_a_fault() -> None:
    with pytest.raises(ValueError, match="does not name whose street it is"):
        personal_values(Household, {"applicant_id": "", "street": "Elm"})


@pytest.mark.parametrize("event", SEALED_EVENTS)
@pytest.mark.parametrize("placeholder", sorted(PLACEHOLDERS))
def test_an_event_whose_personal_values_may_not_be_read_is_still_one(
    event: type[DomainEvent], placeholder: str
) -> None:
    payload = event.model_validate(event.example).payload()
    for place, _ in event.personal(payload):
        holder = payload
        for step in place[:-1]:
            holder = holder[step]
        holder[place[-1]] = placeholder
    read = event.model_validate(payload).payload()
    for place, _ in event.personal(read):
        value = read
        for step in place:
            value = value[step]
        assert value in (None, placeholder)


def test_there_are_no_other_placeholders() -> None:
    assert PLACEHOLDERS == sealing.PLACEHOLDERS
    assert Household(
        applicant_id="a", street="x", head=Contact(person_id="b", telephone="1"), moved_on=date(2026, 1, 1)
    )
