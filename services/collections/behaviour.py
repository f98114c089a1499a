"""What early warning keeps of borrowers beside their streams: how they behaved, and on which loans warnings stand.
Written by reactions where something is amiss, never where a loan is repaid as agreed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy import Column, Date, Table, Text

from libs.events.store import Session
from services.collections.domain.watch_policy import Behaviour
from services.collections.records import RECORDS

behaviour = Table(
    "behaviour",
    RECORDS,
    Column("applicant_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("on_day", Date, nullable=False),
)
standing_warning = Table(
    "standing_warning",
    RECORDS,
    Column("loan_id", Text, primary_key=True),
    Column("applicant_id", Text, nullable=False),
)

# The addition is not seen by the reading beside it: what comes back are the other times, nothing when it is a repeat.
BEHAVED: Final = """
    with added as (insert into behaviour (applicant_id, kind, key, on_day) values ($1, $2, $3, $4)
                   on conflict do nothing returning applicant_id)
    select array(select b.on_day from behaviour b where (b.applicant_id, b.kind) = ($1, $2)) from added"""
FALL: Final = """
    select (select min(due) from due_instalment where loan_id = $1) as first_due,
        exists (select from arrears where applicant_id = $2 and loan_id <> $1) as several"""
STANDS: Final = """
    insert into standing_warning (loan_id, applicant_id) values ($1, $2) on conflict (loan_id) do nothing"""
CURED: Final = "delete from standing_warning where loan_id = $1 returning applicant_id"
APPLICANT: Final = "select applicant_id from due_instalment where loan_id = $1 limit 1"
QUIET: Final = """
    select w.applicant_id from watch w
    where w.watched and w.entered_by = '' and w.measures = 0 and w.entered_on <= $1
      and not exists (select from warning x where x.applicant_id = w.applicant_id
                      and (x.cured_on is null or x.cured_on > $1))
    order by w.applicant_id"""


async def behaved(session: Session, applicant_id: str, kind: Behaviour, key: str, on: date) -> Sequence[date] | None:
    """Note what a borrower did; the dates of the other times that he did so, None when it was noted before."""
    earlier: Sequence[date] | None = await session.connection.fetchval(BEHAVED, applicant_id, kind.value, key, on)
    return earlier


async def fall(session: Session, loan_id: str, applicant_id: str) -> tuple[date | None, bool]:
    """The first due date of a loan, and whether another loan of the borrower is in arrears."""
    row = await session.connection.fetchrow(FALL, loan_id, applicant_id)
    return row["first_due"], row["several"]


async def stands(session: Session, loan_id: str, applicant_id: str) -> None:
    """Warnings stand on a loan, until it is cured."""
    await session.connection.execute(STANDS, loan_id, applicant_id)


async def cured(session: Session, loan_id: str) -> str:
    """Nothing stands on the loan any more; whose warnings stood, "" where there were none."""
    applicant_id: str | None = await session.connection.fetchval(CURED, loan_id)
    return applicant_id or ""


async def applicant_of(session: Session, loan_id: str) -> str:
    """Whose loan it is, "" when the loan was never paid out."""
    applicant_id: str | None = await session.connection.fetchval(APPLICANT, loan_id)
    return applicant_id or ""


async def quiet(session: Session, last: date) -> list[str]:
    """Who came on the watch list by rule, and gave no reason since a date."""
    return [row["applicant_id"] for row in await session.connection.fetch(QUIET, last)]
