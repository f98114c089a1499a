"""Monthly figures of the portfolio for the regulator, each with the query that made it, over the archived events alone.

A figure is about facts that count up to the last day of the month (value date where there is one, else the business
date), as they are known now; made again after a late truth it may differ, so the place of the archive is told with it.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final

from libs.contracts.values import Named
from libs.events.canonical import canonical
from libs.service.runtime import Runtime

# $1 first day of the month, $2 last day, $3 the place of the archive up to which.
FACTS: Final = """with fact as (
    select q.global_seq, e.type, convert_from(e.data, 'UTF8')::jsonb as data,
        coalesce((convert_from(e.data, 'UTF8')::jsonb ->> 'value_date')::date, t.effective_date) as on_day
    from es.sequence q join es.event e using (stream_no, version) join trail t on t.sequence = q.global_seq
    where q.global_seq <= $3::bigint and e.type = any(array[{types}])
), counted as (select *, on_day >= $1::date as in_month from fact where on_day <= $2::date)
"""
# The last position of each loan that is not over: what is owed at the end of the month.
OWED: Final = """, latest as (
    select distinct on (data ->> 'loan_id') data ->> 'loan_id' as loan_id, type, data -> 'position' as position
    from counted order by data ->> 'loan_id', on_day desc, global_seq desc
), owed as (
    select loan_id, ((position -> 'outstanding' -> 'principal' ->> 'amount')::numeric * 100)::bigint as principal,
        (position ->> 'days_past_due')::int as days
    from latest where type not in ('puhui.ledger.loan-settled.v1', 'puhui.ledger.loan-written-off.v1',
        'puhui.ledger.loan-cancelled.v1')
)
"""
POSITIONS: Final = (
    *("puhui.ledger.loan-disbursed.v1", "puhui.ledger.repayment-received.v1", "puhui.ledger.repayment-reversed.v1"),
    *("puhui.ledger.credit-applied.v1", "puhui.ledger.delinquency-changed.v1", "puhui.ledger.loan-settled.v1"),
    *("puhui.ledger.loan-written-off.v1", "puhui.ledger.loan-cancelled.v1"),
)
MINOR: Final = "coalesce(sum(({path})::numeric * 100), 0)::bigint"
WITHIN: Final = "from counted where in_month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure: what it is, its unit (a count, or fen), and its query over facts of these types."""

    code: str
    name: Named
    unit: str
    types: tuple[str, ...]
    select: str
    owed: bool = False

    @property
    def query(self) -> str:
        types = ", ".join(f"'{name}'" for name in self.types)
        return FACTS.format(types=types) + (OWED if self.owed else "") + self.select


def _count(code: str, zh: str, en: str, type_name: str) -> Figure:
    select = f"select count(*)::bigint {WITHIN}"
    return Figure(code=code, name=Named(zh=zh, en=en), unit="count", types=(type_name,), select=select)


def _sum(code: str, zh: str, en: str, type_name: str, path: str = "data -> 'amount' ->> 'amount'") -> Figure:
    select = f"select {MINOR.format(path=path)} {WITHIN}"
    return Figure(code=code, name=Named(zh=zh, en=en), unit="CNY fen", types=(type_name,), select=select)


def _owed(code: str, zh: str, en: str, what: str, condition: str = "") -> Figure:
    unit = "count" if what == "count(*)" else "CNY fen"
    select = f"select coalesce({what}, 0)::bigint from owed{condition}"
    return Figure(code=code, name=Named(zh=zh, en=en), unit=unit, types=POSITIONS, select=select, owed=True)


FIGURES: Final = (
    _count("applications", "当月受理申请", "Applications submitted", "puhui.application.application-submitted.v1"),
    _count("approved", "当月批准", "Applications approved", "puhui.approval.application-approved.v1"),
    _count("declined", "当月拒绝", "Applications declined", "puhui.approval.application-declined.v1"),
    _count("loans-disbursed", "当月放款笔数", "Loans paid out", "puhui.ledger.loan-disbursed.v1"),
    _sum("amount-disbursed", "当月放款金额", "Amount paid out", "puhui.ledger.loan-disbursed.v1"),
    _sum("repaid", "当月收回金额", "Repayments received", "puhui.ledger.repayment-received.v1"),
    _sum("reversed", "当月冲正金额", "Repayments reversed", "puhui.ledger.repayment-reversed.v1"),
    _sum("recovered", "当月核销收回", "Recovered after write-off", "puhui.ledger.recovery-received.v1"),
    _count("loans-written-off", "当月核销笔数", "Loans written off", "puhui.ledger.loan-written-off.v1"),
    _count("complaints", "当月投诉", "Complaints about collection", "puhui.collections.complaint-received.v1"),
    _owed("loans-outstanding", "月末存量笔数", "Loans outstanding", "count(*)"),
    _owed("principal-outstanding", "月末本金余额", "Principal outstanding", "sum(principal)"),
    _owed("principal-overdue", "月末逾期贷款本金", "Principal of loans past due", "sum(principal)", " where days > 0"),
    _owed(
        "principal-overdue-90",
        "逾期90天以上本金",
        "Of loans over 90 days past due",
        "sum(principal)",
        " where days > 90",
    ),
)


def month_of(text: str) -> tuple[date, date]:
    """The first and last day of a month "2026-03"; raises `ValueError`."""
    year, month = (int(part) for part in text.split("-"))
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


async def monthly_figures(runtime: Runtime, month: str) -> dict[str, Any]:
    """All figures of a month in one snapshot of the archive, with their queries and parameters."""
    first, last = month_of(month)
    async with runtime.store.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        until = int(await connection.fetchval("select coalesce(max(sequence), 0) from trail"))
        figures = [
            {
                "code": figure.code,
                "name": figure.name.model_dump(),
                "value": int(await connection.fetchval(figure.query, first, last, until)),
                "unit": figure.unit,
                "query": figure.query,
            }
            for figure in FIGURES
        ]
    return {
        "month": month,
        "parameters": {"$1": first.isoformat(), "$2": last.isoformat(), "$3": str(until)},
        "figures": figures,
        "sha256": sha256(canonical(figures)).hexdigest(),
    }
