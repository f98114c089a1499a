"""Vintages, roll rates and collection (R7.12), from the archived events alone, as they are known now.

As on the risk board a loan stands, at the end of a day, as the last event that counts by then says; that of a payment
dated back counts from the day on which it became known.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from libs.contracts import ledger
from libs.service.runtime import Runtime
from services.audit.domain.curves import CANCELLED, SETTLED, WRITTEN_OFF, Collection, Curves, Late, rolls, vintages
from services.audit.domain.risk_board import month_ends
from services.audit.risk_board import FACT, OVER, TOLD

PAID_OUT: Final = (ledger.LoanDisbursed.type_name, ledger.TrancheDisbursed.type_name)
TAKEN_BACK: Final = (ledger.LoanCancelled.type_name, ledger.DisbursementReturned.type_name)
GIVEN_UP: Final = ledger.LoanWrittenOff.type_name
TYPES: Final = sorted({event.type_name for event in (*TOLD, *OVER)} | {*PAID_OUT, *TAKEN_BACK})

# Beside what FACT takes: $4 first payouts, $5 later ones, $6 what takes them back, $7 write-off, $8 the first month.
LATE: Final = (
    FACT.format(
        columns="""d.data ->> 'loan_id' as loan_id, (d.data -> 'position' ->> 'days_past_due')::int as days,
            ((d.data -> 'amount' ->> 'amount')::numeric * 100)::bigint as amount"""
    )
    + """,
    known as (select * from fact where on_day <= (select max(day) from board)),
    back as (select loan_id, max(global_seq) as global_seq from known where type = any($6) group by loan_id),
    paid as (
        select k.loan_id, (min(k.on_day) filter (where k.type = $4)) as on_day, sum(k.amount)::bigint as amount
        from known k left join back using (loan_id)
        where k.type in ($4, $5) and k.global_seq > coalesce(back.global_seq, 0) group by k.loan_id),
    late as (
        select loan_id, min(on_day) filter (where days > 30 or type = $7) as over_30,
            min(on_day) filter (where days > 90 or type = $7) as over_90
        from known group by loan_id),
    aged as (
        select date_trunc('month', p.on_day)::date as month, p.amount,
            (extract(year from l.over_30) - extract(year from p.on_day)) * 12
                + extract(month from l.over_30) - extract(month from p.on_day) as after_30,
            (extract(year from l.over_90) - extract(year from p.on_day)) * 12
                + extract(month from l.over_90) - extract(month from p.on_day) as after_90
        from paid p join late l using (loan_id)
        where p.on_day >= $8)
    select month, after_30::int, after_90::int, count(*) as loans, sum(amount)::bigint as amount
    from aged group by month, after_30, after_90"""
)
STOOD: Final = (
    FACT.format(
        columns="""d.data ->> 'loan_id' as loan_id, d.data -> 'position' ->> 'bucket' as bucket,
            ((d.data -> 'position' -> 'outstanding' -> 'principal' ->> 'amount')::numeric * 100)::bigint as principal,
            ((d.data -> 'amount' ->> 'amount')::numeric * 100)::bigint as amount,
            d.data ->> 'set_off_by' is not null as set_off,
            (select sum((part ->> 'amount')::numeric * 100)::bigint
             from jsonb_path_query(d.data, '$.position.overdue.*') part) as overdue"""
    )
    + """,
    days as (select day from board union select since from board),
    placed as (
        select distinct on (f.loan_id, d.day) d.day, f.loan_id, f.type, f.principal, f.bucket, f.overdue,
            f.type = any($4) as over
        from fact f cross join lateral (select min(day) as day from days where day >= f.on_day) d
        where d.day is not null and (f.principal is not null or f.type = any($4))
        order by f.loan_id, d.day, f.on_day desc, f.global_seq desc),
    span as (select *, lead(day) over (partition by loan_id order by day) as until from placed),
    latest as (
        select d.day, s.loan_id, s.type, s.principal, s.bucket, s.overdue, s.over
        from span s join days d on d.day >= s.day and (s.until is null or d.day < s.until))"""
)
ROLLED: Final = (
    STOOD
    + f"""
    select b.day, was.bucket as before,
        case when now.type = $5 then '{WRITTEN_OFF}' when now.type = any($6) then '{CANCELLED}'
            when now.over then '{SETTLED}' else now.bucket end as after,
        count(*) as loans, sum(was.principal)::bigint as principal
    from board b join latest was on was.day = b.since and not was.over
        join latest now on now.day = b.day and now.loan_id = was.loan_id
    group by b.day, before, after"""
)
COLLECTED: Final = (
    STOOD
    + """,
    paid as (
        select b.day, f.loan_id, sum(case when f.type = $5 then f.amount else -f.amount end) as amount
        from board b join fact f on f.on_day > b.since and f.on_day <= b.day
        where f.type in ($5, $6) and not f.set_off group by b.day, f.loan_id)
    select b.day, coalesce(sum(was.overdue), 0)::bigint as arrears,
        coalesce(sum(least(was.overdue, greatest(paid.amount, 0))), 0)::bigint as collected
    from board b left join latest was on was.day = b.since and not was.over and was.overdue > 0
        left join paid on paid.day = b.day and paid.loan_id = was.loan_id
    group by b.day order by b.day desc"""
)


async def curves(runtime: Runtime, on: date, months: int) -> Curves:
    """Of the loans paid out in that day's month and in so many before it, and of the moves within them."""
    ends = month_ends(on, months + 1)
    facts = ends[:-1], ends[1:], TYPES
    over, back = [event.type_name for event in OVER], list(TAKEN_BACK)
    received, reversed_ = ledger.RepaymentReceived.type_name, ledger.RepaymentReversed.type_name
    async with runtime.store.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        first = ends[-2].replace(day=1)
        late = await connection.fetch(LATE, *facts, *PAID_OUT, back, GIVEN_UP, first)
        moved = await connection.fetch(ROLLED, *facts, over, GIVEN_UP, back)
        paid = await connection.fetch(COLLECTED, *facts, over, received, reversed_)
    return Curves(
        vintages=vintages((Late(*row) for row in late), on),
        rolls=rolls(tuple(row) for row in moved),
        collection=[Collection(*row) for row in paid],
    )
