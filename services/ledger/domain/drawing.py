"""A loan paid out in several parts: what each makes of its account.

Only what is with the borrower is owed. An account begins with the first part, and each later one is a fact on the day
its money moved: the coming instalments are solved again with it (ADR 18), so that a loan whose parts come on the agreed
days has the plan that was agreed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from libs.lending.calendar import PeriodUnit, add_period
from libs.lending.fees import fee_minor
from libs.lending.money import Money
from libs.lending.schedule import repayment_plan
from libs.lending.terms import Fee, FeeBase, FeeTiming, LoanTerms, TermsError, Tranche
from libs.lending.tranches import first_advance_minor
from services.ledger.domain.account import Account, Amounts, Row, advance
from services.ledger.domain.changes import rate_on, restarted


def first_part(terms: LoanTerms) -> LoanTerms:
    """The agreed terms with what is paid out first as the principal. Raises `TermsError` where nothing follows."""
    if not terms.tranches:
        return terms
    principal = Money(first_advance_minor(terms), terms.principal.currency)
    return replace(terms, principal=principal, tranches=(), fees=tuple(_as_agreed(fee, terms) for fee in terms.fees))


def _as_agreed(fee: Fee, terms: LoanTerms) -> Fee:
    """A fee on the principal is on all of it, however much is paid out by then."""
    if fee.rate is None or fee.base is not FeeBase.PRINCIPAL:
        return fee
    amount = Money(fee_minor(fee, terms.principal.minor, terms), terms.principal.currency)
    return replace(fee, rate=None, amount=amount)


def draw(account: Account, amount: int, on: date) -> Account:
    """The account after another part of the loan was paid out on `on`."""
    account = advance(account, on)
    try:
        return _solved_again(account, amount, on)
    except TermsError:
        return _anew(account, amount, on)


def _solved_again(account: Account, amount: int, on: date) -> Account:
    """The same plan with one more part: what came due stays. Raises `TermsError` where no instalment is to come."""
    old = account.plan
    if account.ended is not None:
        raise TermsError("ended", "the loan was paid off")
    plan = repayment_plan(_with_part(old.terms, Money(amount, account.currency), on))
    shift = old.rows[0].number - 1
    after = max(row.number for row in account.rows)
    numbered = tuple(
        row._replace(number=row.number + shift if n < len(old.rows) else after + 1 + n - len(old.rows))
        for n, row in enumerate(plan.rows)
    )
    known = {row.number for row in old.rows}
    beside = [row for row in account.rows if row.due <= on or row.number not in known]
    coming = [
        Row(row.number, row.due, row.principal_minor, row.interest_minor, row.fee_minor)
        for row in numbered
        if row.due > on
    ]
    rows = tuple(sorted((*beside, *coming), key=lambda row: (row.due, row.number)))
    return replace(account, plan=replace(plan, rows=numbered), rows=rows, until=max(on, account.until))


def _with_part(terms: LoanTerms, amount: Money, on: date) -> LoanTerms:
    """Parts of one day are one; what is paid out on the plan's first day is principal from the start."""
    tranches = terms.tranches
    if on > terms.disbursed_on:
        same_day = tranches[-1].amount if tranches and tranches[-1].on == on else Money.zero(amount.currency)
        earlier = tuple(tranche for tranche in tranches if tranche.on != on)
        tranches = (*earlier, Tranche(on, same_day + amount))
    return replace(terms, principal=terms.principal + amount, tranches=tranches)


def _anew(account: Account, amount: int, on: date) -> Account:
    """Money that came when the plan had ended, or does not fit into it: with the rest it is repaid in equal instalments
    on the due dates that are left, or on the next one."""
    left = [row for row in account.plan.rows if row.due > on]
    terms = _level_terms(account, amount, on)
    if account.ended is not None:
        gone = tuple(row for row in account.plan.rows if row.due <= on)
        paid = Amounts(interest=account.paid.interest, fee=account.paid.fee)
        ended = replace(account.plan, rows=(), upfront_fee=Money.zero(account.currency))
        account = replace(account, ended=None, plan=ended, past=(*account.past, *gone), base=paid)
        return restarted(account, on, terms, account.rows, [], [])
    coming = [row for row in account.rows if row.due > on]
    principal = terms.principal + Money(sum(row.principal for row in coming), account.currency)
    terms = replace(terms, principal=principal, instalments=max(1, len(left)))
    return restarted(account, on, terms, tuple(row for row in account.rows if row.due <= on), [], coming)


def _level_terms(account: Account, amount: int, on: date) -> LoanTerms:
    old, left = account.plan.terms, [row for row in account.plan.rows if row.due > on]
    months = old.period.unit is PeriodUnit.MONTHS
    anchor = left[0].due if left else account.plan.maturity
    day = (old.due_day or anchor.day) if months else None
    first_due, steps = anchor, 0
    while first_due <= on:
        steps += 1
        first_due = add_period(anchor, old.period, steps, old.month_end, day)
    return LoanTerms(
        principal=Money(amount, account.currency),
        annual_rate=rate_on(old, on),
        instalments=max(1, len(left)),
        disbursed_on=on,
        period=old.period,
        first_due=first_due,
        due_day=day,
        month_end=old.month_end,
        day_count=old.day_count,
        accrual=old.accrual,
        partial_period=old.partial_period,
        rounding=old.rounding,
        fees=tuple(fee for fee in old.fees if fee.timing is FeeTiming.EACH_INSTALMENT),
    )
