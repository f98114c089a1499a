"""Bodies of requests about applications."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from libs.contracts import examples as ex
from libs.contracts.application import ConsentPurpose
from libs.contracts.values import Channel, GuaranteeKind, Industry
from libs.lending.money import Money
from libs.lending.terms import RepaymentMethod
from libs.service.models import (
    BusinessDate,
    Code,
    Id,
    PositiveMoney,
    RequestModel,
    Text,
    ZeroOrMoreMoney,
)
from services.application.domain.application import DOCUMENTS_MAX

ANSWERS_MAX: Final = 60
ANSWER_MAX: Final = 10**15
DOCUMENT_BYTES_MAX: Final = 50 * 1024 * 1024
MediaType = Literal["application/pdf", "image/jpeg", "image/png", "image/webp", "image/heic"]
Answer = (
    Annotated[int, Field(ge=-ANSWER_MAX, le=ANSWER_MAX)]
    | Annotated[str, StringConstraints(min_length=1, max_length=80)]
    | None
)
Note = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]
Region = Annotated[str, StringConstraints(pattern=r"^([0-9]{6})?$")]
SOURCE_EXAMPLE: Final = "spring-campaign"

ASKED_FOR: Final[dict[str, Any]] = {
    "product": "consumer-standard",
    **{
        name: ex.REQUEST[name]
        for name in ("amount", "instalments", "period_months", "method", "purpose", "region", "guarantee")
    },
    "monthly_income": ex.REQUEST["monthly_income"],
    "monthly_debt_service": ex.REQUEST["monthly_debt_service"],
    "answers": {"employment-length": "1-to-4-years", "savings-balance": "below-1000"},
}
BUSINESS: Final[dict[str, Any]] = {
    "industry": "F",
    "registered_on": "2021-03-15",
    "annual_turnover": ex.cny("800000.00"),
}


class GuaranteeBody(RequestModel):
    """What is offered as security."""

    kind: GuaranteeKind
    value: PositiveMoney | None = None
    description: Note = ""


class BusinessBody(RequestModel):
    """The business of an enterprise or of somebody self-employed; some products ask for it."""

    model_config = ConfigDict(json_schema_extra={"examples": [BUSINESS]})

    industry: Industry | None = Field(default=None, description="Section of GB/T 4754-2017.")
    registered_on: BusinessDate | None = Field(default=None, description="Date of establishment on the licence.")
    annual_turnover: ZeroOrMoreMoney | None = Field(default=None, description="Of the last full year.")


class AskedForBody(RequestModel):
    """What is asked for. A draft may break the product's rules; the checklist tells, and submitting is refused."""

    model_config = ConfigDict(json_schema_extra={"examples": [ASKED_FOR]})

    product: Code
    amount: PositiveMoney
    instalments: int = Field(ge=1, le=360, description="Number of instalments; for BULLET the term in periods.")
    period_months: int = Field(default=1, ge=1, le=12, description="Months from one due date to the next.")
    method: RepaymentMethod
    purpose: Code
    region: Region = Field(default="", description="Place (GB/T 2260); default: that of the identity number.")
    guarantee: GuaranteeBody = GuaranteeBody(kind=GuaranteeKind.UNSECURED)
    monthly_income: ZeroOrMoreMoney = Money.zero()
    monthly_debt_service: ZeroOrMoreMoney = Money.zero()
    business: BusinessBody | None = None
    answers: dict[Code, Answer] = Field(
        default_factory=dict, max_length=ANSWERS_MAX, description="Inputs of indicators: codes, whole numbers, or null."
    )


class ConsentBody(RequestModel):
    """A consent, in the words of a version (see the consent texts)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"purpose": "CREDIT_REPORT", "text_version": "2026-01"}]})

    purpose: ConsentPurpose
    text_version: Text


class DocumentBody(RequestModel):
    """A document that was handed in; its content is named by its hash and kept elsewhere."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "document_type": "identity-card",
                    "sha256": ex.SHA256,
                    "media_type": "image/jpeg",
                    "size_bytes": 182044,
                    "issued_on": "2020-01-01",
                    "expires_on": "2040-01-01",
                    "source": "applicant",
                }
            ]
        }
    )

    document_type: Code
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    media_type: MediaType
    size_bytes: int = Field(ge=1, le=DOCUMENT_BYTES_MAX)
    issued_on: BusinessDate
    expires_on: BusinessDate | None = None
    source: Note = ""


class StartBody(AskedForBody):
    """A new application; documents and consents may come with it or later."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"applicant_id": ex.APPLICANT, "channel": "ONLINE", "source": SOURCE_EXAMPLE, **ASKED_FOR}]
        }
    )

    applicant_id: Id
    channel: Channel
    source: Note = Field(default="", description="Campaign or partner that brought the applicant (R6.1).")
    documents: tuple[DocumentBody, ...] = Field(default=(), max_length=DOCUMENTS_MAX)
    consents: tuple[ConsentBody, ...] = Field(default=(), max_length=len(ConsentPurpose))


class WithdrawBody(RequestModel):
    """Why the loan is wanted no longer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Found another lender"}]})

    reason: Text
