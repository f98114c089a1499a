"""What it cost to bring applications in, by channel and source (R6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from libs.contracts.application import AcquisitionCostKind, AcquisitionCostRecorded, AcquisitionCostWithdrawn
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import Channel
from libs.lending.money import Money

DAYS_MOST: Final = 366
"""What covers more is recorded a year at a time: the longer it is, the less its share of some days says."""
ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCost:
    cost_id: str
    channel: Channel
    source: str
    kind: AcquisitionCostKind
    amount: Money
    first_day: date
    last_day: date
    document: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawCost:
    """It was recorded wrongly."""

    reason: str
    today: date


Command = RecordCost | WithdrawCost
Event = AcquisitionCostRecorded | AcquisitionCostWithdrawn


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost on record."""

    recorded: AcquisitionCostRecorded
    withdrawn_on: date | None = None


State = Cost | None
INITIAL: Final[State] = None


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that follow; raises `Rejected`."""
    match command:
        case RecordCost():
            return [_recorded(command)] if state is None else []
        case WithdrawCost():
            if state is None:
                raise Rejected("cost-unknown", "There is no such cost; see the list of costs.", status=404)
            if state.withdrawn_on is not None:
                return []
            cost_id = state.recorded.cost_id
            return [AcquisitionCostWithdrawn(cost_id=cost_id, reason=command.reason, withdrawn_on=command.today)]


def evolve(state: State, event: Event) -> State:
    match event:
        case AcquisitionCostRecorded():
            return Cost(event)
        case AcquisitionCostWithdrawn():
            assert state is not None, "only what is on record is withdrawn"
            return replace(state, withdrawn_on=event.withdrawn_on)


def _recorded(command: RecordCost) -> AcquisitionCostRecorded:
    refuse_unless(
        command.first_day <= command.last_day <= command.first_day + (DAYS_MOST - 1) * ONE_DAY,
        "cost-days",
        f"Send a last day from the first one on, at most {DAYS_MOST} days in all.",
        field="/last_day",
        status=422,
    )
    return AcquisitionCostRecorded(
        cost_id=command.cost_id,
        channel=command.channel,
        source=command.source,
        kind=command.kind,
        amount=command.amount,
        first_day=command.first_day,
        last_day=command.last_day,
        document=command.document,
        recorded_on=command.today,
    )


def part_within(minor: int, days: tuple[date, date], wanted: tuple[date, date]) -> int:
    """How much of an amount over some days falls on those that are wanted, by days, to the fen; both ranges with their
    last days. The parts of ranges that follow one another add up to the whole."""
    first, last = days
    whole = (last - first).days + 1

    def until(day: date) -> int:
        """Of the days up to this one, itself included."""
        passed = min(max((day - first).days + 1, 0), whole)
        return minor * passed // whole

    return until(wanted[1]) - until(wanted[0] - ONE_DAY)
