"""The deciders of this service."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from libs.contracts.base import DomainEvent
from libs.events.decider import Decider
from libs.events.ids import derive_id
from services.ledger.domain import act, day, decisions, period, suspense
from services.ledger.domain import loan as loans
from services.ledger.domain.act import NO_ACT, Act, ActCommand
from services.ledger.domain.commands import LoanCommand
from services.ledger.domain.day import NO_DAY, BusinessDay, CloseDay
from services.ledger.domain.loan import NO_LOAN, Loan
from services.ledger.domain.period import NO_PERIODS, Periods, SealPeriod
from services.ledger.domain.suspense import NO_SUSPENSE, Suspense, SuspenseCommand

LOAN: Final[Decider[LoanCommand, Loan, DomainEvent]] = Decider("loan", NO_LOAN, decisions.decide, loans.evolve)
BUSINESS_DAY: Final[Decider[CloseDay, BusinessDay, DomainEvent]] = Decider(
    "businessday", NO_DAY, day.decide, day.evolve
)
SUSPENSE: Final[Decider[SuspenseCommand, Suspense, DomainEvent]] = Decider(
    "suspense", NO_SUSPENSE, suspense.decide, suspense.evolve
)
PERIOD: Final[Decider[SealPeriod, Periods, DomainEvent]] = Decider("period", NO_PERIODS, period.decide, period.evolve)
ACT: Final[Decider[ActCommand, Act, DomainEvent]] = Decider("act", NO_ACT, act.decide, act.evolve)
PERIOD_STREAM: Final = PERIOD.stream_id("cn")
DAY_STREAM: Final = BUSINESS_DAY.stream_id("cn")
"""One calendar of business days a company."""


def loan_id_of(contract_id: str) -> str:
    """The loan that a contract becomes: the id follows from the contract's."""
    return str(derive_id(UUID(contract_id), "loan"))
