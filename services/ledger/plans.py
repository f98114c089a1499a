"""The coming instalments of a loan as bytes beside its row: what passing a due date needs to know, without the loan."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from services.ledger.domain.account import Account
from services.ledger.domain.meter import FOREVER, Piece, overdue_rate, running_piece

PARTIES: Final = 32
"""Bytes in front: application and applicant, of a loan that keeps to its plan (`parties_of`); zeros for another."""
NO_PARTIES: Final = bytes(PARTIES)
HEAD: Final = 3
"""Overdue interest: numerator and denominator of its part a day, days of grace."""


class Coming(NamedTuple):
    """One instalment ahead: its line, and what is open of it. A denominator of 0: no line, ask the loan."""

    start: int
    due: int
    slope: int
    denominator: int
    interest: int
    fee: int
    principal: int


def parties_of(application_id: str, applicant_id: str) -> bytes:
    """Whom the events of a loan name. Raises `ValueError` for ids of another form: such a loan is asked itself."""
    return UUID(application_id).bytes + UUID(applicant_id).bytes


def pack(account: Account, on: date, parties: bytes) -> bytes:
    """The instalments due `on` a day or later; empty when their dates cannot be passed without the loan."""
    rate = overdue_rate(account)
    if account.credit or account.ended is not None or rate is None:
        return b""
    open_rows = {row.number: row for row in account.rows}
    values = array("q", [*rate, account.overdue.grace_days])
    for planned in account.plan.rows:
        if planned.due >= on:
            row, line = open_rows[planned.number], running_piece(account, planned)
            slope, denominator = (line.slope, line.denominator) if line else (0, 0)
            start, due = planned.start.toordinal(), planned.due.toordinal()
            coming = Coming(start, due, slope, denominator, planned.interest_minor, planned.fee_minor, row.principal)
            values.extend(coming)
    return parties + values.tobytes()


class Ahead(NamedTuple):
    """A plan as it was packed."""

    parties: bytes
    head: Sequence[int]
    rows: list[Coming]


def unpack(packed: bytes) -> Ahead:
    """The reverse of `pack`, of a plan that is not empty."""
    values = array("q", packed[PARTIES:])
    width = len(Coming._fields)
    rows = [Coming(*values[n : n + width]) for n in range(HEAD, len(values), width)]
    return Ahead(packed[:PARTIES], values[:HEAD], rows)


class Passed(NamedTuple):
    """What passing due dates adds: interest and fees in full, principal overdue as lines, and the line after it."""

    interest: int
    fee: int
    late: tuple[Piece, ...]
    running: Piece | None
    until: int


def passed(packed: bytes, since: int, on: int) -> Passed | None:
    """What lies between the due dates `since` (included) and `on` (included); None when the loan has to be asked."""
    if not packed:
        return None
    _, (numerator, denominator, grace_days), rows = unpack(packed)
    gone = [row for row in rows if since <= row.due <= on]
    ahead = next((row for row in rows if row.due > on), None)
    if ahead is not None and ahead.denominator == 0:
        return None
    return Passed(
        sum(row.interest for row in gone),
        sum(row.fee for row in gone),
        tuple(
            Piece(row.due, 0, row.principal * numerator, denominator, free_until=row.due + grace_days)
            for row in gone
            if row.principal
        ),
        Piece(ahead.start, 0, ahead.slope, ahead.denominator, ahead.interest, ahead.start) if ahead else None,
        ahead.due if ahead else FOREVER,
    )
