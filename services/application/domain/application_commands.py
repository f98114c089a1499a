"""What may be asked of an application, and the facts that its rules look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from libs.contracts.application import (
    ApplicantRegistered,
    ApplicationEnd,
    ConsentPurpose,
    Product,
)
from libs.contracts.values import LoanRequest
from services.application.domain.policy import ConsentText, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules look at besides the application: applicant, product in force, policy, business date."""

    applicant: ApplicantRegistered
    product: Product | None
    policy: Policy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendApplication:
    """Put another request in the draft's place; applicant, channel and source stay."""

    request: LoanRequest
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveConsent:
    """Agree to a purpose in the words of a version; `text` is the one in force, None when there is none."""

    purpose: ConsentPurpose
    text_version: str
    text: ConsentText | None
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachDocument:
    """Hand in a document; its content is named by its hash. `product` is the one in force."""

    document_id: str
    document_type: str
    sha256: str
    media_type: str
    size_bytes: int
    issued_on: date
    expires_on: date | None
    source: str
    product: Product | None
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class StartApplication:
    """Begin a draft under a product that is in force; it may be incomplete, and nothing is decided on it.

    What the applicant hands in with it comes along, all or nothing.
    """

    application_id: str
    request: LoanRequest
    product: Product
    today: date
    documents: tuple[AttachDocument, ...] = ()
    consents: tuple[GiveConsent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitApplication:
    """Hand the application in as it is."""

    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawApplication:
    """Want the loan no longer, before a contract is signed."""

    reason: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireApplication:
    """Close a draft whose time is over; nothing happens to any other."""

    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcludeApplication:
    """Record what later steps made of the application."""

    end: ApplicationEnd
    on: date


Command = (
    StartApplication
    | AmendApplication
    | GiveConsent
    | AttachDocument
    | SubmitApplication
    | WithdrawApplication
    | ExpireApplication
    | ConcludeApplication
)
