"""Our side of a reconciliation, and what of it a lender sees of itself: the SQL over movements and standings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import asyncpg
from sqlalchemy import BigInteger, Select, cast, func, select, true

from libs.contracts.partners import CostRepaid, CostRepaymentReversed, CostReversed, CostShared, SharesTransferred
from services.partners.domain.matching import Item, Standing
from services.partners.reconciliation_views import MOVEMENT
from services.partners.standings import LOAN_STANDING

OVER: Final = ("SETTLED", "WRITTEN_OFF", "RETURNED")
"""States of a loan from which nothing more is expected."""
# What became known after the last file belongs to this one, whatever its date.
OF_PARTNER: Final = """
    select reference, effective_on as value_date, cash_minor as amount_minor from funder_movement_v1
    where funder = $1 and effective_on <= $2 and (effective_on > $3 or position > $4) and type <> all($5)
    order by position, movement_id"""
UNTIL_OF_PARTNER: Final = "select coalesce(max(position), 0) from funder_movement_v1 where funder = $1"
OF_BANK: Final = """
    select reference, value_date, amount_minor from bank_movement
    where value_date <= $1 and (value_date > $2 or position > $3) order by position"""
UNTIL_OF_BANK: Final = "select coalesce(max(position), 0) from bank_movement"
VINTAGES: Final = """
    with held as (
        select loan_id, sum(disbursed_minor)::bigint as disbursed_minor,
            date_trunc('month', min(effective_on) filter (where disbursed_minor > 0))::date as vintage
        from funder_movement_v1 where funder = $1 and effective_on <= $2 group by loan_id),
    aged as (
        select held.*, age, least($2::date, (vintage + (age + 1) * interval '1 month')::date - 1) as at
        from held cross join generate_series(0, $3::int) age
        where vintage + age * interval '1 month' <= $2)
    select vintage, age, count(*) as loans, sum(disbursed_minor)::bigint as disbursed_minor,
        coalesce(sum(disbursed_minor) filter (where status = 'WRITTEN_OFF' or bucket <> all($4::text[])), 0)::bigint
            as at_risk_minor
    from aged left join lateral (
        select status, bucket from loan_standing
        where loan_standing.loan_id = aged.loan_id and since <= at order by since desc limit 1) standing on true
    group by vintage, age order by vintage, age"""
BETWEEN_LENDERS: Final = tuple(
    event.type_name for event in (SharesTransferred, CostShared, CostReversed, CostRepaid, CostRepaymentReversed)
)
"""What no borrower moved: in settlements, and in no daily file."""
BEGINNING: Final = date(1900, 1, 1)
MONTHS_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Side:
    """Our records for a file, and the last place in their order that was looked at."""

    items: Sequence[Item]
    known_until: int


async def of_partner(pool: asyncpg.Pool[Any], partner: str, on: date, after: date | None, known_until: int) -> Side:
    """What a partner's file of a date should hold: since the file of `after`, and what became known since then."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        until = await connection.fetchval(UNTIL_OF_PARTNER, partner)
        rows = await connection.fetch(OF_PARTNER, partner, on, after or BEGINNING, known_until, BETWEEN_LENDERS)
    return Side([Item(**row) for row in rows], until)


async def of_bank(pool: asyncpg.Pool[Any], on: date, after: date | None, known_until: int) -> Side:
    """What the bank's statement of a date should hold."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        until = await connection.fetchval(UNTIL_OF_BANK)
        rows = await connection.fetch(OF_BANK, on, after or BEGINNING, known_until)
    return Side([Item(**row) for row in rows], until)


def loans_of(partner: str, on: date) -> Select[Any]:
    """Every loan of which a partner has a part, as it stands at the end of a date: a query by `loan_id`."""
    owed = MOVEMENT.c.disbursed_minor - MOVEMENT.c.principal_minor + MOVEMENT.c.transferred_minor
    held = (
        select(
            MOVEMENT.c.loan_id,
            cast(func.sum(owed), BigInteger).label("outstanding_minor"),
            cast(func.sum(MOVEMENT.c.disbursed_minor), BigInteger).label("disbursed_minor"),
            cast(func.sum(MOVEMENT.c.written_off_minor), BigInteger).label("written_off_minor"),
            func.min(MOVEMENT.c.effective_on).label("since"),
        )
        .where(MOVEMENT.c.funder == partner, MOVEMENT.c.effective_on <= on)
        .group_by(MOVEMENT.c.loan_id)
        .subquery("held")
    )
    last = (
        select(LOAN_STANDING.c.status, LOAN_STANDING.c.bucket)
        .where(LOAN_STANDING.c.loan_id == held.c.loan_id, LOAN_STANDING.c.since <= on)
        .order_by(LOAN_STANDING.c.since.desc())
        .limit(1)
        .lateral("last")
    )
    return select(
        held,
        func.coalesce(last.c.status, "ACTIVE").label("status"),
        func.coalesce(last.c.bucket, "CURRENT").label("bucket"),
    ).select_from(held.outerjoin(last, true()))


def standing(row: Any) -> Standing:
    return Standing(row["loan_id"], row["status"], row["outstanding_minor"], over=row["status"] in OVER)


async def vintages(pool: asyncpg.Pool[Any], partner: str, on: date, well: Sequence[str]) -> Sequence[asyncpg.Record]:
    """By month of payout and months since: what was lent, and of it what is at risk (in none of the buckets `well`)."""
    return await pool.fetch(VINTAGES, partner, on, MONTHS_MAX, list(well))
