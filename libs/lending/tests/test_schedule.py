"""Plans by method and convention, against figures worked out by hand or published."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from libs.lending.accrual import accrued_interest
from libs.lending.calendar import Calendar, MonthEnd, Period, PeriodUnit, WorkingDay
from libs.lending.daycount import DayCount
from libs.lending.money import Money
from libs.lending.periods import plan_periods
from libs.lending.rounding import Rounding
from libs.lending.schedule import RepaymentPlan, repayment_plan
from libs.lending.terms import (
    BrokenPeriod,
    Fee,
    FeeBase,
    FeeTiming,
    InstalmentFit,
    InterestAccrual,
    InterestShortfall,
    LoanTerms,
    RateChange,
    Remainder,
    RepaymentMethod,
    TermsError,
    Tranche,
)

BASE = LoanTerms(
    principal=Money.of("100000"), annual_rate=Decimal("0.12"), instalments=12, disbursed_on=date(2026, 1, 31)
)
DAILY = replace(BASE, accrual=InterestAccrual.DAILY, day_count=DayCount.ACT_365)


def totals(plan: RepaymentPlan) -> list[str]:
    return [row.total.amount for row in plan.rows]


def interests(plan: RepaymentPlan) -> list[str]:
    return [row.interest.amount for row in plan.rows]


def test_equal_instalment() -> None:
    plan = repayment_plan(BASE)
    assert totals(plan) == ["8884.88"] * 11 + ["8884.85"]
    assert (plan.interest.amount, plan.total.amount, plan.maturity) == ("6618.53", "106618.53", date(2027, 1, 31))
    assert [row.due.isoformat() for row in plan.rows[:3]] == ["2026-02-28", "2026-03-31", "2026-04-30"]


def test_equal_principal() -> None:
    plan = repayment_plan(replace(BASE, method=RepaymentMethod.EQUAL_PRINCIPAL))
    assert [row.principal.amount for row in plan.rows] == ["8333.33"] * 11 + ["8333.37"]
    assert (interests(plan)[0], interests(plan)[1], plan.interest.amount) == ("1000.00", "916.67", "6500.00")


def test_equal_principal_with_the_remainder_first() -> None:
    plan = repayment_plan(replace(BASE, method=RepaymentMethod.EQUAL_PRINCIPAL, remainder=Remainder.FIRST))
    assert [row.principal.amount for row in plan.rows] == ["8333.37"] + ["8333.33"] * 11


def test_interest_by_period_and_principal_at_maturity() -> None:
    plan = repayment_plan(replace(BASE, method=RepaymentMethod.INTEREST_ONLY_BALLOON))
    assert totals(plan) == ["1000.00"] * 11 + ["101000.00"]


def test_everything_at_maturity() -> None:
    plan = repayment_plan(replace(BASE, method=RepaymentMethod.BULLET))
    assert totals(plan) == ["112000.00"]
    assert plan.maturity == date(2027, 1, 31)
    daily = repayment_plan(replace(DAILY, method=RepaymentMethod.BULLET, day_count=DayCount.ACT_360))
    assert daily.interest.amount == "12166.67"  # 365 days over 360


def test_flat_interest_is_on_the_original_principal() -> None:
    plan = repayment_plan(replace(BASE, method=RepaymentMethod.FLAT))
    assert interests(plan) == ["1000.00"] * 12
    assert totals(plan) == ["9333.33"] * 11 + ["9333.37"]
    odd = repayment_plan(replace(BASE, method=RepaymentMethod.FLAT, annual_rate=Decimal("0.10")))
    assert odd.interest.amount == "10000.00"  # the term's interest is rounded once
    assert interests(odd) == ["833.33"] * 11 + ["833.37"]


def test_a_fixed_instalment_runs_until_it_is_repaid() -> None:
    terms = replace(
        BASE, method=RepaymentMethod.FIXED_INSTALMENT, fixed_instalment=Money.of("20000"), principal_grace=1
    )
    plan = repayment_plan(terms)
    assert totals(plan) == ["1000.00", "20000.00", "20000.00", "20000.00", "20000.00", "20000.00", "3111.71"]
    with pytest.raises(TermsError, match="does not cover"):
        repayment_plan(replace(terms, fixed_instalment=Money.of("1000")))


def test_a_fixed_instalment_that_is_too_small_leaves_a_larger_last_one() -> None:
    terms = replace(BASE, method=RepaymentMethod.FIXED_INSTALMENT, fixed_instalment=Money.of("5000"))
    plan = repayment_plan(terms)
    assert totals(plan)[:11] == ["5000.00"] * 11
    assert plan.rows[-1].closing_minor == 0
    assert plan.rows[-1].total > Money.of("5000")


def test_fixed_principal_leaves_the_rest_for_the_end() -> None:
    terms = replace(BASE, method=RepaymentMethod.FIXED_PRINCIPAL, fixed_principal=Money.of("5000"), principal_grace=2)
    assert [row.principal_minor // 100 for row in repayment_plan(terms).rows] == [0, 0] + [5000] * 9 + [55000]


def test_fixed_principal_ends_when_it_is_repaid() -> None:
    """Instalments of nothing would still bear their fees."""
    fee = Fee(code="service", timing=FeeTiming.EACH_INSTALMENT, amount=Money.of("10.00"))
    fixed = {"method": RepaymentMethod.FIXED_PRINCIPAL, "fixed_principal": Money.of("40000"), "fees": (fee,)}
    plan = repayment_plan(replace(BASE, **fixed))
    assert [row.principal.amount for row in plan.rows] == ["40000.00", "40000.00", "20000.00"]
    assert plan.fee == Money.of("30.00")


def test_stepped_instalments_stand_in_their_proportion() -> None:
    weights = (Decimal(1),) * 6 + (Decimal("1.5"),) * 6
    plan = repayment_plan(replace(BASE, method=RepaymentMethod.STEPPED, weights=weights))
    assert totals(plan)[:6] == ["7150.58"] * 6
    assert totals(plan)[6:11] == ["10725.87"] * 5
    assert abs(plan.rows[-1].total_minor - 1072587) < 12


def test_seasons_without_income_pay_interest_only() -> None:
    weights = (Decimal(0), Decimal(0), Decimal(1), Decimal(1)) * 3
    plan = repayment_plan(replace(BASE, method=RepaymentMethod.STEPPED, weights=weights))
    assert [row.principal_minor == 0 for row in plan.rows] == [True, True, False, False] * 3
    assert plan.rows[0].total.amount == "1000.00"


def test_irregular_parts_are_taken_as_agreed() -> None:
    parts = (Money.of("10000"), Money.of("0"), Money.of("90000"))
    dues = (date(2026, 3, 15), date(2026, 6, 30), date(2026, 11, 30))
    terms = replace(DAILY, method=RepaymentMethod.IRREGULAR, instalments=3, principal_parts=parts, due_dates=dues)
    plan = repayment_plan(terms)
    assert [row.due for row in plan.rows] == list(dues)
    assert interests(plan) == ["1413.70", "3166.03", "4527.12"]  # 43, 107 and 153 days over 365


def test_a_balloon_comes_with_the_last_instalment() -> None:
    plan = repayment_plan(replace(BASE, balloon=Money.of("40000")))
    assert totals(plan)[:11] == ["5730.93"] * 11
    assert abs(plan.rows[-1].total_minor - 4573093) < 12
    equal = repayment_plan(replace(BASE, method=RepaymentMethod.EQUAL_PRINCIPAL, balloon=Money.of("40000")))
    assert [row.principal.amount for row in equal.rows] == ["5000.00"] * 11 + ["45000.00"]


def test_grace_on_principal_then_level() -> None:
    plan = repayment_plan(replace(BASE, principal_grace=3))
    assert totals(plan)[:3] == ["1000.00"] * 3
    assert len(set(totals(plan)[3:11])) == 1


def test_deferred_interest_is_billed_after_grace() -> None:
    plan = repayment_plan(replace(BASE, method=RepaymentMethod.EQUAL_PRINCIPAL, interest_grace=2))
    assert interests(plan)[:4] == ["0.00", "0.00", "2750.00", "750.00"]
    assert plan.interest.amount == "6500.00"


def test_interest_free_periods_bear_none() -> None:
    plan = repayment_plan(replace(BASE, interest_free=2))
    assert interests(plan)[:2] == ["0.00", "0.00"]
    assert plan.rows[2].interest_minor > 0
    assert len(set(totals(plan)[:11])) == 1


def test_a_financed_fee_is_repaid_with_the_principal() -> None:
    fee = Fee(code="insurance", timing=FeeTiming.FINANCED, amount=Money.of("1200"), payee="INSURER")
    plan = repayment_plan(replace(BASE, fees=(fee,)))
    assert plan.principal.amount == "101200.00"
    assert plan.fee.amount == "0.00"
    irregular = replace(
        BASE,
        method=RepaymentMethod.IRREGULAR,
        instalments=2,
        principal_parts=(Money.of("50000"),) * 2,
        fees=(fee,),
    )
    assert [row.principal.amount for row in repayment_plan(irregular).rows] == ["50000.00", "51200.00"]


def test_fees_fall_due_as_agreed() -> None:
    fees = (
        Fee(code="service", timing=FeeTiming.AT_DISBURSEMENT, rate=Decimal("0.01")),
        Fee(code="account", timing=FeeTiming.EACH_INSTALMENT, amount=Money.of("2")),
        Fee(code="guarantee", timing=FeeTiming.EACH_INSTALMENT, rate=Decimal("0.001"), base=FeeBase.OPENING_BALANCE),
        Fee(code="admin", timing=FeeTiming.SPREAD, amount=Money.of("100")),
    )
    plan = repayment_plan(replace(BASE, method=RepaymentMethod.EQUAL_PRINCIPAL, fees=fees))
    assert plan.upfront_fee.amount == "1000.00"
    assert [row.fee.amount for row in plan.rows[:2]] == ["110.33", "102.00"]
    assert plan.fee == Money.of("1000") + Money.of("24") + Money.of("100") + Money.of("650.00")
    assert plan.rows[0].to_json()["fee"] == "110.33"
    assert len(plan.to_json()) == 12


# -- several disbursements


TRANCHED = replace(BASE, disbursed_on=date(2026, 1, 1), tranches=(Tranche(date(2026, 3, 16), Money.of("40000")),))


def test_a_tranche_bears_interest_from_its_day_and_raises_the_instalments_from_there() -> None:
    plan = repayment_plan(TRANCHED)
    first = repayment_plan(replace(TRANCHED, principal=Money.of("60000"), tranches=()))
    assert plan.rows[:2] == first.rows[:2]
    third = plan.rows[2]
    assert (third.opening, third.drawn_minor) == (first.rows[2].opening, 4_000_000)
    # A month on 50,490.83 and 16 of 31 days of a month on 40,000: 504.91 + 206.45.
    assert third.interest.amount == "711.36"
    assert len(set(totals(plan)[2:11])) == 1
    assert abs(plan.rows[-1].total_minor - plan.rows[2].total_minor) <= 12
    assert plan.principal == TRANCHED.principal


def test_a_tranche_under_actual_days() -> None:
    terms = replace(TRANCHED, accrual=InterestAccrual.DAILY, day_count=DayCount.ACT_365, method=RepaymentMethod.BULLET)
    plan = repayment_plan(terms)
    # 60,000 for 365 days and 40,000 for 291.
    assert plan.interest.amount == "11026.85"
    assert accrued_interest(plan, date(2026, 3, 16)).amount == "1459.73"
    assert accrued_interest(plan, date(2026, 3, 17)).amount == "1492.60"


def test_every_method_spreads_what_a_tranche_adds() -> None:
    equal = repayment_plan(replace(TRANCHED, method=RepaymentMethod.EQUAL_PRINCIPAL))
    assert [row.principal.amount for row in equal.rows[:3]] == ["5000.00", "5000.00", "9000.00"]
    at_end = repayment_plan(replace(TRANCHED, method=RepaymentMethod.INTEREST_ONLY_BALLOON))
    assert at_end.rows[-1].principal.amount == "100000.00"
    assert interests(at_end)[:4] == ["600.00", "600.00", "806.45", "1000.00"]
    grace = repayment_plan(replace(TRANCHED, principal_grace=6))
    assert interests(grace)[:4] == interests(at_end)[:4]
    parts = (Money.of("30000"), Money.of("30000"), Money.of("40000"))
    agreed = replace(TRANCHED, method=RepaymentMethod.IRREGULAR, instalments=3, principal_parts=parts)
    assert repayment_plan(agreed).rows[-1].closing_minor == 0
    early = (Money.of("30000"), Money.of("50000"), Money.of("20000"))
    with pytest.raises(TermsError, match="more than was paid out"):
        repayment_plan(replace(agreed, principal_parts=early))
    with pytest.raises(TermsError, match="after the last due date"):
        repayment_plan(replace(TRANCHED, instalments=2))


# -- dates


def test_a_short_first_period_bears_its_days() -> None:
    plan = repayment_plan(replace(BASE, disbursed_on=date(2026, 1, 20), first_due=date(2026, 2, 5)))
    assert interests(plan)[0] == "533.33"  # 16 days over 360
    assert [row.due.day for row in plan.rows] == [5] * 12


def test_a_long_first_period_bears_a_month_and_its_odd_days() -> None:
    terms = replace(BASE, disbursed_on=date(2026, 1, 20), first_due=date(2026, 3, 5))
    assert interests(repayment_plan(terms))[0] == "1533.33"  # a month and 16 days over 360
    pro_rata = repayment_plan(replace(terms, broken_period=BrokenPeriod.PRO_RATA))
    assert interests(pro_rata)[0] == "1516.13"  # a month and 16/31 of one


def test_odd_days_can_be_spread_over_the_instalments() -> None:
    terms = replace(
        DAILY,
        method=RepaymentMethod.EQUAL_PRINCIPAL,
        disbursed_on=date(2026, 1, 20),
        due_day=25,
        broken_period=BrokenPeriod.SPREAD,
    )
    plan = repayment_plan(terms)
    plain = repayment_plan(replace(terms, broken_period=BrokenPeriod.DAYS))
    assert plan.rows[0].due == date(2026, 2, 25)
    extra = [a.interest_minor - b.interest_minor for a, b in zip(plan.rows[1:], plain.rows[1:], strict=True)]
    assert extra == [1370] * 10 + [1368]  # 164.38 for five days, in twelve parts
    assert plan.interest == plain.interest


def test_a_fixed_due_day_survives_short_months() -> None:
    terms = replace(BASE, disbursed_on=date(2026, 2, 28), due_day=31)
    assert [row.due.day for row in repayment_plan(terms).rows[:3]] == [31, 30, 31]


def test_a_first_due_date_that_is_regular_keeps_the_disbursement_day() -> None:
    terms = replace(BASE, first_due=date(2026, 2, 28))
    assert [row.due.day for row in repayment_plan(terms).rows[:3]] == [28, 31, 30]


def test_a_schedule_that_would_be_due_before_the_money_is_refused() -> None:
    with pytest.raises(TermsError, match="after the disbursement"):
        repayment_plan(replace(BASE, schedule_from=date(2025, 12, 1)))


def test_due_dates_move_to_working_days_and_interest_only_if_agreed() -> None:
    weekend = Calendar("WEEKENDS")
    terms = replace(DAILY, disbursed_on=date(2026, 1, 15), working_day=WorkingDay.FOLLOWING)
    plan = repayment_plan(terms, weekend)
    assert plan.rows[0].due == date(2026, 2, 16)  # the 15th is a Sunday
    assert interests(plan)[0] == "1019.18"  # 31 days
    moved = repayment_plan(replace(terms, interest_to_moved_date=True), weekend)
    assert interests(moved)[0] == "1052.05"  # 32 days


def test_weekly_and_every_n_days() -> None:
    weekly = repayment_plan(replace(BASE, period=Period(1, PeriodUnit.WEEKS)))
    assert interests(weekly)[0] == "230.77"  # a 52nd of the year
    ten_days = repayment_plan(replace(BASE, period=Period(10, PeriodUnit.DAYS)))
    assert interests(ten_days)[0] == "333.33"  # 10/360
    nominal = replace(BASE, accrual=InterestAccrual.NOMINAL_DAYS, day_count=DayCount.ACT_365)
    assert interests(repayment_plan(nominal))[0] == "986.30"  # 30/365


def test_given_due_dates_bear_whole_months_and_odd_days() -> None:
    dues = (date(2026, 2, 28), date(2026, 4, 15), date(2026, 5, 15))
    terms = replace(BASE, instalments=3, due_dates=dues, method=RepaymentMethod.INTEREST_ONLY_BALLOON)
    assert interests(repayment_plan(terms)) == ["1000.00", "1500.00", "1000.00"]
    pro_rata = repayment_plan(replace(terms, broken_period=BrokenPeriod.PRO_RATA))
    assert interests(pro_rata)[1] == "1535.71"  # a month and 15/28 of one


def test_a_rate_change_counts_from_its_day() -> None:
    change = RateChange(date(2026, 3, 10), Decimal("0.06"))
    terms = replace(DAILY, instalments=3, method=RepaymentMethod.INTEREST_ONLY_BALLOON, rate_changes=(change,))
    assert interests(repayment_plan(terms)) == ["920.55", "673.97", "493.15"]
    before = replace(terms, rate_changes=(RateChange(date(2025, 1, 1), Decimal("0.06")),))
    assert interests(repayment_plan(before))[0] == "460.27"


def test_due_dates_that_fall_on_one_working_day_bear_interest_once() -> None:
    """A daily loan over a weekend: what is due on Saturday and on Sunday is due on Monday, after no day of its own."""
    terms = replace(
        DAILY,
        period=Period(1, PeriodUnit.DAYS),
        disbursed_on=date(2026, 1, 8),
        instalments=5,
        method=RepaymentMethod.EQUAL_PRINCIPAL,
        working_day=WorkingDay.FOLLOWING,
        interest_to_moved_date=True,
        rate_changes=(RateChange(date(2026, 1, 12), Decimal("0.06")),),
    )
    plan = repayment_plan(terms, Calendar("WEEKENDS"))
    assert [row.due.day for row in plan.rows] == [9, 12, 12, 12, 13]
    assert [row.interest.minor > 0 for row in plan.rows] == [True, True, False, False, True]
    assert sum(row.principal.minor for row in plan.rows) == terms.principal.minor


def test_interest_of_half_a_fen_is_rounded_up() -> None:
    first = repayment_plan(replace(BASE, principal=Money.of("150.50"), annual_rate=Decimal("0.12"))).rows[0]
    assert first.interest.amount == "1.51"  # 1.505


# -- faults seen in other systems


def test_interest_never_vanishes_when_it_exceeds_the_instalment() -> None:
    """100,000 at 15 %, 360 months, actual/365: 31 days' interest exceeds the annuity. A peer then bills 0.00."""
    terms = replace(
        DAILY,
        annual_rate=Decimal("0.15"),
        instalments=360,
        disbursed_on=date(2024, 1, 15),
        instalment_fit=InstalmentFit.ROUNDED,
    )

    plan = repayment_plan(terms)
    assert plan.rows[0].interest.amount == "1273.97"
    assert plan.rows[0].total == plan.rows[0].interest
    assert all(row.interest_minor > 0 and row.total_minor >= row.interest_minor for row in plan.rows)
    assert plan.principal == terms.principal
    levels = [row.total_minor for row in plan.rows[:-1] if row.principal_minor]
    assert levels[0] > levels[-1], "what a raised instalment takes more is taken off the later ones"
    assert levels == sorted(levels, reverse=True)
    with pytest.raises(TermsError) as refused:
        repayment_plan(replace(terms, interest_shortfall=InterestShortfall.REFUSE))
    assert refused.value.code == "instalment-below-interest"


@pytest.mark.parametrize(("amount", "months", "multiple"), [("1000", 24, 1000), ("1500", 48, 10000)])
def test_rounding_to_a_multiple_bills_what_was_lent(amount: str, months: int, multiple: int) -> None:
    terms = replace(BASE, principal=Money.of(amount), instalments=months, instalment_multiple_minor=multiple)
    plan = repayment_plan(terms)
    assert plan.principal == Money.of(amount)
    assert all(row.total_minor % multiple == 0 and row.interest_minor > 0 for row in plan.rows[:-1])


def test_actual_actual_over_several_months_and_a_year_end_charges_each_day_once() -> None:
    """20,000 at 18 %, every 2 months from 15 November: 47 days of 2023, 14 of 2024."""
    terms = replace(
        DAILY,
        principal=Money.of("20000"),
        annual_rate=Decimal("0.18"),
        instalments=6,
        period=Period(2),
        disbursed_on=date(2023, 11, 15),
        day_count=DayCount.ACT_ACT_ISDA,
    )
    assert interests(repayment_plan(terms))[0] == "601.27"


def test_a_month_end_start_bears_its_actual_days() -> None:
    """31 January to 29 February bears 29 days."""
    plan = repayment_plan(replace(DAILY, disbursed_on=date(2024, 1, 31)))
    assert plan.rows[0].due == date(2024, 2, 29)
    assert interests(plan)[0] == "953.42"


def test_no_interest_before_the_money_is_paid_out() -> None:
    """The schedule may start earlier than the loan; interest may not."""
    terms = replace(BASE, schedule_from=date(2026, 1, 1), disbursed_on=date(2026, 1, 20))
    plan = repayment_plan(terms)
    assert plan.rows[0].start == date(2026, 1, 20)
    assert plan.rows[0].due == date(2026, 2, 1)
    assert interests(plan)[0] == "400.00"  # 12 days over 360


def test_level_instalments_on_actual_days_end_level() -> None:
    """100,000 at 12 %, 12 months, actual/365: at most ¥0.01 × n apart."""
    plan = repayment_plan(DAILY)
    assert abs(plan.rows[-1].total_minor - plan.rows[0].total_minor) <= 12


def test_rounding_modes_of_interest_and_instalment_are_their_own() -> None:
    plan = repayment_plan(
        replace(BASE, rounding=Rounding.HALF_EVEN, instalment_rounding=Rounding.UP, instalment_multiple_minor=100)
    )
    assert totals(plan)[0] == "8885.00"


def test_the_month_end_rule_is_the_terms_own() -> None:
    plan = repayment_plan(replace(BASE, disbursed_on=date(2025, 1, 31), month_end=MonthEnd.ROLL))
    assert plan.rows[0].due == date(2025, 3, 1)


@pytest.mark.parametrize("broken", list(BrokenPeriod))
def test_a_rolled_due_date_belongs_to_the_month_it_stands_for(broken: BrokenPeriod) -> None:
    terms = replace(
        BASE,
        disbursed_on=date(2025, 1, 10),
        first_due=date(2025, 3, 1),
        due_day=31,
        month_end=MonthEnd.ROLL,
        broken_period=broken,
    )
    plan = repayment_plan(terms)
    assert [row.due for row in plan.rows[:4]] == [
        date(2025, 3, 1),
        date(2025, 3, 31),
        date(2025, 5, 1),
        date(2025, 5, 31),
    ]
    assert plan_periods(terms).regular_start == date(2025, 1, 31)
