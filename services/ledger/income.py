"""Income, losses and return by product, grade, channel, funder or branch, from the journal.

A day's entry is split by segment. An entry of one loan (a fee kept back at payout, a waiver, a write-off) falls under
what that loan was kept under on the day. By funder, a loan that others lend with us falls to each by his share on the
day, of the whole as it is booked; what a partner's price, fees and pools make of that is in its settlements. The return
is what was earned net of cost, as a rate a year on the mean of the principal owed at both ends.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from io import BytesIO
from typing import Final, NamedTuple
from uuid import UUID

import orjson

from libs.contracts.ledger import LoanBooked, LoanChanged, LoanWrittenOff, RecoveryReceived
from libs.service.runtime import Runtime
from services.ledger.domain.chart import Kind, Role
from services.ledger.domain.loan import OWN_FUNDS
from services.ledger.domain.posting import DAILY
from services.ledger.library import library

DIMENSIONS: Final = ("product", "grade", "channel", "funder", "branch")
EARNING: Final = (Kind.INCOME, Kind.EXPENSE)
YEAR_DAYS: Final = 365
PLACES: Final = Decimal("0.000001")
WHOLE: Final = 1_000_000
OWN: Final = "own"
"""Ourselves, as partners name us."""
MONTH: Final = 31
"""Days whose details are read at a time."""

BY_SEGMENT: Final = """
    select split_part(segment, '/', $3) as value, account, currency, sum(credit_minor - debit_minor)::bigint as net
    from journal_v1 where booked_on between $1 and $2 and account = any($4) and segment <> ''
    group by 1, 2, 3"""
OF_NOBODY: Final = """
    select account, currency, sum(credit_minor - debit_minor)::bigint as net
    from journal_v1 where booked_on between $1 and $2 and account = any($3) and segment = '' and loan_id = ''
    group by 1, 2"""
BEFORE: Final = "before"
AFTER: Final = "after"
"""In the place of an event's type: what is owed of a loan's principal on the evening before, and on the last day."""
# A loan is kept under what its booking says, and with the funder to whom it was assigned last by then.
BY_LOAN: Final = """
    with line as materialized (
        select loan_id, booked_on, account, event_type, currency, sum(credit_minor - debit_minor)::bigint as net
        from journal_v1
        where booked_on between $1 and $2 and segment = '' and loan_id <> ''
            and (account = any($3) or (account = $4 and event_type = any($5)))
        group by 1, 2, 3, 4, 5
        union all
        select loan_id, o.evening, account, o.called, currency, sum(debit_minor - credit_minor)::bigint
        from journal_v1, (values ($1::date - 1, $10::text), ($2::date, $11::text)) o (evening, called)
        where account = $9 and loan_id <> '' and booked_on <= o.evening
        group by 1, 2, 3, 4, 5 having sum(debit_minor - credit_minor) <> 0),
    booked as (
        select l.loan_id, d.data -> 'agreement' as agreement
        from (select distinct loan_id from line) l join es.stream s on s.stream_id = 'loan-' || l.loan_id
            join es.event e on e.stream_no = s.stream_no and e.type = $6
            cross join lateral (select convert_from(e.data, 'UTF8')::jsonb as data) d),
    assigned as (
        select l.loan_id, (d.data ->> 'changed_on')::date as changed_on, e.version, d.data -> 'terms' ->> 'funder' as funder
        from (select distinct loan_id from line) l join es.stream s on s.stream_id = 'loan-' || l.loan_id
            join es.event e on e.stream_no = s.stream_no and e.type = $7
            cross join lateral (select convert_from(e.data, 'UTF8')::jsonb as data) d
        where d.data -> 'terms' ->> 'funder' is not null)
    select line.*, b.agreement -> 'request' -> 'product' ->> 'code' as product, b.agreement ->> 'grade' as grade,
        b.agreement -> 'request' ->> 'channel' as channel,
        case when b.agreement -> 'request' ->> 'channel' = 'BRANCH' then b.agreement -> 'request' ->> 'source' else '' end
            as branch,
        coalesce((select a.funder from assigned a where a.loan_id = line.loan_id and a.changed_on <= line.booked_on
                  order by a.version desc limit 1), $8) as funder
    from line join booked b using (loan_id)"""
SHARES: Final = """
    select loan_id, date '0001-01-01' as since, shares::text from lenders_v1
    union all select loan_id, effective_from, shares::text from shares_changed order by 1, 2"""
DETAILS: Final = """
    select business_date, detail from day_detail where business_date > $1 and business_date <= $2
    order by business_date limit $3"""

Value = str
Account = str


@dataclass(slots=True)
class Income:
    """Minor units by value of the dimension: by account, income positive and cost negative; what was written off and
    came back after that, which goes against the allowance and so is in no account of income; and the principal owed
    before and after."""

    days: int
    currency: str = "CNY"
    accounts: defaultdict[Value, Counter[Account]] = field(default_factory=lambda: defaultdict(Counter))
    written_off: Counter[Value] = field(default_factory=Counter)
    recovered: Counter[Value] = field(default_factory=Counter)
    before: Counter[Value] = field(default_factory=Counter)
    after: Counter[Value] = field(default_factory=Counter)

    @property
    def values(self) -> list[Value]:
        return sorted({*self.accounts, *self.written_off, *self.recovered, *self.before, *self.after})

    def annual_return(self, values: Iterable[Value]) -> Decimal | None:
        """A fraction a year, of these values together; None where nothing was lent at either end."""
        known = list(values)
        owed = sum(self.before[value] + self.after[value] for value in known)
        if owed <= 0:
            return None
        net = sum(self.accounts[value].total() for value in known)
        rate = Decimal(2 * net * YEAR_DAYS) / Decimal(owed * self.days)
        return rate.quantize(PLACES, ROUND_HALF_EVEN)


class Moved(NamedTuple):
    """What is a partner's of one loan's amount, out of what stands under the loan's funder."""

    loan_id: str
    on: date
    funder: str
    account: Account
    event_type: str
    net: int


@dataclass(frozen=True, slots=True)
class Shares:
    """What partners hold of each loan, from which dates on."""

    since: Mapping[str, Sequence[date]]
    held: Mapping[str, Sequence[Mapping[str, int]]]

    def on(self, loan_id: str, day: date) -> Mapping[str, int]:
        """In millionths by partner; empty where the loan is ours alone."""
        place = bisect_right(self.since.get(loan_id, ()), day)
        return self.held[loan_id][place - 1] if place else {}


async def income(runtime: Runtime, first: date, last: date, by: str) -> Income:
    """What was earned and lost between two booking dates, both included."""
    chart, found = library().chart, Income((last - first).days + 1)
    earning = [account.code for account in chart.accounts.values() if account.kind in EARNING]
    losses = [LoanWrittenOff.type_name, RecoveryReceived.type_name]
    pool = runtime.store.pool
    for row in await pool.fetch(BY_SEGMENT, first, last, DIMENSIONS.index(by) + 1, earning):
        found.accounts[row["value"]][row["account"]] += row["net"]
        found.currency = row["currency"]
    for row in await pool.fetch(OF_NOBODY, first, last, earning):
        found.accounts[""][row["account"]] += row["net"]
    allowance, principal = chart.code(Role.LOSS_ALLOWANCE), chart.code(Role.LOANS)
    told = LoanBooked.type_name, LoanChanged.type_name, OWN_FUNDS, principal, BEFORE, AFTER
    rows = await pool.fetch(BY_LOAN, first, last, earning, allowance, losses, *told)
    for row in rows:
        _add(found, row[by], row["account"], row["event_type"], row["net"])
    if by == "funder":
        shares = await _shares(runtime)
        of_loans = [Moved(*(row[name] for name in ("loan_id", "booked_on", *Moved._fields[2:]))) for row in rows]
        await _split(runtime, found, shares, of_loans, first, last)
    return found


def _add(found: Income, value: Value, account: Account, event_type: str, net: int) -> None:
    if event_type == LoanWrittenOff.type_name:
        found.written_off[value] -= net
    elif event_type == RecoveryReceived.type_name:
        found.recovered[value] += net
    elif event_type in (BEFORE, AFTER):
        (found.before if event_type == BEFORE else found.after)[value] += net
    else:
        found.accounts[value][account] += net


async def _shares(runtime: Runtime) -> Shares:
    since: defaultdict[str, list[date]] = defaultdict(list)
    held: defaultdict[str, list[Mapping[str, int]]] = defaultdict(list)
    for loan_id, day, shares in await runtime.store.pool.fetch(SHARES):
        since[loan_id].append(day)
        held[loan_id].append({funder: ppm for funder, ppm in orjson.loads(shares).items() if funder != OWN})
    return Shares(since, held)


async def _split(
    runtime: Runtime, found: Income, shares: Shares, of_loans: Iterable[Moved], first: date, last: date
) -> None:
    """Gives each partner his part of what stands under the funder of a shared loan; ours is the rest. A part is of the
    sum of its kind, loan and share, rounded half even to the fen."""
    sums: Counter[tuple[Moved, str, int]] = Counter()

    def count(moved: Moved) -> None:
        for partner, ppm in shares.on(moved.loan_id, moved.on).items():
            sums[moved._replace(on=date.min, net=0), partner, ppm] += moved.net

    for moved in of_loans:
        count(moved)
    if shares.since:
        async for moved in _details(runtime, frozenset(shares.since), first, last):
            count(moved)
    for (moved, partner, ppm), net in sums.items():
        part = round(Fraction(net * ppm, WHOLE))
        _add(found, partner, moved.account, moved.event_type, part)
        _add(found, moved.funder, moved.account, moved.event_type, -part)


async def _details(runtime: Runtime, loan_ids: frozenset[str], first: date, last: date) -> AsyncIterator[Moved]:
    """What each day added for these loans, from the files behind its entry."""
    after = date.fromordinal(first.toordinal() - 1)
    while rows := await runtime.store.pool.fetch(DETAILS, after, last, MONTH):
        for day, content in rows:
            for moved in await asyncio.to_thread(_of_day, day, content, loan_ids):
                yield moved
        after = rows[-1]["business_date"]


def _of_day(day: date, content: bytes, loan_ids: frozenset[str]) -> list[Moved]:
    import pyarrow as pa  # 60 MB that only this needs
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    chart = library().chart
    # Arrow's threads, also those that read ahead, may abort a process that ends.
    table = pq.read_table(BytesIO(content), use_threads=False, pre_buffer=False)
    ids = table.column("loan_id").combine_chunks()
    plain = getattr(ids, "storage", ids)
    wanted = pc.is_in(plain, pa.array([UUID(each).bytes for each in loan_ids], plain.type))
    moved = []
    for row, loan_id in zip(table.filter(wanted).to_pylist(), plain.filter(wanted).to_pylist(), strict=True):
        funder = row["segment"].split("/")[DIMENSIONS.index("funder")]
        for member, debit, credit in DAILY:
            for role, net in ((debit, -row[f"{member}_minor"]), (credit, row[f"{member}_minor"])):
                if net and chart.accounts[role].kind in EARNING:
                    moved.append(Moved(str(UUID(bytes=loan_id)), day, funder, chart.code(role), "", net))
    return moved
