"""The decider of a partner's callback secret: which generation signs what the partner sends us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from libs.contracts.partners import CallbackSecretRotated


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateCallbackSecret:
    """The old secret verifies until this time, in Unix seconds."""

    partner: str
    previous_until: int
    today: date


@dataclass(frozen=True, slots=True)
class CallbackSecret:
    generation: int = 1
    previous_until: int = 0


INITIAL: Final = CallbackSecret()


def decide(command: RotateCallbackSecret, state: CallbackSecret) -> Sequence[CallbackSecretRotated]:
    return [
        CallbackSecretRotated(
            partner=command.partner,
            generation=state.generation + 1,
            previous_until=command.previous_until,
            rotated_on=command.today,
        )
    ]


def evolve(_state: CallbackSecret, event: CallbackSecretRotated) -> CallbackSecret:
    return CallbackSecret(event.generation, event.previous_until)
