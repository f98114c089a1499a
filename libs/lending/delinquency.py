"""Days past due and the bucket they fall in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from libs.lending.allocation import Debt


class Bucket(NamedTuple):
    """A named range of days past due, both ends included; the values are policy data."""

    name: str
    first_day: int
    last_day: int


def oldest_due(debts: Iterable[Debt], on: date) -> date | None:
    """Due date of the oldest open debt that fell due before `on`."""
    return min((debt.due for debt in debts if debt.amount_minor > 0 and debt.due < on), default=None)


def days_past_due(debts: Iterable[Debt], on: date) -> int:
    """Days since the oldest unpaid due date; 0 when nothing is overdue."""
    due = oldest_due(debts, on)
    return (on - due).days if due else 0


def bucket_of(buckets: Sequence[Bucket], days: int) -> Bucket | None:
    """The bucket that holds a number of days past due; none for a loan that is not overdue or beyond all buckets."""
    if days <= 0:
        return None
    return next((bucket for bucket in buckets if bucket.first_day <= days <= bucket.last_day), None)


def bucket_dates(buckets: Sequence[Bucket], due: date) -> list[tuple[Bucket, date]]:
    """The day an instalment due on `due` and left unpaid enters each bucket."""
    return [(bucket, due + timedelta(days=max(bucket.first_day, 1))) for bucket in buckets]
