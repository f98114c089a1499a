"""Published cases against what was published: the only place where anything expected is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from standalone.case_rates import run_apr
from standalone.cases import answer, run_schedule

Case = Mapping[str, Any]
Row = Mapping[str, Any]

EXPECTED: Final = frozenset({
    "expected", "expected_rows", "expected_totals", "expected_stages", "expected_payoff", "expected_payable",
    "expected_transactions", "expected_charges", "checks",
})  # fmt: skip
NOT_AMOUNTS: Final = frozenset({"n", "days", "from_date", "due_date", "paid_date"})
NOT_PRINTED: Final = frozenset({"interest_segments"})
EXPECTED_RATES: Final = {
    "expected_apr_percent": "apr_percent",
    "expected_irr_annual_percent": "irr_annual_percent",
    "expected_simple_annual_percent": "simple_annual_percent",
    "recomputed_apr_percent": "apr_percent",
}
"""What a rate case publishes, to the digits that it gives, and what it is called in ours."""


def blind(case: Case, events: int | None = None) -> dict[str, Any]:
    """The case without anything expected, up to a number of its events."""
    bare = {key: value for key, value in case.items() if key not in EXPECTED and not key.startswith("recomputed")}
    bare = {key: value for key, value in bare.items() if not key.startswith("expected")}
    return {**bare, "events": case["events"][:events]} if "events" in case else bare


def missed(case: Case) -> list[str]:
    """What differs in a case's last plan and in each intermediate one; nothing where all is met."""
    if "regime" in case:
        return _missed_rate(case)
    printed = answer(blind(case), run_schedule)
    if "unsupported" in printed:
        return [str(printed["unsupported"])]
    rows = case.get("expected_rows") or []
    found = differences(printed, rows, case.get("expected_totals"))
    if rows and not case.get("rows_are_partial") and len(printed["rows"]) != len(rows):
        found.append(f"{len(printed['rows'])} rows, published {len(rows)}")
    for stage in case.get("expected_stages") or []:
        count = stage.get("after_events", stage.get("after_actions"))
        at_stage = answer(blind(case, count), run_schedule)
        if "unsupported" in at_stage:
            found.append(f"after {count}: {at_stage['unsupported']}")
            continue
        found += [f"after {count}: {text}" for text in differences(at_stage, stage["rows"], stage.get("totals"))]
    return found


def differences(printed: Mapping[str, Any], rows: Sequence[Row], totals: Row | None) -> list[str]:
    """Each cell that is not as published."""
    by_number = {row["n"]: row for row in printed["rows"]}
    found = []
    for row in rows:
        for key, value in row.items():
            ours = by_number.get(row["n"], {}).get(key)
            if key not in NOT_PRINTED and not same(key, ours, value):
                found.append(f"row {row['n']} {key}: {ours}, published {value}")
    for key, value in (totals or {}).items():
        ours = printed["totals"].get(key)
        if not same(key, ours, value):
            found.append(f"total {key}: {ours}, published {value}")
    return found


def same(key: str, ours: object, published: object) -> bool:
    """Whether two cells say the same: amounts as numbers, the rest as it stands."""
    if key in NOT_AMOUNTS or ours is None or published is None:
        return ours == published
    return Decimal(str(ours)) == Decimal(str(published))


def _missed_rate(case: Case) -> list[str]:
    printed = answer(blind(case), run_apr)
    if "unsupported" in printed:
        return [str(printed["unsupported"])]
    found = []
    for key, name in EXPECTED_RATES.items():
        if key in case:
            published = Decimal(str(case[key]))
            digits = max(0, -int(published.as_tuple().exponent))
            ours = Decimal(str(printed.get(name)))
            if round(ours, min(digits, 6)) != published:
                found.append(f"{name}: {ours}, published {published}")
    return found


def class_of(case: Case) -> str:
    """The class that the file gives a case; rates go by their regime."""
    return str(case.get("class") or case.get("regime", "?"))
