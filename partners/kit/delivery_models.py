"""What the platform answers about webhooks and about files that are laid beside its records."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from partners.kit.models import LoanStatus, Model
from partners.kit.money import Money

EndpointStatus = Literal["ACTIVE", "PAUSED", "DISABLED", "REMOVED"]


class Endpoint(Model):
    """Where you are told, and of what."""

    endpoint_id: str
    partner: str
    url: str
    types: list[str]
    status: EndpointStatus
    registered_on: date


class Secrets(Model):
    """In force, the newest first: any of them verifies, the first one signs."""

    secrets: list[str]


class Challenge(Model):
    """What to sign to show that you hold a key, as it is, and until when that is of use."""

    challenge: str
    until: datetime


class Key(Model):
    """A public key of yours. PROPOSED waits for the platform's people and proves nothing yet."""

    key_id: str
    public_key: str
    valid_from: datetime
    valid_until: datetime | None
    status: Literal["PROPOSED", "REGISTERED"]


class Keys(Model):
    """Your public keys that were not revoked."""

    keys: list[Key]


class Generation(Model):
    """Which callback secret is in force, and until when (Unix seconds) the one before verifies."""

    generation: int
    previous_until: int


class Delivery(Model):
    """A message on its way to an endpoint."""

    position: int
    webhook_id: str
    type: str
    loan_id: str
    sequence: int
    status: Literal["PENDING", "DELIVERED", "GIVEN_UP"]
    attempts: int
    last_status: int
    last_error: str


class Attempt(Model):
    number: int
    at: datetime
    status: int
    error: str
    elapsed_ms: int


class Redelivered(Model):
    """How many deliveries are sent again."""

    deliveries: int


class Item(Model):
    """A line of your daily file: `reference` is the `id` of the event that told of it, `amount` what came in (positive)
    or went out."""

    reference: str
    value_date: date
    amount: Money


class LoanAtEnd(Model):
    """A loan at the end of the day, by your book."""

    loan_id: str
    status: LoanStatus
    outstanding: Money


class DailyFile(Model):
    """Everything that you have for a date. Files are sent in the order of their dates."""

    file_date: date
    items: list[Item]
    loans: list[LoanAtEnd] | None = None


class FileResult(Model):
    """What came of a file."""

    counterparty: str
    file_date: date
    ours: int
    theirs: int
    matched: int
    found: int
    closed: int
    open: int


class Break(Model):
    """Where the two sides differ; `ours` is the platform's, `theirs` yours."""

    break_id: str
    counterparty: str
    kind: Literal["TIMING", "AMOUNT", "MISSING_THERE", "MISSING_HERE", "STATUS"]
    reference: str
    file_date: date
    ours_amount: Money | None
    theirs_amount: Money | None
    ours_date: date | None
    theirs_date: date | None
    ours_status: str
    theirs_status: str
    age_days: int
    assignee: str
    answer: str
    outcome: str | None
    reason: str


class BreakAct(Model):
    break_id: str
    open: int


class AgeBand(Model):
    counterparty: str
    kind: str
    days_min: int
    breaks: int
