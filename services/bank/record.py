"""The bank's own record, in SQLite: what was asked, what was paid, what the statement says. It survives restarts."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

SCHEMA: Final = """
create table if not exists payment (
    payment_id text primary key, amount_minor integer not null, currency text not null, account text not null,
    purpose text not null, value_date text not null, state text not null, reason text not null default '',
    retryable integer not null default 0, reference text not null, inquiries integer not null default 0
);
create table if not exists request (
    request_no integer primary key, payment_id text not null, fault text not null
);
create table if not exists entry (
    cursor integer primary key, kind text not null, payment_id text not null, amount_minor integer not null,
    currency text not null, purpose text not null, reference text not null, booked_on text not null,
    reason text not null default ''
);
create table if not exists coming_return (
    payment_id text primary key, due text not null, reason text not null
);
"""
PAID: Final = ("CONFIRMED", "RETURNED")


@dataclass(frozen=True, slots=True)
class Payment:
    payment_id: str
    amount_minor: int
    currency: str
    account: str
    purpose: str
    value_date: str
    state: str
    reason: str
    retryable: bool
    reference: str
    inquiries: int

    def asks_the_same(self, other: Payment) -> bool:
        names = ("amount_minor", "currency", "account", "purpose", "value_date")
        return all(getattr(self, name) == getattr(other, name) for name in names)


def business_days_after(day: date, count: int) -> date:
    """`count` weekdays after a date; the simulation knows no holidays."""
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


class Record:
    """All statements on the bank's database; each method is one transaction."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def payment(self, payment_id: str) -> Payment | None:
        row = self._db.execute("select * from payment where payment_id = ?", (payment_id,)).fetchone()
        return Payment(**{**dict(row), "retryable": bool(row["retryable"])}) if row else None

    def requested(self, payment_id: str, fault: str) -> int:
        """Note a request; how many there were for this payment."""
        self._db.execute("insert into request (payment_id, fault) values (?, ?)", (payment_id, fault))
        row = self._db.execute("select count(*) from request where payment_id = ?", (payment_id,)).fetchone()
        return int(row[0])

    def keep(self, payment: Payment, told: int = 1, return_on: date | None = None, return_reason: str = "") -> None:
        """Keep a new payment, with its statement entries where it is paid; a return is foreseen for `return_on`."""
        with self._transaction():
            self._db.execute(
                "insert into payment values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    payment.payment_id,
                    payment.amount_minor,
                    payment.currency,
                    payment.account,
                    payment.purpose,
                    payment.value_date,
                    payment.state,
                    payment.reason,
                    payment.retryable,
                    payment.reference,
                    payment.inquiries,
                ),
            )
            for _ in range(told if payment.state == "CONFIRMED" else 0):
                self._enter("debited", payment, payment.value_date)
            if return_on is not None:
                self._db.execute(
                    "insert into coming_return values (?, ?, ?)",
                    (payment.payment_id, return_on.isoformat(), return_reason),
                )

    def inquired(self, payment: Payment, confirm: bool) -> Payment:
        """Note an inquiry, at which an accepted payment may turn out to be paid."""
        with self._transaction():
            self._db.execute(
                "update payment set inquiries = inquiries + 1, state = case when ? then 'CONFIRMED' else state end"
                " where payment_id = ?",
                (confirm, payment.payment_id),
            )
            if confirm:
                self._enter("debited", payment, payment.value_date)
        found = self.payment(payment.payment_id)
        assert found is not None, "it was just updated"
        return found

    def statement(self, after: int, until: str, limit: int) -> list[sqlite3.Row]:
        """Entries after a cursor, in order, up to the first that is dated later than `until`."""
        with self._transaction():
            due = self._db.execute(
                "select r.payment_id, r.due, r.reason from coming_return r join payment p using (payment_id)"
                " where r.due <= ? order by r.due, r.payment_id",
                (until,),
            ).fetchall()
            for row in due:
                payment = self.payment(row["payment_id"])
                assert payment is not None, "a return is of a payment"
                self._enter("returned", payment, row["due"], row["reason"])
                self._db.execute(
                    "update payment set state = 'RETURNED', reason = ? where payment_id = ?",
                    (row["reason"], payment.payment_id),
                )
                self._db.execute("delete from coming_return where payment_id = ?", (payment.payment_id,))
        rows = self._db.execute(
            "select * from entry where cursor > ? order by cursor limit ?", (after, limit)
        ).fetchall()
        shown = []
        for row in rows:
            if row["booked_on"] > until:
                break
            shown.append(row)
        return shown

    def totals(self) -> dict[str, Any]:
        """What was really paid, and what was seen twice."""
        paid = self._db.execute(
            "select count(*), coalesce(sum(amount_minor), 0) from payment where state in (?, ?)", PAID
        ).fetchone()
        returned = self._db.execute(
            "select count(*), coalesce(sum(amount_minor), 0) from payment where state = 'RETURNED'"
        ).fetchone()
        twice = self._db.execute(
            "select coalesce(sum(times - 1), 0) from"
            " (select count(*) as times from payment where state = 'CONFIRMED' group by purpose)"
        ).fetchone()
        requests = self._db.execute("select count(*), count(distinct payment_id) from request").fetchone()
        told = self._db.execute(
            "select count(*) - count(distinct payment_id) from entry where kind = 'debited'"
        ).fetchone()
        faults = self._db.execute(
            "select fault, count(distinct payment_id) from request group by fault order by fault"
        ).fetchall()
        return {
            "payments": paid[0],
            "paid_minor": paid[1],
            "returned": returned[0],
            "returned_minor": returned[1],
            "duplicate_disbursements": twice[0],
            "repeated_requests": requests[0] - requests[1],
            "duplicate_entries": told[0],
            "faults": {row[0]: row[1] for row in faults},
        }

    def _enter(self, kind: str, payment: Payment, booked_on: str, reason: str = "") -> None:
        self._db.execute(
            "insert into entry (kind, payment_id, amount_minor, currency, purpose, reference, booked_on, reason)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                kind,
                payment.payment_id,
                payment.amount_minor,
                payment.currency,
                payment.purpose,
                payment.reference,
                booked_on,
                reason,
            ),
        )

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("begin immediate")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("commit" if kind is None else "rollback")
