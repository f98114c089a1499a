"""What the contract service publishes."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent, Value
from libs.contracts.types import Code, DecimalField, Id, MoneyField, RateField, TermsField
from libs.contracts.values import BankAccount, LoanRequest, Named, PlanRow, RateIncreaseRule

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class CostItem(Value):
    """One cost in the disclosure table: what, how much in all, how it is charged, and by whom."""

    code: Code
    name: Named
    amount: MoneyField
    charged: Named
    payee: str


class CostDisclosure(Value):
    """The table that a borrower is shown before anything is agreed (金规〔2026〕2号, 中国人民银行公告〔2021〕第3号).

    `irr_annual` compounds the period's internal rate of return, `simple_annual` multiplies it; both are fractions.
    `raised_rate` is the highest rate that a clause of the agreement admits, `raised_irr_annual` what the loan would cost
    under it from its first day; None where the rate is fixed.
    """

    principal: MoneyField
    items: tuple[CostItem, ...]
    total_cost: MoneyField
    irr_annual: DecimalField
    simple_annual: DecimalField
    overdue_rate: RateField
    prepayment_fee_rate: RateField
    raised_rate: RateField | None = None
    raised_irr_annual: DecimalField | None = None


class CoLender(Value):
    """Who lends together with others: which share of the loan, in millionths, and which part of the principal. `own` is
    ourselves, who need no name here. `subject` is who the lender's tokens speak for; it may read the signed document
    where its agreement named that (`reads_contract`)."""

    funder: Code
    legal_name: Named | None = None
    licence: str = ""
    share_ppm: Annotated[int, Field(ge=1, le=1_000_000)]
    amount: MoneyField
    subject: str = ""
    reads_contract: bool = False


class Agreement(Value):
    """Everything the parties agree on, from which the document is set and the loan is booked."""

    request: LoanRequest
    terms: TermsField
    plan: tuple[PlanRow, ...]
    disclosure: CostDisclosure
    overdue_annual_rate: RateField
    overdue_grace_days: int
    grade: str
    score: int | None = None
    rate_increase: RateIncreaseRule | None = None
    """The clause under which the rate may be raised; None: it is fixed for the term."""
    lenders: tuple[CoLender, ...] = ()
    """Everybody who lends, with his share; empty where we alone do."""


class ContractOffered(DomainEvent, type="puhui.contract.contract-offered.v1"):
    """A contract was made out from a version of a template and offered for signature until a date.

    `setting` is how its document was set, so that it can be made again: 1, characters get their codes in the order in
    which it shows them; 2, those of the template have the same codes in every document.
    """

    contract_id: Id
    application_id: Id
    agreement: Agreement
    template_id: Code
    template_version: int
    template_sha256: Sha256
    document_sha256: Sha256
    offered_on: date
    expires_on: date
    setting: Annotated[int, Field(ge=1)] = 1

    example: ClassVar[dict[str, Any]] = {
        "contract_id": ex.CONTRACT,
        "application_id": ex.APPLICATION,
        "agreement": {
            "request": ex.REQUEST,
            "terms": ex.TERMS,
            "plan": [ex.PLAN_ROW],
            "disclosure": {
                "principal": ex.cny("12000.00"),
                "items": [
                    {
                        "code": "interest",
                        "name": {"zh": "利息", "en": "Interest"},
                        "amount": ex.cny("1201.92"),
                        "charged": {"zh": "按月收取", "en": "With every instalment"},
                        "payee": "LENDER",
                    }
                ],
                "total_cost": ex.cny("1201.92"),
                "irr_annual": "0.195618",
                "simple_annual": "0.18",
                "overdue_rate": "0.27",
                "prepayment_fee_rate": "0",
            },
            "overdue_annual_rate": "0.27",
            "overdue_grace_days": 3,
            "grade": "B",
            "score": 612,
        },
        "template_id": "loan-agreement",
        "template_version": 1,
        "template_sha256": ex.SHA256,
        "document_sha256": ex.SHA256,
        "offered_on": "2026-02-01",
        "expires_on": "2026-02-15",
    }


class ContractViewed(DomainEvent, type="puhui.contract.contract-viewed.v1"):
    """The borrower was shown the cost disclosure and the contract, for so long, and confirmed the disclosure."""

    contract_id: Id
    document_sha256: Sha256
    reading_seconds: Annotated[int, Field(ge=0)]
    disclosure_confirmed: bool
    viewed_on: date

    example: ClassVar[dict[str, Any]] = {
        "contract_id": ex.CONTRACT,
        "document_sha256": ex.SHA256,
        "reading_seconds": 45,
        "disclosure_confirmed": True,
        "viewed_on": "2026-02-01",
    }


class ContractAccepted(DomainEvent, type="puhui.contract.contract-accepted.v1"):
    """The borrower agreed to the document he was shown, and named where the money goes; the signatures are being made.

    Nothing is owed yet: the contract is concluded by `ContractSigned`.
    """

    contract_id: Id
    document_sha256: Sha256
    account: BankAccount
    accepted_on: date
    applicant_id: str = ""

    example: ClassVar[dict[str, Any]] = {
        "contract_id": ex.CONTRACT,
        "document_sha256": ex.SHA256,
        "account": ex.ACCOUNT,
        "accepted_on": "2026-02-02",
        "applicant_id": ex.APPLICANT,
    }


class Party(StrEnum):
    BORROWER = "BORROWER"
    LENDER = "LENDER"
    GUARANTOR = "GUARANTOR"


class Signature(Value):
    """An electronic signature over the document's hash (电子签名法 13, 14), with the key that verifies it."""

    party: Party
    signatory: Id
    algorithm: str
    public_key: str
    signature: str
    signed_at: str


class ContractSigned(DomainEvent, type="puhui.contract.contract-signed.v1"):
    """All parties have signed; the loan may be booked and paid out to the account."""

    contract_id: Id
    application_id: Id
    agreement: Agreement
    account: BankAccount
    document_sha256: Sha256
    signed_document_sha256: Sha256
    signatures: tuple[Signature, ...]
    signed_on: date
    applicant_id: str = ""

    example: ClassVar[dict[str, Any]] = {
        "contract_id": ex.CONTRACT,
        "application_id": ex.APPLICATION,
        "agreement": ContractOffered.example["agreement"],
        "account": ex.ACCOUNT,
        "document_sha256": ex.SHA256,
        "signed_document_sha256": ex.SHA256,
        "signatures": [
            {
                "party": "BORROWER",
                "signatory": ex.APPLICANT,
                "algorithm": "Ed25519",
                "public_key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "signature": "made-by-the-signature-service",
                "signed_at": "2026-02-02T02:03:04.000005Z",
            }
        ],
        "signed_on": "2026-02-02",
        "applicant_id": ex.APPLICANT,
    }


class ContractExpired(DomainEvent, type="puhui.contract.contract-expired.v1"):
    """Nobody signed in time; the offer stands no longer."""

    contract_id: Id
    application_id: Id
    expired_on: date

    example: ClassVar[dict[str, Any]] = {
        "contract_id": ex.CONTRACT,
        "application_id": ex.APPLICATION,
        "expired_on": "2026-02-16",
    }


class ContractCancelled(DomainEvent, type="puhui.contract.contract-cancelled.v1"):
    """An unsigned contract was taken back: the application was withdrawn, an officer found a fault, or a rule of law
    forbids what was approved, so that it was never offered. `reason` is a code or an officer's words."""

    contract_id: Id
    application_id: Id
    reason: str
    cancelled_on: date

    example: ClassVar[dict[str, Any]] = {
        "contract_id": ex.CONTRACT,
        "application_id": ex.APPLICATION,
        "reason": "application-withdrawn",
        "cancelled_on": "2026-02-02",
    }
