"""Rounding of exact ratios to integers: the only place where a fraction of a fen is given up."""

from __future__ import annotations

from enum import StrEnum


class Rounding(StrEnum):
    """How a ratio becomes an integer (names as in IEEE 754 and `java.math.RoundingMode`)."""

    HALF_UP = "HALF_UP"
    """Ties away from zero: 四舍五入, GB/T 8170 in its everyday form; the default."""
    HALF_DOWN = "HALF_DOWN"
    """Ties towards zero: 五舍六入."""
    HALF_EVEN = "HALF_EVEN"
    """Ties to the even neighbour (IEEE 754 default; Apache Fineract's default)."""
    UP = "UP"
    """Away from zero: never less than the exact value."""
    DOWN = "DOWN"
    """Towards zero: never more than the exact value."""


def divide(numerator: int, denominator: int, mode: Rounding = Rounding.HALF_UP) -> int:
    """`numerator / denominator` rounded once, exactly; the denominator must be positive.

    >>> divide(5, 2), divide(5, 2, Rounding.HALF_EVEN), divide(-5, 2)
    (3, 2, -3)
    """
    if denominator <= 0:
        raise ZeroDivisionError("the denominator of a rounded ratio must be positive")
    if numerator < 0:
        return -divide(-numerator, denominator, mode)
    if mode is Rounding.HALF_UP:
        return (2 * numerator + denominator) // (2 * denominator)
    if mode is Rounding.HALF_DOWN:
        return (2 * numerator + denominator - 1) // (2 * denominator)
    whole, rest = divmod(numerator, denominator)
    if mode is Rounding.DOWN or rest == 0:
        return whole
    if mode is Rounding.UP:
        return whole + 1
    twice = 2 * rest
    return whole + (twice > denominator or (twice == denominator and whole % 2 == 1))


def divide_to_multiple(numerator: int, denominator: int, multiple: int, mode: Rounding = Rounding.HALF_UP) -> int:
    """The multiple of `multiple` that the ratio rounds to (an instalment in whole yuan: multiple 100)."""
    return divide(numerator, denominator * multiple, mode) * multiple
