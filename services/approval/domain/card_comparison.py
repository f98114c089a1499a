"""The decider of one comparison of past decisions on another card's scores: made, then signed off by somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from libs.contracts.approval import CardCompared, CardComparisonSignedOff
from libs.contracts.problems import Rejected, refuse_unless

Event = CardCompared | CardComparisonSignedOff


@dataclass(frozen=True, slots=True)
class State:
    compared: CardCompared | None = None
    signed: CardComparisonSignedOff | None = None


INITIAL: Final = State()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCardComparison:
    """Put on record what would have been decided."""

    compared: CardCompared


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOffCardComparison:
    note: str
    by: str
    today: date


Command = RecordCardComparison | SignOffCardComparison


def decide(command: Command, state: State) -> Sequence[Event]:
    match command:
        case RecordCardComparison():
            return [command.compared]
        case SignOffCardComparison():
            return [_sign_off(command, state)]


def evolve(state: State, event: Event) -> State:
    match event:
        case CardCompared():
            return replace(state, compared=event)
        case CardComparisonSignedOff():
            return replace(state, signed=event)


def _sign_off(command: SignOffCardComparison, state: State) -> CardComparisonSignedOff:
    compared = state.compared
    if compared is None:
        raise Rejected(
            "comparison-unknown",
            "There is no such comparison; POST /approval/card-comparisons makes one.",
            status=404,
        )
    refuse_unless(state.signed is None, "signed-already", "This comparison is signed off already.")
    refuse_unless(
        command.by not in (compared.drafted_by, compared.rescored_by, compared.compared_by),
        "second-person-needed",
        "Somebody else than who drafted the card, scored with it or made the comparison signs it off.",
        status=403,
    )
    return CardComparisonSignedOff(
        comparison_id=compared.comparison_id,
        card_id=compared.card_id,
        version=compared.version,
        card_sha256=compared.card_sha256,
        considered=compared.considered,
        changed=compared.changed,
        compared_on=compared.compared_on,
        note=command.note,
        signed_by=command.by,
        signed_on=command.today,
    )
