"""The risk board (R1.5): indicators on a day and at the ends of the months before it, from the archived events and the
read models alone, as they are known now. A day's flows are those since the end of the month before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Final

from libs.contracts import approval, collections, ledger, operations
from libs.contracts.base import DomainEvent
from libs.service.runtime import Runtime
from services.audit.domain.risk_board import BoardPolicy, Colour, Indicator, Trend, month_ends, trend
from services.audit.domain.service_levels import ServiceLevels
from services.audit.stages import Asked, stages

OVER: Final[tuple[type[DomainEvent], ...]] = (
    ledger.LoanSettled,
    ledger.LoanWrittenOff,
    ledger.LoanCancelled,
    ledger.DisbursementReturned,
)
TOLD: Final = tuple(
    event
    for event in vars(ledger).values()
    if isinstance(event, type)
    and issubclass(event, DomainEvent)
    and {"position", "loan_id"} <= event.model_fields.keys()
)
"""The events that tell how a loan stands."""
POSTED: Final[tuple[type[DomainEvent], ...]] = (ledger.DayClosed, ledger.RecoveryReceived)
"""With write-offs and waivers, the events by which the ledger posts income and the allowance for losses."""
BOOK_TYPES: Final = sorted({event.type_name for event in (*TOLD, *OVER, *POSTED)} | {ledger.LoanClassified.type_name})
WORK_TYPES: Final = (
    *(collections.ComplaintReceived.type_name, collections.ComplaintResolved.type_name),
    *(operations.ParkedEventSkipped.type_name, operations.ParkedEventRepaired.type_name),
    *(approval.ApplicationApproved.type_name, approval.ApplicationDeclined.type_name),
)

# $1 days, each with $2 the day before its flows begin; every event's JSON is read once for all of them, and once for all
# its columns (`offset 0` keeps it apart). A position counts from the day for which it was worked out: that of a payment
# dated back is as of the day on which it became known.
# Income and allowance are what the ledger's posting rules make of the same events, on the days on which they are booked.
FACT: Final = """
    with board as (select * from unnest($1::date[], $2::date[]) as b (day, since)),
    fact as materialized (
        select q.global_seq, e.type, {columns},
            coalesce((d.data -> 'position' ->> 'as_of')::date, (d.data ->> 'value_date')::date, t.effective_date)
                as on_day
        from es.sequence q join es.event e using (stream_no, version) join trail t on t.sequence = q.global_seq
            cross join lateral (select convert_from(e.data, 'UTF8')::jsonb as data offset 0) d
        where e.type = any($3))"""
BOOK: Final = (
    FACT.format(
        columns="""d.data ->> 'loan_id' as loan_id, d.data ->> 'tier' as tier, d.data ->> 'kind' as kind,
            ((d.data -> 'position' -> 'outstanding' -> 'principal' ->> 'amount')::numeric * 100)::bigint as principal,
            (d.data -> 'position' ->> 'days_past_due')::int as days,
            coalesce(d.data -> 'terms' -> 'lpr', 'null'::jsonb) <> 'null'::jsonb as lpr,
            ((d.data -> 'written_off' -> 'principal' ->> 'amount')::numeric * 100)::bigint as given_up,
            coalesce(d.data ->> 'business_date', d.data ->> 'received_on')::date as booked_on,
            ((select coalesce(sum((a -> 'provision' ->> 'amount')::numeric), 0)
              from jsonb_array_elements(d.data -> 'accruals') a)
             - (select coalesce(sum((part ->> 'amount')::numeric), 0)
                from jsonb_path_query(d.data, '$.written_off.*') part)
             + case when e.type = $9 then (d.data -> 'amount' ->> 'amount')::numeric else 0 end) * 100 as allowance,
            ((select coalesce(sum((a -> 'interest' ->> 'amount')::numeric + (a -> 'penalty' ->> 'amount')::numeric
                  - coalesce((a -> 'suspended' ->> 'amount')::numeric, 0)), 0)
              from jsonb_array_elements(d.data -> 'accruals') a)
             - coalesce((d.data -> 'waived_difference' ->> 'amount')::numeric, 0)) * 100 as income"""
    )
    + """,
    days as (select day from board union select since from board),
    latest as (
        select distinct on (b.day, f.loan_id) b.day, f.loan_id, f.type, f.principal, f.days
        from days b join fact f on f.on_day <= b.day where f.principal is not null or f.type = any($4)
        order by b.day, f.loan_id, f.on_day desc, f.global_seq desc),
    tier as (
        select distinct on (b.day, f.loan_id) b.day, f.loan_id, f.tier
        from days b join fact f on f.on_day <= b.day where f.type = $5
        order by b.day, f.loan_id, f.on_day desc, f.global_seq desc),
    rate as (
        select distinct on (b.day, f.loan_id) b.day, f.loan_id, f.lpr
        from days b join fact f on f.on_day <= b.day where f.type = $6 and f.kind = 'RATE'
        order by b.day, f.loan_id, f.on_day desc, f.global_seq desc),
    book as (
        select l.day, l.loan_id, l.type = $7 as given_up, l.type = any($4) as over, coalesce(l.principal, 0) as principal,
            coalesce(l.days, 0) as days, coalesce(tier.tier = any($8), false) as bad, coalesce(rate.lpr, false) as lpr
        from latest l left join tier using (day, loan_id) left join rate using (day, loan_id)),
    owed as (
        select day, sum(principal) as owed, sum(principal) filter (where days > 30) as over_30,
            sum(principal) filter (where days > 90) as over_90, sum(principal) filter (where bad) as bad,
            sum(principal) filter (where lpr) as lpr
        from book where not over group by day),
    rolled as (
        select b.day, count(*) as early, count(*) filter (where now.given_up or (not now.over and now.days > 30)) as late
        from board b join book was on was.day = b.since and not was.over and was.days between 1 and 30
            join book now on now.day = b.day and now.loan_id = was.loan_id
        group by b.day)
    select b.day, coalesce(o.owed, 0)::bigint as owed, coalesce(o.over_30, 0)::bigint as over_30,
        coalesce(o.over_90, 0)::bigint as over_90, coalesce(o.bad, 0)::bigint as bad, coalesce(o.lpr, 0)::bigint as lpr,
        coalesce(before.owed, 0)::bigint as owed_before, coalesce(r.early, 0) as early, coalesce(r.late, 0) as late,
        (select coalesce(sum(f.given_up), 0)::bigint from fact f
         where f.type = $7 and f.on_day > b.since and f.on_day <= b.day) as given_up,
        p.allowance, p.income, b.day - b.since as days
    from board b cross join lateral (
        select coalesce(sum(allowance), 0)::bigint as allowance,
            coalesce(sum(income) filter (where coalesce(booked_on, on_day) > b.since), 0)::bigint as income
        from fact where coalesce(booked_on, on_day) <= b.day) p
        left join owed o on o.day = b.day left join owed before on before.day = b.since
        left join rolled r on r.day = b.day"""
)
WORK: Final = (
    FACT.format(
        columns="""d.data ->> 'complaint_id' as complaint_id,
            concat(d.data ->> 'override', d.data ->> 'term_override') <> '' as overrode"""
    )
    + """
    select b.day,
        (select count(*) from violation_page v
         where v.found_on <= b.day and (v.closed_on is null or v.closed_on > b.day)) as violations,
        (select count(*) from fact f where f.type = $4 and f.on_day < b.day - $5::int and not exists (
            select from fact r where r.type = $6 and r.complaint_id = f.complaint_id and r.on_day <= b.day)) as complaints,
        (select count(*) from fact f
         where f.type = any($7) and f.on_day > b.since and f.on_day <= b.day) as skipped,
        w.decisions, w.overrode
    from board b cross join lateral (
        select count(*) as decisions, count(*) filter (where f.overrode) as overrode from fact f
        where f.type = any($8) and f.on_day > b.since and f.on_day <= b.day) w"""
)


@dataclass(frozen=True, slots=True)
class Shown:
    """An indicator on the board: its value on the day (None: nothing to measure), and before it, latest first."""

    indicator: Indicator
    values: Sequence[Fraction | None]

    @property
    def colour(self) -> Colour:
        return self.indicator.colour(self.values[0])

    @property
    def trend(self) -> Trend:
        return trend(self.values)


async def risk_board(runtime: Runtime, policy: BoardPolicy, levels: ServiceLevels, on: date) -> list[Shown]:
    """Every indicator of the policy, on a day and at the ends of the months before it."""
    ends = month_ends(on, policy.months + 1)
    days, since = ends[:-1], ends[1:]
    async with runtime.store.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        over = [event.type_name for event in OVER]
        classified, changed = ledger.LoanClassified.type_name, ledger.LoanChanged.type_name
        bad = [tier.value for tier in policy.nonperforming]
        given_up, recovered = ledger.LoanWrittenOff.type_name, ledger.RecoveryReceived.type_name
        book = await connection.fetch(
            BOOK, days, since, BOOK_TYPES, over, classified, changed, given_up, bad, recovered
        )
        received, resolved, *parked, approved, declined = WORK_TYPES
        work = await connection.fetch(
            WORK, days, since, list(WORK_TYPES), received, policy.complaint_days, resolved, parked, [approved, declined]
        )
    measured: dict[date, dict[str, Fraction | None]] = {row["day"]: _of_book(row, policy) for row in book}
    for row in work:
        measured[row["day"]] |= _of_work(row)
    for day, before in zip(days, since, strict=True):
        cycles = (await stages(runtime, Asked(before + timedelta(days=1), day), levels)).cycles
        late, decided = sum(cycle.breaches for cycle in cycles), sum(cycle.applications for cycle in cycles)
        measured[day]["decisions-late"] = _share(late, decided)
    return [Shown(each, [measured[day][each.code] for day in days]) for each in policy.indicators]


def _of_book(row: Any, policy: BoardPolicy) -> dict[str, Fraction | None]:
    owed, margin = row["owed"], policy.margin
    return {
        "par30": _share(row["over_30"], owed),
        "par90": _share(row["over_90"], owed),
        "nonperforming": _share(row["bad"], owed),
        "floating": _share(row["lpr"], owed),
        "roll-31": _share(row["late"], row["early"]),
        "written-off": _share(row["given_up"], row["owed_before"]),
        "provision-coverage": _share(row["allowance"], row["bad"]),
        "margin": margin.margin(row["income"], owed + row["owed_before"], row["days"]) if margin else None,
    }


def _of_work(row: Any) -> dict[str, Fraction | None]:
    return {
        "parked-skipped": Fraction(row["skipped"]),
        "violations-open": Fraction(row["violations"]),
        "complaints-overdue": Fraction(row["complaints"]),
        "overrides": _share(row["overrode"], row["decisions"]),
    }


def _share(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None
