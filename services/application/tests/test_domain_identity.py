"""Identity numbers: what the standards accept, and what their check characters promise to find."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from libs.contracts.problems import Rejected
from services.application.domain.identity import (
    ENTERPRISE_ALPHABET,
    PROVINCES,
    credit_code,
    person_check_character,
    resident_identity,
)
from services.application.tests.numbers import ENTERPRISE, PERSON, enterprise_number, person_number

TODAY = date(2026, 2, 1)
regions = st.builds(
    lambda province, rest: f"{province}{rest:04}", st.sampled_from(sorted(PROVINCES)), st.integers(0, 9999)
)
people = st.builds(person_number, st.dates(date(1900, 1, 1), TODAY), st.integers(0, 999), regions)
enterprises = st.builds(
    enterprise_number,
    st.text(ENTERPRISE_ALPHABET, min_size=9, max_size=9),
    st.from_regex(r"[0-9]{6}", fullmatch=True),
    st.text(ENTERPRISE_ALPHABET, min_size=2, max_size=2),
)


def refused(code: str, number: str) -> None:
    with pytest.raises(Rejected) as caught:
        resident_identity(number, TODAY)
    assert caught.value.code == code
    assert caught.value.field == "/identity_number"
    assert caught.value.status == 422
    assert not number or number not in str(caught.value)


def test_the_standards_own_examples_are_read() -> None:
    # GB 11643-1999 prints 11010519491231002X and 440524188001010014; who was born in 1880 applies no more.
    assert resident_identity(PERSON, TODAY) == (PERSON, "110105", date(1949, 12, 31))
    assert person_check_character("44052418800101001") == "4"
    assert credit_code("91350100M000100Y43") == ("91350100M000100Y43", "350100")  # GB 32100-2015


def test_a_small_x_and_spaces_around_are_accepted() -> None:
    assert resident_identity(" 11010519491231002x ", TODAY).number == PERSON


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("identity-number-form", ""),
        ("identity-number-form", "11010519491231002"),
        ("identity-number-form", "11010519491231002X0"),
        ("identity-number-form", "1101051949123100XX"),
        ("identity-number-form", "１１０１０５１９４９１２３１００２X"),
        ("identity-number-form", "110105491231002"),
        ("identity-number-region", "990105194912310023"),
        ("identity-number-region", "000105194912310023"),
        ("identity-number-birth-date", "110105194902300029"),
        ("identity-number-birth-date", "110105189912310025"),
        ("identity-number-birth-date", "110105202602020027"),
        ("identity-number-check", "110105194912310020"),
    ],
)
def test_a_number_that_is_not_one_is_refused_for_what_is_wrong(code: str, number: str) -> None:
    refused(code, number)


def test_a_child_born_today_has_a_number() -> None:
    assert resident_identity(person_number(TODAY), TODAY).birth_date == TODAY


@pytest.mark.parametrize("number", ["", ENTERPRISE[:-1], ENTERPRISE + "0", "91330106IA2CFLDG4R", "91A30106MA2CFLDG4R"])
def test_a_code_of_another_form_is_refused(number: str) -> None:
    with pytest.raises(Rejected) as caught:
        credit_code(number)
    assert caught.value.code == "identity-number-form"


@given(people)
def test_every_number_made_by_the_standard_is_read(number: str) -> None:
    identity = resident_identity(number, TODAY)
    assert (identity.number, identity.region) == (number, number[:6])
    assert f"{identity.birth_date:%Y%m%d}" == number[6:14]


@given(people, st.integers(0, 17), st.sampled_from("0123456789X"))
def test_every_change_of_one_character_of_a_number_is_found(number: str, position: int, other: str) -> None:
    assume(number[position] != other)
    with pytest.raises(Rejected):
        resident_identity(number[:position] + other + number[position + 1 :], TODAY)


@given(people, st.integers(0, 16))
def test_every_exchange_of_neighbours_in_a_number_is_found(number: str, position: int) -> None:
    a, b = number[position : position + 2]
    assume(a != b)
    with pytest.raises(Rejected):
        resident_identity(number[:position] + b + a + number[position + 2 :], TODAY)


@given(enterprises)
def test_every_code_made_by_the_standard_is_read(number: str) -> None:
    assert credit_code(number.lower()) == (number, number[2:8])


@given(enterprises, st.integers(0, 17), st.sampled_from(ENTERPRISE_ALPHABET))
def test_every_change_of_one_character_of_a_code_is_found(number: str, position: int, other: str) -> None:
    assume(number[position] != other)
    with pytest.raises(Rejected):
        credit_code(number[:position] + other + number[position + 1 :])


@given(enterprises, st.integers(0, 16))
def test_every_exchange_of_neighbours_in_a_code_is_found(number: str, position: int) -> None:
    a, b = number[position : position + 2]
    assume(a != b)
    with pytest.raises(Rejected):
        credit_code(number[:position] + b + a + number[position + 2 :])
