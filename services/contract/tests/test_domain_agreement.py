"""Agreements: what is disclosed is what the plan says, to the fen."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.approval import ApplicationApproved, Offer
from libs.contracts.contract import Agreement
from libs.contracts.values import FeeRule, Named, RateIncreaseRule, ScheduleRule
from libs.lending.money import Money, total
from libs.lending.terms import FeeBase, FeeTiming, RepaymentMethod
from services.contract.document.values import cost
from services.contract.domain.agreement import make_agreement
from services.contract.domain.limits import violation, within
from services.contract.library import library
from services.contract.tests.story import APPROVED

NAME = Named(zh="服务费", en="Service fee")


def agreement(on: date = date(2026, 2, 1), **offer: object) -> Agreement:
    return make_agreement(APPROVED.request, APPROVED.offer.model_copy(update=offer), APPROVED.basis, on)


def fees() -> st.SearchStrategy[FeeRule]:
    fixed = st.builds(
        lambda timing, minor: FeeRule(code="fixed", name=NAME, timing=timing, amount=Money(minor)),
        st.sampled_from([FeeTiming.AT_DISBURSEMENT, FeeTiming.EACH_INSTALMENT, FeeTiming.SPREAD]),
        st.integers(min_value=0, max_value=5_000),
    )
    rated = st.builds(
        lambda base, rate: FeeRule(
            code="rated", name=NAME, timing=FeeTiming.EACH_INSTALMENT, rate=Decimal(rate) / 10_000, base=base
        ),
        st.sampled_from(list(FeeBase)),
        st.integers(min_value=0, max_value=100),
    )
    return st.one_of(fixed, rated)


METHODS = st.sampled_from(
    [
        RepaymentMethod.EQUAL_INSTALMENT,
        RepaymentMethod.EQUAL_PRINCIPAL,
        RepaymentMethod.INTEREST_ONLY_BALLOON,
        RepaymentMethod.BULLET,
    ]
)


@given(
    minor=st.integers(min_value=100_000, max_value=20_000_000),
    instalments=st.integers(min_value=1, max_value=36),
    rate=st.integers(min_value=1, max_value=36),
    method=METHODS,
    charged=st.lists(fees(), max_size=3),
)
def test_the_disclosed_cost_is_the_sum_of_its_items_and_of_the_plan_beyond_the_principal(
    minor: int, instalments: int, rate: int, method: RepaymentMethod, charged: list[FeeRule]
) -> None:
    agreed = agreement(
        amount=Money(minor),
        instalments=instalments,
        annual_rate=Decimal(rate) / 100,
        method=method,
        fees=tuple(charged),
    )
    shown = agreed.disclosure
    upfront = total(
        item.amount
        for item, rule in zip(shown.items[1:], charged, strict=True)
        if rule.timing is FeeTiming.AT_DISBURSEMENT
    )
    assert shown.total_cost == total(item.amount for item in shown.items)
    assert shown.total_cost == total(row.total for row in agreed.plan) + upfront - shown.principal
    assert total(row.principal for row in agreed.plan) == shown.principal == Money(minor)
    assert shown.items[0].amount == total(row.interest for row in agreed.plan)
    assert shown.irr_annual >= shown.simple_annual


def test_the_official_example_of_an_annual_cost_is_met() -> None:
    """PBoC announcement 2021 No. 3: 100,000 with 1,000 up front and 12 instalments of 8,833.3: 13.58 and 12.80 %."""
    fee = FeeRule(code="fee", name=NAME, timing=FeeTiming.AT_DISBURSEMENT, amount=Money.of("1000.00"))
    shown = agreement(
        amount=Money.of("100000"), annual_rate=Decimal("0.06"), method=RepaymentMethod.FLAT, fees=(fee,)
    ).disclosure
    assert [item.amount for item in shown.items] == [Money.of("6000.00"), Money.of("1000.00")]
    assert (cost(shown.irr_annual), cost(shown.simple_annual)) == ("13.58%", "12.80%")


def test_terms_come_from_the_offer_and_the_product_not_from_what_was_asked_for() -> None:
    agreed = agreement(amount=Money.of("8000"), instalments=6, annual_rate=Decimal("0.15"))
    terms = agreed.terms
    assert (terms.principal, terms.instalments, terms.annual_rate) == (Money.of("8000"), 6, Decimal("0.15"))
    assert terms.disbursed_on == date(2026, 2, 1)
    assert terms.day_count is APPROVED.request.product.day_count
    assert agreed.overdue_annual_rate == Decimal("0.225")
    assert agreed.overdue_grace_days == 3
    assert (agreed.grade, agreed.score) == ("B", 612)
    assert [row.due for row in agreed.plan][-1] == date(2026, 8, 1)


def test_the_example_of_the_shared_language_is_an_offer_this_service_understands() -> None:
    approved = ApplicationApproved.model_validate(ApplicationApproved.example)
    assert isinstance(approved.offer, Offer)
    assert make_agreement(approved.request, approved.offer, approved.basis, approved.approved_on).plan[0].number == 1


RISE = RateIncreaseRule(clause="watched-rate", increase_max=Decimal("0.02"), notice_days=30)


def with_clause(method: RepaymentMethod = RepaymentMethod.EQUAL_INSTALMENT, rate: str = "0.18") -> Agreement:
    schedules = (ScheduleRule(method=RepaymentMethod.STEPPED, yearly_step=Decimal("0.1")),)
    product = APPROVED.request.product.model_copy(update={"rate_increase": RISE, "schedules": schedules})
    request = APPROVED.request.model_copy(update={"product": product, "method": method})
    offer = APPROVED.offer.model_copy(update={"method": method, "annual_rate": Decimal(rate)})
    return make_agreement(request, offer, APPROVED.basis, date(2027, 2, 1))


def test_a_clause_for_a_higher_rate_is_agreed_with_what_it_may_cost() -> None:
    agreed = with_clause()
    assert agreed.rate_increase == RISE
    shown = agreed.disclosure
    dearer = agreement(date(2027, 2, 1), annual_rate=Decimal("0.20")).disclosure
    assert (shown.raised_rate, shown.raised_irr_annual) == (Decimal("0.20"), dearer.irr_annual)
    assert shown.irr_annual < dearer.irr_annual


def test_a_loan_that_cannot_be_planned_anew_keeps_its_rate() -> None:
    fixed = with_clause(RepaymentMethod.STEPPED)
    assert (fixed.rate_increase, fixed.disclosure.raised_rate, fixed.disclosure.raised_irr_annual) == (None,) * 3
    assert agreement().rate_increase is None


def test_no_clause_stands_where_a_raised_rate_could_cost_more_than_the_limit() -> None:
    limits = library().limits_on(date(2027, 2, 1))
    assert within(with_clause(rate="0.19"), limits).rate_increase == RISE  # 23.1 % compound
    dear = with_clause(rate="0.20")  # 24.4 % compound
    assert violation(dear, limits) == "raised-cost-over-limit"
    fixed = within(dear, limits)
    assert (fixed.rate_increase, violation(fixed, limits)) == (None, None)
    assert fixed.disclosure == agreement(date(2027, 2, 1), annual_rate=Decimal("0.20")).disclosure
