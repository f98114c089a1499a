"""Where a loan stands at the end of a date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

from libs.contracts.ledger import Bucket, LoanPosition
from libs.contracts.values import Components
from libs.lending.delinquency import Bucket as Range
from libs.lending.delinquency import bucket_of
from libs.lending.money import Money
from services.ledger.domain.account import Account, Amounts, advance, earned, penalty_of


def components(amounts: Amounts, currency: str) -> Components:
    """Minor units as they are published."""
    return Components.model_construct(
        principal=Money(amounts.principal, currency),
        interest=Money(amounts.interest, currency),
        fee=Money(amounts.fee, currency),
        penalty=Money(amounts.penalty, currency),
    )


def outstanding(account: Account, on: date) -> Amounts:
    """What the borrower owes at the end of `on` for what he had until then: not the interest of days to come."""
    account = advance(account, on)
    return earned(account, on).minus(account.paid)._replace(principal=account.principal)


def open_by(account: Account, on: date) -> Amounts:
    """What is open of all that was due on `on` or before."""
    principal = interest = fee = penalty = 0
    for row in account.rows:
        if row.due > on:
            break
        principal += row.principal
        interest += row.interest
        fee += row.fee
        penalty += penalty_of(row, account.overdue, on) - row.penalty_paid
    return Amounts(principal, interest, fee, penalty)


def oldest_overdue(account: Account, on: date) -> date | None:
    """Due date of the oldest open instalment that was due before `on`; overdue interest alone does not count."""
    return next((row.due for row in account.rows if row.due < on and row.planned_open), None)


def days_past_due(account: Account, on: date) -> int:
    """Days since the due date of the oldest open instalment, without those that are paused."""
    due = oldest_overdue(account, on)
    if due is None:
        return 0
    paused = {
        day
        for start, end in account.pauses
        for day in range(max(start, due + timedelta(days=1)).toordinal(), min(end, on).toordinal() + 1)
    }
    return max(0, (on - due).days - len(paused))


def day_of_edge(account: Account, today: date, edge: int) -> date:
    """The first day after `today` on which so many days are past due, as things stand."""
    day = today + timedelta(days=1)
    while (days := days_past_due(account, day)) < edge:
        day += timedelta(days=edge - days)
    return day


def bucket(ranges: Sequence[Range], days: int) -> Bucket:
    """The delinquency bucket of a number of days past due."""
    found = bucket_of(ranges, days)
    return Bucket(found.name) if found else Bucket.CURRENT


def position(account: Account, on: date, ranges: Sequence[Range]) -> LoanPosition:
    """All of it, as it is published with events."""
    account = advance(account, on)
    currency, days = account.currency, days_past_due(account, on)
    coming = next((row for row in account.rows if row.due > on and row.planned_open), None)
    return LoanPosition.model_construct(
        as_of=on,
        outstanding=components(outstanding(account, on), currency),
        due=components(open_by(account, on), currency),
        overdue=components(_overdue(account, on), currency),
        days_past_due=days,
        bucket=bucket(ranges, days),
        credit=Money(account.credit, currency),
        next_due=coming.due if coming else None,
        next_amount=Money(coming.planned_open, currency) if coming else None,
    )


def _overdue(account: Account, on: date) -> Amounts:
    """What is open of what was due before `on`."""
    before = open_by(account, on - timedelta(days=1))
    penalty = open_by(account, on).penalty
    return before._replace(penalty=penalty)


def edge_after(edges: Sequence[int], days: int) -> int | None:
    """The first of the rising `edges` beyond a number of days."""
    assert all(a < b for a, b in pairwise(edges)), "edges rise"
    return next((edge for edge in edges if edge > days), None)
