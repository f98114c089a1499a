"""The level instalment: the annuity over each period's own rate, exact to the minor unit.

Fixed-point integers carry 160 fractional bits; where the result comes so close to a rounding boundary that they
cannot tell, it is worked out again with exact ratios. Every implementation (this one, a column-wise one) can thus
be held to one definition: the exact annuity, rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from libs.lending.rounding import Rounding, divide_to_multiple

_BITS: Final = 160
_ONE: Final = 1 << _BITS
_GUARD_BITS: Final = 64
"""A result nearer than 2^-64 of a rounding step to a boundary is settled exactly."""


def level_instalment(
    principal: int,
    rates: Sequence[int],
    denominator: int,
    *,
    balloon: int = 0,
    weights: Sequence[int] | None = None,
    multiple: int = 1,
    mode: Rounding = Rounding.HALF_UP,
) -> int:
    """The amount E (per unit of weight) for which E·w1 … E·wn repay `principal` but `balloon`, rounded once.

    Period i's rate is `rates[i] / denominator`. From the balance recursion b_i = b_{i-1}(1 + r_i) - E·w_i:
    E = (P·Π(1 + r_i) - B) / Σ w_i·Π_{j>i}(1 + r_j).
    """
    growth, annuity = _ONE, 0
    for n, rate in enumerate(rates):
        growth += growth * rate // denominator
        annuity += annuity * rate // denominator
        annuity += _ONE if weights is None else weights[n] << _BITS
    numerator = principal * growth - (balloon << _BITS)
    step = annuity * multiple
    if numerator <= 0:
        return 0
    if _near_boundary(numerator, step):
        numerator, annuity = _exact(principal, rates, denominator, balloon, weights)
        return divide_to_multiple(numerator, annuity, multiple, mode)
    return divide_to_multiple(numerator, annuity, multiple, mode)


def _near_boundary(numerator: int, step: int) -> bool:
    """Whether twice the ratio is within 2^-64 of a whole number: every mode's boundaries are among these."""
    rest = (2 * numerator) % step
    return min(rest, step - rest) << _GUARD_BITS <= step


def _exact(
    principal: int,
    rates: Sequence[int],
    denominator: int,
    balloon: int,
    weights: Sequence[int] | None,
) -> tuple[int, int]:
    """Numerator and denominator of the annuity as exact integers (over denominator^n)."""
    growth, annuity, scale = 1, 0, 1
    for n, rate in enumerate(rates):
        growth *= denominator + rate
        annuity = annuity * (denominator + rate)
        scale *= denominator
        annuity += scale * (1 if weights is None else weights[n])
    return principal * growth - balloon * scale, annuity
