"""The decider of a record: when persons' keys were wrapped anew, and under what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from libs.contracts.audit import KeysRewrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRewrapping:
    """Persons' keys were wrapped anew."""

    wrapped_by: str
    keys: int
    today: date


def decide(command: RecordRewrapping, _state: str) -> Sequence[KeysRewrapped]:
    return [KeysRewrapped(wrapped_by=command.wrapped_by, keys=command.keys, rewrapped_on=command.today)]


def evolve(_state: str, event: KeysRewrapped) -> str:
    return event.wrapped_by
