"""Repayment plans of a whole portfolio, column by column: the same digits as `schedule.repayment_plan`, many at once.

Loans that share every convention differ in principal, rate and day. Their plans are worked out side by side in 64-bit
integers. A float proposes the level instalment; where it is too near a rounding boundary to tell, where a product could
leave 64 bits, and for whatever the columns do not know (`in_columns`), the plain engine works the loan out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from decimal import Decimal
from math import gcd
from operator import attrgetter
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from libs.lending.calendar import EVERY_DAY, Calendar
from libs.lending.column_dates import EPOCH, Days
from libs.lending.column_plans import Block, Columns, fill, in_columns
from libs.lending.column_rows import Flags, Integers
from libs.lending.money import LARGEST_MINOR, Money
from libs.lending.schedule import repayment_plan
from libs.lending.terms import RATE_MAX, FeeTiming, LoanTerms, RepaymentMethod, TermsError

BLOCK: Final = 8192
"""Loans that are worked out together: their columns stay in a core's cache."""
CHUNK: Final = 65_536
"""Loans whose plans are held at once where a portfolio goes by in chunks: 16 MB for twelve instalments."""
RATE_DIGITS_MAX: Final = 17
"""Decimals of an annual rate: the largest rate still fits 64 bits."""
RATE_DIGITS_EASY: Final = 12
"""With more decimals a loan is left to the plain engine."""

_PER_LOAN: Final = {"principal", "annual_rate", "disbursed_on"}
_shared = attrgetter(*(f.name for f in fields(LoanTerms) if f.name not in _PER_LOAN))


@dataclass(frozen=True, slots=True)
class LoanColumns:
    """Loans alike in all but these columns; `like` gives every convention, its own principal, rate and day mean nothing.

    `rate / 10 ** rate_digits` is the annual rate as a fraction; `disbursed` counts days from 1970-01-01.
    Raises `TermsError` for a loan that no plan can be made from, with its index, and for rates of too many decimals.
    """

    like: LoanTerms
    principal_minor: Integers
    rate: Integers
    rate_digits: int
    disbursed: Days

    def __post_init__(self) -> None:
        bad = (self.principal_minor <= 0) | (self.principal_minor >= LARGEST_MINOR)
        _refuse(bad, "principal", "the principal must be positive and below the largest amount")
        if self.rate_digits > RATE_DIGITS_MAX:
            raise TermsError("annual-rate", f"a rate in columns has at most {RATE_DIGITS_MAX} decimals")
        top = int(RATE_MAX) * 10**self.rate_digits
        _refuse((self.rate < 0) | (self.rate > top), "annual-rate", "the annual rate is a fraction from 0 to 10")

    @classmethod
    def of(cls, loans: Sequence[LoanTerms]) -> Self:
        """Columns of loans that share every other convention; raises `ValueError` where they do not."""
        if len({_shared(loan) for loan in loans}) != 1 or len({loan.principal.currency for loan in loans}) != 1:
            raise ValueError("loans in columns share every convention: group them with portfolio_columns")
        digits = max(max(0, -int(loan.annual_rate.normalize().as_tuple().exponent)) for loan in loans)
        return cls(
            loans[0],
            np.array([loan.principal.minor for loan in loans], np.int64),
            np.array(
                [int(loan.annual_rate.scaleb(digits)) for loan in loans],
                np.int64 if digits <= RATE_DIGITS_MAX else object,
            ),
            digits,
            np.array([(loan.disbursed_on - EPOCH).days for loan in loans], np.int32),
        )

    def __len__(self) -> int:
        return len(self.principal_minor)

    def part(self, loans: slice) -> Self:
        """Some of the loans: views, not copies."""
        return replace(
            self,
            principal_minor=self.principal_minor[loans],
            rate=self.rate[loans],
            disbursed=self.disbursed[loans],
        )

    def terms(self, n: int) -> LoanTerms:
        """The terms of one loan, for the plain engine."""
        return replace(
            self.like,
            principal=Money(int(self.principal_minor[n]), self.like.principal.currency),
            annual_rate=Decimal(int(self.rate[n])).scaleb(-self.rate_digits),
            disbursed_on=EPOCH + timedelta(days=int(self.disbursed[n])),
        )


@dataclass(frozen=True, slots=True)
class PlanColumns:
    """Plans side by side: row k of a column is instalment k + 1 of every loan.

    A loan has so many `instalments` (0: refused, see `refused`); beyond them its columns hold zeros. `settled` says how
    many loans the plain engine worked out.
    """

    due: Days
    principal_minor: Integers
    interest_minor: Integers
    fee_minor: Integers | None
    instalments: npt.NDArray[np.int32]
    refused: dict[int, TermsError]
    settled: int

    def due_on(self, n: int) -> list[date]:
        """Due dates of one loan."""
        return [EPOCH + timedelta(days=int(day)) for day in self.due[: self.instalments[n], n]]

    def rows(self, n: int) -> Iterator[tuple[date, int, int, int]]:
        """Due date, principal, interest and fee of one loan's instalments."""
        for k, due in enumerate(self.due_on(n)):
            fee = 0 if self.fee_minor is None else int(self.fee_minor[k, n])
            yield due, int(self.principal_minor[k, n]), int(self.interest_minor[k, n]), fee


def plan_columns(loans: LoanColumns, calendar: Calendar = EVERY_DAY) -> PlanColumns:
    """The plans of loans in columns, bit for bit those of `repayment_plan`."""
    return _plans(loans, calendar, _room(loans.like, len(loans)))


def plans_in_chunks(
    loans: LoanColumns, calendar: Calendar = EVERY_DAY, size: int = CHUNK
) -> Iterator[tuple[slice, PlanColumns]]:
    """The plans of any number of loans, `size` at a time, in the memory of one chunk; each with its loans' places.

    The next chunk is written over the one before: take from a chunk what is wanted (sums, files) before going on.
    `refused` names a loan by its place in the chunk.
    """
    room = _room(loans.like, min(size, len(loans)))
    for low in range(0, len(loans), size):
        part = slice(low, min(low + size, len(loans)))
        yield part, _plans(loans.part(part), calendar, room.part(slice(0, part.stop - low)))


def _room(like: LoanTerms, loans: int) -> Columns:
    """Where plans go."""
    shape = (1 if like.method is RepaymentMethod.BULLET else like.instalments, loans)
    fees = any(fee.timing in (FeeTiming.EACH_INSTALMENT, FeeTiming.SPREAD) for fee in like.fees)
    return Columns(
        np.empty(shape, np.int32),
        np.empty(shape, np.int64),
        np.empty(shape, np.int64),
        np.empty(shape, np.int64) if fees else None,
        np.empty(loans, np.int32),
    )


def _plans(loans: LoanColumns, calendar: Calendar, out: Columns) -> PlanColumns:
    out.instalments[:] = len(out.due)
    if out.fee is not None:
        out.fee[:] = 0  # fees add up; all else is written once
    unsure = np.ones(len(loans), np.bool_)
    common = gcd(10**loans.rate_digits, int(np.gcd.reduce(loans.rate, initial=0)))
    if in_columns(loans.like) and loans.rate_digits <= RATE_DIGITS_EASY:
        for low in range(0, len(loans), BLOCK):
            part = slice(low, low + BLOCK)
            rate, scale = loans.rate[part] // common, 10**loans.rate_digits // common
            block = Block(loans.like, loans.principal_minor[part], rate, scale, loans.disbursed[part], calendar)
            unsure[part] = fill(block, out.part(part))
    left = np.flatnonzero(unsure)
    refused = {}
    for n in map(int, left):
        try:
            _settle(loans.terms(n), calendar, out.part(slice(n, n + 1)))
        except TermsError as error:
            refused[n] = error
            out.instalments[n] = 0
    return PlanColumns(*out, refused, len(left))


def _settle(terms: LoanTerms, calendar: Calendar, out: Columns) -> None:
    """One loan by the plain engine, into its place."""
    for column in (out.due, out.principal, out.interest, out.fee):
        if column is not None:
            column[:] = 0
    plan = repayment_plan(terms, calendar)
    out.instalments[:] = len(plan.rows)
    for k, row in enumerate(plan.rows):
        out.due[k] = (row.due - EPOCH).days
        out.principal[k] = row.principal_minor
        out.interest[k] = row.interest_minor
        if out.fee is not None:
            out.fee[k] = row.fee_minor


def portfolio_columns(loans: Iterable[LoanTerms]) -> Iterator[tuple[list[int], LoanColumns]]:
    """Any loans, grouped into columns by their conventions; with each group the loans' places."""
    groups: dict[object, list[tuple[int, LoanTerms]]] = {}
    for n, loan in enumerate(loans):
        groups.setdefault((_shared(loan), loan.principal.currency), []).append((n, loan))
    for members in groups.values():
        yield [n for n, _ in members], LoanColumns.of([loan for _, loan in members])


def _refuse(bad: Flags, code: str, message: str) -> None:
    if bad.any():
        raise TermsError(code, f"loan {int(np.flatnonzero(bad)[0])}: {message}")
