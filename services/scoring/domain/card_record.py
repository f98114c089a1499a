"""What is on record of cards that were drafted here, and what must be shown of one before it may be approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from libs.contracts.scoring import CardApproved, CardCleared, CardDrafted, CardRetired, CardUse, CardValidated
from services.scoring.domain.document import read

POLICY_FORMAT: Final = "puhui.card-policy/1"


class Stage(StrEnum):
    """Where in its life a card is."""

    DRAFT = "DRAFT"
    VALIDATED = "VALIDATED"
    APPROVED = "APPROVED"
    EFFECTIVE = "EFFECTIVE"
    RETIRED = "RETIRED"


def name_of(card_id: str, version: int) -> str:
    return f"{card_id}-v{version}"


@dataclass(frozen=True, slots=True)
class CardPolicy:
    """What a card's validation must show before it may be approved: of how many applications at least, with how many
    unusable at most in ten thousand, and made how many days ago at most. `comparison_days`: how old the comparison of
    past decisions under a champion-to-be may be that was signed off; None: none is asked for."""

    version: int
    effective_from: date
    source: str
    least_validated: int
    most_unusable_bps: int
    validation_days: int
    comparison_days: int | None = None


def read_card_policy(raw: bytes) -> CardPolicy:
    """Raises `InvalidDocument` with the place of the fault."""
    root = read(raw, POLICY_FORMAT)
    numbers: tuple[str, ...] = ("least_validated", "most_unusable_bps", "validation_days")
    root.allow("format", "version", "effective_from", "source", *numbers, "comparison_days")
    if root.has("comparison_days"):
        numbers = (*numbers, "comparison_days")
    for name in numbers:
        if root.integer(name) < 0:
            root.child(name).fail("is not negative")
    return CardPolicy(
        root.integer("version"), root.date("effective_from"), root.text("source"), *(root.integer(n) for n in numbers)
    )


@dataclass(frozen=True, slots=True)
class CardOnRecord:
    """One card and how far it has come; `drafted` is None for one that a release brought."""

    drafted: CardDrafted | None = None
    validated: CardValidated | None = None
    cleared: CardCleared | None = None
    approved: Mapping[CardUse, CardApproved] = field(default_factory=dict)
    in_effect: frozenset[CardUse] = frozenset()
    retired: CardRetired | None = None

    @property
    def stage(self) -> Stage:
        if self.retired is not None:
            return Stage.RETIRED
        if self.in_effect or self.drafted is None:
            return Stage.EFFECTIVE
        if self.approved:
            return Stage.APPROVED
        return Stage.VALIDATED if self.validated is not None else Stage.DRAFT

    def span(self, use: CardUse) -> tuple[date, date | None] | None:
        """First and last day of a use; None when it is not approved for it. As champion it is no challenger any more."""
        approved = self.approved.get(use)
        if approved is None:
            return None
        ends = [self.retired.retired_from] if self.retired is not None else []
        promoted = self.approved.get(CardUse.CHAMPION)
        if use is CardUse.CHALLENGER and promoted is not None:
            ends.append(promoted.effective_from)
        return approved.effective_from, min(ends) - timedelta(days=1) if ends else None


@dataclass(frozen=True, slots=True)
class State:
    """Every card that was put on record or retired here, by name."""

    cards: Mapping[str, CardOnRecord] = field(default_factory=dict)
