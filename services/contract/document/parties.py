"""Who makes a contract, as its document names them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from libs.contracts.values import ApplicantKind, Named


@dataclass(frozen=True, slots=True, kw_only=True)
class Lender:
    """Who lends, from a date on."""

    effective_from: date
    signatory: str
    name: Named
    credit_code: str
    address: Named
    telephone: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrower:
    """Who borrows: a person, or an enterprise with its legal representative. Personal data."""

    applicant_id: str
    kind: ApplicantKind
    name: str
    identity_number: str
    mobile: str = ""
    legal_representative: str = ""
    blind: str = ""
    """A value from the borrower's key, put into documents: once the key is gone nobody can make a document again to see
    whether a name or number that he tries gives its hash."""
