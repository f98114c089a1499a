"""Read models of the whole platform: the pages of applications, loans and cases, who answers for which, and the trail of
every event."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from libs.contracts import audit
from libs.contracts.approval import SecurityConsented, SecurityOffered, SecurityReinstated, SecurityReleased
from libs.contracts.base import EVENT_TYPES
from libs.contracts.catalogue import service_of
from libs.events.clock import EPOCH, parse_us
from libs.events.codec import Recorded
from libs.events.projection import Add, Change, Patch, Projection, Put
from services.audit.domain.page import Subject, effects
from services.audit.domain.subjects import subjects

metadata = MetaData()


def _text(name: str) -> Column[Any]:
    return Column(name, Text, nullable=False, default="")


def _sum(name: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, default=0)


application_page = Table(
    "application_page",
    metadata,
    Column("application_id", Text, primary_key=True),
    *map(_text, ("applicant_id", "product", "channel", "source", "currency", "method", "application_state")),
    _sum("amount_minor"),
    Column("instalments", Integer),
    Column("started_on", Date),
    Column("submitted_on", Date),
    Column("score", Integer),
    *map(_text, ("grade", "probability_of_default", "card", "decision", "rule", "decision_table", "decided_by")),
    Column("automatic", Boolean),
    *map(_text, ("offer_lapsed", "contract_id", "contract_state", "irr_annual", "document_sha256", "loan_id")),
    Index("application_page_loan", "loan_id"),
    Index("application_page_applicant", "applicant_id"),
)
loan_page = Table(
    "loan_page",
    metadata,
    Column("loan_id", Text, primary_key=True),
    *map(_text, ("application_id", "applicant_id", "product", "grade", "currency", "loan_state", "bucket", "tier")),
    *map(_text, ("disbursement", "settlement")),
    *map(_sum, ("principal_minor", "outstanding_minor", "outstanding_principal_minor", "overdue_minor")),
    *map(_sum, ("credit_minor", "repaid_minor", "written_off_minor", "recovered_minor")),
    *map(_sum, ("repayments", "reversals", "recoveries", "reminders", "cases")),
    Column("days_past_due", Integer, nullable=False, default=0),
    Column("disbursement_attempts", Integer, nullable=False, default=0),
    *(
        Column(name, Date)
        for name in ("booked_on", "disbursed_on", "as_of", "next_due", "settled_on", "written_off_on")
    ),
    Index("loan_page_state", "loan_state", "loan_id"),
    Index("loan_page_application", "application_id"),
)
case_page = Table(
    "case_page",
    metadata,
    Column("case_id", Text, primary_key=True),
    *map(_text, ("loan_id", "application_id", "case_state", "stage", "collector", "ended")),
    *map(_sum, ("contacts", "promises", "promises_kept", "promises_broken", "complaints")),
    Column("opened_on", Date),
    Column("closed_on", Date),
    Index("case_page_loan", "loan_id"),
)
person_page = Table(
    "person_page",
    metadata,
    Column("applicant_id", Text, primary_key=True),
    *map(_text, ("status", "rule")),
    _sum("holds"),
    *(Column(name, Date) for name in ("until", "restricted_on", "erased_on")),
    Index("person_page_status", "status", "until"),
)
violation_page = Table(
    "violation_page",
    metadata,
    Column("violation_id", Text, primary_key=True),
    *map(_text, ("status", "control", "severity", "person", "subject", "assigned_to")),
    *(Column(name, Date) for name in ("found_on", "due", "closed_on")),
    Index("violation_page_status", "status", "violation_id"),
)
security_page = Table(
    "security_page",
    metadata,
    Column("application_id", Text, primary_key=True),
    Column("security_id", Text, primary_key=True),
    *map(_text, ("provider_id", "kind")),
    *(Column(name, Date) for name in ("offered_on", "consented_on", "released_on")),
    Index("security_page_provider", "provider_id"),
)
trail = Table(
    "trail",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    *map(_text, ("service", "type", "stream_id", "event_id", "actor", "role", "authority")),
    Column("version", Integer, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("effective_date", Date),
    *map(_text, ("correlation_id", "causation_id", "request_id")),
    Column("rules", JSONB, nullable=False),
    Index("trail_event", "event_id", unique=True),
    Index("trail_actor", "actor", "sequence"),
    Index("trail_role", "role", "actor", "event_id"),
    Index("trail_correlation", "correlation_id", "sequence"),
    Index("trail_stream", "stream_id", "sequence"),
)
trail_subject = Table(
    "trail_subject",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
)

PAGES: Final = {Subject.APPLICATION: application_page, Subject.LOAN: loan_page, Subject.CASE: case_page}
KEYS: Final = {Subject.APPLICATION: "application_id", Subject.LOAN: "loan_id", Subject.CASE: "case_id"}

pages = Projection("pages", 1, [application_page, loan_page, case_page, person_page, violation_page])
securities = Projection("securities", 1, [security_page])
"""By itself, so that a store that holds such events from before fills it from them."""
trails = Projection("trails", 1, [trail, trail_subject])


@pages.on(*EVENT_TYPES.values())
def page_rows(recorded: Recorded[Any]) -> Iterator[Change]:
    for effect in effects(recorded.event):
        table, key = PAGES[effect.subject], {KEYS[effect.subject]: effect.key}
        yield Add(table, key, effect.amounts)  # makes the row when it is not there
        if effect.values:
            yield Patch(table, key, effect.values)
    yield from _person(recorded.event)
    yield from _violation(recorded.event)


def _person(event: Any) -> Iterator[Change]:
    """What became of a person's data: no data, only where they stand."""
    match event:
        case audit.LegalHoldPlaced():
            yield Add(person_page, {"applicant_id": event.applicant_id}, {"holds": 1})
        case audit.LegalHoldReleased():
            yield Add(person_page, {"applicant_id": event.applicant_id}, {"holds": -1})
        case audit.PersonRestricted():
            status = {"status": "RESTRICTED", "until": event.until, "restricted_on": event.restricted_on}
            yield from _stands(event.applicant_id, rule=event.rule, **status)
        case audit.RestrictionLifted():
            yield from _stands(event.applicant_id, status="IN_USE", rule="", until=None, restricted_on=None)
        case audit.ErasureDue():
            yield from _stands(event.applicant_id, status="ERASURE_DUE", rule=event.rule)
        case audit.PersonErased():
            yield from _stands(event.applicant_id, status="ERASED", erased_on=event.erased_on)


def _violation(event: Any) -> Iterator[Change]:
    match event:
        case audit.ViolationFound():
            names = ("violation_id", "control", "person", "subject", "found_on")
            row = {name: getattr(event, name) for name in names}
            yield Put(violation_page, row | {"status": "FOUND", "severity": event.severity.value})
        case audit.ViolationAssigned():
            values = {"status": "ASSIGNED", "assigned_to": event.assigned_to, "due": event.due}
            yield Patch(violation_page, {"violation_id": event.violation_id}, values)
        case audit.ViolationAnswered():
            yield Patch(violation_page, {"violation_id": event.violation_id}, {"status": "ANSWERED"})
        case audit.ViolationClosed():
            values = {"status": "CLOSED", "closed_on": event.closed_on}
            yield Patch(violation_page, {"violation_id": event.violation_id}, values)


def _stands(applicant_id: str, **values: Any) -> Iterator[Change]:
    key = {"applicant_id": applicant_id}
    yield Add(person_page, key, {"holds": 0})  # makes the row when it is not there
    yield Patch(person_page, key, values)


@securities.on(SecurityOffered)
def security_offered(recorded: Recorded[SecurityOffered]) -> Iterator[Change]:
    event = recorded.event
    names = ("application_id", "security_id", "provider_id", "offered_on")
    yield Put(security_page, {name: getattr(event, name) for name in names} | {"kind": event.kind.value})


@securities.on(SecurityConsented)
def security_consented(recorded: Recorded[SecurityConsented]) -> Iterator[Change]:
    yield Patch(security_page, _security(recorded.event), {"consented_on": recorded.event.signed_on})


@securities.on(SecurityReleased)
def security_released(recorded: Recorded[SecurityReleased]) -> Iterator[Change]:
    yield Patch(security_page, _security(recorded.event), {"released_on": recorded.event.released_on})


@securities.on(SecurityReinstated)
def security_reinstated(recorded: Recorded[SecurityReinstated]) -> Iterator[Change]:
    yield Patch(security_page, _security(recorded.event), {"released_on": None})


def _security(event: SecurityConsented | SecurityReleased | SecurityReinstated) -> dict[str, str]:
    return {"application_id": event.application_id, "security_id": event.security_id}


@trails.on(*EVENT_TYPES.values())
def trail_rows(recorded: Recorded[Any]) -> Iterator[Change]:
    metadata_of = recorded.metadata
    yield Put(
        trail,
        {
            "sequence": recorded.sequence,
            "service": service_of(recorded.type),
            "type": recorded.type,
            "stream_id": recorded.stream_id,
            "version": recorded.version,
            "event_id": str(recorded.event_id),
            "actor": metadata_of.actor.subject,
            "role": metadata_of.actor.role,
            "authority": metadata_of.actor.authority,
            "recorded_at": EPOCH + timedelta(microseconds=parse_us(metadata_of.recorded_at)),
            "effective_date": _date(metadata_of.effective_date),
            "correlation_id": metadata_of.correlation_id,
            "causation_id": metadata_of.causation_id,
            "request_id": metadata_of.request_id,
            "rules": dict(metadata_of.rules),
        },
    )
    for kind, identifier in subjects(orjson.loads(recorded.stored.data)):
        yield Put(trail_subject, {"kind": kind, "id": identifier, "sequence": recorded.sequence})


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
