"""The example partner's record: one SQLite file. All of its SQL is here.

What comes by webhook is written down with what follows from it in one transaction; what is to be done about it, an
answer or a payment, is written down too, and done afterwards as often as it takes.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from partners.example.book import COLUMNS, Checked, Entry, Fees, funded_entry
from partners.kit import Inbox, Money

AMOUNTS: Final = ", ".join(f"{name} integer not null" for name in COLUMNS)
SCHEMA: Final = f"""
create table if not exists entry (
    reference text primary key, loan_id text not null, type text not null, effective_on text not null, {AMOUNTS},
    settlement_id text, file_date text) strict;
create index if not exists entry_open on entry (loan_id) where settlement_id is null;
create table if not exists loan (
    loan_id text primary key, application_id text, reserved integer, paid_out_on text, status text) strict;
create table if not exists offer (
    application_id text primary key, agreement text not null, version integer not null, amount integer not null,
    status text not null) strict;
create table if not exists todo (
    kind text, id text, body text not null, done integer not null default 0, primary key (kind, id)) strict;
create table if not exists settlement (
    settlement_id text primary key, settled_on text not null, net integer not null, differences text not null) strict;
create table if not exists base (rate text primary key, fen integer not null) strict;
create table if not exists setting (name text primary key, value text not null) strict;
"""
FIELDS: Final = f"reference, loan_id, type, effective_on, {', '.join(COLUMNS)}"
KEEP_ENTRY: Final = (
    f"insert into entry ({FIELDS}) values ({', '.join('?' * (4 + len(COLUMNS)))}) on conflict do nothing"
)
KEEP_LOAN: Final = "insert into loan (loan_id) values (?) on conflict do nothing"
COMMITTED: Final = "select coalesce(sum(amount), 0) from offer where status = 'ACCEPTED'"
RATES: Final = "select loan_id, agreement, version from loan join offer using (application_id)"
STANDINGS: Final = """
    select loan.loan_id, status, coalesce(sum(disbursed - principal + transferred), 0)
    from loan join entry using (loan_id) where status is not null and effective_on <= ? group by 1, 2"""
ADD_BASE: Final = """
    insert into base (rate, fen) values (?, ?) on conflict (rate) do update set fen = base.fen + excluded.fen"""


@dataclass(frozen=True, slots=True)
class Todo:
    """Something to be done outside."""

    kind: str
    id: str
    body: Mapping[str, Any]


class Record:
    """Used by the receiver's threads and the worker's, one at a time."""

    def __init__(self, path: Path | str) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._lock = threading.RLock()
        self._connection.executescript(f"pragma journal_mode = wal; pragma synchronous = full; {SCHEMA}")
        known = {name for _, name, *_ in self._all("pragma table_info(entry)")}
        for name in COLUMNS:
            if name not in known:  # a file from before there was such an account
                self._do(f"alter table entry add column {name} integer not null default 0")
        self.inbox = Inbox(self._connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; it is on the disk when this returns."""
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("commit")

    def _all(self, statement: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def _do(self, statement: str, *values: Any) -> None:
        with self._lock:
            self._connection.execute(statement, values)

    # What was told

    def keep(self, entry: Entry) -> None:
        values = (entry.reference, entry.loan_id, entry.type, entry.effective_on, *entry.amounts)
        self._do(KEEP_ENTRY, *values)

    def loan(self, loan_id: str, **known: Any) -> None:
        """What is known of a loan; once the money set aside and the payout both are, the payout was funded with it."""
        self._do(KEEP_LOAN, loan_id)
        for name, value in known.items():
            self._do(f"update loan set {name} = ? where loan_id = ?", value, loan_id)
        (row,) = self._all("select paid_out_on, reserved from loan where loan_id = ?", loan_id)
        if None not in row:
            self.keep(funded_entry(loan_id, *row))

    def bought(self, loan_id: str) -> None:
        """A loan of which a part was bought runs, unless it is known to be over."""
        self.loan(loan_id)
        self._do("update loan set status = 'ACTIVE' where loan_id = ? and status is null", loan_id)

    def offer(self, application_id: str, agreement: str, version: int, amount: Money) -> None:
        statement = "insert into offer values (?, ?, ?, ?, 'OFFERED') on conflict do nothing"
        self._do(statement, application_id, agreement, version, amount.minor)

    def offer_became(self, application_id: str, status: str) -> None:
        self._do("update offer set status = ? where application_id = ?", status, application_id)

    def committed(self) -> Money:
        return Money.of_minor(self._all(COMMITTED)[0][0])

    # What is to be done

    def remember(self, todo: Todo) -> None:
        self._do(
            "insert into todo (kind, id, body) values (?, ?, ?) on conflict do nothing",
            todo.kind,
            todo.id,
            json.dumps(todo.body),
        )

    def todos(self) -> list[Todo]:
        rows = self._all("select kind, id, body from todo where not done order by rowid")
        return [Todo(kind, each, json.loads(body)) for kind, each, body in rows]

    def done(self, todo: Todo) -> None:
        self._do("update todo set done = 1 where kind = ? and id = ?", todo.kind, todo.id)

    # The day's end

    def open_entries(self) -> list[Entry]:
        """What no settlement has settled yet."""
        rows = self._all(f"select {FIELDS} from entry where settlement_id is null order by rowid")
        return [_entry(row) for row in rows]

    def fees(self, terms: Mapping[tuple[str, int], Decimal]) -> Fees:
        """`terms`: the servicing fee of each version of an agreement."""
        rates = {loan_id: terms[agreement, version] for loan_id, agreement, version in self._all(RATES)}
        return Fees({Decimal(rate): base for rate, base in self._all("select rate, fen from base")}, rates)

    def knows(self, settlement_id: str) -> bool:
        return bool(self._all("select 1 from settlement where settlement_id = ?", settlement_id))

    def settled(self, settlement_id: str, on: str, checked: Checked, fees: Fees) -> None:
        with self.transaction():
            row = (settlement_id, on, checked.net, json.dumps(checked.differences))
            self._do("insert into settlement values (?, ?, ?, ?)", *row)
            for entry in checked.settled:
                self._do("update entry set settlement_id = ? where reference = ?", settlement_id, entry.reference)
                self._do(ADD_BASE, str(fees.rates.get(entry.loan_id, Decimal(0))), entry.income)

    def to_file(self, on: str, but: Sequence[str]) -> list[Entry]:
        """What belongs into the file of a date: all that no earlier file had, but entries of these types."""
        types = ", ".join("?" * len(but))
        conditions = f"file_date is null and effective_on <= ? and funded = 0 and type not in ({types})"
        return [_entry(row) for row in self._all(f"select {FIELDS} from entry where {conditions}", on, *but)]

    def filed(self, entries: Sequence[Entry], on: str) -> None:
        with self.transaction():
            for entry in entries:
                self._do("update entry set file_date = ? where reference = ?", on, entry.reference)

    def standings(self, on: str) -> list[tuple[str, str, int]]:
        """Each loan at the end of a date: its status, and what principal is owed to the partner."""
        return self._all(STANDINGS, on)

    def setting(self, name: str, value: str | None = None) -> str:
        """Read, or with a value written."""
        if value is not None:
            self._do(
                "insert into setting values (?, ?) on conflict (name) do update set value = excluded.value", name, value
            )
        return next((row[0] for row in self._all("select value from setting where name = ?", name)), "")

    def close(self) -> None:
        self._connection.close()


def _entry(row: Any) -> Entry:
    reference, loan_id, kind, effective_on, *amounts = row
    return Entry(reference, loan_id, kind, effective_on, tuple(amounts))
