"""One exact rounding, five modes, held to the standard library's decimals."""

from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.lending.rounding import Rounding, divide, divide_to_multiple

DECIMAL_MODE = {
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_DOWN: ROUND_HALF_DOWN,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.UP: ROUND_UP,
    Rounding.DOWN: ROUND_DOWN,
}


@given(st.integers(-(10**15), 10**15), st.sampled_from([1, 2, 4, 5, 8, 10, 25, 1000]), st.sampled_from(Rounding))
def test_rounding_agrees_with_decimals(numerator: int, denominator: int, mode: Rounding) -> None:
    exact = Context(prec=60).divide(Decimal(numerator), Decimal(denominator))
    assert divide(numerator, denominator, mode) == int(exact.quantize(Decimal(1), DECIMAL_MODE[mode]))


def test_ties_go_where_the_mode_says() -> None:
    assert [divide(n, 2, Rounding.HALF_UP) for n in (1, 3, 5, -1)] == [1, 2, 3, -1]
    assert [divide(n, 2, Rounding.HALF_EVEN) for n in (1, 3, 5, -1)] == [0, 2, 2, 0]


def test_a_multiple_is_rounded_to_not_after() -> None:
    assert divide_to_multiple(12_349, 1, 100) == 12_300
    assert divide_to_multiple(12_350, 1, 100) == 12_400
    assert divide_to_multiple(12_349, 1, 100, Rounding.UP) == 12_400


@pytest.mark.parametrize("denominator", [0, -3])
def test_the_denominator_is_positive(denominator: int) -> None:
    with pytest.raises(ZeroDivisionError):
        divide(1, denominator)
