"""Money in the kit: exact both ways, and never a float."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from partners.kit import Money

FEN = st.integers(-(10**15), 10**15)


@given(minor=FEN, other=FEN)
def test_it_is_exact_in_json_and_in_sums(minor: int, other: int) -> None:
    money = Money.of_minor(minor)
    assert Money.model_validate_json(money.model_dump_json()) == money
    assert money.minor == minor
    assert (money + Money.of_minor(other)).minor == minor + other
    assert (money - Money.of_minor(other)).minor == minor - other
    assert (-money).minor == -minor


@pytest.mark.parametrize("wrong", [1.5, 1, True, None, "1.005", "1e400000", "NaN", "Infinity", "一", "", "1,00"])
def test_what_is_no_amount_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": wrong, "currency": "CNY"})


def test_it_is_written_as_the_platform_writes_it() -> None:
    assert Money.of("-0").model_dump(mode="json") == {"amount": "0.00", "currency": "CNY"}
    assert str(Money.of(Decimal("770.1"))) == "770.10 CNY"
    assert Money.of("770.1") == Money.of("770.10")
    with pytest.raises(ValidationError, match="not a currency"):
        Money.of("1", "USD")
