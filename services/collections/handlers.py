"""The deciders with their streams, and what a command must know beside its own stream."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from libs.contracts.problems import Rejected
from libs.events.decider import Decider
from libs.events.ids import derive_id
from libs.service.runtime import Runtime
from services.collections.domain import case, conduct, state, watch, watch_commands, watch_state
from services.collections.domain.commands import Command

CASE: Final[Decider[Command, state.State, state.Event]] = Decider("case", case.initial, case.decide, case.evolve)
CONDUCT: Final[Decider[conduct.Command, conduct.State, conduct.Event]] = Decider(
    "conduct", conduct.initial, conduct.decide, conduct.evolve
)
"""One stream a debtor: what counts for hours and frequency is the person, not the case."""

WATCH: Final[Decider[watch_commands.Command, watch_state.State, watch_state.Event]] = Decider(
    "watch", watch.INITIAL, watch.decide, watch.evolve
)
"""One stream a borrower: what he does on one loan tells of the others."""


def case_id(loan_id: str, opened_on: date) -> str:
    """The identifier of the case of a loan that opens on a date."""
    return str(derive_id(UUID(loan_id), f"case/{opened_on}"))


async def case_facts(runtime: Runtime, case_id: str, applicant_id: str | None = None) -> conduct.CaseFacts:
    """What a debtor's record must know of a case; raises `Rejected` 404 when it is not one of `applicant_id`."""
    found, version = await runtime.commands.state(CASE, CASE.stream_id(case_id))
    if version == 0 or applicant_id not in (None, found.applicant_id):
        raise Rejected("case-not-found", "There is no such collection case.", status=404)
    return conduct.CaseFacts(
        case_id=found.case_id,
        applicant_id=found.applicant_id,
        is_open=found.status is state.Status.OPEN,
        stage=found.stage,
    )


async def complaint_open(runtime: Runtime, case_id: str) -> bool:
    """Whether the debtor of a case waits for the answer to a complaint."""
    facts = await case_facts(runtime, case_id)
    record, _ = await runtime.commands.state(CONDUCT, CONDUCT.stream_id(facts.applicant_id))
    return record.complaint_open
