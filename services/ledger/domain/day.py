"""The business day: one is open at a time, and days close in order. A company has one calendar of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import AccrualLine, BusinessDayOpened, DayClosed, LoanFailure
from libs.contracts.problems import refuse_unless


@dataclass(frozen=True, slots=True)
class BusinessDay:
    """The open day (None: none was closed yet), and what the last close took into account."""

    today: date | None = None
    closed: date | None = None
    known_until: int = 0


NO_DAY: Final = BusinessDay()


@dataclass(frozen=True, kw_only=True, slots=True)
class CloseDay:
    """Close `day` with what accrued on it, and open the next."""

    day: date
    accruals: tuple[AccrualLine, ...]
    loans: int
    detail_sha256: str
    known_until: int
    failures: tuple[LoanFailure, ...] = ()


def decide(command: CloseDay, state: BusinessDay) -> list[DomainEvent]:
    open_day = state.today or command.day
    refuse_unless(
        command.day == open_day, "day-not-open", f"{open_day} is the open business day; only that one can be closed."
    )
    closed = DayClosed(
        business_date=command.day,
        accruals=command.accruals,
        loans=command.loans,
        detail_sha256=command.detail_sha256,
        known_until=command.known_until,
        failures=command.failures,
    )
    return [closed, BusinessDayOpened(business_date=command.day + timedelta(days=1), previous=command.day)]


def evolve(state: BusinessDay, event: DomainEvent) -> BusinessDay:
    match event:
        case DayClosed():
            return BusinessDay(state.today, event.business_date, event.known_until)
        case BusinessDayOpened():
            return BusinessDay(event.business_date, state.closed, state.known_until)
        case _:
            return state
