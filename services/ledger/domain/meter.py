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
    if account.is_settled:  # instalments of nothing may still be to come: nobody takes the loan over their due dates
        amounts = earned(account, on)
        return stopped(amounts.interest, amounts.fee, amounts.penalty)
    coming = next((row for row in account.plan.rows if row.due > on), None)
    until = coming.due.toordinal() if coming else FOREVER
    since = on.toordinal()
    overdue, running = overdue_rate(account), running_piece(account, coming) if coming else None
    if overdue is None or (coming is not None and running is None):
        return Meter(since, until, 0, 0, 0, None, (), account)
    now = earned(account, on)
    interest = account.base.interest + sum(row.interest_minor for row in account.plan.rows if row.due <= on)
    late = [row for row in account.rows if row.due <= on]
    return Meter(
        since,
        until,
        interest,
        now.fee,
        sum(row.penalty for row in account.rows if not row.principal),
        running,
        tuple(_overdue(row, account.overdue, overdue) for row in late if row.principal),
    )


def overdue_rate(account: Account) -> tuple[int, int] | None:
    """Numerator and denominator of a day's overdue interest on a minor unit; None where no straight line says it."""
    overdue = account.overdue
    if overdue.day_count not in LINEAR or overdue.rounding is not Rounding.HALF_UP:
        return None
    if overdue.on_interest or overdue.after_grace_only:
        return None
    rate = Fraction(overdue.annual_rate)
    return rate.numerator, rate.denominator * BASIS[overdue.day_count]


def _by_days(terms: LoanTerms) -> bool:
    by_days = terms.accrual is InterestAccrual.DAILY or terms.partial_period is PartialPeriod.DAYS
    return by_days and not terms.flat_interest


def running_piece(account: Account, row: Instalment) -> Piece | None:
    """The line on which a row bears interest, as `libs.lending.accrual.accrued_in_row` has it; None without one."""
    terms = account.plan.terms
    start = row.start.toordinal()
    if row.drawn_minor:  # more was paid out within the period: two lines, not one
        return None
    if terms.rounding is not Rounding.HALF_UP:
        return None
    if not _by_days(terms):
        return Piece(start, 0, row.interest_minor, row.due.toordinal() - start, row.interest_minor, start)
    moves = any(row.start < change.effective < row.due for change in terms.rate_changes)
    if terms.day_count not in LINEAR or moves:
        return None
    rate = Fraction(terms.annual_rate)
    for change in terms.rate_changes:
        if change.effective <= row.start:
            rate = Fraction(change.annual_rate)
    slope = row.opening_minor * rate.numerator
    return Piece(start, 0, slope, rate.denominator * BASIS[terms.day_count], row.interest_minor, start)


def _overdue(row: Row, terms: OverdueTerms, rate: tuple[int, int]) -> Piece:
    """Overdue interest of one instalment, as `libs.lending.accrual.overdue_interest` has it."""
    history = overdue_item(row).principal
    days = 0
    for n in range(len(history) - 1):
        days += history[n].amount_minor * (history[n + 1].since - history[n].since).days
    last, (numerator, denominator) = history[-1], rate
    return Piece(
        last.since.toordinal(),
        days * numerator,
        last.amount_minor * numerator,
        denominator,
        NO_CAP,
        row.due.toordinal() + terms.grace_days,
    )
