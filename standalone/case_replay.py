"""A published case under way: its plan, and what each event does to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from libs.lending.allocation import Component
from libs.lending.calendar import add_period
from libs.lending.fees import fee_minor
from libs.lending.money import Money
from libs.lending.periods import plan_periods
from libs.lending.recalculation import CUMULATIVE, PROGRESSIVE, LivePlan, LiveRow
from libs.lending.rounding import divide
from libs.lending.schedule import repayment_plan
from libs.lending.terms import Fee, FeeBase, FeeTiming, LoanTerms, RateChange, RepaymentMethod
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
)

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


def start(case: Case, terms: LoanTerms) -> Replay:
    recalculates = _recalculates(case)
    declining = terms.method is RepaymentMethod.EQUAL_INSTALMENT and not terms.due_dates
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


def apply(replay: Replay, event: Mapping[str, Any]) -> None:
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
        principal=Money(principal_of(tail)),
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


def principal_of(rows: Sequence[LiveRow]) -> int:
    """All principal that rows ask."""
    return sum(row.principal for row in rows)
