"""Rules that hold for every product: consents to be asked for, and the cap on what a loan may cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from libs.contracts.application import ConsentPurpose
from libs.contracts.values import ApplicantKind, Named
from services.application.domain.product import CostCap


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentText:
    """The words of a consent. Those in force are the last ones of a purpose whose effective date has come."""

    purpose: ConsentPurpose
    version: str
    effective_from: date
    name: Named
    text: Named
    guidance: Named
    applies_to: tuple[ApplicantKind, ...]
    required: bool
    valid_days: int | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedCap:
    """A cap on the all-in annual cost from a date on."""

    effective_from: date
    cap: CostCap


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules as they are published, past and future ones included."""

    version: str
    consent_texts: tuple[ConsentText, ...]
    cost_caps: tuple[DatedCap, ...]
    """In the order of their effective dates; the first one reaches back to the beginning."""

    def consents(self, on: date) -> tuple[ConsentText, ...]:
        """The text in force for each purpose."""
        in_force: dict[ConsentPurpose, ConsentText] = {}
        for text in sorted(self.consent_texts, key=lambda text: text.effective_from):
            if text.effective_from <= on:
                in_force[text.purpose] = text
        return tuple(in_force.values())

    def cost_cap(self, on: date) -> CostCap:
        """The cap for what is agreed on a date. The oldest known holds before its date too: nothing is uncapped."""
        in_force = [dated.cap for dated in self.cost_caps if dated.effective_from <= on]
        return in_force[-1] if in_force else self.cost_caps[0].cap
