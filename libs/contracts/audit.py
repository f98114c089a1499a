"""What the audit service publishes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar

from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent
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
