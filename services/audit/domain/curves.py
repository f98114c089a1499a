"""Portfolio curves (R7.12): vintages, roll rates and collection, from counts of loans and fen by month.

Terms as in the field: the *vintage* of a loan is the month in which it was paid out, *months on book* count from it (the
month of payout is 0), a *roll rate* is the share of a bucket's principal that is elsewhere, or still there, a month later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from libs.contracts.ledger import Bucket

SETTLED, WRITTEN_OFF, CANCELLED = "SETTLED", "WRITTEN_OFF", "CANCELLED"
STAGES = (*(bucket.value for bucket in Bucket), WRITTEN_OFF, SETTLED, CANCELLED)
"""Where a loan may be at the end of a month, in this order."""


@dataclass(frozen=True, slots=True)
class Late:
    """Loans of one vintage, `amount` fen in all, that were first over 30 and over 90 days past due, or written off, so
    many months after that of their payout; None: never until now."""

    month: date
    after_30: int | None
    after_90: int | None
    loans: int
    amount: int


@dataclass(frozen=True, slots=True)
class Vintage:
    """What was paid out in a month, and by months on book how many fen of it had been over 30, or 90, days past due or
    written off until then: sums, so they never fall."""

    month: date
    loans: int
    amount: int
    over_30: Sequence[int]
    over_90: Sequence[int]

    def shares(self, over: Sequence[int]) -> list[Fraction]:
        """Of the amount paid out."""
        return [Fraction(part, self.amount) for part in over]


@dataclass(frozen=True, slots=True)
class Roll:
    """Loans that were in one bucket at the end of a month and stood so at the end of the next; `principal` is what they
    owed before, in fen, `share` of all that the bucket owed."""

    on: date
    before: str
    after: str
    loans: int
    principal: int
    share: Fraction


@dataclass(frozen=True, slots=True)
class Collection:
    """Of `arrears`, what was past due at the end of the month before, `collected` was paid since, in fen."""

    on: date
    arrears: int
    collected: int

    @property
    def share(self) -> Fraction | None:
        """None where nothing was past due."""
        return Fraction(self.collected, self.arrears) if self.arrears else None


@dataclass(frozen=True, slots=True)
class Curves:
    """All of a day; rolls and collection by ends of months, latest first, the day itself being one."""

    vintages: Sequence[Vintage]
    rolls: Sequence[Roll]
    collection: Sequence[Collection]


def months_between(first: date, last: date) -> int:
    """Whole calendar months from the month of one day to that of another."""
    return (last.year - first.year) * 12 + last.month - first.month


def vintages(counted: Iterable[Late], on: date) -> list[Vintage]:
    """By month of payout, oldest first: each as long as it has been on the books on that day."""
    by_month: defaultdict[date, list[Late]] = defaultdict(list)
    for late in counted:
        by_month[late.month].append(late)
    return [_vintage(month, by_month[month], months_between(month, on)) for month in sorted(by_month)]


def _vintage(month: date, counted: Sequence[Late], age: int) -> Vintage:
    def until(when: int, after: Iterable[tuple[int | None, int]]) -> int:
        return sum(amount for since, amount in after if since is not None and since <= when)

    return Vintage(
        month=month,
        loans=sum(late.loans for late in counted),
        amount=sum(late.amount for late in counted),
        over_30=[until(when, ((late.after_30, late.amount) for late in counted)) for when in range(age + 1)],
        over_90=[until(when, ((late.after_90, late.amount) for late in counted)) for when in range(age + 1)],
    )


def rolls(moved: Iterable[tuple[date, str, str, int, int]]) -> list[Roll]:
    """From (day, before, after, loans, principal): with each share, latest first, in the order of the stages."""
    known = sorted(moved, key=lambda one: (-one[0].toordinal(), STAGES.index(one[1]), STAGES.index(one[2])))
    owed: defaultdict[tuple[date, str], int] = defaultdict(int)
    for on, before, _, _, principal in known:
        owed[on, before] += principal
    return [Roll(*one, share=Fraction(one[4], owed[one[0], one[1]])) for one in known if owed[one[0], one[1]]]


def mean_rates(moved: Iterable[Roll]) -> dict[tuple[str, str], Fraction]:
    """Roll rates over all these months together, each weighed by what its bucket owed."""
    parts: defaultdict[tuple[str, str], int] = defaultdict(int)
    owed: defaultdict[str, int] = defaultdict(int)
    for roll in moved:
        parts[roll.before, roll.after] += roll.principal
        owed[roll.before] += roll.principal
    return {place: Fraction(part, owed[place[0]]) for place, part in parts.items()}
