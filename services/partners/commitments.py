"""How much of an agreement's caps is used, and which loans we fund alone: rows that reactions keep in their transactions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, String, Table

from libs.contracts.partners import FundingOffered
from libs.events.store import Session
from services.partners.domain.fitting import Used
from services.partners.records import RECORDS

COMMITMENT: Final = Table(
    "commitment",
    RECORDS,
    Column("application_id", String(80), primary_key=True),
    Column("agreement", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("loan_id", String(80), nullable=False),
    Column("applicant_id", String(80), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("made_on", Date, nullable=False),
    Column("open", Boolean, nullable=False),
    Index("commitment_open", "agreement", "applicant_id", postgresql_where="open"),
    Index("commitment_by_month", "agreement", "made_on"),
    Index("commitment_of_loan", "loan_id"),
)
"""A partner's part of a loan, from its offer on; gone when the partner declines, of nothing when the loan comes to
nothing, no longer open when it has ended."""

ALONE: Final = Table("alone", RECORDS, Column("loan_id", String(80), primary_key=True))
"""Loans that were paid out while nobody shared them: what moved on them was not split, so nobody can share them later."""

ONE_AT_A_TIME: Final = "select pg_advisory_xact_lock(hashtextextended('agreement/' || $1, 0))"
USED: Final = """
    select coalesce(sum(amount_minor) filter (where open), 0)::bigint as open_minor,
        coalesce(sum(amount_minor) filter (where made_on >= $2), 0)::bigint as month_minor,
        coalesce(sum(amount_minor) filter (where open and applicant_id = $3), 0)::bigint as borrower_minor
    from commitment where agreement = $1 and (open or made_on >= $2)"""
COMMIT: Final = """
    insert into commitment (application_id, agreement, version, loan_id, applicant_id, amount_minor, made_on, open)
    values ($1, $2, $3, $4, $5, $6, $7, true) on conflict do nothing"""
RELEASE: Final = "delete from commitment where application_id = $1"
CANCEL: Final = "update commitment set open = false, amount_minor = 0 where application_id = $1"
AGREED: Final = "select application_id, agreement, version from commitment where loan_id = $1"
CLOSE: Final = "update commitment set open = false where loan_id = $1"

SHARING_LOCK: Final = 0x73686172696E67  # "sharing"
NOBODY_SHARES_MEANWHILE: Final = "select pg_advisory_xact_lock_shared($1)"
NOTHING_IS_PAID_MEANWHILE: Final = "select pg_advisory_xact_lock(:lock)"
PAID_ALONE: Final = "insert into alone (loan_id) select unnest($1::text[]) on conflict do nothing"


async def used(session: Session, agreement: str, applicant_id: str, on: date) -> Used:
    """What is used of an agreement's caps; until the transaction ends, nobody else commits under it."""
    await session.connection.execute(ONE_AT_A_TIME, agreement)
    row = await session.connection.fetchrow(USED, agreement, on.replace(day=1), applicant_id)
    return Used(row["open_minor"], row["month_minor"], row["borrower_minor"])


async def commit(session: Session, offer: FundingOffered, loan_id: str) -> None:
    await session.connection.execute(
        COMMIT,
        offer.application_id,
        offer.agreement,
        offer.version,
        loan_id,
        offer.approval.request.applicant_id,
        offer.amount.minor,
        offer.offered_on,
    )


async def release(session: Session, application_id: str) -> None:
    """Somebody else funds it."""
    await session.connection.execute(RELEASE, application_id)


async def cancel(session: Session, application_id: str) -> None:
    """The loan comes to nothing; under which agreement it was is kept, since money may still move back."""
    await session.connection.execute(CANCEL, application_id)


async def agreement_of(session: Session, loan_id: str) -> tuple[str, str, int] | None:
    """The application, and the agreement and version under which its loan is funded; None for one that was shared by hand."""
    row = await session.connection.fetchrow(AGREED, loan_id)
    return (row["application_id"], row["agreement"], row["version"]) if row else None


async def close(session: Session, loan_id: str) -> None:
    """The loan has ended: it counts in its month, and is open no more."""
    await session.connection.execute(CLOSE, loan_id)


async def paid_alone(session: Session, loan_ids: Iterable[str]) -> None:
    await session.connection.execute(PAID_ALONE, list(loan_ids))


async def nobody_shares_meanwhile(session: Session) -> None:
    """Until the transaction ends, no sharing is approved by hand: what is not shared now is paid out alone."""
    await session.connection.execute(NOBODY_SHARES_MEANWHILE, SHARING_LOCK)
