"""`puhui cases`: published examples of other systems and regulators, worked out by their own conventions.

One JSON line a case. Only parameters, conventions and events are read, never what a case expects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from libs.lending.allocation import Component
from libs.lending.annual_cost import (
    Flow,
    UnitPeriod,
    annualised,
    eu_annual_rate,
    percent,
    period_rate,
)
from libs.lending.calendar import Period, PeriodUnit, add_period
from libs.lending.delinquency import Bucket, bucket_dates
from libs.lending.fees import fee_minor
from libs.lending.money import Money
from libs.lending.periods import plan_periods
from libs.lending.recalculation import CUMULATIVE, PROGRESSIVE, LivePlan, LiveRow
from libs.lending.rounding import divide
from libs.lending.schedule import repayment_plan
from libs.lending.terms import Fee, FeeBase, FeeTiming, LoanTerms, RateChange
from standalone.case_terms import (
    PRODUCT_LATE_CHARGE,
    Case,
    UnsupportedError,
    day,
    is_bare_calculator,
    is_progressive,
    money,
    number,
    product,
    terms_of,
)

app = typer.Typer(help="Published cases worked out by their own conventions.", no_args_is_help=True)

Output = dict[str, Any]
CHARGE_BASE = {"INSTALLMENT": FeeBase.INSTALMENT}
"""A source's percentage fee on instalments is on principal and interest together."""


@dataclass
class Replay:
    """One case under way: its rows, however they are worked out, and what happens to them."""

    case: Case
    terms: LoanTerms
    live: LivePlan | None
    rows: list[LiveRow]
    business_date: date
    upfront_fee: int = 0
    fees: tuple[Fee, ...] = ()
    recalculates: bool = False

    def repay(self, on: date, amount: int) -> None:
        """A repayment, allocated by the case's conventions."""
        if self.live is not None and self.recalculates:
            left = self.live.repay(on, amount)
        else:
            left = pay_in_order(self.rows, on, amount)
        if left:
            raise UnsupportedError("more is repaid than is owed")

    def payoff(self, on: date) -> None:
        """Settle the loan on a day."""
        if self.live is not None and self.recalculates:
            self.live.repay(on, self.live.payoff_amount(on))
        else:
            pay_in_order(self.rows, on, sum(row.outstanding for row in self.rows))


def pay_in_order(rows: Sequence[LiveRow], on: date, amount: int) -> int:
    """Penalty, fee, interest, principal of each instalment in turn: a plan that repayments do not change."""
    for row in rows:
        for component in (Component.PENALTY, Component.FEE, Component.INTEREST, Component.PRINCIPAL):
            part = min(amount, row.due_of(component) - row.paid_of(component))
            if part > 0:
                row.payments.append((on, component, part))
                amount -= part
    return amount


def run_schedule(case: Case) -> Output:
    """The plan of one case after all its events; raises `UnsupportedError`."""
    if "buckets" in case["params"]:
        return _delinquency(case)
    terms = terms_of(case)
    replay = _start(case, terms)
    for event in case["events"]:
        _apply(replay, event)
    return _output(replay)


def _start(case: Case, terms: LoanTerms) -> Replay:
    recalculates = _recalculates(case)
    declining = terms.method.value == "EQUAL_INSTALMENT" and not terms.due_dates
    if recalculates or (is_progressive(case) and declining):
        policy = PROGRESSIVE if is_progressive(case) else CUMULATIVE
        live = LivePlan(terms, replace(policy, overdue_bears_interest=not is_bare_calculator(case)))
        if not any(event["type"] == "disburse" for event in case["events"]):
            live.disburse(terms.disbursed_on, terms.principal.minor)
        return Replay(case, terms, live, live.rows, terms.disbursed_on, recalculates=recalculates)
    return Replay(case, terms, None, _planned_rows(terms), terms.disbursed_on)


def _recalculates(case: Case) -> bool:
    """Whether interest follows the balance: products with recalculation, and the bare calculator's own tests."""
    return "RECALCULATION" in product(case) or (is_progressive(case) and not product(case))


def _planned_rows(terms: LoanTerms) -> list[LiveRow]:
    plan = repayment_plan(terms)
    return [
        LiveRow(r.number, r.start, r.due, r.total_minor, r.principal_minor, r.interest_minor, r.fee_minor)
        for r in plan.rows
    ]


def _apply(replay: Replay, event: Mapping[str, Any]) -> None:
    kind = event["type"]
    if kind == "business_date":
        replay.business_date = day(event["date"])
    elif kind == "disburse":
        _disburse(replay, day(event["date"]), money(event["amount"]).minor)
    elif kind == "repayment":
        replay.repay(day(event["date"]), money(event["amount"]).minor)
    elif kind == "payoff":
        replay.payoff(day(event["date"]))
    elif kind in ("payPrincipal", "payInterest"):
        _pay_part(replay, event)
    elif kind == "add_charge":
        _charge(replay, event)
    elif kind == "reschedule":
        _reschedule(replay, event)
    elif kind == "cob_inline":
        _close_of_business(replay)
    elif kind != "enable_cob_step":
        raise UnsupportedError(f"event {kind}")


def _disburse(replay: Replay, on: date, amount: int) -> None:
    if replay.live is not None:
        replay.live.disburse(on, amount)
    elif on != replay.terms.disbursed_on or amount != replay.terms.principal.minor:
        raise UnsupportedError("a tranche, or another amount than agreed, on a plan that is not solved again")


def _pay_part(replay: Replay, event: Mapping[str, Any]) -> None:
    if replay.live is None:
        raise UnsupportedError("a directed payment on a fixed plan")
    component = Component.PRINCIPAL if event["type"] == "payPrincipal" else Component.INTEREST
    due = day(event["period_due_date"])
    row = next((row for row in replay.rows if row.due == due), None)
    if row is None:
        raise UnsupportedError(f"no instalment is due on {due}")
    replay.live.pay_part(row, day(event["date"]), component, money(event["amount"]).minor)


def _charge(replay: Replay, event: Mapping[str, Any]) -> None:
    name = str(event["charge"]).upper()
    rate = number(event["percent"]) / 100 if "percent" in event else None
    amount = money(event["amount"]) if "amount" in event else None
    if "DISBURSEMENT" in name and "TRANCHE" not in name:
        fee = Fee(code=name, timing=FeeTiming.AT_DISBURSEMENT, rate=rate, amount=amount)
        replay.upfront_fee += fee_minor(fee, replay.terms.principal.minor, replay.terms)
    elif "INSTALLMENT" in name:
        fee = Fee(
            code=name, timing=FeeTiming.EACH_INSTALMENT, rate=rate, amount=amount, base=CHARGE_BASE["INSTALLMENT"]
        )
        for row in replay.rows:
            row.fee += fee_minor(fee, row.principal + row.interest, replay.terms)
    else:
        _charge_on_date(replay, event, name, rate, amount)


def _charge_on_date(
    replay: Replay, event: Mapping[str, Any], name: str, rate: Decimal | None, amount: Money | None
) -> None:
    if "date" not in event and "due_date" not in event:
        raise UnsupportedError(f"charge {name} without a date")
    on = day(event.get("due_date", event.get("date")))
    row = next((row for row in replay.rows if row.start < on <= row.due or (row.number == 1 and on <= row.due)), None)
    if row is None:
        raise UnsupportedError(f"charge {name} after the last instalment")
    fee = Fee(code=name, timing=FeeTiming.AT_DISBURSEMENT, rate=rate, amount=amount)
    minor = fee_minor(fee, replay.terms.principal.minor, replay.terms)
    if any(word in name for word in ("NSF", "PENALTY", "OVERDUE", "LATE")):
        row.penalty += minor
    else:
        row.fee += minor


def _reschedule(replay: Replay, event: Mapping[str, Any]) -> None:
    """Each change that the event names, in turn."""
    named = {key: value for key, value in event.items() if key not in ("type", "rescheduleFromDate", "submittedOnDate")}
    start = day(event["rescheduleFromDate"])
    for change, value in named.items():
        if change not in RESCHEDULE:
            raise UnsupportedError(f"rescheduling by {change}")
        RESCHEDULE[change](replay, start, value)


def _move_due(replay: Replay, start: date, value: Any) -> None:
    if replay.live is not None:
        replay.live.move_due(start, day(value))
    else:
        _plan_again(replay, _moved(replay.terms, replay.rows, start, day(value)))


def _new_rate(replay: Replay, start: date, value: Any) -> None:
    rate = number(value) / 100
    first = _row_from(replay, start)
    if replay.live is not None:
        replay.live.change_rate(start if is_progressive(replay.case) else first.start, rate)
    elif replay.terms.flat_interest:
        changes = (*replay.terms.rate_changes, RateChange(first.start, rate))
        _plan_again(replay, replace(replay.terms, rate_changes=changes))
    else:
        _new_tail(replay, first, annual_rate=rate)


def _extra_terms(replay: Replay, start: date, value: Any) -> None:
    _new_tail(replay, _row_from(replay, start), extra=int(value))


def _grace_on_principal(replay: Replay, start: date, value: Any) -> None:
    _new_tail(replay, _row_from(replay, start), extra=int(value), principal_grace=int(value))


def _grace_on_interest(replay: Replay, start: date, value: Any) -> None:
    """Interest of so many instalments is billed with the one after them."""
    if replay.live is not None:
        raise UnsupportedError("grace on interest of a plan that is worked out again")
    first = _row_from(replay, start).number - 1
    until = min(first + int(value), len(replay.rows) - 1)
    for row in replay.rows[first:until]:
        replay.rows[until].interest += row.interest
        row.interest = 0


RESCHEDULE: dict[str, Callable[[Replay, date, Any], None]] = {
    "adjustedDueDate": _move_due,
    "newInterestRate": _new_rate,
    "extraTerms": _extra_terms,
    "graceOnPrincipal": _grace_on_principal,
    "graceOnInterest": _grace_on_interest,
}


def _plan_again(replay: Replay, terms: LoanTerms) -> None:
    """Other terms from the start, for a plan on which nothing was paid."""
    if any(row.payments for row in replay.rows):
        raise UnsupportedError("rescheduling a fixed plan after payments")
    replay.terms = terms
    replay.rows[:] = _planned_rows(terms)


def _new_tail(replay: Replay, first: LiveRow, extra: int = 0, **changes: Any) -> None:
    """The instalments from one on are planned again for the principal then left, with `extra` more of them."""
    terms, rows = replay.terms, replay.rows
    head, tail = rows[: first.number - 1], rows[first.number - 1 :]
    if replay.live is not None or any(row.payments for row in tail):
        raise UnsupportedError("rescheduling instalments that are under way")
    if terms.flat_interest and terms.annual_rate:
        raise UnsupportedError("another number of instalments with flat interest")
    dues = plan_periods(replace(terms, instalments=terms.instalments + extra)).due[len(head) :]
    again = replace(
        terms,
        principal=Money(_principal(tail)),
        instalments=len(dues),
        disbursed_on=first.start,
        first_due=None,
        schedule_from=None,
        due_dates=tuple(dues),
        **changes,
    )
    planned = _planned_rows(again)
    for row in planned:
        row.number += len(head)
    rows[:] = [*head, *planned]


def _row_from(replay: Replay, on: date) -> LiveRow:
    row = next((row for row in replay.rows if row.due >= on), None)
    if row is None:
        raise UnsupportedError(f"no instalment from {on}")
    return row


def _moved(terms: LoanTerms, rows: Sequence[LiveRow], due: date, new: date) -> LoanTerms:
    """The instalment due on a day moves to another; the later ones are counted from there."""
    moved, dues = 0, []
    for row in rows:
        if row.due >= due:
            dues.append(add_period(new, terms.period, moved, terms.month_end))
            moved += 1
        else:
            dues.append(row.due)
    if not moved:
        raise UnsupportedError(f"no instalment from {due}")
    return replace(terms, due_dates=tuple(dues), first_due=None, schedule_from=None)


def _close_of_business(replay: Replay) -> None:
    if replay.live is not None and replay.recalculates:
        replay.live.compute(replay.business_date)
    charge = next((charge for code, charge in PRODUCT_LATE_CHARGE.items() if code in product(replay.case)), None)
    if charge is None:
        return
    rate, scale = charge.rate.as_integer_ratio()
    for row in replay.rows:
        if row.due < replay.business_date and row.outstanding and not row.penalty:
            base = row.principal + (row.interest if charge.on_interest else 0)
            row.penalty = divide(base * rate, scale, replay.terms.rounding)


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
    tranches = replay.live.disbursements if replay.live else [(replay.terms.disbursed_on, _principal(replay.rows))]
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


def _principal(rows: Sequence[LiveRow]) -> int:
    return sum(row.principal for row in rows)


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


# -- annual rates


def run_apr(case: Case) -> Output:
    """The annual rate of one case by the method of its regime."""
    regime = str(case["regime"])
    if regime.startswith("CN_PBOC"):
        return _pboc(case)
    if regime.startswith("US_REGZ"):
        return {"id": case["id"], "apr_percent": percent(_reg_z(case))}
    if regime.startswith("EU_"):
        flows = [(Fraction(str(flow["t_years"])), -Decimal(str(flow["amount"]))) for flow in case["flows"]]
        return {"id": case["id"], "apr_percent": percent(eu_annual_rate(flows))}
    raise UnsupportedError(f"regime {regime}")


def _pboc(case: Case) -> Output:
    payments = case["payments"]
    unit = _unit(str(payments["frequency"]))
    amount = Decimal(str(payments["amount"]))
    flows = [Flow(Fraction(0), Decimal(str(case["net_proceeds"])))]
    flows += [Flow(Fraction(k), -amount) for k in range(1, int(payments["count"]) + 1)]
    cost = annualised(period_rate(flows), unit.a_year)
    return {
        "id": case["id"],
        "apr_percent": percent(cost.irr),
        "irr_annual_percent": percent(cost.irr),
        "simple_annual_percent": percent(cost.simple),
    }


def _reg_z(case: Case) -> Decimal:
    """Times as the case gives them (whole unit-periods and the odd part); one unit-period between payments."""
    first = int(case["first_payment_unit_periods_t"])
    odd = Fraction(str(case["first_payment_fraction_f"]).split()[0])
    flows = [Flow(Fraction(0), Decimal(str(case["amount_financed"])))]
    for stream in case["payment_streams"]:
        for _ in range(int(stream["count"])):
            flows.append(Flow(Fraction(first + len(flows) - 1), -Decimal(str(stream["amount"])), odd))
    return period_rate(flows) * int(case["unit_periods_per_year"])


def _unit(frequency: str) -> UnitPeriod:
    """A payment frequency in words: monthly, semimonthly, weekly, every n weeks, every n months."""
    words = frequency.split()
    named = {"monthly": PeriodUnit.MONTHS, "weekly": PeriodUnit.WEEKS, "daily": PeriodUnit.DAYS}
    if frequency == "semimonthly":
        return UnitPeriod(Period(1, PeriodUnit.MONTHS), semimonthly=True)
    if frequency in named:
        return UnitPeriod(Period(1, named[frequency]))
    if len(words) == 3 and words[0] == "every" and words[2].upper() in PeriodUnit.__members__:
        return UnitPeriod(Period(int(words[1]), PeriodUnit(words[2].upper())))
    raise UnsupportedError(f"payments {frequency}")


# -- commands


def _cases(data: object) -> Iterator[Case]:
    """Every case in a file: a list, an object with `cases`, or one with a list for each regime."""
    if isinstance(data, list):
        yield from (case for case in data if isinstance(case, dict) and "id" in case)
    elif isinstance(data, dict):
        for value in data.values():
            yield from _cases(value) if isinstance(value, list) else ()


def _read(file: Path) -> Iterator[Case]:
    return _cases(json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal))


def answer(case: Case, run: Any) -> Output:
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
