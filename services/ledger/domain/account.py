"""A loan's account: what its facts make of its plan. Facts go in by value date, everything else is derived.

Amounts are minor units. Interest not yet due accrues by the plan; overdue interest runs on overdue principal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from libs.lending.accrual import Balance, Overdue, OverdueTerms, accrued_interest, overdue_interest
from libs.lending.allocation import CIVIL_CODE_561, AllocationLine, Component, Debt, Order, Timing, allocate
from libs.lending.money import Money
from libs.lending.payoff import PayoffQuote, payoff_quote
from libs.lending.schedule import Instalment, RepaymentPlan

AT_DISBURSEMENT: Final = 0
"""Number of the row that holds what is due when the money is paid out."""


class Amounts(NamedTuple):
    """Minor units by what they are for."""

    principal: int = 0
    interest: int = 0
    fee: int = 0
    penalty: int = 0

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.fee + self.penalty

    def plus(self, other: Amounts) -> Amounts:
        return Amounts(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: Amounts) -> Amounts:
        return Amounts(*(a - b for a, b in zip(self, other, strict=True)))


NOTHING: Final = Amounts()


class Row(NamedTuple):
    """What is open of one instalment. `history` is its principal since the due date, once it was paid in part late;
    `penalty` is the overdue interest it earned in all, final when no principal is left."""

    number: int
    due: date
    principal: int
    interest: int
    fee: int
    penalty: int = 0
    penalty_paid: int = 0
    history: tuple[Balance, ...] = ()

    @property
    def planned_open(self) -> int:
        return self.principal + self.interest + self.fee


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A plan with the facts up to `until`. `paid` is what was allocated, `credit` waits for the next due date.

    `ended` is the day of an early payoff: nothing accrues from then on.
    """

    plan: RepaymentPlan
    overdue: OverdueTerms
    rows: tuple[Row, ...]
    until: date
    paid: Amounts = NOTHING
    credit: int = 0
    ended: date | None = None
    order: Order = CIVIL_CODE_561
    past: tuple[Instalment, ...] = ()
    """Instalments of earlier plans that came due, and what a change left of interest: `plan` holds the coming ones."""
    base: Amounts = NOTHING
    """What was earned under earlier plans, and charges beside the plan; overdue interest is with the rows."""
    waived: int = 0
    """How much of `paid` was not paid but waived."""
    pauses: tuple[tuple[date, date], ...] = ()
    """Days, both ends included, that do not count as days past due."""

    @property
    def currency(self) -> str:
        return self.plan.terms.principal.currency

    @property
    def is_settled(self) -> bool:
        """Whether nothing of the plan is open, nor overdue interest on it."""
        return all(row.planned_open == 0 and row.penalty == row.penalty_paid for row in self.rows)

    @property
    def instalments(self) -> tuple[Instalment, ...]:
        """Every instalment that came or comes due, in order of number."""
        return (*self.past, *self.plan.rows)

    @property
    def principal(self) -> int:
        """Principal not yet repaid, due or not."""
        return sum(row.principal for row in self.rows)


def open_account(
    plan: RepaymentPlan, overdue: OverdueTerms, value_date: date, order: Order = CIVIL_CODE_561
) -> Account:
    """The account on the day the money was paid out; what is charged with the payout is due that day."""
    rows = [Row(row.number, row.due, row.principal_minor, row.interest_minor, row.fee_minor) for row in plan.rows]
    if plan.upfront_fee:
        rows.insert(0, Row(AT_DISBURSEMENT, value_date, 0, 0, plan.upfront_fee.minor))
    return Account(plan=plan, overdue=overdue, rows=tuple(rows), until=value_date, order=order)


def penalty_of(row: Row, overdue: OverdueTerms, on: date) -> int:
    """Overdue interest that an instalment earned up to `on` (excluded)."""
    if row.principal == 0 or row.due >= on:
        return row.penalty
    return overdue_interest((overdue_item(row),), overdue, on)


def overdue_item(row: Row) -> Overdue:
    return Overdue(row.due, row.history or (Balance(row.due, row.principal),))


def debts_due(account: Account, on: date) -> Iterator[Debt]:
    """What is open and at or after its due date on `on`, overdue interest up to that day with it."""
    for row in account.rows:
        if row.due > on:
            return
        penalty = penalty_of(row, account.overdue, on) - row.penalty_paid
        for component, amount in (
            (Component.FEE, row.fee),
            (Component.PENALTY, penalty),
            (Component.INTEREST, row.interest),
            (Component.PRINCIPAL, row.principal),
        ):
            if amount:
                yield Debt(row.number, row.due, component, amount)


def advance(account: Account, on: date) -> Account:
    """The account on `on`: credit has gone to what fell due since, each on its due date."""
    if account.credit > 0 and on > account.until:
        for row in account.rows:
            if account.credit > 0 and account.until < row.due <= on and row.planned_open:
                account = _spend(replace(account, credit=0), account.credit, row.due)
    return account


def receive(account: Account, amount: int, on: date) -> Account:
    """The account after money came in on `on`: allocated to what is due in the agreed order, the rest is credit.

    Credit below zero is money that was refunded and turned out to be needed: it is made good first.
    """
    account = advance(account, on)
    if account.credit >= 0:
        return _spend(account, amount, on)
    left = account.credit + amount
    return _spend(replace(account, credit=min(left, 0)), max(left, 0), on)


def quote(account: Account, on: date, prepayment_fee_rate: Decimal) -> PayoffQuote:
    """What ends the loan on `on`, and no other day; credit is not taken off."""
    account = advance(account, on)
    due = list(debts_due(account, on))
    coming = [
        Debt(row.number, row.due, component, amount)
        for row in account.rows
        if row.due > on
        for component, amount in _asked_early(account, row)
        if amount
    ]
    return payoff_quote(account.plan, [*due, *coming], on, prepayment_fee_rate)


def _asked_early(account: Account, row: Row) -> tuple[tuple[Component, int], ...]:
    """Of a coming instalment its fee is not asked; of what an earlier plan left, everything is."""
    parts = ((Component.INTEREST, row.interest), (Component.PRINCIPAL, row.principal))
    if row.number >= account.plan.rows[0].number:
        return parts
    return ((Component.FEE, row.fee), (Component.PENALTY, row.penalty - row.penalty_paid), *parts)


def refund(account: Account, amount: int, on: date) -> Account:
    """The account after credit was paid back. It may fall below zero when an earlier fact turns out otherwise."""
    account = advance(account, on)
    return replace(account, credit=account.credit - amount, until=max(on, account.until))


def pay_off(account: Account, amount: int, on: date, prepayment_fee_rate: Decimal) -> Account:
    """The account after an early payoff. Money that does not reach the quote is an ordinary repayment: that happens
    when an earlier fact turned out otherwise."""
    account = advance(account, on)
    needed = quote(account, on, prepayment_fee_rate)
    left = amount + account.credit - needed.total.minor
    if left < 0:
        return receive(account, amount, on)
    paid = Amounts(
        needed.amount(Component.PRINCIPAL).minor,
        needed.amount(Component.INTEREST).minor,
        needed.amount(Component.FEE).minor,
        needed.amount(Component.PENALTY).minor,
    )
    rows = tuple(_closed(row, account.overdue, on) for row in account.rows)
    return replace(account, rows=rows, paid=account.paid.plus(paid), credit=left, until=on, ended=on)


def _closed(row: Row, overdue: OverdueTerms, on: date) -> Row:
    penalty = penalty_of(row, overdue, on)
    return Row(row.number, row.due, 0, 0, 0, penalty, penalty)


def earned(account: Account, on: date) -> Amounts:
    """What the lender earned up to `on` (that day excluded; fees: due by then). Principal stays 0."""
    account = advance(account, on)
    if account.ended is not None:
        return account.paid._replace(principal=0)
    plan = account.plan
    fee = account.base.fee + (sum(row.fee_minor for row in plan.rows if row.due <= on) if plan.fee else 0)
    if plan.upfront_fee and plan.terms.disbursed_on <= on:
        fee += plan.upfront_fee.minor
    penalty = sum(penalty_of(row, account.overdue, on) for row in account.rows)
    return Amounts(0, account.base.interest + accrued_interest(plan, on).minor, fee, penalty)


def waive(account: Account, amounts: Amounts, on: date) -> Account:
    """The account after overdue interest, fees or interest were let off, as far as they are due: the oldest first."""
    account = advance(account, on)
    before = account.paid.total
    for component, amount in (
        (Component.PENALTY, amounts.penalty),
        (Component.FEE, amounts.fee),
        (Component.INTEREST, amounts.interest),
    ):
        order = Order(tuple((timing, component) for timing in (Timing.PAST_DUE, Timing.DUE)))
        credit = account.credit
        account = replace(_spend(account, amount, on, order), credit=credit)
    return replace(account, waived=account.waived + account.paid.total - before)


def charge(account: Account, fee: int, on: date) -> Account:
    """The account with a fee beside the plan, due on the day it is charged."""
    account = advance(account, on)
    number = max(row.number for row in account.rows) + 1
    rows = sorted((*account.rows, Row(number, on, 0, 0, fee)), key=lambda row: (row.due, row.number))
    base = account.base._replace(fee=account.base.fee + fee)
    charged = Instalment(number, on, on, 0, 0, 0, fee, 0, account.currency)
    return replace(account, rows=tuple(rows), base=base, past=(*account.past, charged), until=max(on, account.until))


def _spend(account: Account, amount: int, on: date, order: Order | None = None) -> Account:
    allocation = allocate(Money(amount, account.currency), debts_due(account, on), on, order or account.order)
    lines: dict[int, list[AllocationLine]] = {}
    for line in allocation.lines:
        lines.setdefault(line.instalment, []).append(line)
    rows = tuple(
        _paid(row, lines[row.number], account.overdue, on) if row.number in lines else row for row in account.rows
    )
    paid = Amounts(
        allocation.paid_minor(Component.PRINCIPAL),
        allocation.paid_minor(Component.INTEREST),
        allocation.paid_minor(Component.FEE),
        allocation.paid_minor(Component.PENALTY),
    )
    return replace(
        account,
        rows=rows,
        paid=account.paid.plus(paid),
        credit=account.credit + allocation.surplus.minor,
        until=max(on, account.until),
    )


def _paid(row: Row, lines: list[AllocationLine], overdue: OverdueTerms, on: date) -> Row:
    """The row after these parts of a payment; its overdue interest is final once no principal is left."""
    amounts = {line.component: line.amount_minor for line in lines}
    principal = row.principal - amounts.get(Component.PRINCIPAL, 0)
    history = row.history
    if principal != row.principal and on > row.due:
        history = (*(history or (Balance(row.due, row.principal),)), Balance(on, principal))
    penalty = penalty_of(row, overdue, on) if principal == 0 else 0
    return row._replace(
        principal=principal,
        interest=row.interest - amounts.get(Component.INTEREST, 0),
        fee=row.fee - amounts.get(Component.FEE, 0),
        penalty=penalty,
        penalty_paid=row.penalty_paid + amounts.get(Component.PENALTY, 0),
        history=() if principal == 0 else history,
    )
