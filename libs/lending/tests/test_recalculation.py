"""A plan as facts change it."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.lending.allocation import Component
from libs.lending.daycount import DayCount
from libs.lending.money import Money
from libs.lending.recalculation import CUMULATIVE, PROGRESSIVE, LivePlan, LiveRow, Recalculation
from libs.lending.schedule import repayment_plan
from libs.lending.terms import (
    BrokenPeriod,
    InterestAccrual,
    LoanTerms,
    RateChange,
    RepaymentMethod,
    TermsError,
)

DAILY = LoanTerms(
    principal=Money.of("10000"),
    annual_rate=Decimal("0.12"),
    instalments=6,
    disbursed_on=date(2026, 1, 1),
    accrual=InterestAccrual.DAILY,
    day_count=DayCount.ACT_365,
)
MONTHLY = replace(DAILY, accrual=InterestAccrual.BY_PERIOD, broken_period=BrokenPeriod.PRO_RATA)


def started(terms: LoanTerms = DAILY, policy: Recalculation = PROGRESSIVE) -> LivePlan:
    live = LivePlan(terms, policy)
    live.disburse(terms.disbursed_on, terms.principal.minor)
    return live


def column(live: LivePlan, name: str) -> list[int]:
    return [getattr(row, name) for row in live.rows]


@pytest.mark.parametrize("terms", [DAILY, MONTHLY, replace(DAILY, principal_grace=2), replace(DAILY, interest_free=1)])
@pytest.mark.parametrize("policy", [PROGRESSIVE, CUMULATIVE])
def test_without_events_it_is_the_plan(terms: LoanTerms, policy: Recalculation) -> None:
    live, plan = started(terms, policy), repayment_plan(terms)
    assert column(live, "principal") == [row.principal_minor for row in plan.rows]
    assert column(live, "interest") == [row.interest_minor for row in plan.rows]


def test_equal_principal_is_the_plan_too() -> None:
    terms = replace(DAILY, method=RepaymentMethod.EQUAL_PRINCIPAL, principal_grace=1)
    assert column(started(terms), "total") == [row.total_minor for row in repayment_plan(terms).rows]


def test_paid_as_planned_it_ends_at_zero() -> None:
    live = started()
    for row in live.rows:
        assert live.repay(row.due, row.outstanding) == 0
    assert column(live, "outstanding") == [0] * 6
    assert [row.paid_on for row in live.rows] == [row.due for row in live.rows]


def test_principal_paid_early_stops_bearing_interest_that_day() -> None:
    live = started()
    live.repay(date(2026, 1, 16), 172_486)  # 15 days of interest; the rest is principal of the first
    first, second = live.rows[:2]
    assert (first.paid_of(Component.INTEREST), first.in_advance) == (4_932, 172_486)
    assert second.interest < repayment_plan(DAILY).rows[1].interest_minor + 4_932
    assert sum(column(live, "principal")) == 1_000_000


def test_overdue_principal_goes_on_bearing_interest_until_the_day() -> None:
    live = started()
    live.compute(date(2026, 2, 15))
    planned = repayment_plan(DAILY).rows
    fourteen_days = round(planned[0].principal_minor * 0.12 * 14 / 365)
    assert live.rows[1].interest == pytest.approx(planned[1].interest_minor + fourteen_days, abs=1)
    assert live.rows[1].total == planned[1].total_minor  # level: what it does not hold moves to the end
    calm = started(policy=replace(PROGRESSIVE, overdue_bears_interest=False))
    calm.compute(date(2026, 2, 15))
    assert calm.rows[1].interest == planned[1].interest_minor


def test_a_late_payment_is_counted_late() -> None:
    live = started()
    live.repay(date(2026, 2, 11), live.rows[0].outstanding)
    assert live.rows[0].late == live.rows[0].total
    assert live.rows[0].paid_on == date(2026, 2, 11)


def test_a_tranche_solves_the_coming_instalments_again() -> None:
    live = started()
    before = column(live, "total")
    live.disburse(date(2026, 3, 1), 500_000)
    assert column(live, "total")[:2] == before[:2]
    assert len(set(column(live, "total")[2:5])) == 1
    assert sum(column(live, "principal")) == 1_500_000
    last = live.rows[-1].total - live.rows[-2].total
    assert abs(last) <= 4


def test_a_tranche_on_the_last_due_date_is_due_with_it() -> None:
    live = started()
    live.disburse(live.rows[-1].due, 1_000)
    assert sum(column(live, "principal")) == 1_001_000


def test_a_new_rate_counts_from_its_day_and_solves_again() -> None:
    live = started(policy=CUMULATIVE)
    live.change_rate(date(2026, 4, 1), Decimal("0.06"))
    planned = repayment_plan(DAILY).rows
    assert column(live, "total")[:3] == [row.total_minor for row in planned[:3]]
    assert live.rows[3].interest == round(live_balance(live, 3) * 0.06 * 30 / 365)
    assert live.rows[4].total < planned[4].total_minor


@pytest.mark.parametrize(("policy", "ahead"), [(PROGRESSIVE, 1), (CUMULATIVE, 0)])
def test_a_pause_runs_ahead_of_its_days_as_new_rates_do(policy: Recalculation, ahead: int) -> None:
    live = started(policy=policy)
    live.pause_interest(date(2026, 2, 1), date(2026, 2, 10))
    first, second = live.rows[:2]
    assert first.interest == round(1_000_000 * 0.12 * (31 - ahead) / 365)
    assert second.interest == round(live_balance(live, 1) * 0.12 * (28 - 10 + ahead) / 365)


def live_balance(live: LivePlan, index: int) -> int:
    return sum(row.principal for row in live.rows[index:])


def test_agreed_rate_changes_are_known_from_the_start() -> None:
    terms = replace(DAILY, rate_changes=(RateChange(date(2026, 3, 10), Decimal("0.06")),))
    live = started(terms)
    assert sum(column(live, "interest")) < repayment_plan(DAILY).interest.minor
    assert abs(live.rows[-1].total - live.rows[0].total) <= 6


@pytest.mark.parametrize(("terms", "days"), [(DAILY, 48), (MONTHLY, 48)])
def test_a_moved_due_date_moves_the_later_ones_and_leaves_the_instalment(terms: LoanTerms, days: int) -> None:
    live = started(terms)
    level = live.rows[0].total
    live.move_due(date(2026, 2, 1), date(2026, 2, 18))
    assert [row.due for row in live.rows[:3]] == [date(2026, 2, 18), date(2026, 3, 18), date(2026, 4, 18)]
    assert [row.start for row in live.rows[:2]] == [date(2026, 1, 1), date(2026, 2, 18)]
    assert column(live, "total")[:5] == [level] * 5
    expected = days / 365 if terms is DAILY else (1 + 17 / 28) / 12
    assert live.rows[0].interest == round(120_000 * expected)


def test_interest_that_a_planned_amount_cannot_hold_is_billed_with_the_next() -> None:
    """761 days at 12 % come to more than one instalment of six: nothing of it vanishes."""
    live = started()
    live.move_due(date(2026, 2, 1), date(2028, 2, 1))
    first, second = live.rows[:2]
    assert (first.interest, first.principal) == (172_486, 0)
    assert first.total == second.total
    assert first.interest + second.interest == round(120_000 * 761 / 365) + round(120_000 * 29 / 365)


def test_a_long_first_period_bears_its_odd_days() -> None:
    terms = replace(MONTHLY, due_day=15)
    assert started(terms).rows[0].interest == repayment_plan(terms).rows[0].interest_minor == 14_516


def test_reducing_the_instalment_after_a_prepayment() -> None:
    live = started(policy=CUMULATIVE)
    level = live.rows[1].total
    assert live.repay(date(2026, 2, 1), 500_000) == 0
    assert live.rows[0].total == 500_000
    assert len(set(column(live, "total")[1:5])) == 1
    assert live.rows[1].total < level
    assert sum(column(live, "principal")) == 1_000_000


def test_a_small_prepayment_does_not_move_the_instalment() -> None:
    live = started(policy=CUMULATIVE)
    level = live.rows[1].total
    live.repay(date(2026, 1, 20), 10_000)
    assert live.rows[0].paid_of(Component.PRINCIPAL) == 10_000
    assert live.rows[1].level == level


@pytest.mark.parametrize("policy", [PROGRESSIVE, CUMULATIVE])
@pytest.mark.parametrize("on", [date(2026, 1, 20), date(2026, 2, 1), date(2026, 3, 15), date(2026, 8, 1)])
def test_a_payoff_settles_everything(policy: Recalculation, on: date) -> None:
    live = started(policy=policy)
    live.charge(live.rows[1], Component.FEE, 300)
    live.charge(live.rows[0], Component.PENALTY, 200)
    amount = live.payoff_amount(on)
    assert live.repay(on, amount) == 0
    assert column(live, "outstanding") == [0] * 6
    assert sum(column(live, "paid")) == amount


def test_what_is_more_than_owed_comes_back() -> None:
    for policy in (PROGRESSIVE, CUMULATIVE):
        live = started(policy=policy)
        assert live.repay(date(2026, 9, 1), 10_000_000) > 8_000_000


def test_a_directed_payment_goes_where_it_says() -> None:
    live = started()
    last = live.rows[-1]
    live.pay_part(last, date(2026, 1, 10), Component.PRINCIPAL, last.level)
    assert last.paid_on == date(2026, 1, 10)
    assert live.rows[-2].principal + live.rows[-2].interest <= live.rows[-3].total
    live.change_rate(date(2026, 2, 2), Decimal("0.06"))
    assert last.total == last.level  # a row that is paid is left out of the new solution


def test_a_row_knows_nothing_of_costs() -> None:
    row = LiveRow(1, date(2026, 1, 1), date(2026, 2, 1))
    assert row.due_of(Component.COST) == 0
    assert row.paid_on is None


@pytest.mark.parametrize("terms", [replace(DAILY, method=RepaymentMethod.BULLET), replace(DAILY, flat_interest=True)])
def test_other_methods_are_refused(terms: LoanTerms) -> None:
    with pytest.raises(TermsError) as refused:
        LivePlan(terms, PROGRESSIVE)
    assert refused.value.code == "recalculation-method"


EVENTS = st.lists(st.tuples(st.integers(1, 260), st.integers(1, 400_000)), max_size=8)


@given(
    EVENTS,
    st.sampled_from([PROGRESSIVE, CUMULATIVE, replace(PROGRESSIVE, overdue_bears_interest=False)]),
    st.sampled_from([DAILY, MONTHLY, replace(DAILY, method=RepaymentMethod.EQUAL_PRINCIPAL)]),
)
@example([(14, 1_006_461)], PROGRESSIVE, replace(DAILY, method=RepaymentMethod.EQUAL_PRINCIPAL))
@settings(max_examples=200)
def test_whatever_is_paid_when_every_fen_is_accounted_for(
    events: list[tuple[int, int]], policy: Recalculation, terms: LoanTerms
) -> None:
    live = started(terms, policy)
    given_total = surplus = 0
    for offset, amount in sorted(events):
        surplus += live.repay(terms.disbursed_on + timedelta(days=offset), amount)
        given_total += amount
    assert sum(column(live, "principal")) == terms.principal.minor
    assert sum(column(live, "paid")) + surplus == given_total
    assert min(column(live, "interest")) >= 0
    assert min(column(live, "principal")) >= 0
    assert min(column(live, "outstanding")) >= 0


@given(EVENTS)
def test_paying_sooner_never_costs_more(events: list[tuple[int, int]]) -> None:
    end = DAILY.disbursed_on + timedelta(days=300)
    sooner, later = started(), started()
    for offset, amount in sorted(events):
        sooner.repay(DAILY.disbursed_on + timedelta(days=offset), amount)
        later.repay(DAILY.disbursed_on + timedelta(days=offset + 30), amount)
    sooner.compute(end)
    later.compute(end)
    allowance = 6 * (len(events) + 1)  # every piece may round by half a minor unit
    assert sum(column(sooner, "interest")) <= sum(column(later, "interest")) + allowance
