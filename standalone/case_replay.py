"""A published case under way: its plan, and what each event does to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final

from libs.lending.recalculation import CUMULATIVE, PROGRESSIVE, LivePlan, LiveRow
from libs.lending.rounding import divide
from libs.lending.schedule import repayment_plan
from libs.lending.terms import FeeBase, LoanTerms, RepaymentMethod
from standalone.case_payments import PayOrder, pay_in_order, pay_order
from standalone.case_terms import down_payment
from standalone.case_values import (
    Case,
    UnsupportedError,
    day,
    first_of,
    is_bare_calculator,
    is_cumulative,
    is_progressive,
    money,
    params,
    product,
)

Event = Mapping[str, Any]

CHARGE_BASE = {"INSTALLMENT": FeeBase.INSTALMENT}
"""A source's percentage fee on instalments is on principal and interest together."""
PENALTY_WORDS = ("NSF", "PENALTY", "OVERDUE", "LATE")


@dataclass
class Replay:
    """One case under way: its rows, however they are worked out, and what happens to them.

    `recalculates`: payments change the interest and are kept in the plan; otherwise they only pay what is planned,
    and are allocated anew (`receipts`) when the plan changes.
    """

    case: Case
    terms: LoanTerms
    live: LivePlan | None
    rows: list[LiveRow]
    business_date: date
    order: PayOrder
    down_part: Decimal = Decimal(0)
    down_paid: bool = False
    down_rows: list[LiveRow] = field(default_factory=list)
    paid_out: list[tuple[date, int]] = field(default_factory=list)
    receipts: list[tuple[date, int]] = field(default_factory=list)
    upfront_fee: int = 0
    recalculates: bool = False

    @property
    def all_rows(self) -> list[LiveRow]:
        """Instalments and down payments in order of their date."""
        down = self.down_rows
        return sorted([*down, *self.rows], key=lambda row: (row.due, row not in down)) if down else self.rows

    def repay(self, on: date, amount: int) -> None:
        """A repayment, allocated by the case's conventions."""
        if self.live is not None and self.recalculates:
            left = self.live.repay(on, amount)
        else:
            self.receipts.append((on, amount))
            left = pay_in_order(self.all_rows, on, amount, self.order)
        if left:
            raise UnsupportedError("more is repaid than is owed")

    def payoff(self, on: date) -> None:
        """Settle the loan on a day."""
        if self.live is not None and self.recalculates:
            self.live.repay(on, self.live.payoff_amount(on))
        else:
            self.repay(on, sum(row.outstanding for row in self.all_rows))

    @contextmanager
    def replanning(self) -> Iterator[None]:
        """The plan changes: what was received is then allocated again, in order of its date."""
        if self.recalculates:
            yield
            return
        for row in self.all_rows:
            row.payments.clear()
        yield
        for on, amount in sorted(self.receipts, key=lambda receipt: receipt[0]):
            if pay_in_order(self.all_rows, on, amount, self.order):
                raise UnsupportedError("more is repaid than is owed")


def replayed(case: Case, terms: LoanTerms, change: Callable[[Replay, Event], None]) -> Replay:
    """All events; what became known late is put where its date belongs, and everything after it is worked out again."""
    replay, done = start(case, terms), list[Event]()
    for event in case.get("events") or ():
        undone = _undone(event, done)
        done = [earlier for earlier in done if earlier is not undone] if undone else [*done, event]
        effective = _effective_dates(done)
        if undone or (len(effective) > 1 and effective[-1] < effective[-2]):
            replay = start(case, terms)
            for _, earlier in sorted(zip(effective, done, strict=True), key=lambda pair: pair[0]):
                change(replay, earlier)
        else:
            change(replay, event)
    return replay


UNDOES: Final = {
    "undo_disbursement": "disburse",
    "undo_last_disbursement": "disburse",
    "undo_repayment": "repayment",
    "reverse_repayment": "repayment",
}
"""Events that take an earlier one back."""


def _undone(event: Event, done: list[Event]) -> Event | None:
    """The event that this one takes back: the last of its kind, on the day and with the amount that it names."""
    kind = UNDOES.get(str(event["type"]))
    if kind is None:
        return None
    for earlier in reversed(done):
        named = ((name, event[name]) for name in ("transaction_date", "amount") if name in event)
        facts = {"transaction_date": earlier.get("date"), "amount": earlier.get("amount")}
        if earlier["type"] == kind and all(facts[name] == value for name, value in named):
            return earlier
    raise UnsupportedError(f"{event['type']}: no such {kind} before it")


def _effective_dates(events: list[Event]) -> list[date]:
    """Money and rates count from their own date; whatever else happens, from when it is told."""
    own = [_own_date(event) or date.min for event in events]
    latest = list(accumulate(own, max))
    return [one if one > date.min else running for one, running in zip(own, latest, strict=True)]


def _own_date(event: Event) -> date | None:
    if event["type"] in ("disburse", "repayment", "payoff", "payPrincipal", "payInterest"):
        return day(event["date"])
    if event["type"] == "reschedule" and "newInterestRate" in event:
        return day(event["rescheduleFromDate"])
    if event["type"] == "interest_pause":
        return day(event["start_date"])
    return None


def start(case: Case, terms: LoanTerms) -> Replay:
    """The plan before anything happens."""
    order, (part, paid) = pay_order(case), down_payment(case)
    recalculates = _recalculates(case)
    advances = [event for event in case.get("events") or () if event["type"] == "disburse"]
    terms = _from_first_advance(case, terms, advances)
    declining = terms.method in (RepaymentMethod.EQUAL_INSTALMENT, RepaymentMethod.EQUAL_PRINCIPAL)
    solved_again = (is_progressive(case) and terms.method is RepaymentMethod.EQUAL_INSTALMENT) or (
        is_cumulative(case) and declining and (len(advances) > 1 or part > 0)
    )
    if recalculates or (solved_again and not terms.due_dates and not terms.flat_interest):
        policy = PROGRESSIVE if is_progressive(case) else CUMULATIVE
        policy = replace(
            policy,
            overdue_bears_interest=recalculates and not is_bare_calculator(case),
            round_pieces=not is_progressive(case) or is_bare_calculator(case),
        )
        live = LivePlan(terms, policy)
        replay = Replay(case, terms, live, live.rows, terms.disbursed_on, order, part, paid, recalculates=recalculates)
        if not advances:
            disburse(replay, terms.disbursed_on, terms.principal.minor)
        return replay
    if part:
        raise UnsupportedError("a down payment on a plan that is not solved again")
    if len(advances) == 1 and day(advances[0]["date"]) == terms.disbursed_on:
        terms = replace(terms, principal=money(advances[0]["amount"]))
    return Replay(case, terms, None, planned_rows(terms), terms.disbursed_on, order)


def _from_first_advance(case: Case, terms: LoanTerms, advances: list[Event]) -> LoanTerms:
    """A plan without dates of its own is counted from the day the first money was really paid out."""
    first = min((day(event["date"]) for event in advances), default=terms.disbursed_on)
    dated = first_of(params(case), "periods", "first_due_date", "schedule_start_date")
    return terms if dated or first == terms.disbursed_on else replace(terms, disbursed_on=first)


def _recalculates(case: Case) -> bool:
    """Whether interest follows the balance: products with recalculation, and the bare calculator's own tests."""
    return "RECALCULATION" in product(case) or (is_progressive(case) and not product(case))


def planned_rows(terms: LoanTerms) -> list[LiveRow]:
    """The rows of a plan that payments do not change."""
    plan = repayment_plan(terms)
    return [
        LiveRow(r.number, r.start, r.due, r.total_minor, r.principal_minor, r.interest_minor, r.fee_minor)
        for r in plan.rows
    ]


def disburse(replay: Replay, on: date, amount: int) -> None:
    """Money paid out; the part that is due at once never reaches the plan."""
    replay.paid_out.append((on, amount))
    numerator, denominator = replay.down_part.as_integer_ratio()
    down = divide(amount * numerator, denominator, replay.terms.rounding)
    if replay.live is not None:
        with replay.replanning():
            if down:
                row = LiveRow(0, on, on, level=down, principal=down)
                replay.down_rows.append(row)
            replay.live.disburse(on, amount - down)
        if down and replay.down_paid:
            replay.receipts.append((on, down))
            pay_in_order([replay.down_rows[-1]], on, down, replay.order)
    elif on != replay.terms.disbursed_on or amount != replay.terms.principal.minor:
        raise UnsupportedError("a tranche, or another amount than agreed, on a plan that is not solved again")
