"""Counts and sums for reports: each figure is one query on the read models."""

from __future__ import annotations

from typing import Any, Final

from libs.lending.money import Money
from libs.service.runtime import Runtime
from services.audit.models import Statistics

COUNTS: Final = {
    "applications": "select application_state, count(*) from application_page group by 1 order by 1",
    "contracts": "select contract_state, count(*) from application_page where contract_state <> '' group by 1 order by 1",
    "loans": "select loan_state, count(*) from loan_page group by 1 order by 1",
    "arrears": "select bucket, count(*) from loan_page where loan_state = 'ACTIVE' group by 1 order by 1",
    "tiers": "select tier, count(*) from loan_page where tier <> '' group by 1 order by 1",
    "cases": "select case_state || coalesce(' ' || nullif(ended, ''), ''), count(*) from case_page group by 1 order by 1",
    "events": "select service, count(*) from trail group by 1 order by 1",
}
DECISIONS: Final = """
    select decision, grade, count(*) from application_page where decision <> '' group by 1, 2 order by 1, 2"""
PROMISES: Final = """
    select coalesce(sum(promises), 0)::bigint, coalesce(sum(promises_kept), 0)::bigint,
           coalesce(sum(promises_broken), 0)::bigint, coalesce(sum(contacts), 0)::bigint from case_page"""
SUMS: Final = """
    select coalesce(sum(principal_minor) filter (where disbursed_on is not null), 0)::bigint as lent_minor,
           coalesce(sum(repaid_minor), 0)::bigint as repaid_minor,
           coalesce(sum(outstanding_minor) filter (where loan_state = 'ACTIVE'), 0)::bigint as outstanding_minor,
           coalesce(sum(written_off_minor), 0)::bigint as written_off_minor,
           coalesce(sum(recovered_minor), 0)::bigint as recovered_minor,
           coalesce(sum(repayments), 0)::bigint as repayments,
           coalesce(sum(reversals), 0)::bigint as reversals,
           coalesce(sum(recoveries), 0)::bigint as recoveries,
           coalesce(sum(reminders), 0)::bigint as reminders,
           count(*) filter (where written_off_on is not null) as written_off,
           count(*) filter (where disbursed_on is not null) as disbursed
    from loan_page"""


async def statistics(runtime: Runtime) -> Statistics:
    """All figures at one moment: one snapshot of the read models."""
    async with runtime.store.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        counts: dict[str, Any] = {
            name: {row[0]: row[1] for row in await connection.fetch(query)} for name, query in COUNTS.items()
        }
        decisions: dict[str, dict[str, int]] = {}
        for decision, grade, count in await connection.fetch(DECISIONS):
            decisions.setdefault(decision, {})[grade or "-"] = count
        made = await connection.fetchrow(PROMISES)
        sums = await connection.fetchrow(SUMS)
    assert made is not None, "an aggregate has a row"
    assert sums is not None, "an aggregate has a row"
    promises = {"made": made[0], "kept": made[1], "broken": made[2], "contacts": made[3]}
    amounts = {name.removesuffix("_minor"): Money(sums[name]).amount for name in sums.keys() if name.endswith("_minor")}
    figures = {name: sums[name] for name in sums.keys() if not name.endswith("_minor")}
    return Statistics(decisions=decisions, promises=promises, sums=amounts | figures, **counts)
