"""Terms by season and by step: what a product says of a method, for every loan that may be asked for."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import examples as ex
from libs.contracts.schedules import loan_terms
from libs.contracts.values import ProductTerms, ScheduleRule
from libs.lending.money import Money
from libs.lending.schedule import RepaymentPlan, repayment_plan
from libs.lending.terms import RepaymentMethod

AUTUMN = ScheduleRule(method=RepaymentMethod.IRREGULAR, season_months=(9, 10, 11))
GROWING = ScheduleRule(method=RepaymentMethod.STEPPED, principal_grace=3, yearly_step=Decimal("0.1"))


def plan_of(rule: ScheduleRule, amount: str = "12000.00", instalments: int = 12, **changes: Any) -> RepaymentPlan:
    product = ProductTerms.model_validate(ex.PRODUCT).model_copy(update={"schedules": (rule,)})
    asked: dict[str, Any] = {"period_months": 1, "on": date(2026, 1, 15)} | changes
    terms = loan_terms(
        product,
        principal=Money.of(amount),
        annual_rate=product.annual_rate,
        instalments=instalments,
        method=rule.method,
        **asked,
    )
    return repayment_plan(terms)


def test_principal_falls_on_the_season_and_what_is_left_on_the_last() -> None:
    plan = plan_of(AUTUMN)
    principal = {row.due.month: row.principal_minor for row in plan.rows}
    assert {month: minor for month, minor in principal.items() if minor} == {
        9: 300000,
        10: 300000,
        11: 300000,
        1: 300000,
    }
    assert all(row.interest_minor > 0 for row in plan.rows), "interest is paid on what is left all along"


def test_a_loan_that_ends_before_the_season_is_repaid_at_its_end() -> None:
    assert [row.principal_minor for row in plan_of(AUTUMN, instalments=3).rows] == [0, 0, 1200000]


def test_instalments_grow_by_the_year_after_the_grace() -> None:
    rows = plan_of(GROWING, instalments=24).rows
    assert [row.principal_minor for row in rows[:3]] == [0, 0, 0]
    first, second = {row.total_minor for row in rows[3:12]}, {row.total_minor for row in rows[12:-1]}
    assert (len(first), len(second)) == (1, 1)
    assert abs(second.pop() - first.pop() * 11 // 10) <= 1


def test_a_balloon_is_a_fraction_of_what_was_lent() -> None:
    rule = ScheduleRule(method=RepaymentMethod.EQUAL_PRINCIPAL, balloon_share=Decimal("0.25"))
    rows = plan_of(rule, instalments=10).rows
    assert {row.principal_minor for row in rows[:-1]} == {90000}
    assert rows[-1].principal_minor == 90000 + 300000


def test_another_method_of_the_product_is_left_as_it_is() -> None:
    product = ProductTerms.model_validate(ex.PRODUCT).model_copy(update={"schedules": (AUTUMN,)})
    terms = loan_terms(
        product,
        principal=Money.of("100.00"),
        annual_rate=Decimal("0.1"),
        instalments=2,
        period_months=1,
        method=RepaymentMethod.EQUAL_PRINCIPAL,
        on=date(2026, 1, 1),
    )
    assert (terms.principal_parts, terms.weights, terms.balloon) == ((), (), None)


@given(
    st.sampled_from([AUTUMN, GROWING, GROWING.model_copy(update={"balloon_share": Decimal("0.3")})]),
    st.integers(100, 50_000_000),
    st.integers(1, 120),
    st.sampled_from([1, 2, 3, 6, 12]),
    st.dates(date(2024, 1, 1), date(2030, 12, 31)),
    st.integers(0, 9),
)
def test_every_loan_has_a_plan_that_repays_it_whole_also_when_it_is_paid_out_later(
    rule: ScheduleRule, minor: int, instalments: int, period_months: int, on: date, later: int
) -> None:
    for day in (on, on + timedelta(days=later)):
        rows = plan_of(rule, Money(minor).amount, instalments, period_months=period_months, on=day).rows
        assert sum(row.principal_minor for row in rows) == minor
        assert all(row.principal_minor >= 0 and row.interest_minor >= 0 for row in rows)
        if minor > instalments**2:  # of less, what rounding up gives the others may leave nothing for the last
            assert rows[-1].principal_minor > 0
