"""What the audit API answers with."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Self

from pydantic import ConfigDict, Field

from libs.contracts.examples import APPLICATION, LOAN
from libs.events.codec import Recorded
from libs.lending.money import Money
from libs.service.models import ResponseModel
from services.audit.domain.page import Page


def shown(row: Any) -> dict[str, Any]:
    """A row as JSON values: every `x_minor` becomes the money `x`, empty texts and nulls are left out."""
    currency = row.get("currency") or "CNY"
    result: dict[str, Any] = {}
    for name, value in row.items():
        if value is None or value == "":
            continue
        if name.endswith("_minor"):
            result[name.removesuffix("_minor")] = {"amount": Money(value, currency).amount, "currency": currency}
        else:
            result[name] = value.isoformat() if isinstance(value, (date, datetime)) else value
    return result


class PageSummary(ResponseModel):
    """One application in the list, with what became of it."""

    model_config = ConfigDict(extra="allow")

    application_id: str = Field(examples=[APPLICATION])


class TrailEntry(ResponseModel):
    """One event of the trail: who did what, when, on whose authority, by which rules, caused by what."""

    sequence: int = Field(description="Place in the audit's archive.")
    service: str = Field(examples=["ledger"])
    type: str = Field(examples=["puhui.ledger.loan-disbursed.v1"])
    stream_id: str = Field(examples=[f"loan-{LOAN}"])
    version: int
    event_id: str
    actor: str = Field(examples=["service:ledger"])
    role: str
    authority: str
    recorded_at: str
    effective_date: str | None
    correlation_id: str
    causation_id: str
    request_id: str
    rules: dict[str, str]
    data: dict[str, Any] | None = Field(default=None, description="The event itself, where it was asked for.")

    @classmethod
    def of(cls, row: Any) -> Self:
        values = dict(row)
        recorded_at, effective = values.pop("recorded_at"), values.pop("effective_date")
        return cls(
            **values,
            recorded_at=recorded_at.isoformat(),
            effective_date=effective.isoformat() if effective else None,
        )

    @classmethod
    def of_event(cls, recorded: Recorded[Any]) -> Self:
        meta = recorded.metadata
        return cls(
            sequence=recorded.sequence,
            service=recorded.source.rpartition("/")[2],
            type=recorded.type,
            stream_id=recorded.stream_id,
            version=recorded.version,
            event_id=str(recorded.event_id),
            actor=meta.actor.subject,
            role=meta.actor.role,
            authority=meta.actor.authority,
            recorded_at=meta.recorded_at,
            effective_date=meta.effective_date or None,
            correlation_id=meta.correlation_id,
            causation_id=meta.causation_id,
            request_id=meta.request_id,
            rules=dict(meta.rules),
            data=recorded.event.payload(),
        )


class LoanPage(ResponseModel):
    """Everything about one loan on one page, replayed from its events as of a moment on both axes of time."""

    application: dict[str, Any]
    loan: dict[str, Any] | None
    cases: list[dict[str, Any]]
    effective: date | None
    known: datetime | None
    events: list[TrailEntry]

    @classmethod
    def of(cls, page: Page, history: list[Recorded[Any]], effective: date | None, known: datetime | None) -> Self:
        return cls(
            application=shown(page.application),
            loan=shown(page.loan) if page.loan else None,
            cases=[shown(case) for case in page.cases.values()],
            effective=effective,
            known=known,
            events=[TrailEntry.of_event(recorded) for recorded in history],
        )


class Proof(ResponseModel):
    """An event's bytes as they were recorded, and the Merkle leaf over them (RFC 6962)."""

    entry: TrailEntry
    data_base64: str
    metadata_base64: str
    leaf_hash: str


class Statistics(ResponseModel):
    """Counts and sums over the whole platform, from the read models."""

    applications: dict[str, int]
    decisions: dict[str, dict[str, int]] = Field(description="Outcome by grade.")
    contracts: dict[str, int]
    loans: dict[str, int]
    arrears: dict[str, int] = Field(description="Active loans by bucket.")
    tiers: dict[str, int]
    cases: dict[str, int]
    promises: dict[str, int]
    sums: dict[str, int | str]
    events: dict[str, int] = Field(description="Events by service.")
