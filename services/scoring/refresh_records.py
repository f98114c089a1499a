"""What is kept of loans that run, for asking about their borrowers anew: written by reactions and by the day's round."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Date, Index, String, Table

from libs.events.store import Session
from services.scoring.domain.refresh_policy import Consented
from services.scoring.records import METADATA

LOAN: Final = Table(
    "refresh_loan",
    METADATA,
    Column("loan_id", String(80), primary_key=True),
    Column("application_id", String(80), nullable=False),
    Column("applicant_id", String(80), nullable=False),
    Column("next_on", Date),
    Index("refresh_loan_by_date", "next_on"),
    Index("refresh_loan_by_applicant", "applicant_id"),
)
"""Loans paid out. `next_on` is when the borrower is asked about next, `date.max` for never; null where the loan is over."""
CONSENT: Final = Table(
    "refresh_consent",
    METADATA,
    Column("application_id", String(80), primary_key=True),
    Column("text_version", String(500), nullable=False),
    Column("given_on", Date, nullable=False),
)
"""With which application an applicant agreed that the bureau is asked about him, and in which words."""
WATCHED: Final = Table("refresh_watched", METADATA, Column("applicant_id", String(80), primary_key=True))
"""Borrowers on the watch list, as collections tells."""

ANY_DUE: Final = "select exists (select from refresh_loan where next_on <= $1)"
DUE: Final = """
    select l.applicant_id, array_agg(l.loan_id order by l.loan_id) as loans,
        array_agg(l.application_id order by l.loan_id) as applications,
        exists (select from refresh_watched w where w.applicant_id = l.applicant_id) as watched
    from refresh_loan l
    where l.next_on is not null and l.applicant_id in (
        select applicant_id from refresh_loan where next_on <= $1
        group by applicant_id order by min(next_on), applicant_id limit $2)
    group by l.applicant_id order by l.applicant_id"""
CONSENTS: Final = "select application_id, text_version, given_on from refresh_consent where application_id = any($1)"
NEXT: Final = "update refresh_loan set next_on = $2 where applicant_id = $1 and next_on is not null"
SOONER: Final = "update refresh_loan set next_on = least(next_on, $2) where applicant_id = $1 and next_on is not null"
OVER: Final = "update refresh_loan set next_on = null where loan_id = $1"
OWED_AGAIN: Final = "update refresh_loan set next_on = $2 where loan_id = $1 and next_on is null"
IS_WATCHED: Final = "select exists (select from refresh_watched where applicant_id = $1)"
ALL_OVER: Final = "update refresh_loan set next_on = null where applicant_id = $1"


class Due(NamedTuple):
    """A borrower who is to be asked about, and his loans that run with their applications."""

    applicant_id: str
    loans: tuple[str, ...]
    applications: tuple[str, ...]
    watched: bool


async def any_due(session: Session, on: date) -> bool:
    found: bool = await session.connection.fetchval(ANY_DUE, on)
    return found


async def due(session: Session, on: date, most: int) -> list[Due]:
    """Those who wait longest, at most so many."""
    rows = await session.connection.fetch(DUE, on, most)
    return [Due(row["applicant_id"], tuple(row["loans"]), tuple(row["applications"]), row["watched"]) for row in rows]


async def consents(session: Session, applications: Sequence[str]) -> dict[str, Consented]:
    """By application; those in which none was given are not in it."""
    rows: list[Any] = await session.connection.fetch(CONSENTS, applications)
    return {row["application_id"]: Consented(row["text_version"], row["given_on"]) for row in rows}


async def next_on(session: Session, applicant_id: str, on: date) -> None:
    await session.connection.execute(NEXT, applicant_id, on)


async def sooner(session: Session, applicant_id: str, on: date) -> None:
    """He may be asked about from a date on, if his interval says so."""
    await session.connection.execute(SOONER, applicant_id, on)


async def over(session: Session, loan_id: str) -> None:
    await session.connection.execute(OVER, loan_id)


async def owed_again(session: Session, loan_id: str, on: date) -> None:
    await session.connection.execute(OWED_AGAIN, loan_id, on)


async def all_over(session: Session, applicant_id: str) -> None:
    await session.connection.execute(ALL_OVER, applicant_id)


async def watched(session: Session, applicant_id: str) -> bool:
    found: bool = await session.connection.fetchval(IS_WATCHED, applicant_id)
    return found
