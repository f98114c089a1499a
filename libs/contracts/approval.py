"""What the approval service publishes."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent, Value
from libs.contracts.types import Code, DecimalField, Id, MoneyField, RateField, Text
from libs.contracts.values import FeeRule, GuaranteeKind, LoanRequest, Named, Reason
from libs.lending.terms import RepaymentMethod


class Outcome(StrEnum):
    APPROVE = "APPROVE"
    DECLINE = "DECLINE"
    REFER = "REFER"


class DecisionBasis(Value):
    """The data on which a decision rests: scores, ratios, and the version of the table that was asked."""

    table_id: Code
    table_version: Annotated[int, Field(ge=1)]
    table_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    rules: tuple[str, ...]
    score: int | None
    grade: str
    debt_to_income: DecimalField
    coverage: DecimalField
    term_months_max: Annotated[int, Field(ge=1)] | None = None
    """The longest term that the table allows the grade, also to people who decide; None: it names none."""


class Offer(Value):
    """What the lender is ready to agree: it stands until a date."""

    amount: MoneyField
    instalments: Annotated[int, Field(ge=1)]
    period_months: Annotated[int, Field(ge=1, le=12)] = 1
    method: RepaymentMethod
    annual_rate: RateField
    fees: tuple[FeeRule, ...] = ()
    conditions: tuple[Reason, ...] = ()
    expires_on: date


class ExposureLine(Value):
    """How a limit stood when an application was decided: what was owed and reserved on its line, and the limit."""

    line: Annotated[str, Field(max_length=160)]
    """What counts together, as `borrower:ID`, `group:ID`, `product:CODE`."""
    used: MoneyField
    limit: MoneyField
    rule: Code


class ConnectionKind(StrEnum):
    """Why two borrowers count as one risk."""

    CONTROL = "CONTROL"
    """One controls the other, or somebody controls both."""
    FAMILY = "FAMILY"
    ECONOMIC = "ECONOMIC"
    """What befalls one befalls the other: a main customer, a shared source of repayment."""
    GUARANTEE = "GUARANTEE"
    """One answers for the other's debts."""


class ApplicationReferred(DomainEvent, type="puhui.approval.application-referred.v1"):
    """The table sends an application to a person: to which queue, with what authority, with how many pairs of eyes."""

    application_id: Id
    request: LoanRequest
    basis: DecisionBasis
    reasons: tuple[Reason, ...]
    queue: Code
    four_eyes: bool
    referred_on: date
    exposures: tuple[ExposureLine, ...] = ()
    """How the limits stood, where one of them is why a person must decide."""

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "request": ex.REQUEST,
        "basis": {
            "table_id": "standard",
            "table_version": 1,
            "table_sha256": ex.SHA256,
            "rules": ["grade-c-refer"],
            "score": 560,
            "grade": "C",
            "debt_to_income": "0.289",
            "coverage": "0",
        },
        "reasons": [{"code": "grade-c", "text": {"zh": "等级C需人工审核", "en": "Grade C is reviewed by a person"}}],
        "queue": "standard",
        "four_eyes": False,
        "referred_on": "2026-02-01",
    }


class CaseClaimed(DomainEvent, type="puhui.approval.case-claimed.v1"):
    """An officer took a referred application to work on."""

    application_id: Id
    officer: Id
    claimed_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "officer": "officer-1",
        "claimed_on": "2026-02-01",
    }


class CaseReleased(DomainEvent, type="puhui.approval.case-released.v1"):
    """An officer gave a referred application back to its queue."""

    application_id: Id
    officer: Id
    reason: str
    released_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "officer": "officer-1",
        "reason": "On leave",
        "released_on": "2026-02-01",
    }


class DecisionRecommended(DomainEvent, type="puhui.approval.decision-recommended.v1"):
    """An officer recommended an outcome; someone with authority has yet to decide."""

    application_id: Id
    officer: Id
    outcome: Outcome
    note: Text
    offer: Offer | None = None
    recommended_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "officer": "officer-1",
        "outcome": "DECLINE",
        "note": "Income could not be confirmed",
        "offer": None,
        "recommended_on": "2026-02-01",
    }


class ApplicationApproved(DomainEvent, type="puhui.approval.application-approved.v1"):
    """The lender is ready to lend on the terms of the offer. `decided_by` is empty when no person was needed."""

    application_id: Id
    request: LoanRequest
    offer: Offer
    basis: DecisionBasis
    reasons: tuple[Reason, ...]
    decided_by: tuple[Id, ...]
    note: str = ""
    approved_on: date
    exposures: tuple[ExposureLine, ...] = ()
    """How the limits stood before; the offer's amount is reserved on each of these lines from now on."""
    delegated_by: str = ""
    """Whose authority was used, where it was not the last decider's own."""
    override: str = ""
    """Why people approved what the table had declined: a code of the policy."""
    term_override: str = ""
    """Why people offered a longer term than the table allows the grade: a code of the policy."""

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "request": ex.REQUEST,
        "offer": {
            "amount": ex.cny("12000.00"),
            "instalments": 12,
            "period_months": 1,
            "method": "EQUAL_INSTALMENT",
            "annual_rate": "0.18",
            "fees": [],
            "conditions": [],
            "expires_on": "2026-02-15",
        },
        "basis": ApplicationReferred.example["basis"] | {"grade": "B", "score": 612, "rules": ["auto-approve-b"]},
        "reasons": [ex.REASON],
        "decided_by": [],
        "note": "",
        "approved_on": "2026-02-01",
    }


class ApplicationDeclined(DomainEvent, type="puhui.approval.application-declined.v1"):
    """The lender does not lend; the reasons are those the applicant is told."""

    application_id: Id
    request: LoanRequest
    basis: DecisionBasis
    reasons: tuple[Reason, ...]
    decided_by: tuple[Id, ...]
    note: str = ""
    declined_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "request": ex.REQUEST,
        "basis": ApplicationReferred.example["basis"] | {"grade": "E", "score": 430, "rules": ["grade-e-decline"]},
        "reasons": [{"code": "score-too-low", "text": {"zh": "综合评分不足", "en": "The score is too low"}}],
        "decided_by": [],
        "note": "",
        "declined_on": "2026-02-01",
    }


class ApprovalLapsed(DomainEvent, type="puhui.approval.approval-lapsed.v1"):
    """An approval came to nothing: the offer's date passed, or the application was withdrawn."""

    application_id: Id
    reason: Code
    lapsed_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "reason": "offer-expired",
        "lapsed_on": "2026-02-16",
    }


class OfferAccepted(DomainEvent, type="puhui.approval.offer-accepted.v1"):
    """A contract was signed on the offer: it is used up, and can lapse no more."""

    application_id: Id
    contract_id: Id
    accepted_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "contract_id": ex.CONTRACT,
        "accepted_on": "2026-02-02",
    }


class ExposureReleased(DomainEvent, type="puhui.approval.exposure-released.v1"):
    """What had been approved counts towards no limit any more: it is paid back, or was never paid out."""

    application_id: Id
    reason: Code
    amount: MoneyField
    released_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "reason": "loan-settled",
        "amount": ex.cny("12000.00"),
        "released_on": "2027-02-02",
    }


class ExposureReinstated(DomainEvent, type="puhui.approval.exposure-reinstated.v1"):
    """A loan that had been paid back is owed again, since a repayment was reversed: it counts towards limits again."""

    application_id: Id
    reason: Code
    amount: MoneyField
    reinstated_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "reason": "repayment-reversed",
        "amount": ex.cny("12000.00"),
        "reinstated_on": "2027-02-05",
    }


class BorrowerConnected(DomainEvent, type="puhui.approval.borrower-connected.v1"):
    """A borrower counts as one risk with the others of a group, for a reason that was found somewhere."""

    group_id: Id
    applicant_id: Id
    kind: ConnectionKind
    basis: Text
    connected_by: Id
    connected_on: date

    example: ClassVar[dict[str, Any]] = {
        "group_id": "group-1",
        "applicant_id": ex.APPLICANT,
        "kind": "CONTROL",
        "basis": "Holds 60% of the shares, by the company register of 2026-01-31",
        "connected_by": "risk-manager",
        "connected_on": "2026-02-01",
    }


class BorrowerDisconnected(DomainEvent, type="puhui.approval.borrower-disconnected.v1"):
    """A borrower no longer counts as one risk with a group."""

    group_id: Id
    applicant_id: Id
    reason: Text
    disconnected_by: Id
    disconnected_on: date

    example: ClassVar[dict[str, Any]] = {
        "group_id": "group-1",
        "applicant_id": ex.APPLICANT,
        "reason": "Sold the shares, by the company register of 2026-06-30",
        "disconnected_by": "risk-manager",
        "disconnected_on": "2026-07-01",
    }


class ApplicantAsked(DomainEvent, type="puhui.approval.applicant-asked.v1"):
    """An officer asks the applicant for something; meanwhile the case waits for the answer, until a day."""

    application_id: Id
    question: Reason
    asked_by: Id
    answer_by: date
    asked_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "question": {
            "code": "proof-of-income",
            "text": {"zh": "请补充收入证明", "en": "Please send proof of your income"},
        },
        "asked_by": "credit-officer",
        "answer_by": "2026-02-11",
        "asked_on": "2026-02-01",
    }


class ApplicantAnswered(DomainEvent, type="puhui.approval.applicant-answered.v1"):
    """The applicant sent what he was asked for: documents, which are kept elsewhere, by their hashes."""

    application_id: Id
    code: Code
    documents: tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...]
    answered_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "code": "proof-of-income",
        "documents": [ex.SHA256],
        "answered_on": "2026-02-03",
    }


class ConditionProof(StrEnum):
    """What shows that a condition is met: a document, or the security that is on record."""

    DOCUMENT = "DOCUMENT"
    COVERAGE = "COVERAGE"


class Condition(Value):
    """Something that must be so before an approval counts."""

    code: Code
    text: Named
    proof: ConditionProof


class ApprovalPrepared(DomainEvent, type="puhui.approval.approval-prepared.v1"):
    """People would approve, once conditions are met: nothing is offered to the applicant before."""

    application_id: Id
    offer: Offer
    conditions: tuple[Condition, ...]
    reasons: tuple[Reason, ...]
    decided_by: tuple[Id, ...]
    note: str = ""
    delegated_by: str = ""
    override: str = ""
    term_override: str = ""
    prepared_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "offer": ApplicationApproved.example["offer"],
        "conditions": [
            {
                "code": "insurance",
                "text": {"zh": "须提供保险单", "en": "An insurance policy is shown"},
                "proof": "DOCUMENT",
            }
        ],
        "reasons": [ex.REASON],
        "decided_by": ["credit-officer"],
        "note": "",
        "delegated_by": "",
        "prepared_on": "2026-02-01",
    }


class ConditionMet(DomainEvent, type="puhui.approval.condition-met.v1"):
    """Somebody else than who decided has seen the proof of a condition."""

    application_id: Id
    code: Code
    document_sha256: str
    coverage_bps: int | None = None
    note: Text
    seen_by: Id
    seen_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "code": "insurance",
        "document_sha256": ex.SHA256,
        "coverage_bps": None,
        "note": "Policy 2026-0815, paid until the end of the loan",
        "seen_by": "contract-officer",
        "seen_on": "2026-02-03",
    }


class VoteCast(DomainEvent, type="puhui.approval.vote-cast.v1"):
    """A member of the credit committee voted on what was recommended."""

    application_id: Id
    member: Id
    outcome: Outcome
    note: Text
    voted_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "member": "risk-manager",
        "outcome": "APPROVE",
        "note": "Two sources of repayment, both seen",
        "voted_on": "2026-02-02",
    }


class CaseEscalated(DomainEvent, type="puhui.approval.case-escalated.v1"):
    """A referred application was not decided by the day on which it was due, and goes to people with more authority."""

    application_id: Id
    from_queue: Code
    to_queue: Code
    due: date
    escalated_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "from_queue": "standard",
        "to_queue": "large",
        "due": "2026-02-06",
        "escalated_on": "2026-02-07",
    }


class ReviewRequested(DomainEvent, type="puhui.approval.review-requested.v1"):
    """An applicant whom the table declined wants a person to decide (PIPL 24): it is referred again."""

    application_id: Id
    queue: Code
    four_eyes: bool
    requested_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "queue": "review",
        "four_eyes": True,
        "requested_on": "2026-02-05",
    }


class RelationDeclared(DomainEvent, type="puhui.approval.relation-declared.v1"):
    """An officer is related to somebody who may apply: he works on none of that one's applications."""

    officer: Id
    applicant_id: Id
    relation: Code
    basis: Text
    declared_by: Id
    declared_on: date

    example: ClassVar[dict[str, Any]] = {
        "officer": "credit-officer",
        "applicant_id": ex.APPLICANT,
        "relation": "sibling",
        "basis": "Own declaration of January 2026",
        "declared_by": "credit-officer",
        "declared_on": "2026-02-01",
    }


class RelationEnded(DomainEvent, type="puhui.approval.relation-ended.v1"):
    """An officer is no longer related to somebody; another person says so."""

    officer: Id
    applicant_id: Id
    reason: Text
    ended_by: Id
    ended_on: date

    example: ClassVar[dict[str, Any]] = {
        "officer": "credit-officer",
        "applicant_id": ex.APPLICANT,
        "reason": "Divorced, certificate seen",
        "ended_by": "risk-manager",
        "ended_on": "2026-07-01",
    }


class AuthorityDelegated(DomainEvent, type="puhui.approval.authority-delegated.v1"):
    """Somebody who will be absent lends a role's authority to another for some days."""

    delegation_id: Id
    officer: Id
    """Who may use it."""
    delegator: Id
    role: str
    first_day: date
    last_day: date
    reason: Text
    delegated_on: date

    example: ClassVar[dict[str, Any]] = {
        "delegation_id": "delegation-1",
        "officer": "senior-credit-officer",
        "delegator": "risk-manager",
        "role": "risk_manager",
        "first_day": "2026-02-09",
        "last_day": "2026-02-20",
        "reason": "On leave over the new year",
        "delegated_on": "2026-02-01",
    }


class DelegationEnded(DomainEvent, type="puhui.approval.delegation-ended.v1"):
    """A delegation ends before its last day."""

    delegation_id: Id
    officer: Id
    ended_by: Id
    ended_on: date

    example: ClassVar[dict[str, Any]] = {
        "delegation_id": "delegation-1",
        "officer": "senior-credit-officer",
        "ended_by": "risk-manager",
        "ended_on": "2026-02-12",
    }


class SecurityOffered(DomainEvent, type="puhui.approval.security-offered.v1"):
    """Somebody offers security for an application: answers for it, or gives a thing or a right (保证, 抵押, 质押).

    `provider_id` is the guarantor, or the owner of what is given, registered as applicants are. `asset_class` is empty
    for a surety; `amount_max` is what a surety answers for at most.
    """

    application_id: Id
    security_id: Id
    kind: GuaranteeKind
    provider_id: Id
    asset_class: str
    description: Text
    amount_max: MoneyField | None = None
    offered_by: Id
    offered_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "security_id": "security-1",
        "kind": "MORTGAGE",
        "provider_id": ex.APPLICANT,
        "asset_class": "residential-property",
        "description": "Flat of 89 square metres, certificate 330100-2019-004711",
        "amount_max": None,
        "offered_by": "credit-officer",
        "offered_on": "2026-02-01",
    }


class GuarantorAssessed(DomainEvent, type="puhui.approval.guarantor-assessed.v1"):
    """What a guarantor could pay if the borrower did not: worked out from his income and debts under a version of the
    policy."""

    application_id: Id
    security_id: Id
    monthly_income: MoneyField
    monthly_debt_service: MoneyField
    capacity: MoneyField
    document_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    policy_version: Annotated[int, Field(ge=1)]
    assessed_by: Id
    assessed_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "security_id": "security-2",
        "monthly_income": ex.cny("15000.00"),
        "monthly_debt_service": ex.cny("5000.00"),
        "capacity": ex.cny("240000.00"),
        "document_sha256": ex.SHA256,
        "policy_version": 1,
        "assessed_by": "credit-officer",
        "assessed_on": "2026-02-01",
    }


class SecurityConsented(DomainEvent, type="puhui.approval.security-consented.v1"):
    """Whoever gives the security agreed to it in writing (Civil Code 685: no surety without).

    `credit_report_text` is the version of the text in which a guarantor agreed with it that the bureau is asked about him
    while the loan is managed; empty: he did not.
    """

    application_id: Id
    security_id: Id
    document_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    signed_on: date
    recorded_by: Id
    recorded_on: date
    credit_report_text: str = ""

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "security_id": "security-2",
        "document_sha256": ex.SHA256,
        "signed_on": "2026-02-01",
        "recorded_by": "credit-officer",
        "recorded_on": "2026-02-01",
    }


class SecurityValued(DomainEvent, type="puhui.approval.security-valued.v1"):
    """What a thing or right is worth, by whom and when, and what is counted on after the haircut of its class."""

    application_id: Id
    security_id: Id
    value: MoneyField
    haircut_bps: Annotated[int, Field(ge=0, le=10_000)]
    lending_value: MoneyField
    valuer: Text
    valued_on: date
    document_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    policy_version: Annotated[int, Field(ge=1)]
    recorded_by: Id
    recorded_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "security_id": "security-1",
        "value": ex.cny("300000.00"),
        "haircut_bps": 3000,
        "lending_value": ex.cny("210000.00"),
        "valuer": "Example Valuation Ltd",
        "valued_on": "2026-01-28",
        "document_sha256": ex.SHA256,
        "policy_version": 1,
        "recorded_by": "credit-officer",
        "recorded_on": "2026-02-01",
    }


class SecurityPerfected(DomainEvent, type="puhui.approval.security-perfected.v1"):
    """A mortgage or pledge is in a register, or the thing is in the lender's hands: now it can be counted on."""

    application_id: Id
    security_id: Id
    by: Code
    place: Text
    reference: Text
    perfected_on: date
    document_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    recorded_by: Id
    recorded_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "security_id": "security-1",
        "by": "registration",
        "place": "Real estate registry of Hangzhou",
        "reference": "2026-DY-000471",
        "perfected_on": "2026-02-03",
        "document_sha256": ex.SHA256,
        "recorded_by": "contract-officer",
        "recorded_on": "2026-02-03",
    }


class SecurityReleased(DomainEvent, type="puhui.approval.security-released.v1"):
    """The lender has no right in it any more (Civil Code 393): what it secured is paid back, or it was given up."""

    application_id: Id
    security_id: Id
    provider_id: Id
    reason: Text
    released_by: Id
    released_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "security_id": "security-1",
        "provider_id": ex.APPLICANT,
        "reason": "loan-settled",
        "released_by": "service:approval",
        "released_on": "2027-02-02",
    }


class SecurityReinstated(DomainEvent, type="puhui.approval.security-reinstated.v1"):
    """The repayment after which a security was released was none, so what it secured is owed still, and it stands (Civil
    Code 393). What was registered or delivered is to be looked at anew before it counts. `consented_on` and
    `credit_report_text` are those of the consent to it, None and empty where there was none."""

    application_id: Id
    security_id: Id
    kind: GuaranteeKind
    provider_id: Id
    consented_on: date | None
    credit_report_text: str = ""
    reason: Text
    reinstated_on: date

    example: ClassVar[dict[str, Any]] = {
        "application_id": ex.APPLICATION,
        "security_id": "security-1",
        "kind": "SURETY",
        "provider_id": ex.APPLICANT,
        "consented_on": "2026-02-01",
        "credit_report_text": "",
        "reason": "repayment-reversed",
        "reinstated_on": "2027-02-05",
    }


class TableProposed(DomainEvent, type="puhui.approval.table-proposed.v1"):
    """A version of a decision table was put on record. It decides nothing before it is released."""

    table_id: Code
    version: Annotated[int, Field(ge=1)]
    effective_from: date
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    document: dict[str, Any]
    proposed_by: Text
    proposed_on: date

    example: ClassVar[dict[str, Any]] = {
        "table_id": "standard",
        "version": 2,
        "effective_from": "2026-04-01",
        "sha256": ex.SHA256,
        "document": {"format": "puhui.decision-table/1", "table_id": "standard", "version": 2},
        "proposed_by": "risk-manager",
        "proposed_on": "2026-03-01",
    }


class OutcomeChange(Value):
    """How many applications, and how much money asked for, went from one outcome to another (or stayed)."""

    was: Outcome
    would_be: Outcome
    count: Annotated[int, Field(ge=0)]
    amount: MoneyField


class TableCompared(DomainEvent, type="puhui.approval.table-compared.v1"):
    """Past applications were decided again under a version of a table, beside what decides, and the difference counted.

    Which applications: those first decided within the two dates, up to `until_sequence` of the service's order. So the
    comparison can be made again at any time; `result_sha256` is of the canonical JSON of all its cases.
    """

    comparison_id: Id
    table_id: Code
    version: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    against_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    decided_from: date
    decided_to: date
    until_sequence: Annotated[int, Field(ge=0)]
    considered: Annotated[int, Field(ge=0)]
    changed: Annotated[int, Field(ge=0)]
    outcomes: tuple[OutcomeChange, ...]
    result_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    compared_by: Text
    compared_on: date

    example: ClassVar[dict[str, Any]] = {
        "comparison_id": "comparison-1",
        "table_id": "standard",
        "version": 2,
        "sha256": ex.SHA256,
        "against_sha256": ex.SHA256,
        "decided_from": "2026-01-01",
        "decided_to": "2026-03-01",
        "until_sequence": 4200,
        "considered": 1000,
        "changed": 37,
        "outcomes": [{"was": "APPROVE", "would_be": "REFER", "count": 37, "amount": ex.cny("518000.00")}],
        "result_sha256": ex.SHA256,
        "compared_by": "risk-manager",
        "compared_on": "2026-03-02",
    }


class ComparisonSignedOff(DomainEvent, type="puhui.approval.comparison-signed-off.v1"):
    """Somebody else than who made it has looked at a comparison and takes what it shows."""

    comparison_id: Id
    table_id: Code
    version: Annotated[int, Field(ge=1)]
    note: Text
    signed_by: Text
    signed_on: date

    example: ClassVar[dict[str, Any]] = {
        "comparison_id": "comparison-1",
        "table_id": "standard",
        "version": 2,
        "note": "The 37 are large and unsecured; the committee wants them looked at",
        "signed_by": "senior-credit-officer",
        "signed_on": "2026-03-03",
    }


class TableReleased(DomainEvent, type="puhui.approval.table-released.v1"):
    """A version of a table decides from its effective date on; its comparison was signed off."""

    table_id: Code
    version: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    comparison_id: Id
    effective_from: date
    released_by: Text
    released_on: date

    example: ClassVar[dict[str, Any]] = {
        "table_id": "standard",
        "version": 2,
        "sha256": ex.SHA256,
        "comparison_id": "comparison-1",
        "effective_from": "2026-04-01",
        "released_by": "risk-manager",
        "released_on": "2026-03-03",
    }


class GradeChange(Value):
    """How many applications, and how much money asked for and offered, went from one grade to another (or stayed). An
    empty grade: the card cannot score them."""

    was: str
    would_be: str
    count: Annotated[int, Field(ge=0)]
    amount: MoneyField
    offered: MoneyField
    would_be_offered: MoneyField


class CardCompared(DomainEvent, type="puhui.approval.card-compared.v1"):
    """Past applications were decided again on the scores of another card, and the difference counted.

    Which applications: those of the rescoring whose first decision came up to `until_sequence` of the service's order.
    Under which table: the version named, or for each the one that decided on it (None). So the comparison can be made
    again at any time; `result_sha256` is of the canonical JSON of all its cases. Money offered is what the table alone
    would offer at once; what people made of a referral is not in it.
    """

    comparison_id: Id
    rescoring_id: Id
    card_id: Code
    version: Annotated[int, Field(ge=1)]
    card_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    drafted_by: str
    rescored_by: Text
    table_version: Annotated[int, Field(ge=1)] | None
    table_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    until_sequence: Annotated[int, Field(ge=0)]
    rescored: Annotated[int, Field(ge=0)]
    considered: Annotated[int, Field(ge=0)]
    changed: Annotated[int, Field(ge=0)]
    outcomes: tuple[OutcomeChange, ...]
    grades: tuple[GradeChange, ...]
    offered: MoneyField
    would_be_offered: MoneyField
    result_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    compared_by: Text
    compared_on: date

    example: ClassVar[dict[str, Any]] = {
        "comparison_id": "comparison-1",
        "rescoring_id": "rescoring-1",
        "card_id": "german-credit",
        "version": 2,
        "card_sha256": ex.SHA256,
        "drafted_by": "risk-manager",
        "rescored_by": "risk-manager",
        "table_version": None,
        "table_sha256": None,
        "until_sequence": 4200,
        "rescored": 900,
        "considered": 900,
        "changed": 41,
        "outcomes": [{"was": "APPROVE", "would_be": "REFER", "count": 41, "amount": ex.cny("518000.00")}],
        "grades": [
            {
                "was": "B",
                "would_be": "C",
                "count": 58,
                "amount": ex.cny("702000.00"),
                "offered": ex.cny("702000.00"),
                "would_be_offered": ex.cny("184000.00"),
            }
        ],
        "offered": ex.cny("9120000.00"),
        "would_be_offered": ex.cny("8602000.00"),
        "result_sha256": ex.SHA256,
        "compared_by": "risk-manager",
        "compared_on": "2026-03-02",
    }


class CardComparisonSignedOff(DomainEvent, type="puhui.approval.card-comparison-signed-off.v1"):
    """Somebody who neither drafted the card nor made the comparison has looked at what it would have changed, and takes
    it."""

    comparison_id: Id
    card_id: Code
    version: Annotated[int, Field(ge=1)]
    card_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    considered: Annotated[int, Field(ge=0)]
    changed: Annotated[int, Field(ge=0)]
    compared_on: date
    note: Text
    signed_by: Text
    signed_on: date

    example: ClassVar[dict[str, Any]] = {
        "comparison_id": "comparison-1",
        "card_id": "german-credit",
        "version": 2,
        "card_sha256": ex.SHA256,
        "considered": 900,
        "changed": 41,
        "compared_on": "2026-03-02",
        "note": "The 41 go to people; the queue can take them",
        "signed_by": "senior-credit-officer",
        "signed_on": "2026-03-03",
    }
