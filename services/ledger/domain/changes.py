"""What a change of the agreement makes of an account: the principal still to come due goes into a new plan.

What came due stays as it was, unless the change takes it over. Interest earned so far in the running period stays
owed, and is due with the first instalment of the new plan. A change is a fact like a payment: when an earlier one
becomes known, it is applied again to what the loan then was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from libs.lending.accrual import accrued_interest
from libs.lending.calendar import PeriodUnit, add_period
from libs.lending.money import Money
from libs.lending.schedule import Instalment, repayment_plan
from libs.lending.terms import PLANNED_ANEW, FeeTiming, LoanTerms, RepaymentMethod, TermsError
from services.ledger.domain.account import Account, Amounts, Row, advance, penalty_of, receive


@dataclass(frozen=True, slots=True, kw_only=True)
class Replan:
    """How the coming instalments change; what is left out stays.

    `more` instalments at the end, the next due dates `skip`ped, the next one on `first_due`. `level` keeps the amount
    of an instalment and lets their number fall. `with_arrears` takes what is overdue into the new plan, so that
    nothing is past due after it; interest, fees and overdue interest in it bear no interest.
    """

    annual_rate: Decimal | None = None
    more: int = 0
    skip: int = 0
    first_due: date | None = None
    level: bool = False
    with_arrears: bool = False
    same_plan: bool = False
    """Another creditor, for one: nothing about the plan changes."""


def replan(account: Account, on: date, change: Replan) -> Account:
    """The account under a plan changed on `on`. Raises `TermsError` when there is no such plan."""
    account = advance(account, on)
    if change.same_plan:
        return replace(account, until=max(on, account.until))
    coming = [row for row in account.rows if row.due > on]
    if not any(row.principal for row in coming) and not change.with_arrears:
        raise TermsError("nothing-to-change", "no instalment is to come")
    behind = [row for row in account.rows if row.due <= on]
    taken = [row for row in behind if change.with_arrears]
    principal = sum(row.principal for row in coming) + sum(row.principal for row in taken)
    terms = terms_after(account, on, change, principal)
    kept = tuple(_taken_over(row) if change.with_arrears else row for row in behind)
    return restarted(account, on, terms, kept, taken, coming)


def restarted(
    account: Account, on: date, terms: LoanTerms, kept: tuple[Row, ...], taken: list[Row], coming: list[Row]
) -> Account:
    """The account under the plan of other terms from `on`: `kept` rows stay beside it; what was earned and is not due,
    in the `coming` rows and those `taken` over, falls due with it. Raises `TermsError` when there is no such plan."""
    earned_now = accrued_interest(account.plan, on).minor
    billed = sum(row.interest_minor for row in account.plan.rows if row.due <= on)
    plan = repayment_plan(terms)
    number = max((row.number for row in account.rows), default=0) + 1
    carried = _carried(account, on, taken, coming, earned_now - billed, number, plan.rows[0].due)
    first = number + len(carried)
    plan = replace(plan, rows=tuple(row._replace(number=first + n) for n, row in enumerate(plan.rows)))
    rows = (
        *kept,
        *carried,
        *(Row(r.number, r.due, r.principal_minor, r.interest_minor, r.fee_minor) for r in plan.rows),
    )
    gone = tuple(row for row in account.plan.rows if row.due <= on)
    left = tuple(Instalment(r.number, on, r.due, 0, 0, r.interest, r.fee, 0, account.currency) for r in carried)
    fee = sum(row.fee_minor for row in gone)
    if account.plan.upfront_fee and account.plan.terms.disbursed_on <= on:
        fee += account.plan.upfront_fee.minor
    return replace(
        account,
        plan=plan,
        rows=rows,
        past=(*account.past, *gone, *left),
        base=account.base.plus(Amounts(interest=earned_now, fee=fee)),
        until=max(on, account.until),
    )


def terms_after(account: Account, on: date, change: Replan, principal: int) -> LoanTerms:
    """The terms of the new plan."""
    old, coming = account.plan.terms, [row for row in account.plan.rows if row.due > on]
    if old.method not in PLANNED_ANEW:
        raise TermsError("method", f"a {old.method} loan has its amounts agreed one by one; refinance it instead")
    months = old.period.unit is PeriodUnit.MONTHS
    day = (old.due_day or (coming[0].due if coming else account.plan.rows[-1].due).day) if months else None
    first_due = change.first_due
    if first_due is None:
        anchor = coming[0].due if coming else account.plan.rows[-1].due
        steps = change.skip
        while (first_due := add_period(anchor, old.period, steps, old.month_end, day)) <= on:
            steps += 1
    else:
        day = first_due.day if months else None
    level = {}
    if change.level and old.method is RepaymentMethod.EQUAL_INSTALMENT and coming:
        # Not the last one, which takes what rounding left; nor the first, which may be of interest alone.
        amount = max(row.principal_minor + row.interest_minor for row in coming[:-1] or coming)
        level = {"method": RepaymentMethod.FIXED_INSTALMENT, "fixed_instalment": Money(amount, account.currency)}
    elif change.level and old.method is RepaymentMethod.EQUAL_PRINCIPAL and coming:
        amount = coming[0].principal_minor
        level = {"method": RepaymentMethod.FIXED_PRINCIPAL, "fixed_principal": Money(amount, account.currency)}
    return replace(
        old,
        principal=Money(principal, account.currency),
        annual_rate=rate_on(old, on) if change.annual_rate is None else change.annual_rate,
        rate_changes=(),
        instalments=max(1, len(coming)) + change.more,
        disbursed_on=on,
        schedule_from=None,
        first_due=first_due,
        due_day=day if months else None,
        due_dates=(),
        principal_grace=max(0, old.principal_grace - len(account.plan.rows) + len(coming)),
        interest_grace=0,
        interest_free=0,
        balloon=min(old.balloon, Money(principal, account.currency)) if old.balloon else None,
        fees=tuple(fee for fee in old.fees if fee.timing is FeeTiming.EACH_INSTALMENT),
        tranches=(),
        **level,  # type: ignore[arg-type]  # members by name
    )


def rate_on(terms: LoanTerms, on: date) -> Decimal:
    rate = terms.annual_rate
    for change in terms.rate_changes:
        if change.effective <= on:
            rate = change.annual_rate
    return rate


def _carried(
    account: Account, on: date, taken: list[Row], coming: list[Row], running: int, number: int, due: date
) -> tuple[Row, ...]:
    """What is owed already and falls due with the new plan: interest of the running period, and arrears taken over.

    Interest left from an earlier change is among the coming rows without principal: it is earned, so it comes along.
    """
    earned_before = [row for row in coming if row.number not in {r.number for r in account.plan.rows}]
    interest = running + sum(row.interest for row in (*taken, *earned_before))
    fee = sum(row.fee for row in (*taken, *earned_before))
    penalty = sum(penalty_of(row, account.overdue, on) - row.penalty_paid for row in (*taken, *earned_before))
    if not interest and not fee and not penalty:
        return ()
    return (Row(number, due, 0, interest, fee, penalty),)


def _taken_over(row: Row) -> Row:
    """A row whose debts went into the new plan: what overdue interest it has left is what was paid of it."""
    return row._replace(principal=0, interest=0, fee=0, penalty=row.penalty_paid, history=())


def prepay(account: Account, amount: int, on: date, *, level: bool) -> Account:
    """The account after money that pays what is due and then principal in advance: fewer instalments of the same
    amount (`level`), or as many smaller ones. Where nothing is left for it, an ordinary repayment; money that would
    end the loan is credit, since only a payoff ends it early."""
    after = receive(account, amount, on)
    principal = sum(row.principal for row in after.rows if row.due > on)
    if not 0 < after.credit < principal or any(row.planned_open for row in after.rows if row.due <= on):
        return after
    reduced = _less_principal(after, after.credit, on)
    return replan(reduced, on, Replan(level=level))


def _less_principal(account: Account, amount: int, on: date) -> Account:
    """Principal of coming rows paid from credit, the last first: which of them does not matter, since all are planned
    anew."""
    left, rows = amount, []
    for row in reversed(account.rows):
        part = min(left, row.principal) if row.due > on else 0
        left -= part
        rows.append(row._replace(principal=row.principal - part))
    paid = account.paid._replace(principal=account.paid.principal + amount)
    return replace(account, rows=tuple(reversed(rows)), paid=paid, credit=account.credit - amount)
