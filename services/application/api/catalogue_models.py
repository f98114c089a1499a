"""Bodies of requests and answers about products and consent texts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from libs.contracts import examples as ex
from libs.contracts.application import ConsentPurpose, Product, ProductDefined
from libs.contracts.values import (
    AllocationDirection,
    ApplicantKind,
    Channel,
    GuaranteeKind,
    Industry,
    Named,
    refuse_incomplete_steps,
)
from libs.lending.allocation import Component, Timing
from libs.lending.daycount import DayCount
from libs.lending.terms import FeeBase, FeeTiming, RepaymentMethod
from libs.service.models import (
    BusinessDate,
    Code,
    DecimalField,
    MoneyField,
    PositiveMoney,
    RateField,
    RequestModel,
    ResponseModel,
    Text,
    ZeroOrMoreMoney,
)

EXAMPLE: Final = ProductDefined.example["product"]
SEGMENT_EXAMPLE: Final[dict[str, Any]] = {
    "regions": [{"code": "3301", "name": {"zh": "杭州市", "en": "Hangzhou"}}],
    "industries": ["C", "F"],
    "business_years_min": 2,
    "annual_turnover_max": ex.cny("5000000.00"),
}
FEES_MAX: Final = 20
CHOICES_MAX: Final = 60
"""Bounds on what one version may list, so that it stays small enough to be read by a person."""


class NamedBody(RequestModel):
    """A text in both languages of the platform."""

    zh: Text
    en: Text


class FeeBody(RequestModel):
    """A cost to the borrower: either an amount or a rate of its base."""

    code: Code
    name: NamedBody
    timing: FeeTiming
    amount: ZeroOrMoreMoney | None = None
    rate: RateField | None = None
    base: FeeBase = FeeBase.PRINCIPAL
    payee: Text = "LENDER"


class OverdueBody(RequestModel):
    """What is charged when an instalment is late."""

    rate_multiplier: RateField
    grace_days: int = Field(ge=0, le=60)
    on_interest: bool = False


class AllocationStepBody(RequestModel):
    """What kind of debt a step pays."""

    timing: Timing
    component: Component


class AllocationBody(RequestModel):
    """In which order a repayment pays what is due."""

    direction: AllocationDirection = AllocationDirection.VERTICAL
    steps: tuple[AllocationStepBody, ...] = Field(min_length=1, max_length=10)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        refuse_incomplete_steps((step.timing, step.component) for step in self.steps)
        return self


class DocumentRuleBody(RequestModel):
    """A document that the product asks for."""

    type: Code
    name: NamedBody
    guidance: NamedBody
    applies_to: tuple[ApplicantKind, ...] = Field(default=tuple(ApplicantKind), min_length=1, max_length=2)
    only_with: tuple[GuaranteeKind, ...] = Field(default=(), max_length=4)
    valid_days: int | None = Field(default=None, ge=1, le=3660)


class ScheduleBody(RequestModel):
    """A method with the seasons or steps in which its loans are repaid."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"method": "IRREGULAR", "season_months": [6, 7, 9, 10, 11]}]}
    )

    method: RepaymentMethod
    principal_grace: int = Field(default=0, ge=0, le=120, description="The first instalments that bear interest alone.")
    balloon_share: RateField | None = Field(default=None, description="The fraction left for the last instalment.")
    yearly_step: RateField | None = Field(
        default=None, description="STEPPED: each year's instalments over those of the year before, a fraction."
    )
    season_months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(
        default=(), max_length=12, description="IRREGULAR: the months whose instalments bear principal."
    )


class RateIncreaseBody(RequestModel):
    """A clause of the contract under which the rate of a loan may be raised while its borrower is watched."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"clause": "watched-rate", "increase_max": "0.02", "notice_days": 30}]}
    )

    clause: Code = Field(description="The name under which a measure rests on it.")
    increase_max: RateField = Field(description="By how much at most, a fraction: 0.02 is two points.")
    notice_days: int = Field(ge=1, le=365, description="From how many days after the borrower was told.")


class RegionServedBody(RequestModel):
    """A province, prefecture or county that a product is for."""

    code: Annotated[
        str,
        StringConstraints(pattern=r"^([0-9]{2}){1,3}$"),
        Field(description="The 2, 4 or 6 digits that all its codes begin with (GB/T 2260).", examples=["3301"]),
    ]
    name: NamedBody


class SegmentBody(RequestModel):
    """Whom the product is for, besides kind and age. Who has not stated what a rule asks about is not admitted."""

    model_config = ConfigDict(json_schema_extra={"examples": [SEGMENT_EXAMPLE]})

    regions: tuple[RegionServedBody, ...] = Field(default=(), max_length=CHOICES_MAX)
    region_of_identity: bool = Field(
        default=False, description="Whether a person who states no region is taken to live in that of his number."
    )
    industries: tuple[Industry, ...] = Field(default=(), max_length=len(Industry), description="GB/T 4754-2017.")
    business_years_min: int | None = Field(default=None, ge=0, le=200, description="Full years since registration.")
    business_years_max: int | None = Field(default=None, ge=0, le=200)
    monthly_income_min: PositiveMoney | None = None
    annual_turnover_min: PositiveMoney | None = None
    annual_turnover_max: PositiveMoney | None = None


class ProductVersionBody(RequestModel):
    """A new version of a product, with every rule it has; nothing is taken over from the version before."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{k: v for k, v in EXAMPLE.items() if k not in ("code", "version")}]}
    )

    effective_from: BusinessDate = Field(description="In force from this date on; not before the business date.")
    name: NamedBody
    description: NamedBody
    kind: Code
    applicants: tuple[ApplicantKind, ...] = Field(min_length=1, max_length=2)
    amount_min: PositiveMoney
    amount_max: PositiveMoney
    instalments_min: int = Field(ge=1, le=360)
    instalments_max: int = Field(ge=1, le=360)
    period_months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(default=(1,), min_length=1, max_length=12)
    term_months_max: int | None = Field(default=None, ge=1, le=360)
    methods: tuple[RepaymentMethod, ...] = Field(min_length=1, max_length=CHOICES_MAX)
    annual_rate: RateField
    day_count: DayCount = DayCount.ACT_360
    fees: tuple[FeeBody, ...] = Field(default=(), max_length=FEES_MAX)
    overdue: OverdueBody
    allocation: AllocationBody | None = Field(
        default=None, description="In which order a repayment pays what is due; the legal order where left out."
    )
    schedules: tuple[ScheduleBody, ...] = Field(
        default=(),
        max_length=CHOICES_MAX,
        description="How loans of a method are repaid, where it does not say itself.",
    )
    prepayment_fee_rate: RateField
    rate_increase: RateIncreaseBody | None = Field(
        default=None, description="Under which clause the rate may be raised; fixed for the term where left out."
    )
    guarantees: tuple[GuaranteeKind, ...] = Field(min_length=1, max_length=4)
    unsecured_max: PositiveMoney | None = None
    age_min: int | None = Field(default=None, ge=16, le=120)
    age_max: int | None = Field(default=None, ge=16, le=120)
    segment: SegmentBody | None = None
    purposes: tuple[Code, ...] = Field(min_length=1, max_length=CHOICES_MAX)
    channels: tuple[Channel, ...] = Field(default=tuple(Channel), min_length=1, max_length=4)
    documents: tuple[DocumentRuleBody, ...] = Field(default=(), max_length=CHOICES_MAX)
    draft_days: int = Field(default=30, ge=1, le=366)
    source: Text = Field(description="Who decided this, where and when.")

    def as_product(self, code: str) -> Product:
        """The version with the code of its product; its number is the domain's to give."""
        return Product.model_validate({**self.model_dump(mode="json"), "code": code, "version": 1})


class WithdrawProductBody(RequestModel):
    """The end of a product."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"effective_from": "2027-01-01", "reason": "Replaced by another product"}]}
    )

    effective_from: BusinessDate = Field(description="The first date without new applications.")
    reason: Text


LISTED_EXAMPLE: Final[dict[str, Any]] = {
    "code": "consumer-standard",
    "version": 1,
    "effective_from": "2026-01-01",
    "name": ex.PRODUCT["name"],
    "kind": "consumer",
    "amount_min": ex.cny("1000.00"),
    "amount_max": ex.cny("200000.00"),
    "instalments_min": 3,
    "instalments_max": 36,
    "term_months_max": 36,
    "annual_rate": "0.18",
}


class ProductListed(ResponseModel):
    """A product in a list, in its version of the date asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [LISTED_EXAMPLE]})

    code: Code
    version: int
    effective_from: date
    name: Named
    kind: Code
    amount_min: MoneyField
    amount_max: MoneyField
    instalments_min: int
    instalments_max: int
    term_months_max: int | None
    annual_rate: DecimalField


class VersionListed(ResponseModel):
    """When a version takes effect."""

    version: int
    effective_from: date


class ProductShown(ResponseModel):
    """A product: the version in force on a date (null: none), and all versions there are."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "consumer-standard",
                    "on": "2026-02-01",
                    "product": EXAMPLE,
                    "versions": [{"version": 1, "effective_from": "2026-01-01"}],
                    "withdrawn_from": None,
                }
            ]
        }
    )

    code: Code
    on: date
    product: Product | None
    versions: list[VersionListed]
    withdrawn_from: date | None


class ConsentTextShown(ResponseModel):
    """The words of a consent, to be shown before it is given."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "purpose": "CREDIT_REPORT",
                    "version": "2026-01",
                    "name": {"zh": "信用信息查询授权", "en": "Authority to query the credit bureau"},
                    "text": {"zh": "本人授权……", "en": "I authorise …"},
                    "applies_to": ["PERSON", "ENTERPRISE"],
                    "required": True,
                    "valid_days": 90,
                }
            ]
        }
    )

    purpose: ConsentPurpose
    version: str
    name: Named
    text: Named
    applies_to: list[ApplicantKind]
    required: bool
    valid_days: int | None = Field(description="For how long it counts once given; null: as long as the application.")


class ConsentTexts(ResponseModel):
    """The texts in force on the business date."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": []}]})

    items: list[ConsentTextShown]
