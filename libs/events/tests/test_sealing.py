"""Personal values are sealed on the way in and opened on the way out; nothing else of an event is touched."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

import orjson
import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from libs.events.codec import KEPT_EVENTS_OF_ONE, Codec
from libs.events.sealing import (
    ERASED,
    MARK,
    NO_ACCESS,
    SEALED,
    Keys,
    NoAccess,
    PersonalValues,
    PlainPersonalData,
    Shut,
    SubjectKey,
    opened,
    seal_values,
    subjects_in,
)


class Keyring:
    """Two persons: one with a key, one erased."""

    def __init__(self) -> None:
        self.keys = {"ann": SubjectKey("ann", b"a" * 32), "eve": SubjectKey("eve", instead=ERASED)}

    async def to_open(self, subjects: Collection[str]) -> Keys:
        return {subject: self.keys[subject] for subject in subjects}

    async def to_seal(self, subjects: Collection[str]) -> Keys:
        for subject in subjects:
            if self.keys[subject].is_shut:
                raise Shut(subject, erased=True)
        return {subject: self.keys[subject] for subject in subjects}

    async def look(self) -> None:
        """Its keys change at once."""


class Moved(BaseModel, frozen=True):
    type_name: ClassVar[str] = "town.moved.v1"
    who: str
    street: str = ""
    notes: list[str] = []
    remark: str = ""

    def payload(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def personal(cls, payload: dict[str, Any]) -> PersonalValues:
        notes = [(("notes", n), payload["who"]) for n, _ in enumerate(payload["notes"])]
        return [(("street",), payload["who"]), *notes]


TYPES: dict[str, Any] = {Moved.type_name: Moved}
CODEC = Codec(TYPES, keyring=Keyring())
MOVED = Moved(who="ann", street="桂花路 7", notes=["third floor", "", "ring twice"], remark="Elm")


async def test_what_was_sealed_comes_back_and_is_nowhere_in_the_bytes() -> None:
    [(type_name, data)] = await CODEC.write([MOVED])
    for text in ("桂花路 7", "third floor", "ring twice"):
        assert text.encode() not in data
    assert b"Elm" in data
    assert CODEC.decode(type_name, data, await CODEC.keys_of([data])) == MOVED


async def test_an_event_that_was_opened_is_shared_as_long_as_its_key_is_kept() -> None:
    keyring = Keyring()
    codec = Codec(TYPES, keyring=keyring)
    [(type_name, data)] = await codec.write([MOVED])
    first = codec.decode(type_name, data, await codec.keys_of([data]))
    assert codec.decode(type_name, data, await codec.keys_of([data])) is first
    keyring.keys["ann"] = SubjectKey("ann", instead=ERASED)
    assert codec.decode(type_name, data, await codec.keys_of([data])).street == ERASED
    assert not codec.decode(type_name, data).street.startswith("桂花路"), "nor is it kept anywhere else"


async def test_of_one_person_no_more_events_are_kept_than_a_few() -> None:
    keys = {"ann": SubjectKey("ann", b"a" * 32)}
    for type_name, data in await CODEC.write([MOVED] * (KEPT_EVENTS_OF_ONE + 2)):
        assert CODEC.decode(type_name, data, keys) == MOVED
    assert len(keys["ann"].decoded) == KEPT_EVENTS_OF_ONE


async def test_the_same_value_is_sealed_otherwise_each_time_and_bytes_once_made_stay() -> None:
    first, second = [data for _, data in await CODEC.write([MOVED, MOVED])]
    assert first != second
    assert subjects_in([first, second]) == {"ann"}


async def test_without_a_key_the_place_says_why() -> None:
    [(type_name, data)] = await CODEC.write([MOVED])
    assert CODEC.decode(type_name, data).street == NO_ACCESS
    erased = CODEC.decode(type_name, data, {"ann": SubjectKey("ann", instead=ERASED)})
    assert (erased.street, erased.notes, erased.remark) == (ERASED, [ERASED, "", ERASED], "Elm")


async def test_nothing_is_recorded_of_somebody_who_was_erased() -> None:
    with pytest.raises(Shut, match="eve are erased"):
        await CODEC.write([Moved(who="eve", street="Elm")])


async def test_a_service_without_keys_reads_placeholders_and_records_nothing_personal() -> None:
    codec = Codec(TYPES, keyring=NoAccess())
    [(type_name, data)] = await CODEC.write([MOVED])
    assert codec.decode(type_name, data, await codec.keys_of([data])).street == NO_ACCESS
    with pytest.raises(PermissionError):
        await codec.write([MOVED])


async def test_plain_personal_data_of_earlier_times_are_refused_with_what_to_do() -> None:
    with pytest.raises(PlainPersonalData, match="begin with an empty one"):
        CODEC.decode(Moved.type_name, orjson.dumps(MOVED.payload()))


@pytest.mark.parametrize("change", ["another place", "another type", "another person"])
def test_a_sealed_value_opens_in_its_own_place_only(change: str) -> None:
    keys = {"ann": SubjectKey("ann", b"a" * 32), "bob": SubjectKey("bob", b"a" * 32)}
    payload: dict[str, Any] = {"street": "Elm", "town": ""}
    seal_values("town.moved.v1", payload, [(("street",), "ann")], keys)
    assert opened("town.moved.v1", payload, keys) == {"street": "Elm", "town": ""}
    type_name = "town.other.v1" if change == "another type" else "town.moved.v1"
    if change == "another place":
        payload = {"street": "", "town": payload["street"]}
    if change == "another person":
        payload["street"][SEALED] = payload["street"][SEALED].replace(":ann:", ":bob:")
    with pytest.raises(InvalidTag):
        opened(type_name, payload, keys)


@given(st.text())
def test_no_text_of_a_client_looks_sealed(text: str) -> None:
    for said in (text, f'{{"{SEALED}":"1:ann:AAAA"}}', MARK.decode() + text):
        data = orjson.dumps({"remark": said.encode("utf-8", "replace").decode()})
        assert MARK not in data
        assert not subjects_in([data])
