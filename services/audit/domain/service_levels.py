"""How long each step of an application may take: targets as data, with a date from which they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Self

STEPS: Final = (
    "submitted",
    "scored",
    "not scored",
    "referred",
    "claimed",
    "released",
    "recommended",
    "approved",
    "declined",
    "contract offered",
    "contract signed",
    "booked",
    "paid out",
)
"""The steps of an application, in the order in which most go through them."""


@dataclass(frozen=True, slots=True)
class ServiceLevels:
    """One version. `stage_ms`: the longest that an application should stand at a step; the two others: the longest from
    submission to a decision. All in milliseconds."""

    version: int
    effective_from: date
    source: str
    stage_ms: Mapping[str, int]
    automatic_ms: int
    by_people_ms: int

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Raises `KeyError` or `ValueError` for a document that must not be used."""
        stages, decision = document["stage_within_s"], document["decision_within_s"]
        unknown = set(stages) - set(STEPS)
        if unknown:
            raise ValueError(f"service levels name steps that there are not: {sorted(unknown)}")
        return cls(
            version=document["version"],
            effective_from=date.fromisoformat(document["effective_from"]),
            source=document["source"],
            stage_ms={step: _ms(seconds) for step, seconds in stages.items()},
            automatic_ms=_ms(decision["automatic"]),
            by_people_ms=_ms(decision["by_people"]),
        )


def _ms(seconds: int) -> int:
    if type(seconds) is not int or seconds <= 0:
        raise ValueError("a service level is a whole number of seconds above zero")
    return seconds * 1000
