"""Repayment plans: terms in, instalments out. Parts sum to the whole exactly; the last balance is zero."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from libs.lending.amortisation import amortise
from libs.lending.calendar import EVERY_DAY, Calendar
from libs.lending.fees import even_parts, financed_minor, instalment_fees, upfront_minor
from libs.lending.level import Part
from libs.lending.money import Money
from libs.lending.periods import average_rate, days_part, period_rates, plan_periods
from libs.lending.rounding import divide
from libs.lending.terms import BrokenPeriod, LoanTerms
from libs.lending.tranches import draws, first_advance_minor


class Instalment(NamedTuple):
    """One row of a plan; amounts are integers of the currency's minor unit, with `Money` views of the usual ones.

    Interest runs from `start` (included) to `due` (excluded). `closing_minor` is the principal left after it.
    `drawn_minor` is what was paid out of a later tranche in between.
    """

    number: int
    start: date
    due: date
    opening_minor: int
    principal_minor: int
    interest_minor: int
    fee_minor: int
    closing_minor: int
    currency: str
    drawn_minor: int = 0

    @property
    def total_minor(self) -> int:
        return self.principal_minor + self.interest_minor + self.fee_minor

    @property
    def opening(self) -> Money:
        return Money(self.opening_minor, self.currency)

    @property
    def principal(self) -> Money:
        return Money(self.principal_minor, self.currency)

    @property
    def interest(self) -> Money:
        return Money(self.interest_minor, self.currency)

    @property
    def fee(self) -> Money:
        return Money(self.fee_minor, self.currency)

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)

    @property
    def closing(self) -> Money:
        return Money(self.closing_minor, self.currency)

    def to_json(self) -> dict[str, object]:
        """The row for an event or an API: amounts as decimal strings, dates ISO."""
        return {
            "number": self.number,
            "start_date": self.start.isoformat(),
            "due_date": self.due.isoformat(),
            "opening_balance": self.opening.amount,
            "principal": self.principal.amount,
            "interest": self.interest.amount,
            "fee": self.fee.amount,
            "total": self.total.amount,
            "closing_balance": self.closing.amount,
        }


@dataclass(frozen=True, slots=True)
class RepaymentPlan:
    """The instalments that follow from terms. `principal` includes financed fees; `upfront_fee` is outside the rows."""

    terms: LoanTerms
    rows: tuple[Instalment, ...]
    upfront_fee: Money

    @property
    def principal(self) -> Money:
        return Money(sum(row.principal_minor for row in self.rows), self.terms.principal.currency)

    @property
    def interest(self) -> Money:
        return Money(sum(row.interest_minor for row in self.rows), self.terms.principal.currency)

    @property
    def fee(self) -> Money:
        """Every fee, with the instalments and at disbursement."""
        return self.upfront_fee + Money(sum(row.fee_minor for row in self.rows), self.terms.principal.currency)

    @property
    def total(self) -> Money:
        """All that the borrower pays."""
        return self.principal + self.interest + self.fee

    @property
    def maturity(self) -> date:
        return self.rows[-1].due

    def to_json(self) -> list[dict[str, object]]:
        return [row.to_json() for row in self.rows]


class _Amounts(NamedTuple):
    """What the rows of a plan are made of: a list each, as long as the plan, `due` and `drawn` perhaps longer."""

    principal: int
    due: Sequence[date]
    parts: Sequence[Part]
    fees: Sequence[int]
    drawn: Sequence[int]


def repayment_plan(terms: LoanTerms, calendar: Calendar = EVERY_DAY) -> RepaymentPlan:
    """The plan that the terms give, on a working-day calendar. Raises `TermsError` when they give none.

    A plan may end before its last period when rounded instalments repay the loan sooner: no row is empty.
    """
    rows = _rows(terms.disbursed_on, _amounts(terms, calendar), terms.principal.currency)
    return RepaymentPlan(terms, rows, Money(upfront_minor(terms), terms.principal.currency))


def total_to_pay(terms: LoanTerms, calendar: Calendar = EVERY_DAY) -> Money:
    """All that the borrower pays: the plan's total, for whoever needs no rows. Raises `TermsError`."""
    amounts = _amounts(terms, calendar)
    minor = sum(map(sum, amounts.parts)) + sum(amounts.fees) + upfront_minor(terms)
    return Money(minor, terms.principal.currency)


def _amounts(terms: LoanTerms, calendar: Calendar) -> _Amounts:
    periods = plan_periods(terms, calendar)
    spread = 0
    principal = first_advance_minor(terms) + financed_minor(terms)
    if terms.broken_period is BrokenPeriod.SPREAD and periods.regular_start > terms.disbursed_on:
        spread = _odd_days_interest(terms, principal, periods.regular_start)
        periods = periods._replace(nominal=[periods.regular_start, *periods.nominal[1:]])
    drawn, rates, denominator = draws(terms, periods, *period_rates(terms, periods))
    parts = amortise(terms, principal, rates, denominator, drawn)
    if spread:
        parts = _add_interest(parts, even_parts(spread, len(parts), terms))
    amounts = [draw.amount for draw in drawn] or [0] * len(parts)
    return _Amounts(principal, periods.due, parts, instalment_fees(terms, principal, parts, amounts), amounts)


def _odd_days_interest(terms: LoanTerms, principal: int, until: date) -> int:
    rate = average_rate(terms, terms.disbursed_on, until) * days_part(terms, terms.disbursed_on, until)
    return divide(principal * rate.numerator, rate.denominator, terms.rounding)


def _add_interest(parts: list[Part], extra: Iterable[int]) -> list[Part]:
    return [(principal, interest + more) for (principal, interest), more in zip(parts, extra, strict=True)]


def _rows(start: date, amounts: _Amounts, currency: str) -> tuple[Instalment, ...]:
    rows = []
    balance = amounts.principal
    columns = zip(amounts.due, amounts.parts, amounts.fees, amounts.drawn, strict=False)
    for number, (due, (principal, interest), fee, added) in enumerate(columns, start=1):
        closing = balance + added - principal
        rows.append(Instalment(number, start, due, balance, principal, interest, fee, closing, currency, added))
        start, balance = due, closing
    assert balance == 0, "parts of the principal sum to the whole"
    return tuple(rows)
