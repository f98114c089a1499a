"""What the application service publishes: products, applicants, and applications until they are submitted or end."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent, Value
from libs.contracts.types import Code, Id, MoneyField, Personal, PersonalDate, RateField, Text
from libs.contracts.values import (
    AllocationRule,
    ApplicantKind,
    Channel,
    FeeRule,
    GuaranteeKind,
    GuaranteeOffer,
    Industry,
    LoanRequest,
    Named,
    OverdueRule,
    RateIncreaseRule,
    ScheduleRule,
)
from libs.lending.daycount import DayCount
from libs.lending.terms import RepaymentMethod


class DocumentRule(Value):
    """A document that a product asks for: for whom it is needed and how old it may be."""

    type: Code
    name: Named
    guidance: Named
    applies_to: tuple[ApplicantKind, ...] = (ApplicantKind.PERSON, ApplicantKind.ENTERPRISE)
    only_with: tuple[GuaranteeKind, ...] = ()
    valid_days: Annotated[int, Field(ge=1, le=3660)] | None = None


class RegionServed(Value):
    """A province, prefecture or county: the 2, 4 or 6 digits with which all its codes begin (GB/T 2260)."""

    code: Annotated[str, Field(pattern="^([0-9]{2}){1,3}$")]
    name: Named


class Segment(Value):
    """Whom a product is for, besides kind and age.

    A rule that is left out admits everybody; one that is there admits nobody who has not stated what it asks about.
    """

    regions: tuple[RegionServed, ...] = ()
    region_of_identity: bool = False
    """Whether the region in a person's identity number counts where none is stated. An enterprise's always does."""
    industries: tuple[Industry, ...] = ()
    business_years_min: Annotated[int, Field(ge=0, le=200)] | None = None
    """Full years from the registration of the business to the business date."""
    business_years_max: Annotated[int, Field(ge=0, le=200)] | None = None
    monthly_income_min: MoneyField | None = None
    annual_turnover_min: MoneyField | None = None
    annual_turnover_max: MoneyField | None = None


class Product(Value):
    """One version of a product: every rule an application is measured by, in force from a date until the next."""

    code: Code
    version: Annotated[int, Field(ge=1)]
    effective_from: date
    name: Named
    description: Named
    kind: Code
    applicants: tuple[ApplicantKind, ...]
    amount_min: MoneyField
    amount_max: MoneyField
    instalments_min: Annotated[int, Field(ge=1)]
    instalments_max: Annotated[int, Field(ge=1)]
    period_months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = (1,)
    term_months_max: Annotated[int, Field(ge=1, le=360)] | None = None
    methods: tuple[RepaymentMethod, ...]
    annual_rate: RateField
    day_count: DayCount = DayCount.ACT_360
    fees: tuple[FeeRule, ...] = ()
    overdue: OverdueRule
    allocation: AllocationRule | None = None
    """In which order a repayment pays what is due; None: the legal order (Civil Code 561)."""
    schedules: tuple[ScheduleRule, ...] = ()
    """How loans of a method are repaid, where the method alone does not say it; at most one for each."""
    prepayment_fee_rate: RateField
    rate_increase: RateIncreaseRule | None = None
    """The clause under which the rate may be raised while the borrower is watched; None: it is fixed for the term."""
    guarantees: tuple[GuaranteeKind, ...]
    unsecured_max: MoneyField | None = None
    age_min: int | None = None
    age_max: int | None = None
    segment: Segment | None = None
    """None: everybody whose kind and age it admits."""
    purposes: tuple[Code, ...]
    channels: tuple[Channel, ...] = tuple(Channel)
    documents: tuple[DocumentRule, ...]
    draft_days: Annotated[int, Field(ge=1, le=366)] = 30
    source: Text


class ProductDefined(DomainEvent, type="puhui.application.product-defined.v1"):
    """A version of a product was put on record; it is in force from its effective date until the next version's."""

    product: Product

    example: ClassVar[dict[str, Any]] = {
        "product": {
            "code": "consumer-standard",
            "version": 1,
            "effective_from": "2026-01-01",
            "name": ex.PRODUCT["name"],
            "description": {"zh": "面向有稳定收入的个人", "en": "For individuals with a steady income"},
            "kind": "consumer",
            "applicants": ["PERSON"],
            "amount_min": ex.cny("1000.00"),
            "amount_max": ex.cny("200000.00"),
            "instalments_min": 3,
            "instalments_max": 36,
            "period_months": [1],
            "term_months_max": 36,
            "methods": ["EQUAL_INSTALMENT", "EQUAL_PRINCIPAL"],
            "annual_rate": "0.18",
            "day_count": "ACT_360",
            "fees": [],
            "overdue": ex.PRODUCT["overdue"],
            "prepayment_fee_rate": "0",
            "guarantees": ["UNSECURED"],
            "unsecured_max": None,
            "age_min": 18,
            "age_max": 65,
            "purposes": ["household", "education"],
            "channels": ["ONLINE", "BRANCH"],
            "documents": [
                {
                    "type": "identity-card",
                    "name": {"zh": "居民身份证", "en": "Resident identity card"},
                    "guidance": {"zh": "请上传正反两面", "en": "Upload both sides"},
                    "applies_to": ["PERSON"],
                    "only_with": [],
                    "valid_days": None,
                }
            ],
            "draft_days": 30,
            "source": "Product committee 2025-12-15",
        }
    }


class ProductWithdrawn(DomainEvent, type="puhui.application.product-withdrawn.v1"):
    """From a date on, no new application may be made for a product."""

    code: Code
    effective_from: date
    reason: Text

    example: ClassVar[dict[str, Any]] = {
        "code": "consumer-standard",
        "effective_from": "2027-01-01",
        "reason": "Replaced by another product",
    }


class ApplicantRegistered(DomainEvent, type="puhui.application.applicant-registered.v1"):
    """A person or an enterprise became known. The identity number was checked as GB 11643 or GB 32100 says."""

    applicant_id: Id
    kind: ApplicantKind
    name: Annotated[Text, Personal()]
    identity_number: Annotated[str, Personal()]
    mobile: Annotated[str, Personal()] = ""
    birth_date: PersonalDate = None
    legal_representative: Annotated[str, Personal()] = ""
    region: str = ""
    registered_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "kind": "PERSON",
        "name": "张三",
        "identity_number": "11010519491231002X",
        "mobile": "13800000000",
        "birth_date": "1949-12-31",
        "legal_representative": "",
        "region": "110105",
        "registered_on": "2026-02-01",
    }


class ApplicationStarted(DomainEvent, type="puhui.application.application-started.v1"):
    """An applicant began an application; nothing is decided on a draft."""

    application_id: Id
    request: LoanRequest
    started_on: date
    expires_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "request": ex.REQUEST,
        "started_on": "2026-02-01",
        "expires_on": "2026-03-03",
    }


class ApplicationAmended(DomainEvent, type="puhui.application.application-amended.v1"):
    """A draft was changed; the request is the whole one after the change."""

    application_id: Id
    request: LoanRequest
    amended_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "request": ex.REQUEST | {"amount": ex.cny("10000.00")},
        "amended_on": "2026-02-01",
    }


class ConsentPurpose(StrEnum):
    CREDIT_REPORT = "CREDIT_REPORT"
    """Query of the credit bureau (征信业管理条例 18: written, for a stated purpose)."""
    DATA_PROCESSING = "DATA_PROCESSING"
    AUTOMATED_DECISION = "AUTOMATED_DECISION"
    """Personal Information Protection Law 24."""
    SHARING = "SHARING"
    """Personal Information Protection Law 23: separate consent to share with a co-lender."""


class ConsentGiven(DomainEvent, type="puhui.application.consent-given.v1"):
    """The applicant agreed to a purpose, in the words of a text that its hash names."""

    application_id: Id
    purpose: ConsentPurpose
    text_version: Text
    given_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "purpose": "CREDIT_REPORT",
        "text_version": "2026-01",
        "given_on": "2026-02-01",
    }


class DocumentAttached(DomainEvent, type="puhui.application.document-attached.v1"):
    """A document was handed in; its content is named by its hash and kept elsewhere."""

    application_id: Id
    document_id: Id
    document_type: Code
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    media_type: str
    size_bytes: Annotated[int, Field(ge=1)]
    issued_on: date
    expires_on: date | None = None
    source: str = ""
    attached_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "document_id": "doc-1",
        "document_type": "identity-card",
        "sha256": ex.SHA256,
        "media_type": "image/jpeg",
        "size_bytes": 182044,
        "issued_on": "2020-01-01",
        "expires_on": "2040-01-01",
        "source": "applicant",
        "attached_on": "2026-02-01",
    }


class ApplicationSubmitted(DomainEvent, type="puhui.application.application-submitted.v1"):
    """An application is complete and eligible, and stands to be assessed as it is."""

    application_id: Id
    request: LoanRequest
    consents: tuple[ConsentPurpose, ...]
    documents: tuple[Code, ...]
    submitted_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "request": ex.REQUEST,
        "consents": ["CREDIT_REPORT", "DATA_PROCESSING"],
        "documents": ["identity-card"],
        "submitted_on": "2026-02-01",
    }


class ApplicationWithdrawn(DomainEvent, type="puhui.application.application-withdrawn.v1"):
    """The applicant wants the loan no longer."""

    application_id: Id
    reason: str
    withdrawn_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "reason": "Found another lender",
        "withdrawn_on": "2026-02-02",
    }


class ApplicationExpired(DomainEvent, type="puhui.application.application-expired.v1"):
    """A draft was not submitted in time."""

    application_id: Id
    expired_on: date

    example: ClassVar[dict[str, Any]] = {"application_id": ex.APPLICATION, "expired_on": "2026-03-04"}


class ApplicationEnd(StrEnum):
    DECLINED = "DECLINED"
    OFFER_LAPSED = "OFFER_LAPSED"
    CONTRACTED = "CONTRACTED"


class ApplicationConcluded(DomainEvent, type="puhui.application.application-concluded.v1"):
    """What became of a submitted application: declined, its offer lapsed, or a contract was signed."""

    application_id: Id
    end: ApplicationEnd
    concluded_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "end": "CONTRACTED",
        "concluded_on": "2026-02-02",
    }


class AcquisitionCostKind(StrEnum):
    """What brought applications in, and was paid for (R6.1)."""

    ADVERTISING = "ADVERTISING"
    COMMISSION = "COMMISSION"
    """To whoever brought the applicant."""
    STAFF = "STAFF"
    OTHER = "OTHER"


class AcquisitionCostRecorded(DomainEvent, type="puhui.application.acquisition-cost-recorded.v1"):
    """What a channel cost over some days, first and last included, or one source within it. It is a fact beside the books:
    the accounts have it from its invoice."""

    cost_id: Id
    channel: Channel
    source: str = ""
    """Empty: of the channel as a whole."""
    kind: AcquisitionCostKind
    amount: MoneyField
    first_day: date
    last_day: date
    document: Text
    recorded_on: date

    example: ClassVar[dict[str, Any]] = {
        "cost_id": "cost-1",
        "channel": "ONLINE",
        "source": "app-store",
        "kind": "ADVERTISING",
        "amount": ex.cny("3100.00"),
        "first_day": "2026-01-01",
        "last_day": "2026-01-31",
        "document": "invoice 2026-0117",
        "recorded_on": "2026-02-02",
    }


class AcquisitionCostWithdrawn(DomainEvent, type="puhui.application.acquisition-cost-withdrawn.v1"):
    """A cost was recorded wrongly, and counts no more."""

    cost_id: Id
    reason: Text
    withdrawn_on: date

    example: ClassVar[dict[str, Any]] = {
        "cost_id": "cost-1",
        "reason": "Recorded twice",
        "withdrawn_on": "2026-02-03",
    }


__all__ = [
    "AcquisitionCostKind",
    "AcquisitionCostRecorded",
    "AcquisitionCostWithdrawn",
    "ApplicantRegistered",
    "ApplicationAmended",
    "ApplicationConcluded",
    "ApplicationEnd",
    "ApplicationExpired",
    "ApplicationStarted",
    "ApplicationSubmitted",
    "ApplicationWithdrawn",
    "ConsentGiven",
    "ConsentPurpose",
    "DocumentAttached",
    "DocumentRule",
    "GuaranteeOffer",
    "Product",
    "ProductDefined",
    "ProductWithdrawn",
    "RegionServed",
    "Segment",
]
