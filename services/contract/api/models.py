"""What the service answers about contracts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from pydantic import ConfigDict, Field

from libs.contracts import examples as ex
from libs.contracts.contract import ContractOffered, CostDisclosure, Party
from libs.contracts.values import GuaranteeKind, Named, PlanRow, RateIncreaseRule
from libs.lending.money import Money
from libs.lending.terms import RepaymentMethod
from libs.service.models import Code, Id, MoneyField, RateField, ResponseModel
from services.contract.document.values import contract_number
from services.contract.domain.contract import Contract, Status
from services.contract.library import library

_SUMMARY: Final[dict[str, Any]] = {
    "contract_id": ex.CONTRACT,
    "application_id": ex.APPLICATION,
    "applicant_id": ex.APPLICANT,
    "status": "OFFERED",
    "product_code": "consumer-standard",
    "amount": ex.cny("12000.00"),
    "annual_rate": "0.18",
    "instalments": 12,
    "offered_on": "2026-02-01",
    "expires_on": "2026-02-15",
    "signed_on": None,
    "ended_on": None,
    "end_reason": None,
}


class ContractSummary(ResponseModel):
    """One contract in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY]})

    contract_id: Id
    application_id: Id
    applicant_id: Id
    status: Status
    product_code: Code
    amount: MoneyField
    annual_rate: RateField
    instalments: int
    offered_on: date
    expires_on: date = Field(description="The last day on which it can be signed.")
    signed_on: date | None
    ended_on: date | None = Field(description="When it expired or was cancelled.")
    end_reason: str | None = Field(description="Why it was cancelled.")


class ContractDetail(ResponseModel):
    """One contract with its terms, its cost disclosure, its plan and the hashes of its documents."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **{name: value for name, value in _SUMMARY.items() if name not in ("ended_on", "end_reason")},
                    "number": "PH20260201-0197A3F00000",
                    "product_name": ex.PRODUCT["name"],
                    "period_months": 1,
                    "method": "EQUAL_INSTALMENT",
                    "guarantee": "UNSECURED",
                    "purpose": "household",
                    "disclosure": ContractOffered.example["agreement"]["disclosure"],
                    "overdue_annual_rate": "0.27",
                    "overdue_grace_days": 3,
                    "rate_increase": None,
                    "plan": [ex.PLAN_ROW],
                    "template": "loan-agreement-v1",
                    "template_sha256": ex.SHA256,
                    "document_sha256": ex.SHA256,
                    "reading_seconds_min": 10,
                    "disclosure_confirmed_on": None,
                    "signed_document_sha256": None,
                    "ended_on": None,
                    "end_reason": None,
                }
            ]
        }
    )

    contract_id: Id
    number: str = Field(description="The number as the document and people quote it.")
    application_id: Id
    applicant_id: Id
    status: Status
    product_code: Code
    product_name: Named
    amount: MoneyField
    annual_rate: RateField
    instalments: int
    period_months: int
    method: RepaymentMethod
    guarantee: GuaranteeKind
    purpose: Code
    disclosure: CostDisclosure
    overdue_annual_rate: RateField
    overdue_grace_days: int
    rate_increase: RateIncreaseRule | None = Field(
        description="The clause under which the rate may be raised while the borrower is watched; none: it is fixed."
    )
    plan: tuple[PlanRow, ...] = Field(description="As if the loan were paid out on the day of the offer.")
    template: Code
    template_sha256: str
    document_sha256: str = Field(description="Name this hash to view or sign: it is that of the document shown.")
    reading_seconds_min: int = Field(description="For how long the disclosure is shown before it can be confirmed.")
    offered_on: date
    expires_on: date
    disclosure_confirmed_on: date | None
    signed_on: date | None
    signed_document_sha256: str | None
    ended_on: date | None
    end_reason: str | None


class SignatureCheck(ResponseModel):
    """One signature of a contract, checked."""

    party: Party
    signatory: Id
    algorithm: str
    public_key: str
    signed_at: str
    valid: bool = Field(description="It is this signatory's, over this document, and unchanged.")


class Verification(ResponseModel):
    """What a check of a contract's documents and signatures came to."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contract_id": ex.CONTRACT,
                    "document_sha256": ex.SHA256,
                    "document_intact": True,
                    "document_remade": True,
                    "signed_document_sha256": ex.SHA256,
                    "signed_document_intact": True,
                    "signatures": [
                        {
                            "party": "BORROWER",
                            "signatory": ex.APPLICANT,
                            "algorithm": "Ed25519",
                            "public_key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                            "signed_at": "2026-02-02T02:03:04.000005Z",
                            "valid": True,
                        }
                    ],
                    "valid": True,
                }
            ]
        }
    )

    contract_id: Id
    document_sha256: str
    document_intact: bool = Field(description="The stored document has the hash of the offer.")
    document_remade: bool = Field(description="Made again from the facts, the document has the same hash.")
    signed_document_sha256: str | None
    signed_document_intact: bool | None = Field(description="Null while the contract is not signed.")
    signatures: list[SignatureCheck]
    valid: bool = Field(description="Everything above holds, and the contract is signed.")


def summary_of(row: Mapping[str, Any]) -> ContractSummary:
    values = {name: row[name] for name in ContractSummary.model_fields if name != "amount"}
    return ContractSummary(**values, amount=Money(row["amount_minor"], row["currency"]))


def detail_of(state: Contract) -> ContractDetail:
    offered, signed, ended = state.offered, state.signed, state.ended
    assert offered is not None, "only what was offered is shown"
    agreement = offered.agreement
    request, terms = agreement.request, agreement.terms
    return ContractDetail(
        contract_id=offered.contract_id,
        number=contract_number(offered.contract_id, offered.offered_on),
        application_id=offered.application_id,
        applicant_id=request.applicant_id,
        status=state.status,
        product_code=request.product.code,
        product_name=request.product.name,
        amount=terms.principal,
        annual_rate=terms.annual_rate,
        instalments=terms.instalments,
        period_months=terms.period.every,
        method=terms.method,
        guarantee=request.guarantee.kind,
        purpose=request.purpose,
        disclosure=agreement.disclosure,
        overdue_annual_rate=agreement.overdue_annual_rate,
        overdue_grace_days=agreement.overdue_grace_days,
        rate_increase=agreement.rate_increase,
        plan=agreement.plan,
        template=f"{offered.template_id}-v{offered.template_version}",
        template_sha256=offered.template_sha256,
        document_sha256=offered.document_sha256,
        reading_seconds_min=library().limits_on(offered.offered_on).reading_seconds_min,
        offered_on=offered.offered_on,
        expires_on=offered.expires_on,
        disclosure_confirmed_on=_confirmed_on(state),
        signed_on=signed.signed_on if signed else None,
        signed_document_sha256=signed.signed_document_sha256 if signed else None,
        ended_on=getattr(ended, "expired_on", None) or getattr(ended, "cancelled_on", None),
        end_reason=getattr(ended, "reason", None),
    )


def _confirmed_on(state: Contract) -> date | None:
    return state.viewed.viewed_on if state.viewed is not None and state.viewed.disclosure_confirmed else None
