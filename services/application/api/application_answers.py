"""Answers about applications."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from pydantic import ConfigDict, Field

from libs.contracts import examples as ex
from libs.contracts.application import ConsentPurpose
from libs.contracts.values import Channel, LoanRequest, Named
from libs.lending.terms import RepaymentMethod
from libs.service.models import (
    Code,
    Id,
    MoneyField,
    ResponseModel,
)
from services.application.domain.application import Status
from services.application.domain.checklist import ItemKind, ItemStatus


class DocumentShown(ResponseModel):
    """A document handed in."""

    document_id: Id
    document_type: Code
    sha256: str
    media_type: str
    size_bytes: int
    issued_on: date
    expires_on: date | None
    source: str
    attached_on: date


class ConsentShown(ResponseModel):
    """A consent given."""

    purpose: ConsentPurpose
    text_version: str
    given_on: date


class ApplicationShown(ResponseModel):
    """An application as it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "application_id": ex.APPLICATION,
                    "status": "DRAFT",
                    "request": ex.REQUEST,
                    "started_on": "2026-02-01",
                    "expires_on": "2026-03-03",
                    "submitted_on": None,
                    "ended_on": None,
                    "documents": [],
                    "consents": [],
                }
            ]
        }
    )

    application_id: Id
    status: Status
    request: LoanRequest
    started_on: date
    expires_on: date = Field(description="The last day on which the draft can be submitted.")
    submitted_on: date | None
    ended_on: date | None
    documents: list[DocumentShown]
    consents: list[ConsentShown]


LISTED_EXAMPLE: Final[dict[str, Any]] = {
    "application_id": ex.APPLICATION,
    "applicant_id": ex.APPLICANT,
    "status": "SUBMITTED",
    "product": "consumer-standard",
    "amount": ex.cny("12000.00"),
    "instalments": 12,
    "period_months": 1,
    "method": "EQUAL_INSTALMENT",
    "purpose": "household",
    "channel": "ONLINE",
    "source": "spring-campaign",
    "started_on": "2026-02-01",
    "expires_on": "2026-03-03",
    "submitted_on": "2026-02-01",
    "ended_on": None,
}


class ApplicationListed(ResponseModel):
    """An application in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [LISTED_EXAMPLE]})

    application_id: Id
    applicant_id: Id
    status: Status
    product: Code
    amount: MoneyField
    instalments: int
    period_months: int
    method: RepaymentMethod
    purpose: Code
    channel: Channel
    source: str
    started_on: date
    expires_on: date
    submitted_on: date | None
    ended_on: date | None


class ItemShown(ResponseModel):
    """One line of a checklist."""

    kind: ItemKind
    code: Code
    name: Named
    guidance: Named
    status: ItemStatus
    valid_until: date | None = Field(description="The last day on which it counts; null: no end, or nothing there.")


class ObstacleShown(ResponseModel):
    """Something that keeps the application from being submitted."""

    code: Code
    pointer: str = Field(description="JSON pointer to the member of the application concerned.")
    text: Named


class ChecklistShown(ResponseModel):
    """What the application needs, and everything that still keeps it from being submitted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "application_id": ex.APPLICATION,
                    "on": "2026-02-01",
                    "ready": False,
                    "items": [
                        {
                            "kind": "DOCUMENT",
                            "code": "identity-card",
                            "name": {"zh": "居民身份证", "en": "Resident identity card"},
                            "guidance": {"zh": "请上传正反两面", "en": "Upload both sides"},
                            "status": "MISSING",
                            "valid_until": None,
                        }
                    ],
                    "obstacles": [
                        {
                            "code": "document-missing",
                            "pointer": "#/documents/identity-card",
                            "text": {
                                "zh": "居民身份证缺失：请上传正反两面",
                                "en": "Resident identity card is missing: Upload both sides",
                            },
                        }
                    ],
                }
            ]
        }
    )

    application_id: Id
    on: date
    ready: bool = Field(description="Whether the application would be accepted if it were submitted now.")
    items: list[ItemShown]
    obstacles: list[ObstacleShown]
