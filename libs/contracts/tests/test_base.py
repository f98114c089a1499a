"""The base of events: a stable name each, frozen, blind to members it does not know; and how a domain says no."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from libs.contracts.base import EVENT_TYPES, DomainEvent, Value
from libs.contracts.problems import Rejected, refuse_unless


@pytest.fixture
def registry() -> Iterator[None]:
    """Takes events that a test defines out of the registry again."""
    before = dict(EVENT_TYPES)
    yield
    EVENT_TYPES.clear()
    EVENT_TYPES.update(before)


@pytest.mark.usefixtures("registry")
def test_an_event_is_found_by_the_name_it_was_given() -> None:
    class HouseBought(DomainEvent, type="puhui.estate.house-bought.v2"):
        """A house changed hands."""

        street: str

    assert EVENT_TYPES["puhui.estate.house-bought.v2"] is HouseBought
    assert HouseBought.service == "estate"
    assert HouseBought(street="Elm").payload() == {"street": "Elm"}


@pytest.mark.usefixtures("registry")
def test_an_event_is_frozen_and_ignores_what_it_does_not_know() -> None:
    class HouseSold(DomainEvent, type="puhui.estate.house-sold.v1"):
        """A house changed hands."""

        street: str

    sold = HouseSold.model_validate({"street": "Elm", "colour": "green"})
    assert sold.payload() == {"street": "Elm"}
    with pytest.raises(ValidationError):
        sold.street = "Oak"


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    "name",
    [
        "",
        "house-bought",
        "puhui.estate.HouseBought.v1",
        "puhui.estate.house_bought.v1",
        "puhui.estate.house-bought",
        "puhui.estate.house-bought.v0",
        "puhui.estate.house-bought.v01",
        "puhui.estate.house-bought.v1\n",
        "puhui.real-estate.house-bought.v1",
    ],
)
def test_a_name_that_is_not_a_type_name_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=r"type|form"):

        class Nameless(DomainEvent, type=name):
            """Not to be."""


@pytest.mark.usefixtures("registry")
def test_a_name_belongs_to_one_event() -> None:
    class First(DomainEvent, type="puhui.estate.taken.v1"):
        """The first."""

    with pytest.raises(TypeError, match="taken by First"):

        class Second(DomainEvent, type="puhui.estate.taken.v1"):
            """The second."""

    assert EVENT_TYPES["puhui.estate.taken.v1"] is First


def test_values_are_equal_by_content_and_frozen() -> None:
    class Point(Value):
        x: int

    assert Point(x=1) == Point(x=1)
    assert len({Point(x=1), Point(x=1)}) == 1
    with pytest.raises(ValidationError):
        Point(x=1).x = 2


def test_a_refusal_carries_what_a_client_needs() -> None:
    with pytest.raises(Rejected, match=r"^amount-too-small: Ask for at least 1000\.$") as caught:
        refuse_unless(False, "amount-too-small", "Ask for at least 1000.", field="/amount", status=422)
    refusal = caught.value
    assert (refusal.code, refusal.field, refusal.status, refusal.extra) == ("amount-too-small", "/amount", 422, {})
    assert Rejected("busy", "Later.", retry_after=3).extra == {"retry_after": 3}
    assert Rejected("busy", "Later.").status == 409


def test_what_holds_is_not_refused() -> None:
    refuse_unless(True, "never", "Never.")
