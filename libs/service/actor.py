"""Who acts: the identity behind a request, its roles and the limits of its authority."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "customer": "A front-end application that acts for an applicant or borrower.",
        "loan_officer": "Takes applications in and works on them with the applicant.",
        "credit_officer": "Assesses referred applications and decides within an authority limit.",
        "senior_credit_officer": "Decides above a credit officer's limit and gives the second signature.",
        "risk_manager": "Owns score cards, decision tables and limits.",
        "contract_officer": "Prepares agreements and watches over their signature.",
        "finance_officer": "Works on disbursements and repayments.",
        "finance_manager": "Approves write-offs and corrections, closes periods.",
        "collector": "Works on collection cases.",
        "collection_manager": "Assigns cases, agrees plans, hands over to legal recourse.",
        "auditor": "Reads everything, changes nothing.",
        "privacy_officer": "Answers for personal data: requests of persons, restriction, erasure, legal holds.",
        "compliance_officer": "Runs control tests, draws samples, follows violations to their end.",
        "operator": "Runs the platform: business date, parked events, rebuilds.",
        "service": "A service of the platform.",
        "partner": "An outside partner's system.",
    }
)
"""Every role the platform knows, with what it stands for. A token's other roles are left out."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The person, service or partner that a verified token speaks for."""

    subject: str
    roles: frozenset[str]
    name: str | None = None
    authority: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Limits granted to this actor, for example {"approve_amount": "50000.00"}; decimal strings, never floats."""
    on_behalf_of: str | None = None
    """The applicant or borrower a front end acts for."""

    def has(self, *roles: str) -> bool:
        """Whether the actor holds at least one of the roles."""
        return not self.roles.isdisjoint(roles)

    def acting_as(self, allowed: frozenset[str]) -> str | None:
        """The role under which the actor acts where `allowed` are admitted, for the record; None without one."""
        return min(self.roles & allowed, default=None)
