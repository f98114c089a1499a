"""Versions of products: in force from a date, consistent, and within the cap on cost."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.application import Product, ProductDefined, ProductWithdrawn
from libs.events.testing import Scenario
from services.application.domain.product import CostCap, DefineProduct, State, WithdrawProduct, terms_of
from services.application.handlers import PRODUCT
from services.application.library import policy, products
from services.application.tests.given import CAP, CONSUMER, FARMER, TODAY, changed

CODE = "consumer-standard"
STEPS = {"method": "STEPPED", "yearly_step": "0.1"}
SEASON = {"method": "IRREGULAR", "season_months": [9, 10]}


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def place(code: str) -> dict[str, Any]:
    return {"code": code, "name": {"zh": "某地", "en": "Somewhere"}}


def define(product: Product, cap: CostCap = CAP, today: date = TODAY) -> DefineProduct:
    return DefineProduct(product=product, cap=cap, today=today)


def withdraw(on: date, today: date = TODAY) -> WithdrawProduct:
    return WithdrawProduct(code=CODE, effective_from=on, reason="Replaced", today=today)


def test_the_first_version_is_number_one_whatever_was_sent() -> None:
    product = changed(version=7, effective_from="2026-02-01")
    Scenario(PRODUCT).given().when(define(product)).then(
        ProductDefined(product=product.model_copy(update={"version": 1}))
    )


def test_a_product_says_by_which_steps_and_seasons_its_loans_are_repaid() -> None:
    methods = ["STEPPED", "IRREGULAR", "EQUAL_PRINCIPAL"]
    product = changed(methods=methods, schedules=[STEPS, SEASON], effective_from="2026-02-01")
    Scenario(PRODUCT).given().when(define(product)).then(ProductDefined(product=product))
    told = terms_of(product)
    assert told.schedules == product.schedules
    assert (told.instalments_min, told.instalments_max, told.term_months_max) == (
        product.instalments_min, product.instalments_max, product.term_months_max,
    )  # fmt: skip


def test_a_product_says_for_whom_it_is() -> None:
    segment = {
        "regions": [place("33"), place("3201")],
        "industries": ["C", "F"],
        "business_years_min": 2,
        "business_years_max": 2,
        "annual_turnover_min": cny("100000.00"),
        "annual_turnover_max": cny("100000.00"),
        "monthly_income_min": cny("3000.00"),
    }
    product = changed(segment=segment, effective_from="2026-02-01")
    Scenario(PRODUCT).given().when(define(product)).then(ProductDefined(product=product))


def test_a_further_version_takes_the_next_number() -> None:
    product = changed(effective_from="2026-06-01", annual_rate="0.15")
    state = (
        Scenario(PRODUCT)
        .given(ProductDefined(product=CONSUMER))
        .when(define(product))
        .then(ProductDefined(product=product.model_copy(update={"version": 2})))
    )
    assert state.in_force(date(2025, 12, 31)) is None
    before, after = state.in_force(date(2026, 5, 31)), state.in_force(date(2026, 6, 1))
    assert before is not None
    assert after is not None
    assert (before.version, after.version) == (1, 2)


def test_a_version_of_the_same_date_takes_the_place_of_the_one_before() -> None:
    first = ProductDefined(product=changed(effective_from="2026-06-01"))
    again = changed(effective_from="2026-06-01", annual_rate="0.15")
    state = (
        Scenario(PRODUCT)
        .given(first)
        .when(define(again))
        .then(ProductDefined(product=again.model_copy(update={"version": 2})))
    )
    in_force = state.in_force(date(2026, 6, 1))
    assert in_force is not None
    assert in_force.version == 2


def test_no_version_takes_effect_in_the_past_or_before_the_one_before_it() -> None:
    yesterday = changed(effective_from="2026-01-31")
    Scenario(PRODUCT).given().when(define(yesterday)).refused("effective-date-past")
    later = ProductDefined(product=changed(effective_from="2026-09-01"))
    Scenario(PRODUCT).given(later).when(define(changed(effective_from="2026-06-01"))).refused("product-date-order")


@pytest.mark.parametrize(
    ("code", "other"),
    [
        ("product-currency", {"amount_max": {"amount": "200000.00", "currency": "USD"}}),
        ("product-currency", {"unsecured_max": {"amount": "50000.00", "currency": "USD"}}),
        ("product-amounts", {"amount_min": cny("0.00")}),
        ("product-amounts", {"amount_min": cny("200000.01")}),
        ("product-instalments", {"instalments_min": 37}),
        ("product-term", {"term_months_max": None, "period_months": [12], "instalments_max": 31}),
        ("product-term", {"instalments_max": 361}),
        ("product-choices", {"methods": []}),
        ("product-choices", {"purposes": ["other", "other"]}),
        ("product-choices", {"documents": [CONSUMER.documents[0].model_dump(mode="json")] * 2}),
        ("product-method", {"methods": ["EQUAL_INSTALMENT", "FIXED_PRINCIPAL"]}),
        ("product-schedule", {"methods": ["EQUAL_INSTALMENT", "STEPPED"]}),
        ("product-schedule", {"methods": ["STEPPED"], "schedules": [{"method": "STEPPED"}]}),
        ("product-schedule", {"schedules": [STEPS]}),
        ("product-schedule", {"methods": ["STEPPED"], "schedules": [STEPS, STEPS]}),
        ("product-schedule", {"methods": ["STEPPED"], "schedules": [STEPS | {"season_months": [9]}]}),
        ("product-schedule", {"methods": ["STEPPED"], "schedules": [STEPS | {"balloon_share": "1"}]}),
        ("product-schedule", {"methods": ["IRREGULAR"], "schedules": [SEASON | {"season_months": [9, 9]}]}),
        ("product-schedule", {"methods": ["IRREGULAR"], "schedules": [SEASON | {"principal_grace": 1}]}),
        ("product-unsecured", {"unsecured_max": cny("200000.01")}),
        ("product-unsecured", {"unsecured_max": cny("999.99")}),
        ("product-unsecured", {"guarantees": ["SURETY"]}),
        ("product-ages", {"age_min": 71}),
        ("product-segment", {"segment": {}}),
        ("product-segment", {"segment": {"region_of_identity": True}}),
        ("product-segment", {"segment": {"regions": [place("99")]}}),
        ("product-segment", {"segment": {"regions": [place("33"), place("33")]}}),
        ("product-segment", {"segment": {"regions": [place("330106"), place("3301")]}}),
        ("product-segment", {"segment": {"industries": ["C", "C"]}}),
        ("product-segment", {"segment": {"business_years_min": 4, "business_years_max": 3}}),
        (
            "product-segment",
            {"segment": {"annual_turnover_min": cny("2.00"), "annual_turnover_max": cny("1.00")}},
        ),
        ("product-currency", {"segment": {"monthly_income_min": {"amount": "3000.00", "currency": "USD"}}}),
        ("product-currency", {"segment": {"annual_turnover_min": {"amount": "3000.00", "currency": "USD"}}}),
        ("product-currency", {"segment": {"annual_turnover_max": {"amount": "3000.00", "currency": "USD"}}}),
        ("product-fee", {"fees": [{"code": "f", "name": {"zh": "费", "en": "fee"}, "timing": "SPREAD"}]}),
        (
            "product-fee",
            {
                "fees": [
                    {
                        "code": "f",
                        "name": {"zh": "费", "en": "fee"},
                        "timing": "AT_DISBURSEMENT",
                        "amount": cny("1000.00"),
                    }
                ]
            },
        ),
        ("all-in-cost-over-cap", {"annual_rate": "0.23"}),
    ],
)
def test_a_version_that_does_not_hold_together_is_refused(code: str, other: dict[str, Any]) -> None:
    refusal = Scenario(PRODUCT).given().when(define(changed(effective_from="2026-02-01", **other))).refused(code)
    assert getattr(refusal, "status", None) == 422
    assert getattr(refusal, "field", None)


def test_fees_count_towards_the_cap_on_the_smallest_and_shortest_loan() -> None:
    fee = {"code": "service", "name": {"zh": "服务费", "en": "Service fee"}, "timing": "AT_DISBURSEMENT"}
    within = changed(effective_from="2026-02-01", annual_rate="0.12", fees=[{**fee, "amount": cny("10.00")}])
    Scenario(PRODUCT).given().when(define(within)).then(ProductDefined(product=within))
    over = changed(effective_from="2026-02-01", annual_rate="0.12", fees=[{**fee, "amount": cny("20.00")}])
    refusal = Scenario(PRODUCT).given().when(define(over)).refused("all-in-cost-over-cap")
    assert "1000.00 CNY in 3 instalments" in str(refusal)


def test_a_cost_equal_to_the_cap_is_allowed_and_above_it_not() -> None:
    # A year's bullet at 12 % costs exactly 12 %, by either method.
    bullet = changed(
        effective_from="2026-02-01",
        annual_rate="0.12",
        methods=["BULLET"],
        period_months=[12],
        instalments_min=1,
        instalments_max=1,
        term_months_max=12,
    )
    cap = CostCap(rate=Decimal("0.12"), source="a rule")
    Scenario(PRODUCT).given().when(define(bullet, cap)).then(ProductDefined(product=bullet))
    dearer = bullet.model_copy(update={"annual_rate": Decimal("0.1201")})
    Scenario(PRODUCT).given().when(define(dearer, cap)).refused("all-in-cost-over-cap")


RISE = {"clause": "watched-rate", "increase_max": "0.02", "notice_days": 30}


def test_a_product_says_under_which_clause_its_rate_may_be_raised() -> None:
    product = changed(effective_from="2026-02-01", rate_increase=RISE)
    Scenario(PRODUCT).given().when(define(product)).then(ProductDefined(product=product))
    assert terms_of(product).rate_increase == product.rate_increase
    assert terms_of(CONSUMER).rate_increase is None


@pytest.mark.parametrize(
    ("code", "field", "other"),
    [
        ("product-rate-increase", "/rate_increase/increase_max", {"rate_increase": RISE | {"increase_max": "0"}}),
        ("product-rate-increase", "/prepayment_fee_rate", {"prepayment_fee_rate": "0.01"}),
        ("all-in-cost-over-cap", "/rate_increase/increase_max", {"rate_increase": RISE | {"increase_max": "0.04"}}),
    ],
)
def test_a_raised_rate_stays_within_the_cap_and_lets_the_borrower_go_at_no_fee(
    code: str, field: str, other: dict[str, Any]
) -> None:
    product = changed(effective_from="2026-02-01", annual_rate="0.18", **{"rate_increase": RISE} | other)
    refusal = Scenario(PRODUCT).given().when(define(product)).refused(code)
    assert (getattr(refusal, "status", None), getattr(refusal, "field", None)) == (422, field)


def test_bounds_may_be_left_out() -> None:
    none = {"age_min": None, "age_max": None, "term_months_max": None, "unsecured_max": None, "documents": []}
    product = changed(effective_from="2026-02-01", **none)
    Scenario(PRODUCT).given().when(define(product)).then(ProductDefined(product=product))


def test_a_withdrawn_product_is_in_force_until_the_day_before() -> None:
    state = (
        Scenario(PRODUCT)
        .given(ProductDefined(product=CONSUMER))
        .when(withdraw(date(2026, 7, 1)))
        .then(ProductWithdrawn(code=CODE, effective_from=date(2026, 7, 1), reason="Replaced"))
    )
    assert state.in_force(date(2026, 6, 30)) == CONSUMER
    assert state.in_force(date(2026, 7, 1)) is None


def test_what_cannot_be_withdrawn_is_refused() -> None:
    defined = ProductDefined(product=CONSUMER)
    withdrawn = ProductWithdrawn(code=CODE, effective_from=date(2026, 7, 1), reason="Replaced")
    Scenario(PRODUCT).given().when(withdraw(TODAY)).refused("product-unknown")
    Scenario(PRODUCT).given(defined).when(withdraw(TODAY - timedelta(1))).refused("effective-date-past")
    Scenario(PRODUCT).given(defined, withdrawn).when(withdraw(date(2026, 8, 1))).refused("product-withdrawn")
    later = changed(effective_from="2026-08-01")
    Scenario(PRODUCT).given(defined, withdrawn).when(define(later)).refused("product-withdrawn")


@given(st.lists(st.integers(0, 400), min_size=1, max_size=6), st.integers(0, 500))
def test_the_version_in_force_is_the_last_whose_date_has_come(gaps: list[int], on: int) -> None:
    start, dates = date(2026, 1, 1), []
    day = start
    for gap in gaps:
        day += timedelta(gap)
        dates.append(day)
    versions = tuple(
        FARMER.model_copy(update={"version": n, "effective_from": each}) for n, each in enumerate(dates, 1)
    )
    found = State(versions).in_force(start + timedelta(on))
    expected = sum(each <= start + timedelta(on) for each in dates)
    assert (found.version if found else 0) == expected


@pytest.mark.parametrize("product", products(), ids=lambda product: f"{product.code}-{product.version}")
def test_every_product_of_the_release_can_be_defined(product: Product) -> None:
    command = define(product, policy().cost_cap(product.effective_from), product.effective_from)
    earlier = [each for each in products() if each.code == product.code and each.version < product.version]
    Scenario(PRODUCT).given(*(ProductDefined(product=each) for each in earlier)).when(command).then(
        ProductDefined(product=product)
    )
