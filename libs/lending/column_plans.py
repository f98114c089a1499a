"""One block of loans in columns: dates, rates, principal, interest and fees, and which loans are left to the plain engine."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from libs.lending.calendar import Calendar, MonthEnd
from libs.lending.column_dates import Days, counted, moved, nominal_dates, out_of_range
from libs.lending.column_fees import fee_in_columns, instalment_fees, with_financed
from libs.lending.column_rows import (
    PRODUCT_MAX,
    Flags,
    Floats,
    Integers,
    declining_rows,
    defer,
    divide,
    even_parts,
    flat_rows,
    level_rows,
    propose_level,
)
from libs.lending.conventions import FeeTiming, InstalmentFit, InstalmentRule, InterestAccrual, Remainder
from libs.lending.daycount import BASIS, DayCount
from libs.lending.periods import regular_part
from libs.lending.terms import BrokenPeriod, LoanTerms, RepaymentMethod

FLOAT_EXACT: Final = 2**53
"""Integers below it are floats exactly."""

_KNOWN: Final = {
    RepaymentMethod.EQUAL_INSTALMENT,
    RepaymentMethod.EQUAL_PRINCIPAL,
    RepaymentMethod.INTEREST_ONLY_BALLOON,
    RepaymentMethod.BULLET,
    RepaymentMethod.FLAT,
}


class Block(NamedTuple):
    """Loans worked out together; `rate / scale` is the annual rate."""

    like: LoanTerms
    principal: Integers
    rate: Integers
    scale: int
    disbursed: Days
    calendar: Calendar


def in_columns(like: LoanTerms) -> bool:
    """Whether the columns know every convention of the terms."""
    if like.accrual is InterestAccrual.DAILY and like.day_count is DayCount.THIRTY_360_US_EOM:
        return False
    if not all(fee_in_columns(fee) for fee in like.fees):
        return False
    if like.method not in _KNOWN or like.rate_changes or like.due_dates or like.balloon is not None or like.tranches:
        return False
    if like.method is RepaymentMethod.EQUAL_INSTALMENT and like.remainder is not Remainder.LAST:
        return False
    if like.first_due is not None or like.schedule_from is not None:
        return False
    if like.due_day is not None and (
        like.accrual is not InterestAccrual.DAILY
        or like.broken_period is BrokenPeriod.SPREAD  # the odd days are rounded by themselves
        or like.month_end is not MonthEnd.CLAMP
        or like.method is RepaymentMethod.BULLET
    ):
        return False
    if like.flat_interest and like.method not in (RepaymentMethod.FLAT, RepaymentMethod.EQUAL_INSTALMENT):
        return False
    if _is_flat(like):
        return like.instalment_multiple_minor == 1
    if like.method is RepaymentMethod.EQUAL_INSTALMENT:
        return like.instalment_fit is InstalmentFit.ROUNDED and like.instalment_rule is InstalmentRule.PERIOD_RATES
    return True


def _is_flat(like: LoanTerms) -> bool:
    return like.flat_interest or like.method is RepaymentMethod.FLAT


class Columns(NamedTuple):
    """Where a block's plans go: row k is instalment k + 1; no fee column where no fee comes with instalments."""

    due: Days
    principal: Integers
    interest: Integers
    fee: Integers | None
    instalments: npt.NDArray[np.int32]

    def part(self, loans: slice) -> Columns:
        """The columns of some of the loans: views, not copies."""
        fee = None if self.fee is None else self.fee[:, loans]
        return Columns(
            self.due[:, loans], self.principal[:, loans], self.interest[:, loans], fee, self.instalments[loans]
        )


def fill(block: Block, out: Columns) -> Flags:
    """Work out a block; returns the loans that the plain engine must settle, whose places hold nothing of use."""
    like = block.like
    unsure = out_of_range(like, block.disbursed)
    nominal = nominal_dates(like, np.where(unsure, np.int32(0), block.disbursed))
    out.due[:] = moved(nominal[1:], block.calendar, like.working_day)
    if like.interest_to_moved_date:
        nominal[1:] = out.due
    counts, basis = _year_parts(like, nominal)
    denominator = block.scale * basis
    owed, wide = _owed(block, counts, denominator)
    unsure |= wide
    rates = _rates(like, np.where(wide, 0, block.rate), counts)
    parts, interests, doubtful = _amounts(like, owed, rates, denominator)
    unsure |= doubtful
    if like.interest_grace:
        interests = defer(interests, like.interest_grace)
    for k, (part, bears) in enumerate(zip(parts, interests, strict=True)):
        out.principal[k] = part
        out.interest[k] = bears
    if like.method is RepaymentMethod.EQUAL_INSTALMENT and not _is_flat(like):
        unsure |= _ended_early(like, owed, out)
    if out.fee is not None:
        unsure |= instalment_fees(like, block.principal, owed, out.principal, out.interest, out.instalments, out.fee)
    return unsure


def _year_parts(like: LoanTerms, nominal: Days) -> tuple[npt.NDArray[np.int32] | Integers | int, int]:
    """What each period is of a year, over one basis: by dates, or the same for all."""
    if like.accrual is InterestAccrual.DAILY:
        return counted(like.day_count, nominal), BASIS[like.day_count]
    return regular_part(like)


def _owed(block: Block, counts: npt.NDArray[np.int32] | Integers | int, denominator: int) -> tuple[Integers, Flags]:
    """Principal with financed fees; and loans whose products could leave 64 bits, which then count as one minor unit.

    Twice the largest product and the denominator must stay below 2^63, and every factor exact as a float.
    """
    like = block.like
    owed, wide = with_financed(like, block.principal)
    widest = float(np.max(counts)) * np.maximum(block.rate, 1)
    periods = like.instalments if _is_flat(like) else 1
    wide |= (owed * widest * periods >= PRODUCT_MAX) | (widest >= FLOAT_EXACT) | (owed >= FLOAT_EXACT)
    if denominator >= PRODUCT_MAX:
        wide[:] = True
    return np.where(wide, 1, owed), wide


def _rates(like: LoanTerms, rate: Integers, counts: npt.NDArray[np.int32] | Integers | int) -> list[Integers]:
    """Each period's rate as a numerator, none in what is free of interest."""
    if isinstance(counts, int):
        rows = 1 if like.method is RepaymentMethod.BULLET else like.instalments
        rates = [rate * counts] * rows
    else:
        rates = [rate * count for count in counts]
    return [np.zeros_like(rate)] * like.interest_free + rates[like.interest_free :]


def _amounts(
    like: LoanTerms, owed: Integers, rates: list[Integers], denominator: int
) -> tuple[list[Integers], list[Integers], Flags]:
    sure = np.zeros(len(owed), np.bool_)
    if _is_flat(like):
        interests, odd = flat_rows(like, owed, rates, denominator)
        return _principal_parts(like, owed, len(rates)), interests, odd
    if like.method is not RepaymentMethod.EQUAL_INSTALMENT:
        parts = _principal_parts(like, owed, len(rates))
        return parts, declining_rows(like, parts, owed, rates, denominator), sure
    level, doubtful = _level(like, owed, rates, denominator)
    parts, interests, short = level_rows(like, level, owed, rates, denominator)
    return parts, interests, doubtful | short


def _level(like: LoanTerms, owed: Integers, rates: list[Integers], denominator: int) -> tuple[Integers, Flags]:
    """The level instalment after grace; a loan without any interest divides exactly."""
    bearing = rates[like.principal_grace :]
    floats = _floats(bearing, denominator)
    mode, multiple = like.instalment_rounding or like.rounding, like.instalment_multiple_minor
    level, doubtful = propose_level(owed, floats, multiple, mode)
    free = np.maximum.reduce(floats) == 0
    if free.any():
        exact = np.maximum(divide(owed, len(bearing) * multiple, mode), 1) * multiple
        level, doubtful = np.where(free, exact, level), doubtful & ~free
    return level, doubtful


def _floats(rates: list[Integers], denominator: int) -> list[Floats]:
    """Rates as floats; an array that stands for every period is worked out once."""
    known: dict[int, Floats] = {}
    result = []
    for rate in rates:
        if id(rate) not in known:
            known[id(rate)] = rate / denominator
        result.append(known[id(rate)])
    return result


def _principal_parts(like: LoanTerms, owed: Integers, rows: int) -> list[Integers]:
    """Principal that does not depend on interest."""
    zero = np.zeros_like(owed)
    if like.method in (RepaymentMethod.INTEREST_ONLY_BALLOON, RepaymentMethod.BULLET):
        return [zero] * (rows - 1) + [owed]
    return [zero] * like.principal_grace + even_parts(owed, rows - like.principal_grace, like)


def _ended_early(like: LoanTerms, owed: Integers, out: Columns) -> Flags:
    """Count the instalments of loans that rounded instalments repay sooner; flagged where that moves other amounts."""
    early = out.principal[-1] == 0
    places = np.flatnonzero(early)
    if len(places):
        repaid = np.cumsum(out.principal[:, places], axis=0)
        out.instalments[places] = 1 + np.argmax(repaid == owed[places], axis=0)
    spread = any(fee.timing is FeeTiming.SPREAD for fee in like.fees)
    moves = spread or like.interest_grace > 0
    return early if moves else np.zeros_like(early)
