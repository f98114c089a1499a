"""Requests, verdicts and neighbours' events that the tests of decisions are about."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from uuid import UUID, uuid5

from libs.contracts import examples as ex
from libs.contracts.approval import DecisionBasis, Outcome
from libs.contracts.scoring import ApplicationScored
from libs.contracts.values import LoanRequest, Reason
from libs.lending.money import Money
from services.approval.domain.commands import ConsiderApplication, OfferTerms, Verdict
from services.approval.library import library

TODAY: Final = date(2026, 2, 1)
AUTHORITY: Final = library().authority(TODAY)
REASON: Final = Reason.model_validate(ex.REASON)
BASIS: Final = DecisionBasis.model_validate(
    {
        "table_id": "standard",
        "table_version": 1,
        "table_sha256": ex.SHA256,
        "rules": ["some-row"],
        "score": 600,
        "grade": "C",
        "debt_to_income": "0.2",
        "coverage": "0",
    }
)
AS_ASKED: Final = OfferTerms()
APPLICATIONS: Final = UUID("0197a3f0-0000-7000-8000-00000000bbbb")


def application_id(number: int = 0) -> str:
    return str(uuid5(APPLICATIONS, str(number)))


def request(amount: str = "12000.00", **changes: Any) -> LoanRequest:
    return LoanRequest.model_validate(ex.REQUEST | {"amount": ex.cny(amount)} | changes)


def consider(
    outcome: Outcome,
    asked: LoanRequest | None = None,
    *,
    four_eyes: bool = False,
    rate_adjust_bps: int = 0,
    today: date = TODAY,
) -> ConsiderApplication:
    verdict = Verdict(
        outcome=outcome,
        basis=BASIS,
        reasons=(REASON,),
        four_eyes=four_eyes,
        rate_adjust_bps=rate_adjust_bps,
    )
    return ConsiderApplication(
        application_id=application_id(),
        request=asked or request(),
        verdict=verdict,
        authority=AUTHORITY,
        today=today,
    )


def scored(number: int = 0, grade: str = "C", amount: str = "40000.00", **changes: Any) -> ApplicationScored:
    """What scoring says; grade C at this amount is referred, A approved, E declined."""
    income = ex.cny("30000.00")
    asked = request(amount, monthly_income=income, **changes)
    example = ApplicationScored.example | {
        "application_id": application_id(number),
        "grade": grade,
        "request": asked.model_dump(mode="json"),
    }
    return ApplicationScored.model_validate(example)


def money(amount: str) -> Money:
    return Money.of(amount)
