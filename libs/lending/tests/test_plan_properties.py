"""What must hold for every plan, whatever the terms."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from libs.lending.accrual import accrued_between, accrued_interest
from libs.lending.fees import financed_minor
from libs.lending.money import Money
from libs.lending.schedule import repayment_plan, total_to_pay
from libs.lending.terms import (
    InstalmentFit,
    InstalmentRule,
    InterestAccrual,
    LoanTerms,
    Remainder,
    RepaymentMethod,
)
from libs.lending.tests.strategies import SIMPLE_METHODS, dates, principals, rates, terms


@given(terms())
@settings(max_examples=400)
def test_parts_sum_to_the_whole_and_the_balance_ends_at_zero(agreed: LoanTerms) -> None:
    plan = repayment_plan(agreed)
    lent = agreed.principal.minor + financed_minor(agreed)
    balance = lent - sum(tranche.amount.minor for tranche in agreed.tranches)
    for number, row in enumerate(plan.rows, start=1):
        assert row.number == number
        assert row.opening_minor == balance
        balance += row.drawn_minor - row.principal_minor
        assert row.closing_minor == balance
        assert row.total_minor == row.principal_minor + row.interest_minor + row.fee_minor
    assert balance == 0
    assert plan.principal.minor == lent
    assert plan.total.minor == lent + plan.interest.minor + plan.fee.minor
    assert total_to_pay(agreed) == plan.total


@given(terms())
@settings(max_examples=400)
def test_no_part_is_negative_and_dates_rise(agreed: LoanTerms) -> None:
    plan = repayment_plan(agreed)
    assert plan.upfront_fee.minor >= 0
    day = agreed.disbursed_on
    for row in plan.rows:
        assert min(row.principal_minor, row.interest_minor, row.fee_minor, row.closing_minor) >= 0
        assert row.start == day < row.due
        day = row.due
    assert 1 <= len(plan.rows) <= agreed.instalments


@given(terms(methods=(RepaymentMethod.EQUAL_INSTALMENT,)))
@settings(max_examples=300)
def test_steps_of_no_height_change_nothing(agreed: LoanTerms) -> None:
    """Stepped rows are worked out by the general loop, level ones by their own."""
    level = replace(agreed, remainder=Remainder.LAST)
    stepped = replace(level, method=RepaymentMethod.STEPPED, weights=(Decimal(1),) * level.instalments)
    assert repayment_plan(stepped).rows == repayment_plan(level).rows


@given(terms())
def test_terms_survive_json_exactly(agreed: LoanTerms) -> None:
    again = LoanTerms.from_json(agreed.to_json())
    assert again == agreed
    assert repayment_plan(again).rows == repayment_plan(agreed).rows


@given(terms(methods=SIMPLE_METHODS), st.lists(st.integers(0, 1500), min_size=1, max_size=8))
def test_accrual_over_any_cuts_sums_to_the_billed_interest(agreed: LoanTerms, offsets: list[int]) -> None:
    plan = repayment_plan(agreed)
    cuts = sorted({agreed.disbursed_on + timedelta(days=n) for n in offsets if n} | {plan.maturity})
    cuts = [cut for cut in cuts if cut <= plan.maturity]
    start, total = agreed.disbursed_on, Money.zero()
    for cut in cuts:
        part = accrued_between(plan, start, cut)
        assert part.minor >= 0
        total += part
        start = cut
    assert total == plan.interest
    assert accrued_interest(plan, plan.maturity + timedelta(days=400)) == plan.interest


@given(principals, rates, dates, st.integers(1, 60))
def test_a_longer_term_never_raises_the_instalment(principal: Money, rate: Decimal, on: date, count: int) -> None:
    assume(principal.minor > 1000)
    agreed = LoanTerms(principal=principal, annual_rate=rate, instalments=count, disbursed_on=on)
    shorter, longer = repayment_plan(agreed), repayment_plan(replace(agreed, instalments=count + 1))
    assert longer.rows[0].total_minor <= shorter.rows[0].total_minor


@given(principals, rates, dates, st.integers(1, 60), st.sampled_from(SIMPLE_METHODS))
def test_a_higher_rate_never_lowers_the_interest(
    principal: Money, rate: Decimal, on: date, count: int, method: RepaymentMethod
) -> None:
    agreed = LoanTerms(principal=principal, annual_rate=rate, instalments=count, disbursed_on=on, method=method)
    dearer = replace(agreed, annual_rate=rate + Decimal("0.01"))
    allowance = count  # each row may round by half a minor unit either way
    assert repayment_plan(dearer).interest.minor >= repayment_plan(agreed).interest.minor - allowance


@given(principals, rates, dates, st.integers(2, 36), st.sampled_from(InterestAccrual))
def test_the_closest_fit_leaves_the_last_instalment_within_a_minor_unit_for_each(
    principal: Money, rate: Decimal, on: date, count: int, accrual: InterestAccrual
) -> None:
    assume(principal.minor > 100 * count)
    agreed = LoanTerms(
        principal=principal,
        annual_rate=rate,
        instalments=count,
        disbursed_on=on,
        accrual=accrual,
        instalment_fit=InstalmentFit.CLOSEST,
    )
    plan = repayment_plan(agreed)
    assume(len(plan.rows) == count)
    # one minor unit more in the instalment moves the end by its growth to maturity, at most this:
    growth = (1 + float(rate) / 12 * 1.1) ** count
    assert abs(plan.rows[-1].total_minor - plan.rows[0].total_minor) <= count * growth + 1


@given(principals, rates, dates, st.integers(2, 36))
def test_the_remainder_can_go_first(principal: Money, rate: Decimal, on: date, count: int) -> None:
    assume(principal.minor > 1000 * count)
    agreed = LoanTerms(
        principal=principal, annual_rate=rate, instalments=count, disbursed_on=on, remainder=Remainder.FIRST
    )
    totals = [row.total_minor for row in repayment_plan(agreed).rows]
    assert len(totals) == count
    growth = (1 + float(rate) / 12) ** count  # what a minor unit in the first instalment comes to at the end
    assert max(totals[1:]) - min(totals[1:]) <= growth + 1


@given(principals, rates, dates, st.integers(1, 24), st.sampled_from(InstalmentRule))
def test_every_row_charges_the_exact_interest_rounded_once(
    principal: Money, rate: Decimal, on: date, count: int, rule: InstalmentRule
) -> None:
    agreed = LoanTerms(principal=principal, annual_rate=rate, instalments=count, disbursed_on=on, instalment_rule=rule)
    for row in repayment_plan(agreed).rows:
        exact = Decimal(row.opening_minor) * rate / 12
        assert abs(row.interest_minor - exact) <= Decimal("0.5")
