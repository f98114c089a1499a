"""What is done to the platform, drawn by a seed: the same seed means the same faults in the same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final


class Kind(StrEnum):
    """Every kind of fault, with what it shows."""

    KILL_SERVICE = "kill -9 of a service"
    KILL_RELAY_OWNER = "kill -9 of a relay's owner"
    FREEZE_SERVICE = "service stopped and continued"
    STOP_SERVICE = "service asked to end"
    KILL_BROKER = "kill -9 of the broker"
    FREEZE_BROKER = "broker stopped and continued"
    WIPE_BROKER = "broker wiped"
    KILL_POSTGRES = "kill -9 of PostgreSQL"
    FREEZE_POSTGRES = "PostgreSQL stopped and continued"
    KILL_BANK = "kill -9 of the bank"


WEIGHTS: Final[Mapping[Kind, int]] = {
    Kind.KILL_SERVICE: 28,
    Kind.KILL_RELAY_OWNER: 15,
    Kind.FREEZE_SERVICE: 25,
    Kind.STOP_SERVICE: 7,
    Kind.KILL_BROKER: 6,
    Kind.FREEZE_BROKER: 4,
    Kind.WIPE_BROKER: 4,
    Kind.KILL_POSTGRES: 5,
    Kind.FREEZE_POSTGRES: 3,
    Kind.KILL_BANK: 3,
}
"""Of a hundred faults."""
PAUSE_S: Final = (0.1, 1.5)
"""Between the beginnings of two faults."""
DOWN_S: Final = (0.0, 1.5)
"""From a kill until a supervisor starts it again."""
FROZEN_S: Final = (0.5, 6.0)
LONG_FROZEN_S: Final = (11.0, 14.0)
"""Longer than a relay's lease and than the session of a group: others have taken over when it goes on."""
LONG_ONE_IN: Final = 5
SERVER_FROZEN_S: Final = (0.5, 4.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: `target` is a process by name, a service whose relay's owner is meant, or a server."""

    kind: Kind
    target: str
    pause_s: float
    hold_s: float


def plan(seed: int, count: int, processes: Mapping[str, Sequence[str]]) -> list[Fault]:
    """`count` faults on these processes by service; every kind comes when there are at least as many as kinds."""
    random = Random(seed)
    deck = list(Kind)[:count]
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    deck += random.choices(kinds, weights, k=count - len(deck))
    random.shuffle(deck)
    return [_fault(random, kind, processes) for kind in deck]


def _fault(random: Random, kind: Kind, processes: Mapping[str, Sequence[str]]) -> Fault:
    pause_s = random.uniform(*PAUSE_S)
    # One of those whose other processes can take over, where there are any.
    several = sorted(name for name, names in processes.items() if len(names) > 1) or sorted(processes)
    if kind in (Kind.KILL_SERVICE, Kind.STOP_SERVICE, Kind.FREEZE_SERVICE):
        target = random.choice([name for names in processes.values() for name in names])
    elif kind is Kind.KILL_RELAY_OWNER:
        target = random.choice(several)
    else:
        target = {"broker": "broker", "PostgreSQL": "postgres", "bank": "bank"}[_server_of(kind)]
    if kind is Kind.FREEZE_SERVICE:
        hold_s = random.uniform(*(LONG_FROZEN_S if random.randrange(LONG_ONE_IN) == 0 else FROZEN_S))
    elif kind in (Kind.FREEZE_BROKER, Kind.FREEZE_POSTGRES):
        hold_s = random.uniform(*SERVER_FROZEN_S)
    else:
        hold_s = random.uniform(*DOWN_S)
    return Fault(kind, target, pause_s, hold_s)


def _server_of(kind: Kind) -> str:
    return next(name for name in ("broker", "PostgreSQL", "bank") if name in kind.value)
