"""Money, numbers, rates and terms as they look in JSON: exact, one text for one value, nothing guessed."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, TypeAdapter, ValidationError

from libs.contracts import examples as ex
from libs.contracts.types import Code, DecimalField, Id, MoneyField, RateField, TermsField, Text, plain
from libs.lending.money import EXPONENT, LARGEST_MINOR, Money
from libs.lending.terms import LoanTerms
from libs.lending.tests.strategies import terms


class Holder(BaseModel):
    money: MoneyField = Money(0)
    number: DecimalField = Decimal(0)
    rate: RateField = Decimal(0)
    terms: TermsField | None = None


def refused(member: str, value: Any) -> str:
    """The reason for which a value is refused; fails when it is not."""
    with pytest.raises(ValidationError) as caught:
        Holder.model_validate({member: value})
    (error,) = caught.value.errors(include_url=False)
    assert error["loc"] == (member,)
    return str(error["type"])


@cache
def schema_of(member: str) -> Draft202012Validator:
    return Draft202012Validator(Holder.model_json_schema(mode="serialization")["properties"][member])


def written(member: str, value: Any) -> Any:
    return Holder.model_validate({member: value}).model_dump(mode="json")[member]


moneys = st.builds(Money, st.integers(1 - LARGEST_MINOR, LARGEST_MINOR - 1), st.sampled_from(sorted(EXPONENT)))
decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=10)


@given(moneys)
def test_money_is_written_as_decimal_text_and_read_back_exactly(money: Money) -> None:
    text = written("money", money)
    assert text == {"amount": money.amount, "currency": money.currency}
    schema_of("money").validate(text)
    assert Holder.model_validate({"money": text}).money == money


@pytest.mark.parametrize(
    "value",
    [
        12.5,
        12,
        "12.50",
        None,
        ["12.50", "CNY"],
        {"amount": "12.50"},
        {"amount": 12.5, "currency": "CNY"},
        {"amount": 12, "currency": "CNY"},
        {"amount": True, "currency": "CNY"},
        {"amount": "12.50", "currency": 156},
        {"amount": "12.50", "currency": "XXX"},
        {"amount": "12.50", "currency": "CNY", "note": "thanks"},
        {"amount": "12.505", "currency": "CNY"},
        {"amount": "1.5", "currency": "JPY"},
        {"amount": "1e3", "currency": "CNY"},
        {"amount": "1,000.00", "currency": "CNY"},
        {"amount": "+1.00", "currency": "CNY"},
        {"amount": " 1.00", "currency": "CNY"},
        {"amount": "１.00", "currency": "CNY"},
        {"amount": "NaN", "currency": "CNY"},
        {"amount": "", "currency": "CNY"},
        {"amount": "1" + "0" * 15 + ".00", "currency": "CNY"},
        {"amount": "0." + "0" * 1000, "currency": "CNY"},
    ],
)
def test_what_is_not_exact_money_is_refused(value: Any) -> None:
    assert refused("money", value) == "money"


@given(decimals)
def test_a_number_has_one_text_and_is_read_back_exactly(number: Decimal) -> None:
    text = written("number", number)
    schema_of("number").validate(text)
    assert Holder.model_validate({"number": text}).number == number
    assert written("number", text) == text


@given(decimals, st.integers(0, 5))
def test_trailing_zeros_change_nothing(number: Decimal, zeros: int) -> None:
    padded = Decimal(f"{number:f}" + ("" if "." in f"{number:f}" else ".") + "0" * zeros)
    assert plain(padded) == plain(number)


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.180", "0.18"), ("-0", "0"), ("-0.00", "0"), ("100", "100"), (Decimal("1E+2"), "100"), (Decimal("-0"), "0")],
)
def test_equal_numbers_are_written_alike(value: Any, text: str) -> None:
    assert written("number", value) == text


@pytest.mark.parametrize(
    "value",
    [
        0.18,
        18,
        True,
        None,
        "",
        "-",
        ".5",
        "5.",
        "01",
        "+1",
        "1e2",
        "1_000",
        " 1",
        "1\n",
        "٣",
        "NaN",
        "Infinity",
        "-Infinity",
        "1.2.3",
        "0." + "1" * 31,
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal(1).scaleb(-40),
    ],
)
def test_what_is_not_a_plain_decimal_is_refused(value: Any) -> None:
    assert refused("number", value) == "decimal_string"


@given(st.floats())
def test_no_float_passes_for_money_or_a_number(value: float) -> None:
    assert refused("number", value) == "decimal_string"
    assert refused("rate", value) == "decimal_string"
    assert refused("money", {"amount": value, "currency": "CNY"}) == "money"


@given(st.decimals(min_value=0, max_value=10, places=12))
def test_a_rate_from_nothing_to_ten_is_read_back_exactly(rate: Decimal) -> None:
    text = written("rate", rate)
    assert Holder.model_validate({"rate": text}).rate == rate


@pytest.mark.parametrize("value", ["-0.01", "10.01", "18", "0." + "1" * 21])
def test_a_rate_outside_its_bounds_is_refused(value: str) -> None:
    assert refused("rate", value) == "rate"


@given(terms())
def test_terms_are_read_back_without_loss(agreed: LoanTerms) -> None:
    text = written("terms", agreed)
    schema_of("terms").validate(text)
    assert Holder.model_validate({"terms": text}).terms == agreed


@pytest.mark.parametrize(
    "value",
    [
        ex.TERMS | {"principal": {"amount": 12000.0, "currency": "CNY"}},
        ex.TERMS | {"annual_rate": 0.18},
        ex.TERMS | {"annual_rate": "18"},
        ex.TERMS | {"instalments": 0},
        ex.TERMS | {"instalments": "12"},
        ex.TERMS | {"disbursed_on": "2026-02-30"},
        ex.TERMS | {"colour": "blue"},
        {"principal": ex.cny("12000.00")},
        "12000.00",
    ],
)
def test_terms_from_which_no_plan_follows_are_refused(value: Any) -> None:
    assert refused("terms", value) == "loan_terms"


def test_terms_say_in_their_schema_what_they_refuse() -> None:
    schema = schema_of("terms")
    assert schema.is_valid(ex.TERMS)
    for wrong in ({"annual_rate": 0.18}, {"instalments": "12"}, {"method": "WHENEVER"}, {"colour": "blue"}):
        assert not schema.is_valid(ex.TERMS | wrong), wrong


@pytest.mark.parametrize("value", ["a", "A9._:-z", "0197a3f0-0000-7000-8000-000000000001", "x" * 80])
def test_identifiers_are_opaque_and_short(value: str) -> None:
    assert TypeAdapter(Id).validate_python(value) == value


@pytest.mark.parametrize("value", ["", "-a", "a b", "a/b", "a\n", "é", "x" * 81])
def test_an_identifier_cannot_break_a_path_or_a_log(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Id).validate_python(value)


@pytest.mark.parametrize("value", ["", "9-lives", "Upper", "under_score", "a b", "x" * 65])
def test_a_code_is_kebab_case(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Code).validate_python(value)


def test_a_text_says_something() -> None:
    assert TypeAdapter(Text).validate_python("  张三 ") == "张三"
    for empty in ("", "   ", "x" * 501):
        with pytest.raises(ValidationError):
            TypeAdapter(Text).validate_python(empty)
