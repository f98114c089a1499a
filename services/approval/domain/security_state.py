"""How the security for one application stands: what counts, and how much of the loan it covers, on a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from libs.contracts.approval import (
    GuarantorAssessed,
    SecurityConsented,
    SecurityOffered,
    SecurityPerfected,
    SecurityReinstated,
    SecurityReleased,
    SecurityValued,
)
from libs.contracts.values import GuaranteeKind
from libs.lending.money import Money
from services.approval.domain.security_policy import BASIS_POINTS, SecurityPolicy

Event = (
    SecurityOffered
    | GuarantorAssessed
    | SecurityConsented
    | SecurityValued
    | SecurityPerfected
    | SecurityReleased
    | SecurityReinstated
)


@dataclass(frozen=True, slots=True)
class Item:
    """One security as it stands; the last assessment or valuation counts."""

    offered: SecurityOffered
    assessed: GuarantorAssessed | None = None
    consented: SecurityConsented | None = None
    valued: SecurityValued | None = None
    perfected: SecurityPerfected | None = None
    released: SecurityReleased | None = None

    @property
    def is_surety(self) -> bool:
        return self.offered.kind is GuaranteeKind.SURETY

    def counted(self, policy: SecurityPolicy, on: date) -> tuple[Money, str]:
        """What the lender counts on, and what is missing where that is nothing."""
        nothing = Money(0)
        if self.released is not None:
            return nothing, "released"
        if self.consented is None:
            return nothing, "consent-missing"
        if self.is_surety:
            return self._surety(policy, on)
        asset_class = policy.classes.get(self.offered.asset_class)
        if asset_class is None:
            return nothing, "asset-class-not-accepted"
        if self.valued is None:
            return nothing, "valuation-missing"
        if self.valued.valued_on + timedelta(days=asset_class.valuation_days_max) < on:
            return nothing, "valuation-too-old"
        if self.perfected is None:
            return nothing, f"{asset_class.perfected_by.value.lower()}-missing"
        return self.valued.lending_value, ""

    def _surety(self, policy: SecurityPolicy, on: date) -> tuple[Money, str]:
        if self.assessed is None:
            return Money(0), "assessment-missing"
        if self.assessed.assessed_on + timedelta(days=policy.assessment_days_max) < on:
            return Money(0), "assessment-too-old"
        capacity, most = self.assessed.capacity, self.offered.amount_max
        return (capacity if most is None else Money(min(capacity.minor, most.minor), capacity.currency)), ""


@dataclass(frozen=True, slots=True)
class State:
    items: Mapping[str, Item] = field(default_factory=dict)

    def coverage_bps(self, amount: Money, policy: SecurityPolicy, on: date) -> int:
        """What is counted on over an amount, in basis points, rounded down."""
        counted = sum(item.counted(policy, on)[0].minor for item in self.items.values())
        return counted * BASIS_POINTS // amount.minor


INITIAL: Final = State()


def evolve(state: State, event: Event) -> State:
    if isinstance(event, SecurityOffered):
        return State({**state.items, event.security_id: Item(event)})
    item = state.items[event.security_id]
    match event:
        case GuarantorAssessed():
            item = replace(item, assessed=event)
        case SecurityConsented():
            item = replace(item, consented=event)
        case SecurityValued():
            item = replace(item, valued=event)
        case SecurityPerfected():
            item = replace(item, perfected=event)
        case SecurityReleased():
            item = replace(item, released=event)
        case SecurityReinstated():  # what was registered may have been given back meanwhile
            item = replace(item, released=None, perfected=None)
    return State({**state.items, event.security_id: item})
