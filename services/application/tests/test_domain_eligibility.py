"""The product's rules, one by one at their edges, and all together against an independent reading of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.application import ConsentPurpose, Product
from libs.contracts.problems import Rejected
from libs.contracts.values import ApplicantKind, Channel, GuaranteeKind, GuaranteeOffer, LoanRequest
from libs.lending.calendar import add_months
from libs.lending.money import Money
from libs.lending.terms import RepaymentMethod
from services.application.domain.application import State
from services.application.domain.application_commands import SubmitApplication
from services.application.domain.checklist import ItemStatus, checklist
from services.application.domain.eligibility import findings
from services.application.handlers import APPLICATION
from services.application.library import policy, products
from services.application.tests.given import (
    CONSUMER,
    FARMER,
    MICRO,
    SECURED,
    TODAY,
    applicant,
    changed,
    consent,
    document,
    everything,
    facts,
    request,
    started,
)

UNSECURED, SURETY = GuaranteeOffer(kind=GuaranteeKind.UNSECURED), GuaranteeOffer(kind=GuaranteeKind.SURETY)


def found(asked: LoanRequest, product: Product | None = CONSUMER, **other: Any) -> list[str]:
    return [finding.code for finding in findings(asked, applicant(**other), product, TODAY)]


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        ({"amount": Money.of("1000.00")}, []),
        ({"amount": Money.of("999.99")}, ["amount-out-of-range"]),
        ({"amount": Money.of("50000.00")}, []),
        ({"amount": Money.of("50000.01")}, ["unsecured-limit-exceeded"]),
        ({"amount": Money.of("50000.01"), "guarantee": SURETY}, []),
        ({"amount": Money.of("200000.00"), "guarantee": SURETY}, []),
        ({"amount": Money.of("200000.01"), "guarantee": SURETY}, ["amount-out-of-range"]),
        ({"amount": Money.of("12000.00", "USD")}, ["amount-currency"]),
        ({"instalments": 3}, []),
        ({"instalments": 2}, ["instalments-out-of-range"]),
        ({"instalments": 36}, []),
        ({"instalments": 37}, ["instalments-out-of-range", "term-too-long"]),
        ({"period_months": 3}, ["period-not-offered"]),
        ({"period_months": 3, "instalments": 13}, ["period-not-offered", "term-too-long"]),
        ({"method": RepaymentMethod.BULLET}, ["method-not-offered"]),
        ({"purpose": "shares"}, ["purpose-not-allowed"]),
        ({"guarantee": GuaranteeOffer(kind=GuaranteeKind.PLEDGE, value=Money.of("1.00"))}, ["guarantee-not-accepted"]),
        ({"monthly_income": Money.zero()}, ["income-missing"]),
        ({"monthly_income": Money.of("0.01")}, []),
    ],
)
def test_the_consumer_products_edges(asked: dict[str, Any], codes: list[str]) -> None:
    assert found(request(**asked)) == codes


def test_a_channel_that_the_product_is_not_sold_through_is_told() -> None:
    asked = request(FARMER, method="BULLET", purpose="livestock", channel=Channel.PARTNER)
    assert found(asked, FARMER) == ["channel-not-offered"]


@pytest.mark.parametrize("kind", [GuaranteeKind.MORTGAGE, GuaranteeKind.PLEDGE])
def test_a_thing_offered_as_security_has_a_value(kind: GuaranteeKind) -> None:
    assert found(request(SECURED, guarantee=GuaranteeOffer(kind=kind)), SECURED) == ["guarantee-value-missing"]
    zero = GuaranteeOffer(kind=kind, value=Money.zero())
    assert found(request(SECURED, guarantee=zero), SECURED) == ["guarantee-value-missing"]
    valued = GuaranteeOffer(kind=kind, value=Money.of("1.00"))
    assert found(request(SECURED, guarantee=valued), SECURED) == []


def test_age_counts_today_at_the_lower_and_at_maturity_at_the_upper_end() -> None:
    assert found(request(), birth=date(2008, 2, 1)) == []
    assert found(request(), birth=date(2008, 2, 2)) == ["age-below-minimum"]
    # Twelve months end on 2027-02-01; who is 71 on that day is too old.
    assert found(request(), birth=date(1956, 2, 2)) == []
    assert found(request(), birth=date(1956, 2, 1)) == ["age-above-maximum"]
    assert found(request(instalments=11), birth=date(1956, 2, 1)) == []


def test_an_enterprise_has_no_age_but_needs_a_product_for_enterprises() -> None:
    company = {"kind": "ENTERPRISE", "birth_date": None}
    asked = request(MICRO, purpose="business", applicant_kind=ApplicantKind.ENTERPRISE)
    assert found(asked, MICRO, **company) == []
    assert found(asked.model_copy(update={"purpose": "other"}), CONSUMER, **company) == ["applicant-kind-not-served"]


def test_without_a_product_in_force_nothing_else_is_told() -> None:
    assert found(request(amount=Money.of("0.01")), None) == ["product-not-in-force"]


def statuses(past: list[Any], today: date = TODAY, product: Product = CONSUMER, **asked: Any) -> dict[str, str]:
    documents = [each for each in past if each.type_name.endswith("document-attached.v1")]
    consents = [each for each in past if each.type_name.endswith("consent-given.v1")]
    lines = checklist(request(product, **asked), product, policy().consents(today), documents, consents, today)
    return {line.code: line.status.value for line in lines}


def test_the_checklist_asks_for_what_the_kind_of_security_needs() -> None:
    plain = ["identity-card", "income-proof", "credit-report"]
    agreed = ["credit-report", "data-processing", "automated-decision"]
    assert list(statuses([])) == [*plain, *agreed[1:]]  # the credit report names a document and a consent
    surety = statuses([], guarantee=SURETY)
    assert {"surety-identity-card", "surety-income-proof"} <= surety.keys()
    assert set(surety.values()) == {ItemStatus.MISSING.value}


def test_a_document_counts_until_the_earlier_of_its_own_end_and_its_age() -> None:
    own = document("identity-card", issued_on=date(2016, 2, 1), expires_on=date(2026, 2, 1))
    aged = document("income-proof", issued_on=date(2025, 11, 3), expires_on=date(2030, 1, 1))
    assert statuses([own, aged])["identity-card"] == "COMPLETE"
    assert statuses([own, aged])["income-proof"] == "COMPLETE"
    tomorrow = date(2026, 2, 2)
    assert statuses([own, aged], tomorrow)["identity-card"] == "EXPIRED"
    assert statuses([own, aged], tomorrow)["income-proof"] == "EXPIRED"
    fresh = document("income-proof", issued_on=TODAY)
    assert statuses([own, aged, fresh], tomorrow)["income-proof"] == "COMPLETE"


def test_a_consent_counts_for_its_days() -> None:
    given = [consent(purpose, on=date(2026, 2, 1)) for purpose in ConsentPurpose]
    text = next(text for text in policy().consents(TODAY) if text.purpose is ConsentPurpose.CREDIT_REPORT)
    assert text.valid_days == 90

    def told(today: date) -> set[str]:
        lines = checklist(request(), None, policy().consents(today), [], given, today)
        return {line.code for line in lines if line.status is ItemStatus.EXPIRED}

    assert told(date(2026, 5, 2)) == set()
    assert told(date(2026, 5, 3)) == {"credit-report"}


def test_an_enterprise_agrees_to_what_concerns_it() -> None:
    lines = checklist(
        request(MICRO, applicant_kind=ApplicantKind.ENTERPRISE), MICRO, policy().consents(TODAY), [], [], TODAY
    )
    codes = [line.code for line in lines]
    assert "automated-decision" not in codes
    assert "identity-card" not in codes
    assert "business-licence" in codes


offers = st.builds(
    GuaranteeOffer,
    kind=st.sampled_from(GuaranteeKind),
    value=st.none() | st.integers(0, 10**8).map(Money),
)
asks = st.fixed_dictionaries(
    {
        "amount": st.sampled_from([1, 99_999, 100_000, 4_999_999, 5_000_000, 5_000_001, 20_000_000, 20_000_001]).map(
            Money
        )
        | st.integers(1, 3 * 10**7).map(Money),
        "instalments": st.integers(1, 80),
        "period_months": st.sampled_from([1, 2, 3, 6, 12]),
        "method": st.sampled_from(RepaymentMethod),
        "purpose": st.sampled_from(["other", "business", "livestock", "working-capital", "shares"]),
        "channel": st.sampled_from(Channel),
        "guarantee": offers,
        "monthly_income": st.sampled_from([0, 1, 900_000]).map(Money),
    }
)


def allowed(asked: LoanRequest, birth: date, product: Product) -> bool:
    """The rules read once more, as one sentence."""
    months = asked.instalments * asked.period_months
    end = add_months(TODAY, months)
    kind, value = asked.guarantee.kind, asked.guarantee.value
    free = product.unsecured_max.minor if product.unsecured_max else 10**12
    return (
        product.amount_min.minor <= asked.amount.minor <= product.amount_max.minor
        and product.instalments_min <= asked.instalments <= product.instalments_max
        and months <= (product.term_months_max or 10**6)
        and asked.period_months in product.period_months
        and asked.method in product.methods
        and asked.purpose in product.purposes
        and asked.channel in product.channels
        and kind in product.guarantees
        and (kind != "UNSECURED" or asked.amount.minor <= free)
        and (kind in ("UNSECURED", "SURETY") or (value is not None and value.minor > 0))
        and asked.monthly_income.minor > 0
        and (birth.year + (product.age_min or 0), birth.month, birth.day) <= (TODAY.year, TODAY.month, TODAY.day)
        and (end.year, end.month, end.day) < (birth.year + (product.age_max or 200) + 1, birth.month, birth.day)
    )


def accepted(command: SubmitApplication, state: State) -> bool:
    try:
        return len(APPLICATION.decide(command, state)) == 1
    except Rejected:
        return False


@settings(max_examples=400)
@given(st.sampled_from(products()), asks, st.dates(date(1940, 1, 1), date(2010, 1, 1)))
def test_exactly_what_the_product_allows_is_submitted(product: Product, asks: dict[str, Any], birth: date) -> None:
    asked = request(product, **asks)
    state = APPLICATION.replay([started(asked), *everything(product)])
    command = SubmitApplication(facts=facts(product, applicant=applicant(birth)))
    assert accepted(command, state) == allowed(asked, birth, product)


narrow = st.fixed_dictionaries(
    {
        "amount": st.integers(100_000, 5_100_000).map(Money),
        "instalments": st.integers(2, 37),
        "method": st.sampled_from(CONSUMER.methods),
        "purpose": st.sampled_from(CONSUMER.purposes),
        "channel": st.sampled_from(CONSUMER.channels),
    }
)


@given(narrow, st.sets(st.sampled_from([*range(len(everything()))]), max_size=3))
def test_an_application_is_submitted_when_nothing_asked_for_is_left_out(
    asks: dict[str, Any], left_out: set[int]
) -> None:
    asked = request(**asks)
    handed_in = [each for n, each in enumerate(everything()) if n not in left_out]
    needed = {"identity-card", "income-proof", "credit-report"}
    agreed = {purpose for purpose in ConsentPurpose if purpose is not ConsentPurpose.SHARING}
    has = {each.document_type for each in handed_in if hasattr(each, "document_type")}
    has_agreed = {each.purpose for each in handed_in if hasattr(each, "purpose")}
    complete = needed <= has and agreed <= has_agreed and allowed(asked, applicant().birth_date or TODAY, CONSUMER)
    state = APPLICATION.replay([started(asked), *handed_in])
    assert accepted(SubmitApplication(facts=facts()), state) == complete


def test_a_product_without_bounds_on_age_and_term_admits_any() -> None:
    open_product = changed(age_min=None, age_max=None, term_months_max=None, unsecured_max=None)
    asked = request(open_product, amount=Money.of("200000.00"), instalments=36)
    assert found(asked, open_product, birth=date(1930, 1, 1)) == []
