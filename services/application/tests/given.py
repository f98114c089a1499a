"""Values that the domain's tests begin from."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from libs.contracts.application import (
    ApplicantRegistered,
    ApplicationStarted,
    ConsentGiven,
    ConsentPurpose,
    DocumentAttached,
    Product,
)
from libs.contracts.values import ApplicantKind, Channel, GuaranteeKind, GuaranteeOffer, LoanRequest
from libs.lending.money import Money
from libs.lending.terms import RepaymentMethod
from services.application.domain.application_commands import Facts
from services.application.domain.product import CostCap, terms_of
from services.application.library import policy, products
from services.application.tests.numbers import person_number

TODAY = date(2026, 2, 1)
APPLICATION_ID = "app-1"
CAP = CostCap(rate=Decimal("0.24"), source="a rule")
CONSUMER, SECURED, FARMER, MICRO = (
    next(product for product in products() if product.code == code)
    for code in ("consumer-standard", "consumer-secured", "farmer-production", "micro-startup")
)


def changed(product: Product = CONSUMER, **other: Any) -> Product:
    return Product.model_validate({**product.model_dump(mode="json"), **other})


def applicant(birth: date = date(1990, 5, 17), **other: Any) -> ApplicantRegistered:
    return ApplicantRegistered.model_validate(
        {
            "applicant_id": "applicant-1",
            "kind": "PERSON",
            "name": "王小明",
            "identity_number": person_number(birth),
            "mobile": "13912345678",
            "birth_date": birth,
            "region": "330106",
            "registered_on": TODAY,
            **other,
        }
    )


def request(product: Product = CONSUMER, **other: Any) -> LoanRequest:
    return LoanRequest(
        **{
            "applicant_id": "applicant-1",
            "applicant_kind": ApplicantKind.PERSON,
            "product": terms_of(product),
            "amount": Money.of("12000.00"),
            "instalments": 12,
            "period_months": 1,
            "method": RepaymentMethod.EQUAL_INSTALMENT,
            "purpose": "furniture-equipment",
            "channel": Channel.ONLINE,
            "source": "spring-campaign",
            "region": "330106",
            "guarantee": GuaranteeOffer(kind=GuaranteeKind.UNSECURED),
            "monthly_income": Money.of("9000.00"),
            "monthly_debt_service": Money.of("500.00"),
            "answers": {"savings-balance": "below-1000"},
            **other,
        }
    )


def facts(product: Product | None = CONSUMER, today: date = TODAY, **other: Any) -> Facts:
    return Facts(**{"applicant": applicant(), "product": product, "policy": policy(), "today": today, **other})


def started(asked: LoanRequest | None = None, on: date = TODAY) -> ApplicationStarted:
    return ApplicationStarted(
        application_id=APPLICATION_ID, request=asked or request(), started_on=on, expires_on=date(2026, 3, 3)
    )


def consent(purpose: ConsentPurpose, on: date = TODAY, version: str = "2026-01") -> ConsentGiven:
    return ConsentGiven(application_id=APPLICATION_ID, purpose=purpose, text_version=version, given_on=on)


def document(document_type: str, **other: Any) -> DocumentAttached:
    return DocumentAttached(
        **{
            "application_id": APPLICATION_ID,
            "document_id": f"doc-{document_type}",
            "document_type": document_type,
            "sha256": f"{sum(document_type.encode()):064x}",
            "media_type": "application/pdf",
            "size_bytes": 2048,
            "issued_on": date(2026, 1, 20),
            "expires_on": None,
            "source": "applicant",
            "attached_on": TODAY,
            **other,
        }
    )


def everything(product: Product = CONSUMER, asked: LoanRequest | None = None) -> list[Any]:
    """Every document that any rule of the product names, and every consent."""
    return [*(document(rule.type) for rule in product.documents), *(consent(purpose) for purpose in ConsentPurpose)]
