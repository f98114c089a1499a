"""Fees of a plan: what is due when, from the terms."""

from __future__ import annotations

from collections.abc import Sequence

from libs.lending.rounding import divide
from libs.lending.terms import Fee, FeeBase, FeeTiming, LoanTerms, Remainder


def fee_minor(fee: Fee, base_minor: int, terms: LoanTerms) -> int:
    """One charge of the fee on its base."""
    if fee.amount is not None:
        return fee.amount.minor
    assert fee.rate is not None
    numerator, denominator = fee.rate.as_integer_ratio()
    return divide(base_minor * numerator, denominator, terms.rounding)


def _at(terms: LoanTerms, timing: FeeTiming) -> int:
    return sum(fee_minor(fee, terms.principal.minor, terms) for fee in terms.fees if fee.timing is timing)


def upfront_minor(terms: LoanTerms) -> int:
    """What the borrower pays beside the loan on the day it is paid out."""
    return _at(terms, FeeTiming.AT_DISBURSEMENT)


def financed_minor(terms: LoanTerms) -> int:
    """What is added to the principal."""
    return _at(terms, FeeTiming.FINANCED)


def instalment_fees(
    terms: LoanTerms, principal: int, parts: Sequence[tuple[int, int]], drawn: Sequence[int] = ()
) -> list[int]:
    """The fee due with each instalment; `drawn` is what later tranches add to the balance in each."""
    fees = [0] * len(parts)
    if not terms.fees:
        return fees
    for fee in terms.fees:
        if fee.timing is FeeTiming.SPREAD:
            _spread(fees, fee_minor(fee, terms.principal.minor, terms), terms)
        elif fee.timing is FeeTiming.EACH_INSTALMENT:
            opening = principal
            for n, (part, interest) in enumerate(parts):
                fees[n] += fee_minor(fee, _base(fee, terms, opening, part, interest), terms)
                opening += (drawn[n] if drawn else 0) - part
    return fees


def _base(fee: Fee, terms: LoanTerms, opening: int, principal: int, interest: int) -> int:
    return {
        FeeBase.PRINCIPAL: terms.principal.minor,
        FeeBase.OPENING_BALANCE: opening,
        FeeBase.INSTALMENT_PRINCIPAL: principal,
        FeeBase.INSTALMENT: principal + interest,
    }[fee.base]


def _spread(fees: list[int], amount: int, terms: LoanTerms) -> None:
    for n, part in enumerate(even_parts(amount, len(fees), terms)):
        fees[n] += part


def even_parts(amount: int, count: int, terms: LoanTerms) -> list[int]:
    """`amount` in equal rounded parts, none negative; the remainder goes where the terms put it."""
    part = divide(amount, count, terms.rounding)
    if part * (count - 1) > amount:
        part = amount // count
    parts = [part] * count
    parts[0 if terms.remainder is Remainder.FIRST else -1] += amount - part * count
    return parts
