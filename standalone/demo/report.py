"""What came out of the demonstration, asked of the platform itself, and checked."""

from __future__ import annotations

from asyncio import gather
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from standalone.demo.books import ask_bank
from standalone.demo.colenders import CoLenders
from standalone.demo.intake import Borrower
from standalone.demo.life import Life
from standalone.demo.reconciling import Reconciling
from standalone.http import Platform
from standalone.platform import Layout
from standalone.services import SERVICES


@dataclass(frozen=True, slots=True)
class Played:
    """What the front end knows of what was played."""

    borrowers: Sequence[Borrower]
    life: Life
    colenders: CoLenders
    reconciling: Reconciling
    counts: Mapping[str, int]
    seconds: float


async def report(platform: Platform, layout: Layout, played: Played, *, seed: int) -> dict[str, Any]:
    """The report: figures of the read models, checks of the books, the bank's record and the replay."""
    life, seconds = played.life, played.seconds
    figures = await platform.get("auditor", "/audit/statistics")
    trial = await platform.get("finance-officer", "/ledger/trial-balance")
    bank = await bank_totals(layout)
    verified = {
        name: model for each in await gather(*(_verified(platform, name) for name in SERVICES)) for name, model in each
    }
    progress = [(await platform.get("operator", f"/{name}/operations/progress"))["progress"] for name in SERVICES]
    parked, failed = (sum(one[which] for one in progress) for which in ("parked", "tasks_failed"))
    equal = all(model["equal"] for model in verified.values())
    events = figures["events"]
    total = sum(events.values())
    reconciled = await played.reconciling.report()
    co_lending = {**await played.colenders.report(), "reconciliation": reconciled}
    sound = (
        equal
        and trial["total"].get("CNY", "0.00") == "0.00"
        and bank["duplicate_disbursements"] == 0
        and parked == 0
        and co_lending["parts_equal_whole"]
        and co_lending["loans_unlike_the_ledger"] == 0
        and reconciled["planted_equal_found"]
        and reconciled["open"] == 0
    )
    return {
        "seed": seed,
        "applications": figures["applications"],
        "decisions": figures["decisions"],
        "outcomes_by_grade": await _outcomes(platform, played.borrowers),
        "contracts": figures["contracts"],
        "disbursements": bank,
        "loans": figures["loans"],
        "behaviours": dict(sorted(Counter(loan.behaviour.value for loan in life.loans).items())),
        "repayments": figures["sums"]["repayments"],
        "sums": figures["sums"],
        "arrears": figures["arrears"],
        "tiers": figures["tiers"],
        "cases": figures["cases"],
        "promises": figures["promises"],
        "write_offs": figures["sums"]["written_off"],
        "recoveries": figures["sums"]["recoveries"],
        "co_lending": co_lending,
        "front_end": dict(sorted(played.counts.items())),
        "events": events,
        "events_total": total,
        "trial_balance": trial["total"].get("CNY", "0.00"),
        "read_models_equal_replay": equal,
        "read_models": {name: model["differing_rows"] for name, model in verified.items()},
        "duplicate_disbursements": bank["duplicate_disbursements"],
        "parked_events": parked,
        "failed_tasks": failed,
        "sound": sound,
        "timing": {
            "seconds": round(seconds, 1),
            "events_per_second": round(total / seconds, 1),
            "requests": platform.requests,
            "requests_per_second": round(platform.requests / seconds, 1),
        },
    }


async def _verified(platform: Platform, name: str) -> list[tuple[str, Any]]:
    """Each read model of a service, compared with one built again."""
    found = await platform.post("operator", f"/{name}/operations/verifications", key=f"verify/{name}", patient=True)
    return [(f"{name}: {model['read_model']}", model) for model in found]


async def bank_totals(layout: Layout) -> dict[str, Any]:
    """The bank's own record: asked of the bank, not of the ledger."""
    totals: dict[str, Any] = await ask_bank(layout, "/bank/totals")
    return totals


async def _outcomes(platform: Platform, borrowers: Sequence[Borrower]) -> dict[str, Any]:
    """By grade: how many were approved, and how the record of these loans ended in reality."""
    defaulted = {borrower.application_id: borrower.person.source.defaulted for borrower in borrowers}
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for row in await platform.pages("auditor", "/audit/loans"):
        if row["application_id"] not in defaulted or "decision" not in row:
            continue
        counter = table[row.get("grade", "-")]
        real = "bad" if defaulted[row["application_id"]] else "good"
        counter[f"{row['decision'].lower()}_{real}"] += 1
    return {grade: dict(sorted(counter.items())) for grade, counter in sorted(table.items())}


def summary(report: Mapping[str, Any]) -> Table:
    """The report as a table to look at."""
    table = Table(title="Demonstration", show_header=False)
    table.add_row("applications", _line(report["applications"]))
    for outcome, grades in report["decisions"].items():
        table.add_row(f"decision {outcome.lower()}", _line(grades))
    for name in ("contracts", "loans", "arrears", "cases", "promises", "disbursements"):
        table.add_row(name, _line(report[name]))
    for name in ("repayments", "write_offs", "recoveries", "events_total"):
        table.add_row(name.replace("_", " "), str(report[name]))
    for code, lender in report["co_lending"]["by_lender"].items():
        table.add_row(f"funded by {code}", _line(lender))
    for code, settled in report["co_lending"]["settlements"].items():
        table.add_row(f"settled with {code}", _line(settled))
    table.add_row("webhooks attempted", _line({c: w["attempts"] for c, w in report["co_lending"]["webhooks"].items()}))
    table.add_row("parts of lenders are the whole", f"[bold]{report['co_lending']['parts_equal_whole']}[/]")
    for name, reconciled in report["co_lending"]["reconciliation"]["by_counterparty"].items():
        table.add_row(f"reconciled with {name}", _line(reconciled))
    equal = report["co_lending"]["reconciliation"]["planted_equal_found"]
    table.add_row("breaks planted are those found", f"[bold]{equal}[/]")
    for name in ("trial_balance", "read_models_equal_replay", "duplicate_disbursements", "parked_events"):
        table.add_row(name.replace("_", " "), f"[bold]{report[name]}[/]")
    table.add_row("time", _line(report["timing"]))
    return table


def _line(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
