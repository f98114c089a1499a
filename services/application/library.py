"""The published rule documents of this service: products, texts of consents, limits. Changed only by a release."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from libs.contracts.application import ConsentPurpose, Product
from libs.contracts.types import RateField, Text
from libs.contracts.values import ApplicantKind, Named
from services.application.domain.policy import ConsentText, DatedCap, Policy
from services.application.domain.product import CostCap

HERE = Path(__file__).parent


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Consent(_Document):
    purpose: ConsentPurpose
    version: Text
    effective_from: date
    name: Named
    text: Named
    guidance: Named
    applies_to: tuple[ApplicantKind, ...]
    required: bool
    valid_days: Annotated[int, Field(ge=1)] | None
    source: Text


class _Consents(_Document):
    version: Text
    texts: tuple[_Consent, ...]


class _Cap(_Document):
    effective_from: date
    rate: RateField
    source: Text
    standing: Literal["P", "S", "D", "M"]
    """How sure the source is: primary text, secondary source, draft, from memory."""


class _Limits(_Document):
    version: Text
    jurisdiction: Text
    lender_type: Text
    all_in_cost_caps: Annotated[tuple[_Cap, ...], Field(min_length=1)]


@cache
def policy() -> Policy:
    """The rules for all products; raises `ValidationError` for a document that must not be used."""
    consents = _Consents.model_validate_json((HERE / "policy" / "consents.json").read_bytes())
    limits = _Limits.model_validate_json((HERE / "policy" / "limits.json").read_bytes())
    caps = sorted(limits.all_in_cost_caps, key=lambda cap: cap.effective_from)
    return Policy(
        version=f"{consents.version}, {limits.version}",
        consent_texts=tuple(ConsentText(**dict(text)) for text in consents.texts),
        cost_caps=tuple(
            DatedCap(effective_from=cap.effective_from, cap=CostCap(rate=Decimal(cap.rate), source=cap.source))
            for cap in caps
        ),
    )


@cache
def products() -> tuple[Product, ...]:
    """The products that a new platform begins with, the versions of each in order."""
    read = (Product.model_validate_json(path.read_bytes()) for path in (HERE / "products").glob("*.json"))
    return tuple(sorted(read, key=lambda product: (product.code, product.version)))
