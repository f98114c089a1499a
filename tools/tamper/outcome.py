"""What comes of an attack."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attack: whether it was found as what it is and at its place, and what was told."""

    name: str
    right: bool
    where: str
    seconds: float
    told: str
