"""What an applicant of the public data would have submitted."""

from __future__ import annotations

from typing import Any

from data.german_credit import Applicant
from libs.contracts import examples
from libs.contracts.values import LoanRequest
from libs.lending.money import Money


def request(applicant: Applicant, **changes: Any) -> LoanRequest:
    published = LoanRequest.model_validate(examples.REQUEST)
    facts: dict[str, Any] = {
        "amount": Money(applicant.amount_minor, "CNY"),
        "instalments": applicant.term_months,
        "answers": dict(applicant.answers),
    }
    return published.model_copy(update=facts | changes)
