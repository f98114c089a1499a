"""What one loan has earned by a date, as a few integers, so that a portfolio's day is one pass over small tuples.

A meter says exactly what `account.earned` says, from the facts as they are, for every date before the next due date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final, NamedTuple

from libs.lending.accrual import OverdueTerms
from libs.lending.daycount import BASIS, DayCount
from libs.lending.rounding import Rounding
from libs.lending.schedule import Instalment
from libs.lending.terms import InterestAccrual, LoanTerms, PartialPeriod
from services.ledger.domain.account import Account, Row, advance, earned, overdue_item

LINEAR: Final = frozenset({DayCount.ACT_360, DayCount.ACT_364, DayCount.ACT_365})
"""Day counts under which each day counts the same."""
FOREVER: Final = date.max.toordinal()
NO_CAP: Final = 10**18


class Piece(NamedTuple):
    """(offset + slope × days since origin) / denominator, rounded half up, at most `cap`; 0 up to `free_until`.

    Dates are ordinals, amounts minor units.
    """

    origin: int
    offset: int
    slope: int
    denominator: int
    cap: int = NO_CAP
    free_until: int = 0

    def value(self, on: int) -> int:
        if on <= self.free_until:
            return 0
        twice = 2 * (self.offset + self.slope * (on - self.origin))
        return min(self.cap, (twice + self.denominator) // (2 * self.denominator))


@dataclass(frozen=True, slots=True)
class Meter:
    """Earned by day `on`: fixed parts and pieces that run. Good while `since` <= on < `until` (ordinals)."""

    since: int
    until: int
    interest: int
    fee: int
    penalty: int
    running: Piece | None
    overdue: tuple[Piece, ...]
    exact: Account | None = None
    """Asked itself where no straight line says the same."""

    def read(self, on: int) -> tuple[int, int, int]:
        """Interest, fee and overdue interest earned by day `on`."""
        if self.exact is not None:
            amounts = earned(self.exact, date.fromordinal(on))
            return amounts.interest, amounts.fee, amounts.penalty
        interest, penalty = self.interest, self.penalty
        if self.running is not None:
            interest += self.running.value(on)
        for piece in self.overdue:
            penalty += piece.value(on)
        return interest, self.fee, penalty


def stopped(interest: int, fee: int, penalty: int) -> Meter:
    """The meter of a loan that earns nothing more."""
    return Meter(0, FOREVER, interest, fee, penalty, None, ())


def meter(account: Account, on: date) -> Meter:
    """The meter of an account from `on` to the next due date."""
    account = advance(account, on)
    if account.ended is not None:
        return stopped(account.paid.interest, account.paid.fee, account.paid.penalty)
    coming = next((row for row in account.plan.rows if row.due > on), None)
    until = coming.due.toordinal() if coming else FOREVER
    since = on.toordinal()
    if not _is_linear(account, coming):
        return Meter(since, until, 0, 0, 0, None, (), account)
    now = earned(account, on)
    interest = sum(row.interest_minor for row in account.plan.rows if row.due <= on)
    late = [row for row in account.rows if row.due <= on]
    return Meter(
        since,
        until,
        interest,
        now.fee,
        sum(row.penalty for row in late if not row.principal),
        _running(account.plan.terms, coming) if coming else None,
        tuple(_overdue(row, account.overdue) for row in late if row.principal),
    )


def _is_linear(account: Account, coming: Instalment | None) -> bool:
    terms, overdue = account.plan.terms, account.overdue
    if overdue.day_count not in LINEAR or overdue.rounding is not Rounding.HALF_UP or overdue.on_interest:
        return False
    if overdue.after_grace_only:
        return False
    if coming is None:
        return True
    if terms.rounding is not Rounding.HALF_UP:
        return False
    if not _by_days(terms):
        return True
    moves = any(coming.start < change.effective < coming.due for change in terms.rate_changes)
    return terms.day_count in LINEAR and not moves


def _by_days(terms: LoanTerms) -> bool:
    by_days = terms.accrual is InterestAccrual.DAILY or terms.partial_period is PartialPeriod.DAYS
    return by_days and not terms.flat_interest


def _running(terms: LoanTerms, row: Instalment) -> Piece:
    """The row that bears interest now, as `libs.lending.accrual.accrued_in_row` has it."""
    start = row.start.toordinal()
    if not _by_days(terms):
        return Piece(start, 0, row.interest_minor, row.due.toordinal() - start, row.interest_minor, start)
    rate = Fraction(terms.annual_rate)
    for change in terms.rate_changes:
        if change.effective <= row.start:
            rate = Fraction(change.annual_rate)
    slope = row.opening_minor * rate.numerator
    return Piece(start, 0, slope, rate.denominator * BASIS[terms.day_count], row.interest_minor, start)


def _overdue(row: Row, terms: OverdueTerms) -> Piece:
    """Overdue interest of one instalment, as `libs.lending.accrual.overdue_interest` has it."""
    history = overdue_item(row).principal
    days = 0
    for n in range(len(history) - 1):
        days += history[n].amount_minor * (history[n + 1].since - history[n].since).days
    last = history[-1]
    rate = Fraction(terms.annual_rate)
    return Piece(
        last.since.toordinal(),
        days * rate.numerator,
        last.amount_minor * rate.numerator,
        rate.denominator * BASIS[terms.day_count],
        NO_CAP,
        row.due.toordinal() + terms.grace_days,
    )
