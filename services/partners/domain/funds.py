"""The decider of a partner's money with us: what came for its shares of loans, what is set aside, and what is called for.

Nothing is set aside twice, and no more than there is: `available` is never negative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, TypeAlias, TypeVar

from libs.contracts.partners import (
    FundsCalled,
    FundsMissing,
    FundsReceived,
    FundsReleased,
    FundsReserved,
    FundsUsed,
)
from libs.contracts.problems import refuse_unless
from libs.lending.money import Money

CURRENCY: Final = "CNY"
Held = TypeVar("Held")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveFunds:
    partner: str
    receipt_id: str
    amount: Money
    bank_reference: str
    value_date: date
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """For a loan that was booked. `call_until` (RFC 3339, UTC): what is not there is called for; empty: then the loan
    is not paid out."""

    partner: str
    loan_id: str
    application_id: str
    amount: Money
    call_until: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUpCall:
    """The time of a call is over."""

    loan_id: str
    now: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFunds:
    """The loan came to nothing."""

    loan_id: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class UseFunds:
    """The loan was paid out."""

    loan_id: str
    on: date
    recorded_at: str = ""


@dataclass(frozen=True, slots=True)
class Funds:
    """A partner's money with us, in minor units, and the loans that are not paid out yet."""

    partner: str = ""
    available: int = 0
    used: int = 0
    reserved: Mapping[str, FundsReserved] = field(default_factory=dict)
    called: Mapping[str, FundsCalled] = field(default_factory=dict)
    references: frozenset[str] = frozenset()


Command: TypeAlias = ReceiveFunds | SetAside | GiveUpCall | ReleaseFunds | UseFunds
Event: TypeAlias = FundsReceived | FundsReserved | FundsCalled | FundsMissing | FundsReleased | FundsUsed
INITIAL: Final = Funds()


def decide(command: Command, state: Funds) -> Sequence[Event]:
    match command:
        case ReceiveFunds():
            return _received(command, state)
        case SetAside():
            return _set_aside(command, state)
        case GiveUpCall():
            call = state.called.get(command.loan_id)
            if call is None or command.now <= call.until:
                return []
            return [_missing(call, command.today)]
        case ReleaseFunds():
            held = state.reserved.get(command.loan_id) or state.called.get(command.loan_id)
            if held is None:
                return []
            return [
                FundsReleased(
                    partner=state.partner,
                    loan_id=command.loan_id,
                    amount=held.amount,
                    was_reserved=command.loan_id in state.reserved,
                    released_on=command.on,
                )
            ]
        case UseFunds():
            held = state.reserved.get(command.loan_id)
            if held is None:
                return []
            return [
                FundsUsed(
                    partner=state.partner,
                    loan_id=command.loan_id,
                    amount=held.amount,
                    used_on=command.on,
                    recorded_at=command.recorded_at,
                )
            ]


def evolve(state: Funds, event: Event) -> Funds:
    match event:
        case FundsReceived():
            return replace(
                state,
                partner=event.partner,
                available=state.available + event.amount.minor,
                references=state.references | {event.bank_reference},
            )
        case FundsReserved():
            return replace(
                state,
                partner=event.partner,
                available=state.available - event.amount.minor,
                reserved={**state.reserved, event.loan_id: event},
                called=_without(state.called, event.loan_id),
            )
        case FundsCalled():
            return replace(state, partner=event.partner, called={**state.called, event.loan_id: event})
        case FundsMissing():
            return replace(state, partner=event.partner, called=_without(state.called, event.loan_id))
        case FundsReleased():
            back = event.amount.minor if event.was_reserved else 0
            return replace(
                state,
                available=state.available + back,
                reserved=_without(state.reserved, event.loan_id),
                called=_without(state.called, event.loan_id),
            )
        case FundsUsed():
            return replace(
                state, used=state.used + event.amount.minor, reserved=_without(state.reserved, event.loan_id)
            )


def _received(command: ReceiveFunds, state: Funds) -> Sequence[Event]:
    """What came serves the calls that wait, the oldest first; one that it does not cover holds up no smaller one."""
    refuse_unless(
        command.bank_reference not in state.references,
        "funds-recorded-already",
        "Money under this reference of the bank's was recorded already.",
        field="/bank_reference",
    )
    refuse_unless(
        command.value_date <= command.today,
        "value-date-later",
        f"Name a value date up to {command.today.isoformat()}, the business date.",
        field="/value_date",
        status=422,
    )
    refuse_unless(
        command.amount.currency == CURRENCY,
        "wrong-currency",
        f"Loans are in {CURRENCY}; send an amount of it.",
        field="/amount/currency",
        status=422,
    )
    received = FundsReceived(
        partner=command.partner,
        receipt_id=command.receipt_id,
        amount=command.amount,
        bank_reference=command.bank_reference,
        value_date=command.value_date,
        recorded_by=command.by,
        received_on=command.today,
    )
    events: list[Event] = [received]
    left = state.available + command.amount.minor
    for call in state.called.values():
        if call.amount.minor <= left:
            left -= call.amount.minor
            events.append(_reserved(call.partner, call.loan_id, call.application_id, call.amount, command.today))
    return events


def _set_aside(command: SetAside, state: Funds) -> Sequence[Event]:
    if command.loan_id in state.reserved or command.loan_id in state.called:
        return []
    if command.amount.minor <= state.available:
        return [_reserved(command.partner, command.loan_id, command.application_id, command.amount, command.on)]
    call = FundsCalled(
        partner=command.partner,
        loan_id=command.loan_id,
        application_id=command.application_id,
        amount=command.amount,
        until=command.call_until,
        called_on=command.on,
    )
    return [call] if command.call_until else [_missing(call, command.on)]


def _reserved(partner: str, loan_id: str, application_id: str, amount: Money, on: date) -> FundsReserved:
    return FundsReserved(partner=partner, loan_id=loan_id, application_id=application_id, amount=amount, reserved_on=on)


def _missing(call: FundsCalled, on: date) -> FundsMissing:
    return FundsMissing(
        partner=call.partner,
        loan_id=call.loan_id,
        application_id=call.application_id,
        amount=call.amount,
        missing_on=on,
    )


def _without(loans: Mapping[str, Held], loan_id: str) -> dict[str, Held]:
    return {each: held for each, held in loans.items() if each != loan_id}
