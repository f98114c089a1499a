"""The decider with its stream, and the question put to the decision table."""

from __future__ import annotations

from datetime import date
from typing import Final

from libs.contracts.values import LoanRequest
from libs.events.decider import Decider
from services.approval.domain import decision
from services.approval.domain.capacity import coverage_bps, debt_to_income_bps
from services.approval.domain.commands import Command, ConsiderApplication
from services.approval.domain.state import Event, State
from services.approval.library import library
from services.approval.tables import Facts

DECISION: Final[Decider[Command, State, Event]] = Decider(
    "decision", decision.initial, decision.decide, decision.evolve
)


def consider(
    application_id: str, request: LoanRequest, *, score: int | None, grade: str, today: date
) -> ConsiderApplication:
    """The command for a scored application (score None: a person must), with the verdict of the table in force."""
    facts = Facts(
        grade=grade,
        scored=score is not None,
        dti_bps=debt_to_income_bps(request, today),
        amount_minor=request.amount.minor,
        coverage_bps=coverage_bps(request),
        guarantee=request.guarantee.kind,
    )
    return ConsiderApplication(
        application_id=application_id,
        request=request,
        verdict=library().table(today).decide(facts, score),
        authority=library().authority(today),
        today=today,
    )
