"""Principal and interest of many loans at once, in exact 64-bit integers; floats only propose an instalment.

Each function works on a block of loans (arrays of one length) and says which loans it is not sure of: those are left
to the plain engine. Callers have made sure that no product can leave 64 bits.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from libs.lending.rounding import Rounding
from libs.lending.terms import InterestAccrual, LoanTerms, Remainder

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

UNIT_ROUNDOFF: Final = 2.0**-53
PRODUCT_MAX: Final = 2.0**61
"""Products and denominators stay below it: twice one and the other fit 63 bits, floats' own error allowed for."""


def divide(numerator: Integers, denominator: int, mode: Rounding) -> Integers:
    """As `rounding.divide`, for numerators from 0 to 2^62 and denominators up to 2^61."""
    whole = numerator.view(np.uint64)
    one = np.uint64(denominator)
    if mode is Rounding.HALF_UP:
        return ((whole + whole + one) // (one + one)).view(np.int64)
    if mode is Rounding.HALF_DOWN:
        return ((whole + whole + (one - np.uint64(1))) // (one + one)).view(np.int64)
    if mode is Rounding.UP:
        return ((whole + (one - np.uint64(1))) // one).view(np.int64)
    quotient = whole // one
    if mode is Rounding.DOWN:
        return quotient.view(np.int64)
    twice = (whole - quotient * one) * np.uint64(2)
    quotient += (twice > one) | ((twice == one) & (quotient % np.uint64(2) == np.uint64(1)))
    return quotient.view(np.int64)


def propose_level(principal: Integers, rates: list[Floats], multiple: int, mode: Rounding) -> tuple[Integers, Flags]:
    """The annuity over each period's rate, rounded to a multiple; and where floats cannot tell which way.

    Relative error of the ratio, u = 2^-53: a rate 2u, 1 + rate 3u, growth 4u a period, the annuity 5u a period, three
    more operations: less than (9n + 3)u. Twice that is held to be doubtful.
    """
    growth = np.ones(len(principal))
    annuity = np.zeros(len(principal))
    with np.errstate(over="ignore", invalid="ignore"):  # a ratio without a value is doubtful
        for rate in rates:
            factor = rate + 1.0
            growth *= factor
            annuity *= factor
            annuity += 1.0
        exact = principal * growth / (annuity * multiple)
        shifted = exact if mode in (Rounding.UP, Rounding.DOWN) else exact + 0.5
        error = exact * ((18 * len(rates) + 6) * UNIT_ROUNDOFF) + shifted * UNIT_ROUNDOFF
        doubtful = ~(np.abs(shifted - np.rint(shifted)) > error)
    settled = np.where(doubtful, 1.0, np.ceil(shifted) if mode is Rounding.UP else np.floor(shifted))
    level: Integers = np.maximum(settled, 1.0).astype(np.int64) * multiple
    return level, doubtful


def level_rows(
    terms: LoanTerms, level: Integers, balance: Integers, rates: list[Integers], denominator: int
) -> tuple[list[Integers], list[Integers], Flags]:
    """Interest first, the rest principal, what is left last; flagged are loans whose interest exceeds the level."""
    short = np.zeros(len(level), np.bool_)
    principal, interests, last = [], [], len(rates) - 1
    for k, rate in enumerate(rates):
        interest = divide(balance * rate, denominator, terms.rounding)
        if k == last:
            part = balance
        elif k < terms.principal_grace:
            part = np.zeros_like(balance)
        else:
            part = level - interest
            short |= part < 0
            np.minimum(part, balance, out=part)
        principal.append(part)
        interests.append(interest)
        balance = balance - part
    return principal, interests, short


def even_parts(amount: Integers, count: int, terms: LoanTerms) -> list[Integers]:
    """As `fees.even_parts`."""
    part = divide(amount, count, terms.rounding)
    part = np.where(part * (count - 1) > amount, amount // count, part)
    parts = [part] * count
    n = 0 if terms.remainder is Remainder.FIRST else -1
    parts[n] = part + (amount - part * count)
    return parts


def declining_rows(
    terms: LoanTerms, parts: list[Integers], balance: Integers, rates: list[Integers], denominator: int
) -> list[Integers]:
    """Interest on what is left, for parts of the principal that are known beforehand."""
    interests = []
    for part, rate in zip(parts, rates, strict=True):
        interests.append(divide(balance * rate, denominator, terms.rounding))
        balance = balance - part
    return interests


def flat_rows(
    terms: LoanTerms, principal: Integers, rates: list[Integers], denominator: int
) -> tuple[list[Integers], Flags]:
    """Interest on the original principal, the term's interest rounded once; flagged where a period bears none."""
    bearing = rates[terms.interest_free :]
    zero = np.zeros_like(principal)
    if not bearing:
        return [zero] * len(rates), np.zeros(len(principal), np.bool_)
    odd = np.minimum.reduce(bearing) == 0
    total = divide(principal * np.add.reduce(bearing), denominator, terms.rounding)
    if terms.accrual is InterestAccrual.DAILY:
        parts = even_parts(total, len(bearing), terms)
    else:
        parts, left = [], total
        for rate in bearing:
            parts.append(np.minimum(divide(principal * rate, denominator, terms.rounding), left))
            left = left - parts[-1]
        parts[-1] = parts[-1] + left
    return [zero] * terms.interest_free + parts, odd & (np.maximum.reduce(bearing) > 0)


def defer(interests: list[Integers], grace: int) -> list[Integers]:
    """Interest of the graced instalments is billed with the first one after them."""
    zero = np.zeros_like(interests[0])
    deferred = np.add.reduce(interests[: grace + 1])
    return [zero] * grace + [deferred, *interests[grace + 1 :]]
