"""The published rule documents of this service: indicators, items of information and what is needed of whom, prohibited
attributes, cards, how they are watched.

They are files in the package, changed only by a release; every card is checked before it may score anyone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar

from services.scoring.domain.card import Card, check_card
from services.scoring.domain.card_document import read_card
from services.scoring.domain.card_record import CardPolicy, read_card_policy
from services.scoring.domain.indicators import Catalogue, ProhibitedAttribute, read_catalogue, read_prohibited
from services.scoring.domain.information import InformationPolicy, Kinds, read_items, read_policy
from services.scoring.domain.performance import PerformancePolicy, read_performance_policy
from services.scoring.domain.refresh_policy import RefreshPolicy, read_refresh_policy
from services.scoring.domain.watching import WatchPolicy, read_watch_policy

HERE = Path(__file__).parent


class Dated(Protocol):
    """A policy as one of several versions."""

    @property
    def effective_from(self) -> date: ...

    @property
    def version(self) -> int: ...


P = TypeVar("P", bound=Dated)


def in_force(policies: Sequence[P], on: date) -> P:
    """The version in force on a date: the latest to begin, then the higher version; before the first, the first."""
    valid = [each for each in policies if each.effective_from <= on] or policies[:1]
    return max(valid, key=lambda policy: (policy.effective_from, policy.version))


@dataclass(frozen=True, slots=True)
class Library:
    catalogue: Catalogue
    prohibited: tuple[ProhibitedAttribute, ...]
    cards: tuple[Card, ...]
    """By name, that is by card id and version."""

    watch_policies: tuple[WatchPolicy, ...]
    kinds: Kinds
    """Kinds of items of information, by id."""
    information_policies: tuple[InformationPolicy, ...]
    card_policies: tuple[CardPolicy, ...]
    performance_policies: tuple[PerformancePolicy, ...]
    refresh_policies: tuple[RefreshPolicy, ...]

    def refresh_policy(self, on: date) -> RefreshPolicy:
        """When sources are asked anew while a loan runs, on a business date; before the first policy, as the first says."""
        return in_force(self.refresh_policies, on)

    def performance_policy(self, on: date) -> PerformancePolicy:
        """When a loan counts as defaulted, on a business date; before the first policy, as the first says."""
        return in_force(self.performance_policies, on)

    def card_policy(self, on: date) -> CardPolicy:
        """What a card's validation must show on a business date; before the first policy, as the first says."""
        return in_force(self.card_policies, on)

    def information_policy(self, on: date) -> InformationPolicy:
        """What must be known of whom, for an application of a business date; before the first policy, as the first says."""
        valid = [each for each in self.information_policies if each.effective_from <= on] or self.information_policies[
            :1
        ]
        return max(valid, key=lambda policy: (policy.effective_from, policy.version))

    def watch_policy(self, on: date) -> WatchPolicy:
        """How cards are watched on a business date; before the first policy, as the first says."""
        return in_force(self.watch_policies, on)

    def card(self, name: str) -> Card | None:
        return next((card for card in self.cards if card.name == name), None)

    def document(self, card: Card) -> bytes:
        """The card's bytes, those that its hash is of."""
        return _card_path(card.name).read_bytes()


def _card_path(name: str) -> Path:
    return HERE / "cards" / f"{name}.json"


@cache
def library() -> Library:
    """Raises `InvalidDocument` or `ValueError` for a rule document that must not be used: the service will not start."""
    catalogue = read_catalogue((HERE / "catalogue" / "indicators.json").read_bytes())
    prohibited = read_prohibited((HERE / "catalogue" / "prohibited.json").read_bytes())
    cards = tuple(read_card(path.read_bytes()) for path in sorted((HERE / "cards").glob("*.json")))
    for card in cards:
        check_card(card, catalogue, prohibited)
    policies = [read_watch_policy(path.read_bytes()) for path in (HERE / "policy").glob("watch-*.json")]
    kinds = read_items((HERE / "catalogue" / "items.json").read_bytes(), catalogue, prohibited)
    information = [read_policy(path.read_bytes(), kinds) for path in (HERE / "policy").glob("information-*.json")]
    life = [read_card_policy(path.read_bytes()) for path in (HERE / "policy").glob("cards-*.json")]
    performance = [read_performance_policy(path.read_bytes()) for path in (HERE / "policy").glob("performance-*.json")]
    refresh = [read_refresh_policy(path.read_bytes(), kinds) for path in (HERE / "policy").glob("refresh-*.json")]
    return Library(
        catalogue,
        prohibited,
        tuple(sorted(cards, key=lambda card: (card.card_id, card.version))),
        tuple(sorted(policies, key=lambda policy: policy.effective_from)),
        kinds,
        tuple(sorted(information, key=lambda policy: policy.effective_from)),
        tuple(sorted(life, key=lambda policy: policy.effective_from)),
        tuple(sorted(performance, key=lambda policy: policy.effective_from)),
        tuple(sorted(refresh, key=lambda policy: policy.effective_from)),
    )
