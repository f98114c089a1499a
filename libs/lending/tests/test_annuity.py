"""The level instalment is the exact annuity, rounded once."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from libs.lending.annuity import level_instalment
from libs.lending.rounding import Rounding, divide_to_multiple


def exact(principal: int, rates: list[Fraction], balloon: int, weights: list[int]) -> Fraction:
    """The annuity by discounting, another way than the code's: E = (P - B·d_n) / Σ w_i·d_i."""
    discount, present = Fraction(1), Fraction(0)
    for rate, weight in zip(rates, weights, strict=True):
        discount /= 1 + rate
        present += weight * discount
    return (principal - balloon * discount) / present


@given(
    st.integers(1, 10**12),
    st.lists(st.integers(0, 400), min_size=1, max_size=30),
    st.integers(0, 100),
    st.sampled_from([1, 10, 100]),
    st.sampled_from(Rounding),
    st.data(),
)
def test_the_annuity_is_exact(
    principal: int, numerators: list[int], percent: int, multiple: int, mode: Rounding, data: st.DataObject
) -> None:
    weights = data.draw(st.lists(st.integers(1, 9), min_size=len(numerators), max_size=len(numerators)))
    balloon = principal * percent // 100
    expected = exact(principal, [Fraction(n, 12_000) for n in numerators], balloon, weights)
    solved = level_instalment(
        principal, numerators, 12_000, balloon=balloon, weights=weights, multiple=multiple, mode=mode
    )
    assert solved == divide_to_multiple(expected.numerator, expected.denominator, multiple, mode)


def test_a_tie_is_a_tie_without_interest() -> None:
    assert level_instalment(5, [0, 0], 1) == 3
    assert level_instalment(5, [0, 0], 1, mode=Rounding.HALF_EVEN) == 2
    assert level_instalment(6, [0, 0, 0], 1, mode=Rounding.UP) == 2


def test_a_tie_that_fixed_point_cannot_see_is_settled_exactly() -> None:
    assert level_instalment(3, [1], 6) == 4  # 3 × 7/6 is 3.5, and a sixth has no end in binary
    assert level_instalment(3, [1], 6, mode=Rounding.DOWN) == 3
    assert level_instalment(6, [1], 6, mode=Rounding.DOWN) == 7


def test_nothing_is_left_to_repay_when_the_balloon_is_all_of_it() -> None:
    assert level_instalment(100, [0, 0], 1, balloon=100) == 0
