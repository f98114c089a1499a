"""What security is worth to the lender: haircuts, ages and forms by class of asset, the capacity of a guarantor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, Self

from libs.contracts.values import GuaranteeKind
from libs.lending.money import Money

BASIS_POINTS: Final = 10_000


class Perfection(StrEnum):
    """What must have happened before a mortgage or pledge is counted on."""

    REGISTRATION = "REGISTRATION"
    DELIVERY = "DELIVERY"


@dataclass(frozen=True, slots=True)
class AssetClass:
    """Things or rights of one kind: what is taken off their value, how old a valuation may be, how they are perfected."""

    code: str
    kind: GuaranteeKind
    haircut_bps: int
    valuation_days_max: int
    perfected_by: Perfection
    source: str
    standing: str

    def lending_value(self, value: Money) -> Money:
        """The value less the haircut, rounded down to the fen."""
        return Money(value.minor * (BASIS_POINTS - self.haircut_bps) // BASIS_POINTS, value.currency)


@dataclass(frozen=True, slots=True)
class SecurityPolicy:
    """One version. `coverage_min_bps`: how much of a loan its security must cover, by kind."""

    version: int
    effective_from: date
    currency: str
    classes: Mapping[str, AssetClass]
    coverage_min_bps: Mapping[GuaranteeKind, int]
    capacity_months: int
    assessment_days_max: int

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Raises `KeyError` or `ValueError` for a document that must not be used."""
        surety = document["surety"]
        classes = [_asset_class(each) for each in document["classes"]]
        return cls(
            version=document["version"],
            effective_from=date.fromisoformat(document["effective_from"]),
            currency=document["currency"],
            classes={each.code: each for each in classes},
            coverage_min_bps={GuaranteeKind(kind): bps for kind, bps in document["coverage_min_bps"].items()},
            capacity_months=surety["capacity_months"],
            assessment_days_max=surety["assessment_days_max"],
        )

    def capacity(self, monthly_income: Money, monthly_debt_service: Money) -> Money:
        """What is left of a guarantor's income, over the months that count; never below zero."""
        left = monthly_income.minor - monthly_debt_service.minor
        return Money(max(left, 0) * self.capacity_months, monthly_income.currency)


def _asset_class(document: Mapping[str, Any]) -> AssetClass:
    haircut = document["haircut_bps"]
    if type(haircut) is not int or not 0 <= haircut <= BASIS_POINTS:
        raise ValueError(f"{document['code']}: a haircut is a whole number of basis points from 0 to 10000")
    return AssetClass(
        code=document["code"],
        kind=GuaranteeKind(document["kind"]),
        haircut_bps=haircut,
        valuation_days_max=document["valuation_days_max"],
        perfected_by=Perfection(document["perfected_by"]),
        source=document["source"],
        standing=document["standing"],
    )
