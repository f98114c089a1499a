"""What a simulated source answers about whom: the same seed and number always give the same."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Final

SCALE: Final = 10_000
"""Rates are basis points: whole numbers of ten thousand numbers."""


class Behaviour(StrEnum):
    CLEAN = "clean"
    """A report with nothing in it that speaks against anybody."""
    ADVERSE = "adverse"
    """A report that does."""
    NO_HIT = "no-hit"
    """Nobody is known by this number."""
    CONFLICTING = "conflicting"
    """Somebody of another name has this number."""
    STALE = "stale"
    """A report of long ago."""
    PARTIAL = "partial"
    """A report with facts left out."""
    SLOW = "slow"
    """A report, later than anybody waits."""
    BROKEN_ONCE = "broken-once"
    """The first question breaks, the next is answered."""
    DOWN = "down"
    """Every question breaks."""
    GARBLED = "garbled"
    """Something that is no report."""
    WORSENS = "worsens"
    """A clean report until a day, an adverse one from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Rates in basis points, from when reports that worsen are adverse, how long a slow answer takes. All zero: a source that answers well of everybody."""

    adverse: int = 0
    no_hit: int = 0
    conflicting: int = 0
    stale: int = 0
    partial: int = 0
    slow: int = 0
    broken_once: int = 0
    down: int = 0
    garbled: int = 0
    worsens: int = 0
    worse_from: str = "2026-07-01"
    slow_s: float = 5.0

    def __post_init__(self) -> None:
        rates = [getattr(self, name) for name in RATES]
        if any(type(rate) is not int or rate < 0 for rate in rates) or sum(rates) > SCALE:
            raise ValueError(f"fault rates are whole basis points and sum to at most {SCALE}")
        date.fromisoformat(self.worse_from)
        if self.slow_s < 0:
            raise ValueError("times are not negative")


RATES: Final = tuple(field.name for field in fields(Faults) if field.name not in ("worse_from", "slow_s"))


def draw(seed: int, purpose: str, size: int) -> int:
    """A number below `size` that belongs to a seed and a purpose."""
    digest = sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % size


def behaviour_of(seed: int, faults: Faults, identity_number: str) -> Behaviour:
    """How the source behaves about a number."""
    drawn = draw(seed, f"behaviour/{identity_number}", SCALE)
    for name in RATES:
        drawn -= getattr(faults, name)
        if drawn < 0:
            return Behaviour(name.replace("_", "-"))
    return Behaviour.CLEAN
