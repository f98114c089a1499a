"""What a loan costs a year, by the methods that laws prescribe. Floats only propose; decimals settle.

Rates are fractions (0.1358 is 13.58 %), exact to better than 10 decimals (8 of a percent).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final, NamedTuple

from libs.lending.calendar import Period, PeriodUnit, add_period
from libs.lending.money import total
from libs.lending.periods import PERIODS_A_YEAR
from libs.lending.schedule import RepaymentPlan

PRECISION: Final = 40
_TOLERANCE: Final = Decimal("1e-16")
_STEPS_MAX: Final = 60
_RATE_BOUND: Final = 1e6
"""A rate a period above this is no loan: the search refuses."""
_UNIT_DAYS_MAX: Final = {PeriodUnit.DAYS: 1, PeriodUnit.WEEKS: 7, PeriodUnit.MONTHS: 31}


class AnnualCostError(ValueError):
    """Cash flows that have no rate: nothing advanced, or less repaid than can be explained by any rate above -100 %."""


class Flow(NamedTuple):
    """Money at a time in periods from the first advance; positive to the borrower, negative from them.

    `odd` is a part of a period that is discounted simply (Regulation Z); elsewhere it stays 0.
    """

    time: Fraction
    amount: Decimal
    odd: Fraction = Fraction(0)


class AnnualCost(NamedTuple):
    """All-in annual cost as PBoC announcement 2021 No. 3 has it, fractions a year."""

    irr: Decimal
    """Compound: (1 + period rate) ^ periods a year - 1 (IRR 法)."""
    simple: Decimal
    """Period rate × periods a year (单利法): to be labelled as simple wherever shown."""


def period_rate(flows: Sequence[Flow]) -> Decimal:
    """The rate i a period for which Σ amount / ((1 + odd·i)(1 + i)^time) = 0. Raises `AnnualCostError`."""
    if not flows or all(f.amount <= 0 for f in flows) or all(f.amount >= 0 for f in flows):
        raise AnnualCostError("an annual cost needs money advanced and money repaid")
    guess = _propose(flows)
    with localcontext() as context:
        context.prec = PRECISION
        rate = Decimal(guess)
        for _ in range(_STEPS_MAX):
            value, slope = _decimal_value(flows, rate)
            step = value / slope
            rate -= step
            if abs(step) < _TOLERANCE:
                return rate
    raise AnnualCostError("the annual cost does not converge: check the cash flows")


def _decimal_value(flows: Sequence[Flow], rate: Decimal) -> tuple[Decimal, Decimal]:
    """Present value and its derivative by the rate."""
    base = 1 + rate
    log = base.ln()
    value = slope = Decimal(0)
    for time, amount, odd in flows:
        t, f = as_decimal(time), as_decimal(odd)
        discount = (-t * log).exp() if time.denominator != 1 else base ** -int(time)
        term = amount * discount / (1 + f * rate)
        value += term
        slope -= term * (t / base + f / (1 + f * rate))
    return value, slope


def as_decimal(value: Fraction) -> Decimal:
    """A fraction to the precision of the context."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def _propose(flows: Sequence[Flow]) -> float:
    """A bracketed float root, good for the decimal steps to start from."""
    plain = [(float(f.time), float(f.amount), float(f.odd)) for f in flows]

    def value(rate: float) -> float:
        return sum((amount * float((1 + rate) ** -time) / (1 + odd * rate) for time, amount, odd in plain), 0.0)

    return _bisect(value, *_bracket(value))


def _bracket(value: Callable[[float], float]) -> tuple[float, float]:
    low, high = 0.0, 0.01
    start = value(low)
    if start > 0:
        low, high = -0.999999, 0.0
        if value(low) > 0:
            raise AnnualCostError("less is repaid than any rate explains")
        return low, high
    while value(high) < 0:
        low, high = high, high * 4
        if high > _RATE_BOUND:
            raise AnnualCostError("no rate is high enough: check the cash flows")
    return low, high


def _bisect(value: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if value(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def annualised(rate: Decimal, periods_a_year: Fraction) -> AnnualCost:
    """A period's rate as annual cost, compound and simple."""
    with localcontext() as context:
        context.prec = PRECISION
        count = as_decimal(periods_a_year)
        return AnnualCost(((1 + rate).ln() * count).exp() - 1, rate * count)


def periods_a_year(period: Period) -> Fraction:
    """Regular periods in a year: 12 months, 52 weeks, 365 days."""
    return Fraction(PERIODS_A_YEAR.get(period.unit, 365), period.every)


def plan_flows(plan: RepaymentPlan) -> list[Flow]:
    """The borrower's flows of a plan, every fee included, timed in periods of the plan.

    Regular dates count as whole periods; odd days by the calendar (a year of 365 days).
    """
    terms = plan.terms
    later = total((tranche.amount for tranche in terms.tranches), terms.principal.currency)
    net = terms.principal - later - plan.upfront_fee
    a_year = periods_a_year(terms.period)
    repaid = [
        Flow(_elapsed(terms.disbursed_on, row.due, terms.period, a_year), -row.total.decimal) for row in plan.rows
    ]
    drawn = [
        Flow(_elapsed(terms.disbursed_on, tranche.on, terms.period, a_year), tranche.amount.decimal)
        for tranche in terms.tranches
    ]
    return [Flow(Fraction(0), net.decimal), *drawn, *repaid]


def _elapsed(start: date, end: date, period: Period, a_year: Fraction) -> Fraction:
    """Whole periods counted back from `end`, then days over 365."""
    # As many fit for certain, so a plan of hundreds of rows is not counted through from the start for each.
    whole = max(0, (end - start).days // (_UNIT_DAYS_MAX[period.unit] * period.every))
    cut = add_period(end, period, -whole)
    while (before := add_period(end, period, -(whole + 1))) >= start:
        whole, cut = whole + 1, before
    if start != cut and add_period(start, period, whole) == end:
        return Fraction(whole)
    if start != cut and add_period(start, period, whole + 1) == end:
        return Fraction(whole + 1)
    return whole + Fraction((cut - start).days, 365) * a_year


def annual_cost(plan: RepaymentPlan) -> AnnualCost:
    """All-in annual cost of a plan by both methods of PBoC announcement 2021 No. 3, every fee included."""
    return annualised(period_rate(plan_flows(plan)), periods_a_year(plan.terms.period))


def eu_annual_rate(flows: Sequence[tuple[Fraction, Decimal]]) -> Decimal:
    """Annual percentage rate of charge (Directive 2008/48/EC annex I, 2023/2225 annex III): times in years."""
    return period_rate([Flow(time, amount) for time, amount in flows])


def years_between(start: date, end: date) -> Fraction:
    """The directive's calendar basis: days over 365."""
    return Fraction((end - start).days, 365)


def percent(rate: Decimal, digits: int = 6) -> str:
    """A rate as percent with a fixed number of digits, for output."""
    return f"{(rate * 100):.{digits}f}"
