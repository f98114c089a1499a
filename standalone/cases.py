"""`puhui cases`: published examples of other systems and regulators, worked out by their own conventions.

One JSON line a case. Only parameters, conventions and events are read, never what a case expects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from libs.lending.allocation import Component
from libs.lending.delinquency import Bucket, bucket_dates
from libs.lending.money import Money
from libs.lending.recalculation import LiveRow
from libs.lending.rounding import divide
from standalone.case_events import apply
from standalone.case_rates import Output, run_apr
from standalone.case_replay import Replay, replayed
from standalone.case_terms import terms_of
from standalone.case_values import Case, UnsupportedError, day, is_bare_calculator, number, params

app = typer.Typer(help="Published cases worked out by their own conventions.", no_args_is_help=True)


def run_schedule(case: Case) -> Output:
    """The plan of one case after all its events; raises `UnsupportedError`."""
    if "buckets" in params(case):
        return _delinquency(case)
    return _output(replayed(case, terms_of(case), apply))


def _amount(minor: int) -> str:
    return Money(minor).amount


def _output(replay: Replay) -> Output:
    rows, balance_rows = replay.all_rows, _balances(replay)
    dated = "disbursement_date" in params(replay.case)
    result: Output = {"id": replay.case["id"], "rows": []}
    for n, (row, balance) in enumerate(zip(rows, balance_rows, strict=True), start=1):
        line = {
            "n": n,
            "days": (row.due - row.start).days if dated else None,
            "from_date": row.start.isoformat() if dated else None,
            "due_date": row.due.isoformat() if dated else None,
            "paid_date": _paid_date(replay, row),
            "balance": _amount(balance),
            **{key: _amount(value) for key, value in _row_amounts(row).items()},
        }
        result["rows"].append(line)
    totals = {key: sum(_row_amounts(row)[key] for row in rows) for key in _row_amounts(rows[0])}
    for key in ("fee", "total", "paid"):
        totals[key] += replay.upfront_fee
    result["totals"] = {"rows": len(rows), **{key: _total(replay.case, value) for key, value in totals.items()}}
    if replay.upfront_fee:
        result["disbursement_fee"] = {"fee": _amount(replay.upfront_fee), "paid": _amount(replay.upfront_fee)}
    return result


def _paid_date(replay: Replay, row: LiveRow) -> str | None:
    """The day a row was paid in full; one that asks nothing counts as paid from the first day."""
    if row.total == 0 and not row.payments and replay.live is None:
        return replay.terms.disbursed_on.isoformat()
    return row.paid_on.isoformat() if row.paid_on else None


def _row_amounts(row: LiveRow) -> dict[str, int]:
    return {
        "principal": row.principal,
        "interest": row.interest,
        "fee": row.fee,
        "penalty": row.penalty,
        "total": row.total,
        "paid": row.paid,
        "in_advance": row.in_advance,
        "late": row.late,
        "outstanding": row.outstanding,
    }


def _total(case: Case, minor: int) -> str:
    """A total, to the digits that the case says its values are rounded to."""
    digits = case.get("values_rounded_to")
    if digits and number(digits) == 0:
        return str(divide(minor, 100))
    return _amount(minor)


def _balances(replay: Replay) -> list[int]:
    """Principal after each instalment. Where payments are directed at instalments it is the balance as it is, with
    what later ones were paid early and what is paid out on the day; else the plan's own chain."""
    directed = is_bare_calculator(replay.case)
    rows = replay.all_rows
    tranches = replay.paid_out or [(replay.terms.disbursed_on, sum(row.principal for row in rows))]
    balances, repaid = [], 0
    for n, row in enumerate(rows, start=1):
        repaid += row.principal
        counted = directed or row in replay.down_rows
        out = sum(amount for on, amount in tranches if on < row.due or (counted and on == row.due))
        early = 0
        if directed:
            early = sum(
                amount
                for later in rows[n:]
                for on, component, amount in later.payments
                if component is Component.PRINCIPAL and on <= row.due
            )
        balances.append(out - repaid - early)
    return balances


def _delinquency(case: Case) -> Output:
    """When an instalment that nobody pays enters each bucket, and what is then non-performing."""
    values = params(case)
    buckets = [Bucket(str(name), int(first), int(last)) for name, first, last in values["buckets"]]
    due = day(values["first_due_date"])
    threshold = int(values["npa_threshold_days"])
    lines = [
        {
            "code": bucket.name.split()[0],
            "from_date": start.isoformat(),
            "from_dpd": (start - due).days,
            "to_dpd": bucket.last_day,
            "is_npa": bucket.first_day > threshold,
        }
        for bucket, start in bucket_dates(buckets, due)
    ]
    return {"id": case["id"], "rows": [], "totals": {}, "oldest_due_date": due.isoformat(), "delinquency": lines}


def _cases(data: object) -> Iterator[Case]:
    """Every case in a file: a list, an object with `cases`, or one with a list for each regime."""
    if isinstance(data, list):
        yield from (case for case in data if isinstance(case, dict))
    elif isinstance(data, dict):
        for value in data.values():
            yield from _cases(value) if isinstance(value, list) else ()


def read_cases(file: Path) -> list[Case]:
    """The cases of a file; exits with what is wrong where it has none."""
    try:
        found = list(_cases(json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)))
    except (OSError, ValueError, RecursionError) as error:
        typer.echo(f"{file} is no file of cases: {error}", err=True)
        raise typer.Exit(2) from None
    if not found:
        typer.echo(f"{file} has no cases: a list of objects is needed, at the top or under any name", err=True)
        raise typer.Exit(2)
    return found


def answer(case: Case, run: Callable[[Case], Output]) -> Output:
    """A case's result, or why there is none: whatever a case holds, it does not stop the others."""
    try:
        result: Output = run(case)
    except UnsupportedError as reason:
        return {"id": case.get("id"), "unsupported": str(reason)}
    except KeyError as missing:
        return {"id": case.get("id"), "unsupported": f"the case gives no {missing.args[0]}"}
    except Exception as error:  # noqa: BLE001  # a case is anybody's data
        return {"id": case.get("id"), "unsupported": f"{type(error).__name__}: {error}"}
    return result


@app.command()
def schedules(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Print each case's plan after all its events, one JSON line a case."""
    for case in read_cases(file):
        typer.echo(json.dumps(answer(case, run_schedule), ensure_ascii=False))


@app.command()
def check(files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Compare each file's cases with what they publish: a table by class, and every difference. Exit 1 if there is any."""
    from standalone.case_check import class_of, missed

    table = Table("file", "class", "cases", "met", title="Published cases")
    failed = 0
    for file in files:
        results = [(class_of(case), str(case.get("id")), missed(case)) for case in read_cases(file)]
        for name in sorted({group for group, _, _ in results}):
            of_class = [found for group, _, found in results if group == name]
            table.add_row(file.name, name, str(len(of_class)), str(sum(not found for found in of_class)))
        for _, case_id, found in results:
            failed += bool(found)
            for text in found:
                typer.echo(f"{case_id}: {text}")
    Console().print(table)
    raise typer.Exit(int(failed > 0))


@app.command()
def apr(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Print each case's annual rate, one JSON line a case."""
    for case in read_cases(file):
        typer.echo(json.dumps(answer(case, run_apr), ensure_ascii=False))


if __name__ == "__main__":
    app()
