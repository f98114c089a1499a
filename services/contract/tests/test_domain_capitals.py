"""Amounts in Chinese capitals."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.lending.money import Money
from services.contract.domain.capitals import DIGITS, PLACES, capitals


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0.00", "人民币零元整"),
        ("0.05", "人民币伍分"),
        ("0.50", "人民币伍角整"),
        ("1.00", "人民币壹元整"),
        ("10.00", "人民币壹拾元整"),
        ("325.04", "人民币叁佰贰拾伍元零肆分"),
        ("1409.50", "人民币壹仟肆佰零玖元伍角整"),
        ("6007.14", "人民币陆仟零柒元壹角肆分"),
        ("10500.00", "人民币壹万零伍佰元整"),
        ("12000.00", "人民币壹万贰仟元整"),
        ("16409.02", "人民币壹万陆仟肆佰零玖元零贰分"),
        ("100010.00", "人民币壹拾万零壹拾元整"),
        ("100000000.00", "人民币壹亿元整"),
        ("100000001.00", "人民币壹亿零壹元整"),
        ("105000000.00", "人民币壹亿零伍佰万元整"),
        ("200030000.00", "人民币贰亿零叁万元整"),
        ("1000000000000.00", "人民币壹万亿元整"),
        ("1000100000000.00", "人民币壹万零壹亿元整"),
    ],
)
def test_an_amount_is_written_as_cheques_write_it(amount: str, words: str) -> None:
    assert capitals(Money.of(amount)) == words


def read(words: str) -> int:
    """The fen that an amount in capitals stands for: a reader that shares no code with the writer."""
    whole, _, part = words.removeprefix("人民币").partition("元") if "元" in words else ("", "", words[3:])
    total = group = digit = 0
    for character in whole:
        if character in DIGITS:
            digit = DIGITS.index(character)
        elif character in PLACES:
            group, digit = group + digit * 10 ** PLACES.index(character), 0
        elif character == "万":
            total, group, digit = total + (group + digit) * 10**4, 0, 0
        else:
            assert character == "亿"
            total, group, digit = (total + group + digit) * 10**8, 0, 0
    fen = 0
    for character in part:
        if character in DIGITS:
            digit_of_part = DIGITS.index(character)
        elif character in "角分":
            fen += digit_of_part * (10 if character == "角" else 1)
    return (total + group + digit) * 100 + fen


@given(st.integers(min_value=0, max_value=10**15 - 1))
@example(10**14 + 1)
@example(10**10)
@example(10**14 + 10**10 + 3)
def test_capitals_read_back_to_the_same_amount(minor: int) -> None:
    words = capitals(Money(minor))
    assert read(words) == minor
    assert "零零" not in words


@pytest.mark.parametrize("amount", [Money(-1), Money(100, "USD")])
def test_what_is_not_an_amount_of_renminbi_is_refused(amount: Money) -> None:
    with pytest.raises(ValueError, match="not written in capitals"):
        capitals(amount)
