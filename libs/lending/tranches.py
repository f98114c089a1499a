"""Several disbursements: what each adds to an instalment's principal, and the interest it bears there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from math import lcm
from typing import Final, NamedTuple

from libs.lending.periods import Periods, average_rate, days_part, interest_dates
from libs.lending.terms import InterestAccrual, LoanTerms, PartialPeriod, TermsError, Tranche


class Draw(NamedTuple):
    """What is paid out within an instalment's period: the amount, and the exact interest on it until the due date.

    `interest` is a numerator over the plan's denominator, in minor units.
    """

    amount: int
    interest: int


NO_DRAW: Final = Draw(0, 0)


def first_advance_minor(terms: LoanTerms) -> int:
    """What is paid out on the first day: the principal but for the later tranches."""
    return terms.principal.minor - sum(tranche.amount.minor for tranche in terms.tranches)


def draws(
    terms: LoanTerms, periods: Periods, rates: Sequence[int], denominator: int
) -> tuple[list[Draw], list[int], int]:
    """What is drawn in each period, and the period rates over a denominator that fits both; nothing without tranches.

    Raises `TermsError` for a tranche that no instalment follows.
    """
    if not terms.tranches:
        return [], list(rates), denominator
    dates = interest_dates(terms, periods)
    amounts, interest = [0] * len(rates), [Fraction(0)] * len(rates)
    for tranche in terms.tranches:
        if tranche.on >= dates[-1]:
            raise TermsError("tranches", f"the tranche of {tranche.on} is paid out after the last due date")
        row = next(n for n, due in enumerate(dates[1:]) if tranche.on < due)
        amounts[row] += tranche.amount.minor
        if row >= terms.interest_free:
            whole = Fraction(rates[row], denominator)
            interest[row] += _interest(terms, tranche, dates[row], dates[row + 1], whole)
    common = lcm(denominator, *(part.denominator for part in interest))
    scale = common // denominator
    drawn = [
        Draw(amount, part.numerator * (common // part.denominator))
        for amount, part in zip(amounts, interest, strict=True)
    ]
    return drawn, [rate * scale for rate in rates], common


def _interest(terms: LoanTerms, tranche: Tranche, start: date, due: date, whole: Fraction) -> Fraction:
    """Exact interest on a tranche until the due date of its first instalment, whose whole period's rate is given."""
    by_days = terms.accrual is InterestAccrual.DAILY or terms.partial_period is PartialPeriod.DAYS
    if by_days:
        return tranche.amount.minor * average_rate(terms, tranche.on, due) * days_part(terms, tranche.on, due)
    return tranche.amount.minor * whole * Fraction((due - tranche.on).days, (due - start).days)


def balances_within(terms: LoanTerms, opening_minor: int, start: date, end: date) -> list[tuple[date, int]]:
    """The opening balance and every tranche from `start` (included) to `end` (excluded), each with its day."""
    within = [(tranche.on, tranche.amount.minor) for tranche in terms.tranches if start <= tranche.on < end]
    return [(start, opening_minor), *within]
