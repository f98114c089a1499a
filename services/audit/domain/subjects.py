"""Whom and what an event speaks of: by these its trail is found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

SUBJECTS: Final = {
    "application_id": "application",
    "applicant_id": "applicant",
    "contract_id": "contract",
    "loan_id": "loan",
    "act_id": "act",
    "case_id": "case",
    "payment_id": "payment",
    "repayment_id": "repayment",
    "person_id": "contact",
    "security_id": "security",
    "provider_id": "provider",
}
"""Members of events that name a subject, with the kind of subject that they name."""


def subjects(payload: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The (kind, identifier) pairs that an event's payload names, each once."""
    for member, kind in SUBJECTS.items():
        value = payload.get(member)
        if isinstance(value, str) and value:
            yield kind, value
    if "applicant_id" in payload:
        return
    for holder in (payload, payload.get("agreement"), payload.get("approval")):
        request = holder.get("request") if isinstance(holder, dict) else None
        if isinstance(request, dict):
            yield "applicant", request["applicant_id"]
            return
