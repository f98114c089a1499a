"""Money of which nobody knows yet what it is for: held until it is matched with a loan or sent back, once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import SuspenseMatched, SuspenseReceived, SuspenseReturned
from libs.contracts.problems import Rejected, refuse_unless
from libs.lending.money import Money


@dataclass(frozen=True, slots=True)
class Suspense:
    """One receipt; `closed` says what became of it."""

    received: SuspenseReceived | None = None
    closed: SuspenseMatched | SuspenseReturned | None = None


NO_SUSPENSE: Final = Suspense()


@dataclass(frozen=True, kw_only=True, slots=True)
class SuspenseCommand:
    today: date


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldReceipt(SuspenseCommand):
    suspense_id: str
    amount: Money
    value_date: date
    channel: str
    bank_reference: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchReceipt(SuspenseCommand):
    loan_id: str
    repayment_id: str
    matched_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnReceipt(SuspenseCommand):
    reason: str


def decide(command: SuspenseCommand, state: Suspense) -> list[DomainEvent]:
    if isinstance(command, HoldReceipt):
        return _hold(command, state)
    received = state.received
    if received is None:
        raise Rejected("suspense-not-found", "Nothing is held under this id; look it up in the list.", status=404)
    refuse_unless(
        state.closed is None, "suspense-closed", "What became of this money is settled; see the list of receipts."
    )
    match command:
        case MatchReceipt():
            event: DomainEvent = SuspenseMatched(
                suspense_id=received.suspense_id,
                loan_id=command.loan_id,
                repayment_id=command.repayment_id,
                amount=received.amount,
                matched_by=command.matched_by,
                matched_on=command.today,
            )
        case ReturnReceipt():
            event = SuspenseReturned(
                suspense_id=received.suspense_id,
                amount=received.amount,
                reason=command.reason,
                returned_on=command.today,
            )
        case _:
            raise AssertionError(f"{type(command).__name__} is a command of a held receipt")
    return [event]


def _hold(command: HoldReceipt, state: Suspense) -> list[DomainEvent]:
    if state.received is not None:
        return []
    if command.value_date > command.today:
        text = f"The business date is {command.today}; enter money when it has come."
        raise Rejected("value-date-in-future", text, field="/value_date", status=422)
    event = SuspenseReceived(
        suspense_id=command.suspense_id,
        amount=command.amount,
        value_date=command.value_date,
        channel=command.channel,
        bank_reference=command.bank_reference,
        text=command.text,
        received_on=command.today,
    )
    return [event]


def evolve(state: Suspense, event: DomainEvent) -> Suspense:
    match event:
        case SuspenseReceived():
            return Suspense(event)
        case SuspenseMatched() | SuspenseReturned():
            return replace(state, closed=event)
        case _:
            return state
