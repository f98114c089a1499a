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

from libs.lending.allocation import Component
from libs.lending.delinquency import Bucket, bucket_dates
from libs.lending.money import Money
from libs.lending.recalculation import LiveRow
from libs.lending.rounding import divide
from standalone.case_rates import Output, run_apr
from standalone.case_replay import Replay, apply, principal_of, start
from standalone.case_terms import Case, UnsupportedError, day, is_bare_calculator, number, terms_of

app = typer.Typer(help="Published cases worked out by their own conventions.", no_args_is_help=True)


def run_schedule(case: Case) -> Output:
    """The plan of one case after all its events; raises `UnsupportedError`."""
    if "buckets" in case["params"]:
        return _delinquency(case)
    terms = terms_of(case)
    replay = start(case, terms)
    for event in case["events"]:
        apply(replay, event)
    return _output(replay)


def _amount(minor: int) -> str:
    return Money(minor).amount


def _output(replay: Replay) -> Output:
    rows, balance_rows = replay.rows, _balances(replay)
    dated = "disbursement_date" in replay.case["params"]
    result: Output = {"id": replay.case["id"], "rows": []}
    for row, balance in zip(rows, balance_rows, strict=True):
        line = {
            "n": row.number,
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
    tranches = replay.live.disbursements if replay.live else [(replay.terms.disbursed_on, principal_of(replay.rows))]
    balances, repaid = [], 0
    for row in replay.rows:
        repaid += row.principal
        out = sum(amount for on, amount in tranches if on < row.due or (directed and on == row.due))
        early = 0
        if directed:
            early = sum(
                amount
                for later in replay.rows[row.number :]
                for on, component, amount in later.payments
                if component is Component.PRINCIPAL and on <= row.due
            )
        balances.append(out - repaid - early)
    return balances


def _delinquency(case: Case) -> Output:
    """When an instalment that nobody pays enters each bucket, and what is then non-performing."""
    params = case["params"]
    buckets = [Bucket(str(name), int(first), int(last)) for name, first, last in params["buckets"]]
    due = day(params["first_due_date"])
    threshold = int(params["npa_threshold_days"])
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
        yield from (case for case in data if isinstance(case, dict) and "id" in case)
    elif isinstance(data, dict):
        for value in data.values():
            yield from _cases(value) if isinstance(value, list) else ()


def _read(file: Path) -> Iterator[Case]:
    return _cases(json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal))


def answer(case: Case, run: Callable[[Case], Output]) -> Output:
    """A case's result, or why there is none: no case may stop the others."""
    try:
        result: Output = run(case)
    except (UnsupportedError, ValueError, KeyError, TypeError, ArithmeticError) as reason:
        return {"id": case.get("id"), "unsupported": f"{type(reason).__name__}: {reason}"}
    return result


@app.command()
def schedules(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Print each case's plan after all its events, one JSON line a case."""
    for case in _read(file):
        typer.echo(json.dumps(answer(case, run_schedule), ensure_ascii=False))


@app.command()
def apr(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Print each case's annual rate, one JSON line a case."""
    for case in _read(file):
        typer.echo(json.dumps(answer(case, run_apr), ensure_ascii=False))


if __name__ == "__main__":
    app()
