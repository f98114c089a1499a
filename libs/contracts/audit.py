"""What the audit service publishes."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent, Value
from libs.contracts.types import Code, Id, Text


class ReadModelVerified(DomainEvent, type="puhui.audit.read-model-verified.v1"):
    """A read model was built again from the events and compared with the live one, row by row."""

    read_model: Text
    sequence: Annotated[int, Field(ge=0)]
    rows: Annotated[int, Field(ge=0)]
    differences: Annotated[int, Field(ge=0)]

    example: ClassVar[dict[str, Any]] = {
        "read_model": "loan.v1",
        "sequence": 42000,
        "rows": 1000,
        "differences": 0,
    }


class ErasureRequested(DomainEvent, type="puhui.audit.erasure-requested.v1"):
    """A person, or somebody for him, asked that his personal data be erased (PIPL 47)."""

    applicant_id: Id
    ground: Code
    requested_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "ground": "consent-withdrawn",
        "requested_on": "2027-03-01",
    }


class PersonRestricted(DomainEvent, type="puhui.audit.person-restricted.v1"):
    """A person's data are kept until a date because a rule says so, read by the named roles alone, used for nothing else.

    Erasure follows when the date has passed and no legal hold is open.
    """

    applicant_id: Id
    rule: Code
    source: Text
    relationship_ended_on: date | None
    until: date
    readers: tuple[str, ...]
    restricted_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "rule": "customer-identity",
        "source": "反洗钱法 (2024) 34",
        "relationship_ended_on": "2027-02-02",
        "until": "2037-02-02",
        "readers": ["auditor", "privacy_officer"],
        "restricted_on": "2027-03-01",
    }


class RestrictionLifted(DomainEvent, type="puhui.audit.restriction-lifted.v1"):
    """A person's data are in use again: he took his request back, or came as a customer anew."""

    applicant_id: Id
    reason: Text
    lifted_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "reason": "Applies for another loan and consented anew",
        "lifted_on": "2027-06-01",
    }


class LegalHoldPlaced(DomainEvent, type="puhui.audit.legal-hold-placed.v1"):
    """Nothing of a person is erased while a proceeding runs, whatever else is due."""

    applicant_id: Id
    hold_id: Id
    reason: Text
    authority: Text
    placed_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "hold_id": "hold-1",
        "reason": "Evidence in a dispute about the loan",
        "authority": "Hangzhou court, case 2027-118",
        "placed_on": "2027-03-02",
    }


class LegalHoldReleased(DomainEvent, type="puhui.audit.legal-hold-released.v1"):
    """A legal hold ended; what is due is erased, unless another one is open."""

    applicant_id: Id
    hold_id: Id
    reason: Text
    released_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "hold_id": "hold-1",
        "reason": "The case was closed",
        "released_on": "2028-01-10",
    }


class ErasureDue(DomainEvent, type="puhui.audit.erasure-due.v1"):
    """No rule and no proceeding keeps a person's data any longer: the key is destroyed now."""

    applicant_id: Id
    rule: Code
    source: Text
    due_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "rule": "customer-identity",
        "source": "反洗钱法 (2024) 34",
        "due_on": "2037-02-03",
    }


class PersonErased(DomainEvent, type="puhui.audit.person-erased.v1"):
    """A person's key was destroyed: what is sealed under it, here, in topics, documents and backups, is read no more."""

    applicant_id: Id
    rule: Code
    source: Text
    erased_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "rule": "customer-identity",
        "source": "反洗钱法 (2024) 34",
        "erased_on": "2037-02-03",
    }


class PersonalDataRead(DomainEvent, type="puhui.audit.personal-data-read.v1"):
    """Somebody was shown a person's data: what was shown, for which purpose, and whether they were restricted."""

    applicant_id: Id
    report_id: Id
    reader: Text
    shown: Code
    purpose: Text
    restricted: bool
    read_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "report_id": "report-1",
        "reader": "privacy-officer",
        "shown": "subject-access-report",
        "purpose": "Request of the person, 2027-03-01",
        "restricted": False,
        "read_on": "2027-03-01",
    }


class KeysRewrapped(DomainEvent, type="puhui.audit.keys-rewrapped.v1"):
    """Every person's key was wrapped anew under another key-encryption key, named by its fingerprint."""

    wrapped_by: Text
    keys: Annotated[int, Field(ge=0)]
    rewrapped_on: date

    example: ClassVar[dict[str, Any]] = {"wrapped_by": "9f86d081884c7d65", "keys": 1000, "rewrapped_on": "2027-01-01"}


class Severity(StrEnum):
    """How grave a violation of a control is."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class ControlsRun(DomainEvent, type="puhui.audit.controls-run.v1"):
    """Standing control tests were run over what was archived between two places, and found so much."""

    run_id: Id
    policy: Text
    after_sequence: Annotated[int, Field(ge=0)]
    until_sequence: Annotated[int, Field(ge=0)]
    findings: dict[str, int]
    new_violations: Annotated[int, Field(ge=0)]
    run_on: date

    example: ClassVar[dict[str, Any]] = {
        "run_id": "run-1",
        "policy": "controls v1",
        "after_sequence": 0,
        "until_sequence": 42000,
        "findings": {"approved-own-recommendation": 0, "reversed-own-entry": 1},
        "new_violations": 1,
        "run_on": "2026-03-01",
    }


class ViolationFound(DomainEvent, type="puhui.audit.violation-found.v1"):
    """A control test found that somebody acted against a rule; the events that show it are named."""

    violation_id: Id
    control: Code
    severity: Severity
    person: Text
    subject: Text
    events: tuple[Id, ...]
    detail: Text
    source: Text
    found_on: date

    example: ClassVar[dict[str, Any]] = {
        "violation_id": "violation-1",
        "control": "reversed-own-entry",
        "severity": "HIGH",
        "person": "finance-lead",
        "subject": "repayment repayment-1",
        "events": [ex.PAYMENT],
        "detail": "Recorded and reversed by the same person",
        "source": "Internal control policy 4.2",
        "found_on": "2026-03-01",
    }


class ViolationAssigned(DomainEvent, type="puhui.audit.violation-assigned.v1"):
    """Somebody is to answer for a violation until a date."""

    violation_id: Id
    assigned_to: Text
    due: date
    assigned_on: date

    example: ClassVar[dict[str, Any]] = {
        "violation_id": "violation-1",
        "assigned_to": "finance-manager",
        "due": "2026-03-15",
        "assigned_on": "2026-03-02",
    }


class ViolationAnswered(DomainEvent, type="puhui.audit.violation-answered.v1"):
    """Who was asked said what happened and what is done about it."""

    violation_id: Id
    answer: Text
    answered_by: Text
    answered_on: date

    example: ClassVar[dict[str, Any]] = {
        "violation_id": "violation-1",
        "answer": "Both offices were held during a leave; a substitute is named now",
        "answered_by": "finance-manager",
        "answered_on": "2026-03-10",
    }


class ViolationClosed(DomainEvent, type="puhui.audit.violation-closed.v1"):
    """What follows from a violation, and what is learned from it."""

    violation_id: Id
    consequence: Text
    lesson: Text
    closed_by: Text
    closed_on: date

    example: ClassVar[dict[str, Any]] = {
        "violation_id": "violation-1",
        "consequence": "Written warning; the role was taken away",
        "lesson": "Substitutes are named before a leave begins",
        "closed_by": "compliance-officer",
        "closed_on": "2026-03-12",
    }


class SamplingMethod(StrEnum):
    RANDOM = "RANDOM"
    STRATIFIED = "STRATIFIED"
    MONETARY_UNIT = "MONETARY_UNIT"


class SampledFile(Value):
    """A file that was drawn: its stratum, its amount, and how many sampling intervals fell on it."""

    application_id: Id
    stratum: str
    amount_minor: int
    hits: Annotated[int, Field(ge=1)] = 1


class SampleDrawn(DomainEvent, type="puhui.audit.sample-drawn.v1"):
    """Files were drawn for an audit. The same seed over the same population draws the same files."""

    sample_id: Id
    method: SamplingMethod
    seed: Text
    stratum: str
    submitted_from: date
    submitted_to: date
    population: Annotated[int, Field(ge=0)]
    population_minor: int
    population_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    files: tuple[SampledFile, ...]
    drawn_on: date

    example: ClassVar[dict[str, Any]] = {
        "sample_id": "sample-1",
        "method": "MONETARY_UNIT",
        "seed": "2026-Q1",
        "stratum": "",
        "submitted_from": "2026-01-01",
        "submitted_to": "2026-03-31",
        "population": 1000,
        "population_minor": 3200000000,
        "population_sha256": ex.SHA256,
        "files": [{"application_id": ex.APPLICATION, "stratum": "", "amount_minor": 1200000, "hits": 1}],
        "drawn_on": "2026-04-01",
    }


class WorkPaperCompleted(DomainEvent, type="puhui.audit.work-paper-completed.v1"):
    """An auditor has looked at a sampled file and says what was found."""

    sample_id: Id
    application_id: Id
    satisfactory: bool
    note: Text
    completed_by: Text
    completed_on: date

    example: ClassVar[dict[str, Any]] = {
        "sample_id": "sample-1",
        "application_id": ex.APPLICATION,
        "satisfactory": True,
        "note": "Papers complete; decision within the table",
        "completed_by": "auditor",
        "completed_on": "2026-04-03",
    }


class RecordsRead(DomainEvent, type="puhui.audit.records-read.v1"):
    """An auditor or officer looked at archived records: through which operation, at what."""

    reader: Text
    role: Text
    operation: Text
    parameters: dict[str, str]
    read_on: date

    example: ClassVar[dict[str, Any]] = {
        "reader": "auditor",
        "role": "auditor",
        "operation": "/audit/loans/{identifier}",
        "parameters": {"identifier": ex.LOAN},
        "read_on": "2026-04-01",
    }
