"""The products and rules of this release."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from data.german_credit import Applicant, applicants
from libs.contracts.application import Product
from libs.contracts.values import ApplicantKind, GuaranteeKind, GuaranteeOffer, LoanRequest
from libs.lending.money import Money
from services.application.domain.cost import dearest_loan
from services.application.domain.eligibility import findings
from services.application.domain.product import METHODS, SHAPED
from services.application.library import policy, products
from services.application.tests.given import TODAY, applicant, request


def offers(product: Product, asked: Applicant) -> Iterator[LoanRequest]:
    """The ways in which a person may ask a product for this amount, term and purpose by months."""
    for kind in product.guarantees:
        yield request(
            product,
            amount=Money(asked.amount_minor),
            instalments=asked.term_months,
            method=product.methods[0],
            purpose=asked.answers["loan-purpose"],
            guarantee=GuaranteeOffer(kind=kind, value=Money(asked.amount_minor * 2)),
        )


def test_each_of_the_thousand_applications_has_a_product_that_fits() -> None:
    person = applicant(date(1980, 1, 1))
    without = [
        asked.number
        for asked in applicants()
        if not any(
            not findings(offer, person, product, TODAY) for product in products() for offer in offers(product, asked)
        )
    ]
    assert without == []


def test_every_repayment_method_and_every_kind_of_security_is_on_offer() -> None:
    assert {method for product in products() for method in product.methods} == {*METHODS, *SHAPED}
    assert {kind for product in products() for kind in product.guarantees} == set(GuaranteeKind)
    assert {kind for product in products() for kind in product.applicants} == set(ApplicantKind)
    assert {product.kind for product in products()} == {"consumer", "secured", "farmer", "micro-enterprise"}


@pytest.mark.parametrize("product", products(), ids=lambda product: product.code)
def test_every_product_costs_less_than_the_cap(product: Product) -> None:
    assert policy().cost_cap(product.effective_from).rate == Decimal("0.24")
    assert product.annual_rate <= dearest_loan(product).cost <= Decimal("0.24")


def test_the_oldest_cap_holds_before_its_own_date_too() -> None:
    assert policy().cost_cap(date(2020, 1, 1)) == policy().cost_cap(date(2026, 1, 1))


def test_no_product_lends_for_what_may_not_be_lent_for() -> None:
    forbidden = {"shares", "derivatives", "real-estate", "asset-management", "securities"}  # 银保监办发〔2020〕86号
    assert all(forbidden.isdisjoint(product.purposes) for product in products())


def test_consent_texts_begin_with_their_date() -> None:
    assert policy().consents(date(2025, 12, 31)) == ()
    assert len(policy().consents(date(2026, 1, 1))) == 4
