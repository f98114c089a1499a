"""What collection keeps of loans to know when to act: instalments to come, and who is in arrears. Written by reactions,
in the transaction of the event that they follow; the messages are the local adapter's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import BigInteger, Column, Date, Index, Integer, MetaData, Table, Text, Uuid

from libs.contracts.ledger import (
    DisbursementRedated,
    LoanChanged,
    LoanDisbursed,
    LoanPosition,
    TrancheDisbursed,
    TrancheReturned,
)
from libs.events.store import Session
from libs.lending.money import Money

Replanned: TypeAlias = LoanChanged | TrancheDisbursed | TrancheReturned | DisbursementRedated
"""Events after which a loan has another plan."""
RECORDS = MetaData()

due_instalment = Table(
    "due_instalment",
    RECORDS,
    Column("loan_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("applicant_id", Text, nullable=False),
    Column("due", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("open_minor", BigInteger, nullable=False),
    Column("before_minor", BigInteger, nullable=False),
    Column("changed_on", Date, nullable=False),
    Index("due_instalment_due", "due"),
)
"""`open_minor` is what is still to be paid, credit taken off; `before_minor` what it was before the day `changed_on`."""

arrears = Table(
    "arrears",
    RECORDS,
    Column("loan_id", Text, primary_key=True),
    Column("application_id", Text, nullable=False),
    Column("applicant_id", Text, nullable=False),
    Column("since", Date, nullable=False),
    Column("overdue_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("opens_on", Date, nullable=False),
    Column("case_id", Text, nullable=False),
    Index("arrears_waiting", "opens_on", postgresql_where="case_id = ''"),
    Index("arrears_applicant", "applicant_id"),
)
"""Loans in arrears; `case_id` is empty while the grace lasts. `since` is the due date of the oldest open instalment."""

message = Table(
    "message",
    RECORDS,
    Column("message_id", Uuid, primary_key=True),
    Column("applicant_id", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("text_zh", Text, nullable=False),
    Column("text_en", Text, nullable=False),
    Column("sent_on", Date, nullable=False),
)

PLAN: Final = """
    insert into due_instalment
        (loan_id, number, applicant_id, due, amount_minor, currency, open_minor, before_minor, changed_on)
    select $1, number, $2, due, amount, $3, amount, amount, $4
    from unnest($5::int[], $6::date[], $7::bigint[]) as plan (number, due, amount)
    on conflict (loan_id, number) do update set due = excluded.due, amount_minor = excluded.amount_minor,
        open_minor = excluded.open_minor, before_minor = excluded.before_minor, changed_on = excluded.changed_on"""
# What another plan does not have any more was still known when the day of the change began; what is new was not.
REPLACED: Final = """
    update due_instalment i set amount_minor = 0, open_minor = 0, changed_on = $2,
        before_minor = case when i.changed_on = $2 then i.before_minor else i.open_minor end
    where i.loan_id = $1 and (i.amount_minor > 0 or i.open_minor > 0) and not exists (
        select from unnest($3::int[], $4::date[], $5::bigint[]) as plan (number, due, amount)
        where (plan.number, plan.due, plan.amount) = (i.number, i.due, i.amount_minor))"""
ANOTHER_PLAN: Final = """
    insert into due_instalment
        (loan_id, number, applicant_id, due, amount_minor, currency, open_minor, before_minor, changed_on)
    select $1, number, l.applicant_id, due, amount, $2, amount, 0, $3
    from unnest($4::int[], $5::date[], $6::bigint[]) as plan (number, due, amount), borrower_loan l
    where l.loan_id = $1
    on conflict (loan_id, number) do update set due = excluded.due, amount_minor = excluded.amount_minor,
        open_minor = excluded.open_minor, before_minor = 0, changed_on = excluded.changed_on
    where (due_instalment.due, due_instalment.amount_minor) <> (excluded.due, excluded.amount_minor)"""
# Money goes to instalments in order of their due dates: the next one needs what the ledger says, credit covers the
# first of them, and nothing is to be reminded of before the next. One statement, for it runs at every repayment.
MONEY: Final = """
    with coming as (
        select number, own, sum(own) over (order by due, number) as until
        from (select number, due, case when due = $2::date then $3::bigint else amount_minor end as own
              from due_instalment where loan_id = $1 and due >= $2::date and amount_minor > 0) as plan),
    now as (
        select i.number, coalesce(greatest(least(c.own, c.until - $4::bigint), 0), 0)::bigint as open
        from due_instalment i left join coming c using (number) where i.loan_id = $1),
    changed as (
        update due_instalment i set open_minor = now.open, changed_on = $5::date,
            before_minor = case when i.changed_on = $5::date then i.before_minor else i.open_minor end
        from now where i.loan_id = $1 and i.number = now.number and i.open_minor <> now.open)
    update arrears set overdue_minor = $6, since = $7 where loan_id = $1 returning case_id"""
NOTHING_DUE: Final = """
    update due_instalment set open_minor = 0, changed_on = $2,
        before_minor = case when changed_on = $2 then before_minor else open_minor end
    where loan_id = $1 and open_minor <> 0"""
TO_REMIND: Final = """
    select * from (
        select i.loan_id, i.applicant_id, i.due, i.currency, day.days_before,
            case when i.changed_on >= $3 then i.before_minor else i.open_minor end as amount_minor
        from unnest($1::date[], $2::int[]) as day (due, days_before) join due_instalment i using (due)) as coming
    where amount_minor > 0 order by loan_id, due, days_before"""
IN_ARREARS: Final = "select case_id from arrears where loan_id = $1"
FELL_BEHIND: Final = """
    insert into arrears (loan_id, application_id, applicant_id, since, overdue_minor, currency, opens_on, case_id)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (loan_id) do update set since = excluded.since, overdue_minor = excluded.overdue_minor"""
CASE_OPENED: Final = "update arrears set case_id = $2 where loan_id = $1"
GRACE_OVER: Final = """
    select loan_id, application_id, applicant_id, since, overdue_minor, currency, opens_on from arrears
    where case_id = '' and opens_on <= $1 order by loan_id"""
CAUGHT_UP: Final = "delete from arrears where loan_id = $1 returning case_id"
TODAY: Final = "select today from business_date"


@dataclass(frozen=True, slots=True)
class InArrears:
    """A loan in arrears that waits for its case."""

    loan_id: str
    application_id: str
    applicant_id: str
    since: date
    overdue: Money
    opens_on: date


async def save_plan(session: Session, event: LoanDisbursed) -> None:
    """The instalments of a loan that was paid out."""
    rows = [row for row in event.plan if row.total]
    await session.connection.execute(
        PLAN,
        event.loan_id,
        event.applicant_id,
        event.amount.currency,
        event.confirmed_on or event.value_date,
        [row.number for row in rows],
        [row.due for row in rows],
        [row.total.minor for row in rows],
    )


async def change_plan(session: Session, event: Replanned, on: date) -> None:
    """Another plan: instalments of one due date are one, and those that stay keep what was paid of them."""
    amounts: dict[date, tuple[int, int]] = {}
    for row in sorted(event.plan, key=lambda row: (row.due, row.number)):
        number, amount = amounts.get(row.due, (row.number, 0))
        amounts[row.due] = (number, amount + row.total.minor)
    due = [(number, day, amount) for day, (number, amount) in amounts.items() if amount]
    columns = [[one[n] for one in due] for n in range(3)]
    currency = event.position.outstanding.principal.currency
    await session.connection.execute(REPLACED, event.loan_id, on, *columns)
    await session.connection.execute(ANOTHER_PLAN, event.loan_id, currency, on, *columns)
    await note_position(session, event.loan_id, event.position, on)


async def note_position(session: Session, loan_id: str, position: LoanPosition, on: date) -> str:
    """What instalments still need after money moved; the case of the loan, "" without one."""
    case_id: str | None = await session.connection.fetchval(
        MONEY,
        loan_id,
        position.next_due or date.max,
        position.next_amount.minor if position.next_amount else 0,
        position.credit.minor,
        on,
        position.overdue.total.minor,
        since(position),
    )
    return case_id or ""


def since(position: LoanPosition) -> date:
    """The due date of the oldest open instalment; the day of the position when none is overdue."""
    return position.as_of - timedelta(days=position.days_past_due)


async def end_plan(session: Session, loan_id: str, on: date) -> str:
    """Nothing is due any more; the case that the loan had, "" without one."""
    await session.connection.execute(NOTHING_DUE, loan_id, on)
    return await catch_up(session, loan_id)


async def catch_up(session: Session, loan_id: str) -> str:
    """The loan is in arrears no more; the case that it had, "" without one."""
    case_id: str | None = await session.connection.fetchval(CAUGHT_UP, loan_id)
    return case_id or ""


async def case_of(session: Session, loan_id: str) -> str:
    """The open case of a loan, "" without one."""
    case_id: str | None = await session.connection.fetchval(IN_ARREARS, loan_id)
    return case_id or ""


async def fall_behind(session: Session, behind: InArrears) -> None:
    await session.connection.execute(
        FELL_BEHIND,
        behind.loan_id,
        behind.application_id,
        behind.applicant_id,
        behind.since,
        behind.overdue.minor,
        behind.overdue.currency,
        behind.opens_on,
        "",
    )


async def case_opened(session: Session, loan_id: str, case_id: str) -> None:
    await session.connection.execute(CASE_OPENED, loan_id, case_id)


async def grace_over(session: Session, today: date) -> list[InArrears]:
    """The loans whose grace is over and that have no case yet."""
    return [
        InArrears(
            row["loan_id"],
            row["application_id"],
            row["applicant_id"],
            row["since"],
            Money(row["overdue_minor"], row["currency"]),
            row["opens_on"],
        )
        for row in await session.connection.fetch(GRACE_OVER, today)
    ]


async def to_remind(session: Session, days: Sequence[tuple[date, int]], today: date) -> list[dict[str, Any]]:
    """The instalments of these due dates (each with its number of days before) that were open when `today` began."""
    rows = await session.connection.fetch(TO_REMIND, [due for due, _ in days], [before for _, before in days], today)
    return [{**row, "due": row["due"].isoformat()} for row in rows]


async def business_date(session: Session) -> date | None:
    """The latest business date that this service has handled."""
    today: date | None = await session.connection.fetchval(TODAY)
    return today
