"""Annual cost against what regulators published, and against another solver."""

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import pyxirr
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.lending.annual_cost import (
    AnnualCostError,
    Flow,
    _elapsed,
    annual_cost,
    annualised,
    eu_annual_rate,
    percent,
    period_rate,
    periods_a_year,
    plan_flows,
    years_between,
)
from libs.lending.calendar import Period, PeriodUnit, add_period
from libs.lending.money import Money
from libs.lending.reg_z import UnitPeriod, reg_z_annual_rate, unit_periods
from libs.lending.schedule import repayment_plan
from libs.lending.terms import Fee, FeeTiming, LoanTerms, RepaymentMethod, Tranche
from libs.lending.tests.strategies import SIMPLE_METHODS, dates, periods, terms

CASES = json.loads((Path(__file__).parent / "data" / "apr_cases.json").read_text(), parse_float=Decimal)
UNITS = {
    "monthly": UnitPeriod(Period(1)),
    "semimonthly": UnitPeriod(Period(1), semimonthly=True),
    "weekly": UnitPeriod(Period(1, PeriodUnit.WEEKS)),
    "every 2 weeks": UnitPeriod(Period(2, PeriodUnit.WEEKS)),
    "every 4 weeks": UnitPeriod(Period(4, PeriodUnit.WEEKS)),
    "every 2 months": UnitPeriod(Period(2)),
}


def half_months(first: date, count: int) -> list[date]:
    """The 1st and the 16th in turn."""
    dates = [first]
    while len(dates) < count:
        last = dates[-1]
        dates.append(last.replace(day=16) if last.day == 1 else add_period(last.replace(day=1), Period(1)))
    return dates


def payments(case: dict[str, Any]) -> list[tuple[date, Decimal]]:
    unit = UNITS[case["payment_frequency"]]
    result: list[tuple[date, Decimal]] = []
    for stream in case["payment_streams"]:
        first, count = date.fromisoformat(stream["from_date"]), stream["count"]
        days = (
            half_months(first, count) if unit.semimonthly else [add_period(first, unit.period, k) for k in range(count)]
        )
        result += [(day, Decimal(stream["amount"])) for day in days]
    return result


@pytest.mark.parametrize("case", CASES["us_reg_z_appendix_j"], ids=lambda case: case["id"])
def test_regulation_z_examples_from_their_dates(case: dict[str, Any]) -> None:
    unit, advance = UNITS[case["payment_frequency"]], date.fromisoformat(case["advance_date"])
    whole, odd = unit_periods(advance, date.fromisoformat(case["first_payment_date"]), unit)
    assert (whole, odd) == (
        case["first_payment_unit_periods_t"],
        Fraction(case["first_payment_fraction_f"].split()[0]),
    )
    assert unit.a_year == case["unit_periods_per_year"]
    rate = reg_z_annual_rate([(advance, Decimal(case["amount_financed"]))], payments(case), unit)
    assert percent(rate) == f"{case['recomputed_apr_percent']:.6f}"
    assert percent(rate, 2) == f"{case['expected_apr_percent']:.2f}"


@pytest.mark.parametrize("case", CASES["eu"], ids=lambda case: case["id"])
def test_directive_examples(case: dict[str, Any]) -> None:
    time = years_between(date(1994, 1, 1), date(1995, 7, 1))
    flows = [(time if f["t_years"] else Fraction(0), -Decimal(f["amount"])) for f in case["flows"]]
    assert percent(eu_annual_rate(flows)) == f"{case['recomputed_apr_percent']:.6f}"


def test_the_central_banks_example() -> None:
    """100,000, fee 1,000 at the start, 12 × 8,833.3: 12.80 % simple, 13.58 % by IRR (announcement 2021 No. 3)."""
    flows = [Flow(Fraction(0), Decimal(99_000))]
    flows += [Flow(Fraction(k), Decimal("-8833.3")) for k in range(1, 13)]
    cost = annualised(period_rate(flows), Fraction(12))
    assert (percent(cost.simple, 2), percent(cost.irr, 2)) == ("12.80", "13.58")
    assert (percent(cost.simple), percent(cost.irr)) == ("12.803802", "13.582558")


BASE = LoanTerms(
    principal=Money.of("100000"), annual_rate=Decimal("0.12"), instalments=12, disbursed_on=date(2026, 1, 31)
)


def test_a_plain_loan_costs_its_rate() -> None:
    cost = annual_cost(repayment_plan(BASE))
    assert abs(cost.simple - Decimal("0.12")) < Decimal("0.000001")
    assert abs(cost.irr - Decimal("0.126825")) < Decimal("0.000001")
    weekly = replace(BASE, period=Period(1, PeriodUnit.WEEKS))
    assert abs(annual_cost(repayment_plan(weekly)).simple - Decimal("0.12")) < Decimal("0.00001")


@given(dates, st.integers(-40, 12_000), periods)
@settings(max_examples=300)
def test_as_many_whole_periods_are_taken_off_as_fit(start: date, days: int, period: Period) -> None:
    """By counting them one by one, which is the definition."""
    end = start + timedelta(days=days)
    whole = 0
    while add_period(end, period, -(whole + 1)) >= start:
        whole += 1
    cut = add_period(end, period, -whole)
    if start != cut:  # an odd start at a month's end may still be whole periods when counted forward
        ahead = [n for n in (whole, whole + 1) if add_period(start, period, n) == end]
        expected = Fraction(ahead[0]) if ahead else whole + Fraction((cut - start).days, 365) * periods_a_year(period)
    else:
        expected = Fraction(whole)
    assert _elapsed(start, end, period, periods_a_year(period)) == expected


def test_every_fee_counts() -> None:
    fee = Fee(code="guarantee", timing=FeeTiming.AT_DISBURSEMENT, rate=Decimal("0.01"), payee="GUARANTOR")
    dearer = annual_cost(repayment_plan(replace(BASE, fees=(fee,))))
    assert percent(dearer.simple, 2) == "13.91"
    each = Fee(code="account", timing=FeeTiming.EACH_INSTALMENT, amount=Money.of("10"))
    assert annual_cost(repayment_plan(replace(BASE, fees=(each,)))).irr > annual_cost(repayment_plan(BASE)).irr


def test_month_ends_and_odd_days_are_timed() -> None:
    assert [flow.time for flow in plan_flows(repayment_plan(BASE))] == list(range(13))
    broken = repayment_plan(replace(BASE, disbursed_on=date(2026, 1, 20), first_due=date(2026, 3, 5), instalments=2))
    assert [flow.time for flow in plan_flows(broken)] == [0, 1 + Fraction(16, 365) * 12, 2 + Fraction(16, 365) * 12]
    bullet = repayment_plan(replace(BASE, method=RepaymentMethod.BULLET))
    assert plan_flows(bullet)[1].time == 12
    assert periods_a_year(Period(10, PeriodUnit.DAYS)) == Fraction(365, 10)


@pytest.mark.parametrize(
    "flows",
    [
        [],
        [Flow(Fraction(0), Decimal(1))],
        [Flow(Fraction(0), Decimal(-1)), Flow(Fraction(1), Decimal(-1))],
        [Flow(Fraction(0), Decimal(1)), Flow(Fraction(1), Decimal(-(10**9)))],
        [Flow(Fraction(0), Decimal(10**9)), Flow(Fraction(1), Decimal("-0.01"))],
    ],
)
def test_flows_without_a_rate_are_refused(flows: list[Flow]) -> None:
    with pytest.raises(AnnualCostError):
        period_rate(flows)


def test_less_repaid_than_lent_is_a_negative_rate() -> None:
    assert period_rate([Flow(Fraction(0), Decimal(100)), Flow(Fraction(1), Decimal(-50))]) == Decimal("-0.5")


@given(terms(methods=SIMPLE_METHODS))
@settings(max_examples=60)
def test_another_solver_agrees(agreed: LoanTerms) -> None:
    plan = repayment_plan(agreed)
    flows = plan_flows(plan)
    if (
        plan.upfront_fee >= plan.terms.principal
        or plan.total == plan.principal
        or any(flow.time.denominator != 1 for flow in flows)
    ):
        return
    last = int(flows[-1].time)
    amounts = [0.0] * (last + 1)
    for flow in flows:
        amounts[int(flow.time)] += float(flow.amount)
    second = pyxirr.irr([-amount for amount in amounts])
    if second is not None:
        assert abs(float(period_rate(flows)) - second) < 1e-7 * (1 + abs(second))  # the other one stops there


def test_unit_periods_of_semimonthly_payments_over_a_year_end() -> None:
    whole, odd = unit_periods(date(2025, 12, 20), date(2026, 1, 16), UNITS["semimonthly"])
    assert (whole, odd) == (1, Fraction(12, 15))
    assert unit_periods(date(2025, 12, 16), date(2026, 1, 1), UNITS["semimonthly"]) == (1, Fraction(0))


def test_a_tranche_is_money_advanced_on_its_day() -> None:
    """Without fees the annual cost is the rate whatever is paid out when."""
    terms = replace(BASE, disbursed_on=date(2026, 1, 1), tranches=(Tranche(date(2026, 5, 1), Money.of("40000")),))
    cost = annual_cost(repayment_plan(terms))
    assert percent(cost.simple, 3) == "12.000"
