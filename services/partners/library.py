"""The rule documents of this service, checked when it starts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from libs.contracts.partners import ContactRole
from libs.webhooks import RetrySchedule
from services.partners.domain.agreement import Regime

HERE = Path(__file__).parent


class DeliveryPolicy(BaseModel):
    """How deliveries are repeated. Seconds; the document says where each value comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[int, Field(ge=1)]
    effective_from: date
    pauses_s: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    jitter_percent: Annotated[int, Field(ge=0, le=100)]
    retry_after_s_max: Annotated[int, Field(ge=0)]
    slow_down_s: Annotated[int, Field(ge=1)]
    secret_overlap_s: Annotated[int, Field(ge=0)]
    source: str
    standing: str

    @property
    def schedule(self) -> RetrySchedule:
        return RetrySchedule(self.pauses_s, self.jitter_percent, self.retry_after_s_max)


@cache
def delivery_policy() -> DeliveryPolicy:
    """Raises `ValueError` for a document that must not be used: the service will not start."""
    return DeliveryPolicy.model_validate_json((HERE / "policy" / "delivery.v1.json").read_bytes())


@cache
def regimes() -> Sequence[Regime]:
    """What law leaves open for shares, every version; raises `ValueError` for a document that must not be used."""
    document = json.loads((HERE / "policy" / "regimes.v1.json").read_bytes())
    return TypeAdapter(tuple[Regime, ...]).validate_python(document["regimes"])


def regimes_on(day: date) -> Sequence[Regime]:
    """Those in force on a day, each in its latest version."""
    in_force: dict[str, Regime] = {}
    for regime in sorted(regimes(), key=lambda each: each.effective_from):
        if regime.effective_from <= day:
            in_force[regime.regime] = regime
    return list(in_force.values())


class ContactPolicy(BaseModel):
    """Which contact persons a partner has before an agreement with it is approved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[int, Field(ge=1)]
    effective_from: date
    needed: tuple[ContactRole, ...]
    source: str
    standing: str


@cache
def contact_policies() -> Sequence[ContactPolicy]:
    """Every version, the earliest first; raises `ValueError` for a document that must not be used."""
    documents = (HERE / "policy").glob("contacts.v*.json")
    policies = [ContactPolicy.model_validate_json(document.read_bytes()) for document in documents]
    return sorted(policies, key=lambda policy: policy.effective_from)


def needed_contacts(day: date) -> Sequence[ContactRole]:
    """By the version in force on a day."""
    in_force = [policy for policy in contact_policies() if policy.effective_from <= day]
    return in_force[-1].needed if in_force else ()


class KeyPolicy(BaseModel):
    """How a partner's own keys come into force: whether one of us confirms a key that nothing vouches for (`alone`), and one
    for which a key in force has signed (`endorsed`). Seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[int, Field(ge=1)]
    effective_from: date
    confirm_alone: bool
    confirm_endorsed: bool
    challenge_within_s: Annotated[int, Field(ge=1)]
    overlap_s: Annotated[int, Field(ge=0)]
    source: str
    standing: str


@cache
def key_policy() -> KeyPolicy:
    """Raises `ValueError` for a document that must not be used."""
    return KeyPolicy.model_validate_json((HERE / "policy" / "keys.v1.json").read_bytes())


class ReconciliationPolicy(BaseModel):
    """How files of others are laid beside our records; the document says where each value comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[int, Field(ge=1)]
    effective_from: date
    breaks_max: Annotated[int, Field(ge=1)]
    age_days: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
    source: str
    standing: str


@cache
def reconciliation_policy() -> ReconciliationPolicy:
    """Raises `ValueError` for a document that must not be used."""
    return ReconciliationPolicy.model_validate_json((HERE / "policy" / "reconciliation.v1.json").read_bytes())
