"""Fees of many loans at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from libs.lending.column_rows import PRODUCT_MAX, Flags, Integers, divide, even_parts
from libs.lending.terms import Fee, FeeBase, FeeTiming, LoanTerms


def fee_in_columns(fee: Fee) -> bool:
    """Whether the fee's rate leaves room for an amount in 64 bits."""
    return fee.rate is None or fee.rate.as_integer_ratio()[1] < 10**9


def with_financed(like: LoanTerms, principal: Integers) -> tuple[Integers, Flags]:
    """Principal with the fees that are added to it; flagged are loans whose fee could leave 64 bits."""
    owed, wide = principal, np.zeros(len(principal), np.bool_)
    for fee in like.fees:
        if fee.timing is FeeTiming.FINANCED:
            amount, too_wide = _charge(fee, principal, like)
            owed, wide = owed + amount, wide | too_wide
    return owed, wide


def instalment_fees(
    like: LoanTerms,
    principal: Integers,
    owed: Integers,
    parts: Integers,
    interests: Integers,
    instalments: npt.NDArray[np.int32],
    out: Integers,
) -> Flags:
    """Add the fees due with each instalment to `out`; flagged are loans whose fee could leave 64 bits."""
    wide = np.zeros(len(principal), np.bool_)
    for fee in like.fees:
        if fee.timing is FeeTiming.SPREAD:
            amount, too_wide = _charge(fee, principal, like)
            wide |= too_wide
            for k, part in enumerate(even_parts(amount, len(out), like)):
                out[k] += part
        elif fee.timing is FeeTiming.EACH_INSTALMENT:
            opening = owed
            for k, (part, interest) in enumerate(zip(parts, interests, strict=True)):
                base = {
                    FeeBase.PRINCIPAL: principal,
                    FeeBase.OPENING_BALANCE: opening,
                    FeeBase.INSTALMENT_PRINCIPAL: part,
                    FeeBase.INSTALMENT: part + interest,
                }[fee.base]
                amount, too_wide = _charge(fee, base, like)
                wide |= too_wide
                out[k] += np.where(k < instalments, amount, 0)
                opening = opening - part
    return wide


def _charge(fee: Fee, base: Integers, like: LoanTerms) -> tuple[Integers, Flags]:
    """One charge on its base, nothing where that could leave 64 bits."""
    if fee.amount is not None:
        return np.full_like(base, fee.amount.minor), np.zeros(len(base), np.bool_)
    assert fee.rate is not None
    numerator, denominator = fee.rate.as_integer_ratio()
    wide = (base < 0) | (base * float(numerator) >= PRODUCT_MAX)
    return divide(np.where(wide, 0, base) * numerator, denominator, like.rounding), wide
