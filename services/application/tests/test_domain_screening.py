"""What is offered before an application is what is admitted in one, over all products and prospects."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.application import Product
from libs.contracts.problems import Rejected
from libs.contracts.values import ApplicantKind, Business, GuaranteeKind, GuaranteeOffer, Industry
from libs.lending.money import Money
from services.application.domain.eligibility import findings
from services.application.domain.screening import Prospect, Screened, refuse_impossible, screen
from services.application.domain.segment import Profile
from services.application.library import products
from services.application.tests.given import CONSUMER, MICRO, TODAY, applicant, changed, request

SEGMENTED = changed(
    MICRO,
    segment={
        "regions": [{"code": "3301", "name": {"zh": "杭州市", "en": "Hangzhou"}}],
        "industries": ["C", "F"],
        "business_years_min": 2,
        "monthly_income_min": {"amount": "3000.00", "currency": "CNY"},
        "annual_turnover_max": {"amount": "5000000.00", "currency": "CNY"},
    },
)
TRADER = Business(industry=Industry.TRADE, registered_on=date(2021, 3, 15), annual_turnover=Money.of("800000.00"))


def prospect(birth: date | None = date(1990, 5, 17), kind: str = "PERSON", **other: Any) -> Prospect:
    profile = {"region": "330106", "business": Business(), "monthly_income": Money.of("9000.00"), **other}
    return Prospect(kind=ApplicantKind(kind), birth_date=birth, profile=Profile(**profile))


def reasons(screened: Screened) -> list[tuple[str, str]]:
    return [(each.code, each.pointer) for each in screened.reasons]


def offered(screened: Screened) -> list[tuple[int, int, int]]:
    return [(each.period_months, each.instalments_min, each.instalments_max) for each in screened.terms]


def test_who_belongs_to_the_segment_sees_amounts_by_security_and_terms_by_period() -> None:
    screened = screen(SEGMENTED, prospect(business=TRADER), TODAY)
    assert screened.reasons == ()
    highest = {each.guarantee.value: each.amount_max.amount for each in screened.amounts}
    assert highest == {"UNSECURED": "100000.00", "SURETY": "200000.00", "MORTGAGE": "200000.00", "PLEDGE": "200000.00"}
    assert {each.amount_min for each in screened.amounts} == {Money.of("5000.00")}
    assert offered(screened) == [(1, 3, 60), (3, 3, 20)]


def test_age_shortens_the_term() -> None:
    # 66 years on 2027-02-01: a term that ends on that day is too long.
    screened = screen(SEGMENTED, prospect(date(1961, 2, 1), business=TRADER), TODAY)
    assert offered(screened) == [(1, 3, 11), (3, 3, 3)]
    # With six months left, quarters do not fit any more.
    assert offered(screen(SEGMENTED, prospect(date(1960, 8, 2), business=TRADER), TODAY)) == [(1, 3, 6)]
    assert reasons(screen(SEGMENTED, prospect(date(1960, 5, 1), business=TRADER), TODAY)) == [
        ("age-above-maximum", "/birth_date")
    ]


def test_what_is_not_stated_is_a_reason_of_its_own_and_no_pass() -> None:
    nothing = prospect(None, region="", monthly_income=Money.zero())
    screened = screen(SEGMENTED, nothing, TODAY)
    assert reasons(screened) == [
        ("birth-date-not-stated", "/birth_date"),
        ("income-missing", "/monthly_income"),
        ("region-not-stated", "/region"),
        ("industry-not-stated", "/business/industry"),
        ("business-registration-not-stated", "/business/registered_on"),
        ("turnover-not-stated", "/business/annual_turnover"),
    ]
    assert (screened.amounts, screened.terms) == ((), ())


def test_an_enterprise_is_told_that_a_product_is_for_persons() -> None:
    assert reasons(screen(CONSUMER, prospect(None, "ENTERPRISE"), TODAY)) == [("applicant-kind-not-served", "/kind")]
    assert screen(MICRO, prospect(None, "ENTERPRISE"), TODAY).reasons == ()


def test_a_product_without_bounds_on_age_asks_for_none() -> None:
    ageless = changed(CONSUMER, age_min=None, age_max=None, term_months_max=None)
    assert offered(screen(ageless, prospect(None), TODAY)) == [(1, 3, 36)]


@pytest.mark.parametrize(
    ("nobody", "code"),
    [
        (prospect(TODAY + timedelta(1)), "birth-date-later"),
        (prospect(kind="ENTERPRISE"), "birth-date-of-enterprise"),
        (prospect(business=Business(registered_on=TODAY + timedelta(1))), "business-registered-later"),
    ],
)
def test_what_nobody_can_be_is_refused(nobody: Prospect, code: str) -> None:
    with pytest.raises(Rejected) as refusal:
        refuse_impossible(nobody, TODAY)
    assert (refusal.value.code, refusal.value.status) == (code, 422)


def test_who_was_born_or_registered_today_is_somebody() -> None:
    refuse_impossible(prospect(TODAY, business=Business(registered_on=TODAY)), TODAY)


businesses = st.builds(
    Business,
    industry=st.none() | st.sampled_from([Industry.TRADE, Industry.MINING]),
    registered_on=st.none() | st.dates(date(2020, 1, 1), TODAY),
    annual_turnover=st.none() | st.sampled_from([0, 500_000_000, 500_000_001]).map(Money),
)


@settings(max_examples=300)
@given(
    product=st.sampled_from([*products(), SEGMENTED]),
    birth=st.dates(date(1950, 1, 1), date(1972, 1, 1)) | st.dates(date(2006, 1, 1), date(2010, 1, 1)),
    region=st.sampled_from(["", "330106", "440300"]),
    income=st.sampled_from([0, 299_999, 300_000]).map(Money),
    business=businesses,
    amount=st.sampled_from([100_000, 500_000, 5_000_000, 5_000_001, 10_000_001, 20_000_000, 20_000_001]).map(Money),
    instalments=st.integers(1, 61),
    period=st.sampled_from([1, 3, 6, 12]),
    kind=st.sampled_from(GuaranteeKind),
)
def test_exactly_what_is_offered_is_admitted(
    product: Product,
    birth: date,
    region: str,
    income: Money,
    business: Business,
    amount: Money,
    instalments: int,
    period: int,
    kind: GuaranteeKind,
) -> None:
    screened = screen(product, prospect(birth, region=region, monthly_income=income, business=business), TODAY)
    asked = request(
        product,
        amount=amount,
        instalments=instalments,
        period_months=period,
        method=product.methods[0],
        purpose=product.purposes[0],
        channel=product.channels[0],
        guarantee=GuaranteeOffer(kind=kind, value=amount),
        region=region,
        region_stated=bool(region),
        monthly_income=income,
        business=business,
    )
    fits = any(each.guarantee is kind and each.amount_min <= amount <= each.amount_max for each in screened.amounts)
    lasts = any(
        each.period_months == period and each.instalments_min <= instalments <= each.instalments_max
        for each in screened.terms
    )
    assert (fits and lasts) == (findings(asked, applicant(birth), product, TODAY) == [])
