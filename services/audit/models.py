"""What the audit API answers with."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, Final, Self

from pydantic import ConfigDict, Field

from libs.contracts.approval import ApplicationApproved, ApplicationDeclined, ApplicationReferred
from libs.contracts.base import DomainEvent
from libs.contracts.examples import APPLICATION, LOAN, PAYMENT, REASON, SHA256
from libs.contracts.values import Reason
from libs.events.codec import Recorded
from libs.events.envelope import StoredEvent
from libs.lending.money import Money
from libs.service.models import ResponseModel
from services.audit.domain.page import Page
from services.audit.domain.sources import sources


def example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


PLACES: Final = Decimal("0.000001")


def rounded(value: Fraction) -> Decimal:
    """A share with six places."""
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(PLACES, ROUND_HALF_UP)


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


ENTRY: Final[dict[str, Any]] = {
    "sequence": 42,
    "service": "ledger",
    "type": "puhui.ledger.loan-disbursed.v1",
    "stream_id": f"loan-{LOAN}",
    "version": 3,
    "event_id": PAYMENT,
    "actor": "service:ledger",
    "role": "service",
    "authority": "",
    "recorded_at": "2026-02-02T02:03:04.000005Z",
    "effective_date": "2026-02-02",
    "correlation_id": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    "causation_id": "",
    "request_id": "",
    "rules": {},
    "data": None,
    "sources": [{"member": "document_sha256", "sha256": SHA256}],
}


class PageSummary(ResponseModel):
    """One application in the list, with what became of it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "application_id": APPLICATION,
                    "product": "consumer-standard",
                    "grade": "B",
                    "decision": "APPROVED",
                    "loan_id": LOAN,
                    "loan_state": "ACTIVE",
                    "outstanding": {"amount": "11079.84", "currency": "CNY"},
                }
            ]
        },
    )

    application_id: str


class TrailEntry(ResponseModel):
    """One event of the trail: who did what, when, on whose authority, by which rules, caused by what."""

    model_config = ConfigDict(json_schema_extra={"examples": [ENTRY]})

    sequence: int = Field(description="Place in the audit's archive.")
    service: str
    type: str
    stream_id: str
    version: int
    event_id: str
    actor: str
    role: str
    authority: str
    recorded_at: str
    effective_date: str | None
    correlation_id: str
    causation_id: str
    request_id: str
    rules: dict[str, str]
    data: dict[str, Any] | None = Field(default=None, description="The event itself, where it was asked for.")
    sources: list[dict[str, str]] | None = Field(
        default=None, description="From which data: what the event names by hash, with what it says of its source."
    )

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
    def of_stored(cls, stored: StoredEvent, service: str, data: Any) -> Self:
        """As it is stored: sealed values stay sealed."""
        meta = stored.circumstances
        return cls(
            sequence=stored.sequence,
            service=service,
            type=stored.type,
            stream_id=stored.stream_id,
            version=stored.version,
            event_id=str(stored.event_id),
            actor=meta.actor.subject,
            role=meta.actor.role,
            authority=meta.actor.authority,
            recorded_at=meta.recorded_at,
            effective_date=meta.effective_date or None,
            correlation_id=meta.correlation_id,
            causation_id=meta.causation_id,
            request_id=meta.request_id,
            rules=dict(meta.rules),
            data=data,
            sources=sources(data),
        )

    @classmethod
    def of_event(cls, recorded: Recorded[Any]) -> Self:
        meta, data = recorded.metadata, recorded.event.payload()
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
            data=data,
            sources=sources(data),
        )


class DecisionTaken(ResponseModel):
    """One decision on the application: by which rows of which table, for which reasons, by whom."""

    model_config = example(
        outcome="APPROVED",
        decided_on="2026-02-01",
        table="standard v2",
        rules=["grade-c-small-approve", "grade-c-shorten"],
        reasons=[REASON],
        decided_by=[],
        override="",
        term_override="",
    )

    outcome: str
    decided_on: date
    table: str
    rules: tuple[str, ...] = Field(description="Every row that matched, the one that decided first.")
    reasons: tuple[Reason, ...]
    decided_by: tuple[str, ...] = Field(default=(), description="Empty: no person was needed.")
    override: str = Field(default="", description="Why people approved what the table had declined.")
    term_override: str = Field(default="", description="Why people offered a longer term than the table allows.")

    @classmethod
    def of(cls, event: DomainEvent) -> Self | None:
        """None for an event that decides nothing."""
        match event:
            case ApplicationReferred():
                outcome, decided_on, people = "REFERRED", event.referred_on, {}
            case ApplicationDeclined():
                outcome, decided_on, people = "DECLINED", event.declined_on, {"decided_by": event.decided_by}
            case ApplicationApproved():
                outcome, decided_on = "APPROVED", event.approved_on
                people = {name: getattr(event, name) for name in ("decided_by", "override", "term_override")}
            case _:
                return None
        table = f"{event.basis.table_id} v{event.basis.table_version}"
        taken = {"outcome": outcome, "decided_on": decided_on, "table": table, **people}
        return cls(rules=event.basis.rules, reasons=event.reasons, **taken)


class LoanPage(ResponseModel):
    """Everything about one loan on one page, replayed from its events as of a moment on both axes of time."""

    model_config = example(
        application={"application_id": APPLICATION, "grade": "B", "decision": "APPROVED", "loan_id": LOAN},
        loan={"loan_id": LOAN, "loan_state": "ACTIVE", "days_past_due": 0},
        cases=[],
        decisions=[DecisionTaken.model_config["json_schema_extra"]["examples"][0]],  # type: ignore[index]
        effective=None,
        known=None,
        events=[ENTRY],
    )

    application: dict[str, Any]
    loan: dict[str, Any] | None
    cases: list[dict[str, Any]]
    decisions: list[DecisionTaken] = Field(description="In their order; what a person decides follows a referral.")
    effective: date | None
    known: datetime | None
    events: list[TrailEntry]

    @classmethod
    def of(cls, page: Page, history: list[Recorded[Any]], effective: date | None, known: datetime | None) -> Self:
        return cls(
            application=shown(page.application),
            loan=shown(page.loan) if page.loan else None,
            cases=[shown(case) for case in page.cases.values()],
            decisions=[taken for recorded in history if (taken := DecisionTaken.of(recorded.event)) is not None],
            effective=effective,
            known=known,
            events=[TrailEntry.of_event(recorded) for recorded in history],
        )


class Proof(ResponseModel):
    """An event's bytes as they were recorded, and the Merkle leaf over them (RFC 6962)."""

    model_config = example(entry=ENTRY, data_base64="e30=", metadata_base64="e30=", leaf_hash=SHA256)

    entry: TrailEntry
    data_base64: str
    metadata_base64: str
    leaf_hash: str


class Statistics(ResponseModel):
    """Counts and sums over the whole platform, from the read models."""

    model_config = example(
        applications={"CONTRACTED": 1},
        decisions={"APPROVED": {"B": 1}},
        contracts={"SIGNED": 1},
        loans={"ACTIVE": 1},
        arrears={"CURRENT": 1},
        tiers={"NORMAL": 1},
        cases={},
        promises={"made": 0, "kept": 0, "broken": 0, "contacts": 0},
        sums={"lent": "12000.00", "repaid": "1100.16", "repayments": 1},
        events={"application": 4, "ledger": 4},
    )

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


class LogShown(ResponseModel):
    """One service's log: how far its head goes. `halted` and `unwitnessed` are empty while all is well."""

    model_config = example(
        name="ledger",
        origin="puhui.local/ledger",
        heard=1203,
        events=1200,
        streams=80,
        root=SHA256,
        signed_at="2026-02-02T02:03:04.000005Z",
        halted="",
        unwitnessed="",
    )

    name: str
    origin: str
    heard: int = Field(description="The last event that the archive holds of the service.")
    events: int | None = Field(description="How many the last head is signed over: a gap before an event holds it up.")
    streams: int | None
    root: str | None
    signed_at: str | None
    halted: str
    unwitnessed: str


class LogList(ResponseModel):
    """All logs, and the public keys by which heads and bundles are checked."""

    model_config = example(items=[LogShown.model_config["json_schema_extra"]["examples"][0]], keys=["puhui.local/ledger+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"])  # type: ignore[index]  # fmt: skip

    items: list[LogShown]
    keys: list[str]


class Change(ResponseModel):
    """One field of the state before and after an event; null where there was nothing."""

    model_config = example(path="loan.loan_state", before="BOOKED", after="ACTIVE")

    path: str
    before: Any
    after: Any


class ReplayStep(ResponseModel):
    """One event of a replay: the state before it, the event, the state after it, and the difference."""

    model_config = example(
        number=9,
        event=ENTRY,
        before={"application": None, "loan": {"loan_state": "BOOKED"}, "cases": {}},
        after={"application": None, "loan": {"loan_state": "ACTIVE"}, "cases": {}},
        difference=[{"path": "loan.loan_state", "before": "BOOKED", "after": "ACTIVE"}],
    )

    number: int
    event: TrailEntry
    before: dict[str, Any]
    after: dict[str, Any]
    difference: list[Change]
