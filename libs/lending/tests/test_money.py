"""Money is exact, keeps its currency, and refuses what is not money."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.lending.money import LARGEST_MINOR, Money, MoneyError, total


@pytest.mark.parametrize(
    "amount", ["1.001", "1e3", "", "-", " 1", "01", "1.", ".5", "NaN", "1" * 30, "١", "1_000", 1.0, True, None]
)
def test_what_is_not_an_amount_is_refused(amount: object) -> None:
    with pytest.raises(MoneyError):
        Money.of(amount)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize("minor", [1.0, True, "1", LARGEST_MINOR, -LARGEST_MINOR])
def test_minor_units_are_integers_in_range(minor: object) -> None:
    with pytest.raises(MoneyError):
        Money(minor)  # type: ignore[arg-type]  # the point of the test


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(MoneyError):
        Money(1, "XXX")
    with pytest.raises(MoneyError):
        Money.of("1", "XXX")


def test_amounts_have_all_digits_of_their_currency() -> None:
    assert (Money(-5).amount, Money(100010).amount, Money(7, "JPY").amount) == ("-0.05", "1000.10", "7")
    assert str(Money(1)) == "0.01 CNY"
    assert repr(Money(1)) == "Money('0.01', 'CNY')"
    assert Money(-123).decimal == Decimal("-1.23")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(MoneyError):
        Money(1) + Money(1, "USD")
    with pytest.raises(TypeError):
        Money(1) + 1  # type: ignore[operator]  # the point of the test
    with pytest.raises(TypeError):
        Money(1) * 1.5  # type: ignore[operator]  # the point of the test


def test_arithmetic_and_order() -> None:
    assert Money(3) - Money(5) == -Money(2)
    assert Money(3) * 4 == Money(12)
    assert Money(1) < Money(2) <= Money(2)
    assert Money(2) > Money(1) >= Money(1)
    assert Money(1)
    assert not Money(0)
    assert total([Money(1), Money(2)]) == Money(3)
    assert total([], "USD") == Money.zero("USD")


def test_a_factor_is_rounded_once_half_up_or_as_asked() -> None:
    assert Money(25).times(Decimal("0.1")) == Money(3)
    assert Money(25).times(Decimal("0.1"), ROUND_HALF_EVEN) == Money(2)


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 1000), min_size=1, max_size=20))
def test_a_split_sums_to_the_whole(minor: int, weights: list[int]) -> None:
    if sum(weights) == 0:
        with pytest.raises(MoneyError):
            Money(minor).split(weights)
        return
    parts = Money(minor).split(weights)
    assert total(parts) == Money(minor)
    assert all(
        abs(part.minor * sum(weights) - minor * weight) < sum(weights)
        for part, weight in zip(parts, weights, strict=True)
    )


@given(st.integers(-(10**16), 10**16), st.sampled_from(["CNY", "JPY"]))
def test_amount_and_money_are_inverse(minor: int, currency: str) -> None:
    assert Money.of(Money(minor, currency).amount, currency) == Money(minor, currency)
