"""Interest by date."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from libs.lending.accrual import (
    Balance,
    Overdue,
    OverdueTerms,
    accrued_between,
    accrued_in_row,
    accrued_interest,
    interest_on,
    overdue_interest,
)
from libs.lending.calendar import Period, PeriodUnit
from libs.lending.daycount import DayCount
from libs.lending.money import Money
from libs.lending.schedule import repayment_plan
from libs.lending.terms import BrokenPeriod, InterestAccrual, LoanTerms, PartialPeriod

TERMS = LoanTerms(
    principal=Money.of("100000"), annual_rate=Decimal("0.12"), instalments=12, disbursed_on=date(2026, 1, 31)
)


def test_a_monthly_loan_accrues_its_month_by_days() -> None:
    plan = repayment_plan(TERMS)
    assert accrued_interest(plan, date(2026, 1, 1)).amount == "0.00"
    assert accrued_interest(plan, date(2026, 2, 14)).amount == "500.00"  # 14 of 28 days of 1,000
    assert accrued_interest(plan, date(2026, 2, 28)).amount == "1000.00"
    assert accrued_between(plan, date(2026, 2, 14), date(2026, 3, 15)).amount == "945.72"  # 500 and 15/31 of 921.15


def test_a_part_of_a_month_can_be_priced_by_days_up_to_the_month() -> None:
    plan = repayment_plan(replace(TERMS, partial_period=PartialPeriod.DAYS))
    assert accrued_interest(plan, date(2026, 2, 14)).amount == "466.67"  # 14/360
    march = accrued_between(plan, date(2026, 2, 28), date(2026, 3, 30))
    assert march.amount == "921.15"  # 30/360 of 92,115.12, which is the month's interest already


def test_days_of_a_long_period_never_earn_more_than_the_period() -> None:
    two_months = replace(TERMS, instalments=6, period=Period(2, PeriodUnit.MONTHS), disbursed_on=date(2026, 7, 1))
    plan = repayment_plan(replace(two_months, partial_period=PartialPeriod.DAYS))
    assert plan.rows[0].interest.amount == "2000.00"
    assert accrued_interest(plan, date(2026, 8, 30)).amount == "2000.00"
    assert accrued_interest(plan, date(2026, 8, 31)).amount == "2000.00"  # 61/360 would be 2,033.33; due in 62 days


def test_a_daily_loan_accrues_by_the_day_count() -> None:
    plan = repayment_plan(replace(TERMS, accrual=InterestAccrual.DAILY, day_count=DayCount.ACT_365))
    assert accrued_interest(plan, date(2026, 2, 14)).amount == "460.27"


def test_on_the_due_date_all_that_is_billed_is_earned() -> None:
    long_first = replace(TERMS, disbursed_on=date(2026, 1, 10), due_day=15, instalments=3)
    spread = replace(long_first, accrual=InterestAccrual.DAILY, broken_period=BrokenPeriod.SPREAD)
    for row in repayment_plan(spread).rows:
        assert accrued_in_row(spread, row, row.due) == row.interest_minor
        assert accrued_in_row(spread, row, row.start) == 0


def test_flat_interest_accrues_evenly() -> None:
    plan = repayment_plan(replace(TERMS, accrual=InterestAccrual.DAILY, flat_interest=True))
    assert accrued_interest(plan, date(2026, 2, 14)).amount == "506.95"  # half of 1,013.89


def test_interest_follows_a_balance_that_changes() -> None:
    balances = [Balance(date(2026, 1, 1), 1_000_000), Balance(date(2026, 1, 11), 500_000)]
    args = (Decimal("0.18"), DayCount.ACT_360, date(2026, 1, 1), date(2026, 1, 31))
    assert interest_on(balances, *args) == 10_000  # 10 days of 10,000 and 20 days of 5,000 at 0.05 % a day
    assert interest_on([], *args) == 0


OVERDUE = OverdueTerms(annual_rate=Decimal("0.18"), grace_days=3)
UNPAID = Overdue(date(2026, 3, 1), (Balance(date(2026, 3, 1), 1_000_000),))


def test_overdue_interest_starts_after_grace_and_reaches_back_to_the_due_date() -> None:
    assert overdue_interest([UNPAID], OVERDUE, date(2026, 3, 4)) == 0
    assert overdue_interest([UNPAID], OVERDUE, date(2026, 3, 5)) == 2_000
    late_start = replace(OVERDUE, after_grace_only=True)
    assert overdue_interest([UNPAID], late_start, date(2026, 3, 5)) == 500


def test_what_is_paid_within_grace_bears_no_overdue_interest() -> None:
    paid = UNPAID._replace(principal=(Balance(date(2026, 3, 1), 1_000_000), Balance(date(2026, 3, 3), 0)))
    assert overdue_interest([paid], OVERDUE, date(2026, 4, 1)) == 0


def test_overdue_interest_stops_with_payment_and_is_rounded_by_instalment() -> None:
    part = UNPAID._replace(principal=(Balance(date(2026, 3, 1), 333_333), Balance(date(2026, 3, 11), 0)))
    assert overdue_interest([part, part], replace(OVERDUE, grace_days=0), date(2026, 5, 1)) == 2 * 1_667


def test_interest_on_overdue_interest_only_where_it_may_be_charged() -> None:
    both = UNPAID._replace(interest=(Balance(date(2026, 3, 1), 100_000),))
    assert overdue_interest([both], OVERDUE, date(2026, 3, 11)) == 5_000
    assert overdue_interest([both], replace(OVERDUE, on_interest=True), date(2026, 3, 11)) == 5_500
