"""What each kind of event does to a published case under way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Final

from libs.lending.allocation import Component
from libs.lending.fees import fee_minor
from libs.lending.money import Money
from libs.lending.recalculation import LiveRow
from libs.lending.rounding import divide
from libs.lending.terms import Fee, FeeBase, FeeTiming
from standalone.case_replay import Event, Replay, disburse
from standalone.case_reschedule import reschedule
from standalone.case_terms import PRODUCT_LATE_CHARGE
from standalone.case_values import UnsupportedError, day, first_of, money, number, product

PENALTY_WORDS: Final = ("NSF", "PENALTY", "OVERDUE", "LATE")


def apply(replay: Replay, event: Event) -> None:
    """One event; raises `UnsupportedError` for one that has no counterpart here."""
    kind = str(event["type"])
    if kind not in _EVENTS:
        raise UnsupportedError(f"event {kind}")
    _EVENTS[kind](replay, event)


def _business_date(replay: Replay, event: Event) -> None:
    replay.business_date = day(event["date"])


def _disburse(replay: Replay, event: Event) -> None:
    disburse(replay, day(event["date"]), money(event["amount"]).minor)


def _repayment(replay: Replay, event: Event) -> None:
    replay.repay(day(event["date"]), money(event["amount"]).minor)


def _payoff(replay: Replay, event: Event) -> None:
    replay.payoff(day(event["date"]))


def _pay_part(replay: Replay, event: Event) -> None:
    if replay.live is None:
        raise UnsupportedError("a directed payment on a fixed plan")
    component = Component.PRINCIPAL if event["type"] == "payPrincipal" else Component.INTEREST
    due = day(event["period_due_date"])
    row = next((row for row in replay.rows if row.due == due), None)
    if row is None:
        raise UnsupportedError(f"no instalment is due on {due}")
    replay.live.pay_part(row, day(event["date"]), component, money(event["amount"]).minor)


def _charge(replay: Replay, event: Event) -> None:
    name = str(event["charge"]).upper()
    rate = number(event["percent"]) / 100 if "percent" in event else None
    amount = money(event["amount"]) if "amount" in event else None
    if "DISBURSEMENT" in name and "TRANCHE" not in name:
        fee = Fee(code=name, timing=FeeTiming.AT_DISBURSEMENT, rate=rate, amount=amount)
        replay.upfront_fee += fee_minor(fee, replay.terms.principal.minor, replay.terms)
    elif "INSTALLMENT" in name:
        # A source's percentage fee on instalments is on principal and interest together.
        fee = Fee(code=name, timing=FeeTiming.EACH_INSTALMENT, rate=rate, amount=amount, base=FeeBase.INSTALMENT)
        for row in replay.rows:
            row.fee += fee_minor(fee, row.principal + row.interest, replay.terms)
    else:
        _charge_on_date(replay, event, name, rate, amount)


def _charge_on_date(replay: Replay, event: Event, name: str, rate: Decimal | None, amount: Money | None) -> None:
    named = first_of(event, "due_date", "date")
    if named is None:
        raise UnsupportedError(f"charge {name} without a date")
    on = day(named)
    row = next((row for row in replay.rows if row.start < on <= row.due or (row.number == 1 and on <= row.due)), None)
    if row is None:
        row = _row_of_its_own(replay, on, name)
    fee = Fee(code=name, timing=FeeTiming.AT_DISBURSEMENT, rate=rate, amount=amount)
    minor = fee_minor(fee, replay.terms.principal.minor, replay.terms)
    if any(word in name for word in PENALTY_WORDS):
        row.penalty += minor
    else:
        row.fee += minor


def _row_of_its_own(replay: Replay, on: date, name: str) -> LiveRow:
    """A charge after the last instalment is due by itself."""
    if replay.live is not None:
        raise UnsupportedError(f"charge {name} after the last instalment of a plan that is worked out again")
    last = replay.rows[-1]
    replay.rows.append(LiveRow(last.number + 1, last.due, on))
    return replay.rows[-1]


def _close_of_business(replay: Replay, _event: Event) -> None:
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


def _pause(replay: Replay, event: Event) -> None:
    if replay.live is None:
        raise UnsupportedError("a pause of interest on a fixed plan")
    with replay.replanning():
        replay.live.pause_interest(day(event["start_date"]), day(event["end_date"]))


def _nothing(_replay: Replay, _event: Event) -> None:
    """An event that the plan does not feel."""


_EVENTS: Final[dict[str, Callable[[Replay, Event], None]]] = {
    "business_date": _business_date,
    "disburse": _disburse,
    "repayment": _repayment,
    "payoff": _payoff,
    "payPrincipal": _pay_part,
    "payInterest": _pay_part,
    "add_charge": _charge,
    "reschedule": reschedule,
    "interest_pause": _pause,
    "cob_inline": _close_of_business,
    "enable_cob_step": _nothing,
}
