"""The column-wise engine gives the plain engine's digits, whatever the terms."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.lending.annuity import level_instalment
from libs.lending.calendar import Calendar, MonthEnd, Period, PeriodUnit, WorkingDay
from libs.lending.column_rows import divide as divide_columns
from libs.lending.column_rows import propose_level
from libs.lending.columns import LoanColumns, PlanColumns, plan_columns, plans_in_chunks, portfolio_columns
from libs.lending.daycount import DayCount
from libs.lending.money import LARGEST_MINOR, Money
from libs.lending.rounding import Rounding, divide
from libs.lending.schedule import repayment_plan
from libs.lending.terms import (
    BrokenPeriod,
    Fee,
    FeeBase,
    FeeTiming,
    InterestAccrual,
    InterestShortfall,
    LoanTerms,
    RepaymentMethod,
    TermsError,
)
from libs.lending.tests.strategies import SIMPLE_METHODS, terms

LIKE = LoanTerms(
    principal=Money.of("100000"), annual_rate=Decimal("0.12"), instalments=12, disbursed_on=date(2026, 1, 31)
)
WEEKENDS = Calendar("WEEKENDS")


def plain_rows(loan: LoanTerms, calendar: Calendar) -> list[tuple[date, int, int, int]]:
    try:
        plan = repayment_plan(loan, calendar)
    except TermsError:
        return []
    return [(row.due, row.principal_minor, row.interest_minor, row.fee_minor) for row in plan.rows]


def assert_equal_to_plain(loans: LoanColumns, plans: PlanColumns, calendar: Calendar = WEEKENDS) -> None:
    """And the same in chunks, the second of which is written over the first."""
    for n in range(len(loans)):
        assert list(plans.rows(n)) == plain_rows(loans.terms(n), calendar), loans.terms(n)
    for places, chunk in plans_in_chunks(loans, calendar, size=len(loans) // 2 + 1):
        for column in ("due", "principal_minor", "interest_minor", "fee_minor"):
            whole, part = getattr(plans, column), getattr(chunk, column)
            assert part is None if whole is None else np.array_equal(part, whole[:, places]), column
        assert np.array_equal(chunk.instalments, plans.instalments[places])
        assert {places.start + n for n in chunk.refused} == set(plans.refused) & set(range(*places.indices(len(loans))))


def columns(like: LoanTerms, loans: int, seed: int = 1, largest_minor: int = 10**9) -> LoanColumns:
    chance = np.random.default_rng(seed)
    principal = np.exp(chance.uniform(np.log(100), np.log(largest_minor), loans)).astype(np.int64)
    rate = chance.integers(0, 36_000, loans)
    return LoanColumns(like, principal, rate, 5, chance.integers(18_000, 22_000, loans).astype(np.int32))


@given(st.lists(terms(), min_size=1, max_size=6))
@settings(max_examples=250)
def test_any_portfolio_has_the_plain_digits(portfolio: list[LoanTerms]) -> None:
    seen = []
    for places, loans in portfolio_columns(portfolio):
        assert_equal_to_plain(loans, plan_columns(loans, WEEKENDS))
        assert [loans.terms(n) for n in range(len(loans))] == [portfolio[place] for place in places]
        seen += places
    assert sorted(seen) == list(range(len(portfolio)))


@given(terms(methods=SIMPLE_METHODS), st.sampled_from(WorkingDay), st.booleans(), st.integers(0, 2**32))
@settings(max_examples=150)
def test_loans_of_one_product_have_the_plain_digits(
    like: LoanTerms, working_day: WorkingDay, to_moved: bool, seed: int
) -> None:
    like = replace(like, working_day=working_day, interest_to_moved_date=to_moved, balloon=None, tranches=())
    loans = columns(like, 20, seed, largest_minor=LARGEST_MINOR // 100)
    assert_equal_to_plain(loans, plan_columns(loans, WEEKENDS))


def test_odd_days_that_are_spread_are_rounded_by_themselves() -> None:
    """31 days earn 8.23 fen and the day before them 0.27: 8 and 0, where 32 days at once would be 8.5."""
    terms = LoanTerms(
        principal=Money.of("95625"),
        annual_rate=Decimal("0.00001"),
        instalments=1,
        disbursed_on=date(2019, 1, 1),
        due_day=2,
        method=RepaymentMethod.EQUAL_PRINCIPAL,
        accrual=InterestAccrual.DAILY,
        broken_period=BrokenPeriod.SPREAD,
    )
    [(_, loans)] = portfolio_columns([terms])
    plans = plan_columns(loans)
    assert [interest for _, _, interest, _ in plans.rows(0)] == [8]
    assert_equal_to_plain(loans, plans)


@pytest.mark.parametrize("accrual", InterestAccrual)
@pytest.mark.parametrize("method", SIMPLE_METHODS)
def test_ordinary_loans_are_not_left_to_the_plain_engine(method: RepaymentMethod, accrual: InterestAccrual) -> None:
    loans = columns(replace(LIKE, method=method, accrual=accrual), 1000)
    plans = plan_columns(loans)
    assert plans.settled <= 5
    assert int(plans.principal_minor.sum()) == int(loans.principal_minor.sum())


def test_no_product_leaves_64_bits() -> None:
    """The largest amounts stand beside small ones in a block; neither may spoil the other."""
    like = replace(LIKE, accrual=InterestAccrual.DAILY, day_count=DayCount.ACT_ACT_ISDA)
    principal = np.array([LARGEST_MINOR - 1, 10**15, 123_456, 10**16 + 7], np.int64)
    rate = np.array([10 * 10**10, 1_234_567_891, 1_234_567_891, 3 * 10**10])
    loans = LoanColumns(like, principal, rate, 10, np.full(4, 20_000, np.int32))
    plans = plan_columns(loans)
    assert_equal_to_plain(loans, plans)
    assert 2 <= plans.settled < 4


def test_a_rate_beyond_floats_is_left_to_the_plain_engine() -> None:
    loans = LoanColumns(replace(LIKE, instalments=1200), np.array([10**6]), np.array([10]), 0, np.array([0], np.int32))
    plans = plan_columns(loans)
    assert plans.settled == 1
    assert_equal_to_plain(loans, plans)


def test_a_refused_loan_does_not_stop_the_others() -> None:
    like = replace(LIKE, accrual=InterestAccrual.DAILY, instalments=360, interest_shortfall=InterestShortfall.REFUSE)
    loans = LoanColumns(like, np.array([10**7, 10**7]), np.array([15, 5]), 2, np.array([19_737, 19_737], np.int32))
    plans = plan_columns(loans)
    assert {n: error.code for n, error in plans.refused.items()} == {0: "instalment-below-interest"}
    assert plans.instalments.tolist() == [0, 360]
    assert_equal_to_plain(loans, plans)


def test_an_instalment_that_is_raised_to_its_interest_is_the_plain_one() -> None:
    like = replace(LIKE, accrual=InterestAccrual.DAILY, day_count=DayCount.ACT_365, instalments=360)
    loans = LoanColumns(like, np.array([10**7]), np.array([15]), 2, np.array([19_737], np.int32))
    plans = plan_columns(loans)
    assert plans.interest_minor[0, 0] == 127397
    assert_equal_to_plain(loans, plans)


def test_loans_that_end_early_are_counted() -> None:
    loans = columns(replace(LIKE, instalments=48, instalment_multiple_minor=10_000), 500, largest_minor=10**6)
    plans = plan_columns(loans)
    assert plans.instalments.min() < 10
    assert_equal_to_plain(loans, plans)


def test_fees_are_columns_too() -> None:
    fees = (
        Fee(code="insurance", timing=FeeTiming.FINANCED, rate=Decimal("0.0123")),
        Fee(code="admin", timing=FeeTiming.SPREAD, amount=Money.of("100.01")),
        *(Fee(code=base, timing=FeeTiming.EACH_INSTALMENT, rate=Decimal("0.0017"), base=base) for base in FeeBase),
    )
    loans = columns(replace(LIKE, fees=fees, instalment_multiple_minor=1000), 300)
    assert_equal_to_plain(loans, plan_columns(loans))


@pytest.mark.parametrize("rule", MonthEnd)
@pytest.mark.parametrize("period", [Period(1), Period(3), Period(2, PeriodUnit.WEEKS), Period(10, PeriodUnit.DAYS)])
def test_dates_of_every_start(rule: MonthEnd, period: Period) -> None:
    like = replace(LIKE, month_end=rule, period=period, accrual=InterestAccrual.DAILY, day_count=DayCount.THIRTY_360_US)
    days = np.arange(19_723, 19_723 + 4 * 366, 3, np.int32)  # every third day of four years, one of them leap
    loans = LoanColumns(like, np.full(len(days), 10**6), np.full(len(days), 12), 2, days)
    assert_equal_to_plain(loans, plan_columns(loans, WEEKENDS))


def test_the_calendar_ends_for_both_engines_with_the_year_9999() -> None:
    end = (date(9999, 11, 30) - date(1970, 1, 1)).days
    loans = LoanColumns(LIKE, np.array([10**6]), np.array([12]), 2, np.array([end], np.int32))
    with pytest.raises(ValueError, match="year"):
        plan_columns(loans)
    loans = replace(loans, like=replace(LIKE, instalments=1))
    assert_equal_to_plain(loans, plan_columns(loans))


def test_a_ratio_too_near_a_boundary_is_called_doubtful() -> None:
    half = [np.array([0.5, 0.5, 0.25])]
    level, doubtful = propose_level(np.array([1, 2, 1]), half, 1, Rounding.HALF_UP)
    assert doubtful.tolist() == [True, False, False]  # 1.5, 3, 1.25
    assert level.tolist()[1:] == [3, 1]
    level, doubtful = propose_level(np.array([1, 2, 1]), half, 1, Rounding.UP)
    assert doubtful.tolist() == [False, True, False]
    assert level.tolist()[0] == 2


def test_a_ratio_that_many_periods_of_floats_have_moved_is_called_doubtful() -> None:
    principal, periods = 603_065_967_460, 240
    level, doubtful = propose_level(np.array([principal]), [np.array([0.00173])] * periods, 1, Rounding.HALF_UP)
    assert level_instalment(principal, [173] * periods, 100_000) == 3_072_563_957  # floats alone: one more
    assert doubtful.all(), level


@given(st.lists(st.integers(0, 2**62), min_size=1), st.integers(1, 2**61), st.sampled_from(Rounding))
def test_columns_divide_as_integers_do(numerators: list[int], denominator: int, mode: Rounding) -> None:
    divided = divide_columns(np.array(numerators, np.int64), denominator, mode).tolist()
    assert divided == [divide(numerator, denominator, mode) for numerator in numerators]


def test_columns_refuse_what_is_no_loan() -> None:
    good = columns(LIKE, 3)
    with pytest.raises(TermsError, match="loan 1"):
        replace(good, principal_minor=np.array([1, 0, 1]))
    with pytest.raises(TermsError, match="loan 2"):
        replace(good, rate=np.array([1, 0, 10**7]))
    with pytest.raises(ValueError, match="share every convention"):
        LoanColumns.of([LIKE, replace(LIKE, instalments=3)])
    with pytest.raises(ValueError, match="decimals"):
        LoanColumns.of([replace(LIKE, annual_rate=Decimal("0.123456789012345678"))])
    none = replace(good, principal_minor=good.principal_minor[:0], rate=good.rate[:0], disbursed=good.disbursed[:0])
    assert len(plan_columns(none).instalments) == 0
    assert list(plans_in_chunks(none)) == []


def test_a_rate_with_many_decimals_is_left_to_the_plain_engine() -> None:
    loans = LoanColumns.of([replace(LIKE, annual_rate=Decimal("0.12345678901234567"))])
    plans = plan_columns(loans)
    assert plans.settled == 1
    assert_equal_to_plain(loans, plans)
