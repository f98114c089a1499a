"""The list of decisions: what was decided, what waits in which queue, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, MetaData, Table, Text

from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationDeclined,
    ApplicationReferred,
    ApprovalLapsed,
    ApprovalPrepared,
    CaseClaimed,
    CaseEscalated,
    CaseReleased,
    DecisionBasis,
    DecisionRecommended,
    OfferAccepted,
    ReviewRequested,
)
from libs.contracts.values import LoanRequest
from libs.events.codec import Recorded
from libs.events.projection import Change, Patch, Projection, Put

metadata = MetaData()
decision = Table(
    "decision",
    metadata,
    Column("application_id", Text, primary_key=True),
    Column("applicant_id", Text, nullable=False, default=""),
    Column("product", Text, nullable=False, default=""),
    Column("channel", Text, nullable=False, default=""),
    Column("amount_minor", BigInteger, nullable=False, default=0),
    Column("currency", Text, nullable=False, default="CNY"),
    Column("grade", Text, nullable=False, default=""),
    Column("score", Integer),
    Column("status", Text, nullable=False),
    Column("rule", Text, nullable=False, default=""),
    Column("table_version", Integer),
    Column("queue", Text, nullable=False, default=""),
    Column("four_eyes", Boolean, nullable=False, default=False),
    Column("officer", Text, nullable=False, default=""),
    Column("recommended", Text, nullable=False, default=""),
    Column("automatic", Boolean, nullable=False, default=False),
    Column("decided_on", Date),
    Column("referred_on", Date),
    Column("expires_on", Date),
    Index("decision_status", "status", "queue", "application_id"),
    Index("decision_expiry", "expires_on", postgresql_where="status = 'APPROVED'"),
)

decisions = Projection("decisions", 1, [decision])


def _facts(application_id: str, request: LoanRequest, basis: DecisionBasis) -> dict[str, Any]:
    return {
        "application_id": application_id,
        "applicant_id": request.applicant_id,
        "product": request.product.code,
        "channel": request.channel.value,
        "amount_minor": request.amount.minor,
        "currency": request.amount.currency,
        "grade": basis.grade,
        "score": basis.score,
        "rule": basis.rules[0],
        "table_version": basis.table_version,
    }


def _decided(facts: dict[str, Any], status: str, people: tuple[str, ...], on: date, expires: date | None) -> Change:
    """The row after a decision: an automatic one makes it, one by people changes it."""
    row = facts | {"status": status, "automatic": not people, "decided_on": on, "expires_on": expires}
    if not people:
        return Put(decision, row)
    return Patch(decision, {"application_id": row.pop("application_id")}, row | {"officer": ""})


@decisions.on(ApplicationReferred)
def referred(recorded: Recorded[ApplicationReferred]) -> Iterator[Change]:
    event = recorded.event
    yield Put(
        decision,
        _facts(event.application_id, event.request, event.basis)
        | {
            "status": "REFERRED",
            "queue": event.queue,
            "four_eyes": event.four_eyes,
            "referred_on": event.referred_on,
        },
    )


@decisions.on(ApplicationApproved)
def approved(recorded: Recorded[ApplicationApproved]) -> Iterator[Change]:
    event = recorded.event
    facts = _facts(event.application_id, event.request, event.basis) | {"amount_minor": event.offer.amount.minor}
    yield _decided(facts, "APPROVED", event.decided_by, event.approved_on, event.offer.expires_on)


@decisions.on(ApplicationDeclined)
def declined(recorded: Recorded[ApplicationDeclined]) -> Iterator[Change]:
    event = recorded.event
    facts = _facts(event.application_id, event.request, event.basis)
    yield _decided(facts, "DECLINED", event.decided_by, event.declined_on, None)


@decisions.on(CaseClaimed)
def claimed(recorded: Recorded[CaseClaimed]) -> Iterator[Change]:
    yield _patch(recorded, officer=recorded.event.officer)


@decisions.on(CaseReleased)
def released(recorded: Recorded[CaseReleased]) -> Iterator[Change]:
    yield _patch(recorded, officer="")


@decisions.on(DecisionRecommended)
def recommended(recorded: Recorded[DecisionRecommended]) -> Iterator[Change]:
    yield _patch(recorded, officer="", recommended=recorded.event.outcome.value)


@decisions.on(ApprovalPrepared)
def prepared(recorded: Recorded[ApprovalPrepared]) -> Iterator[Change]:
    expires_on = recorded.event.offer.expires_on
    yield _patch(recorded, status="CONDITIONAL", officer="", expires_on=expires_on)


@decisions.on(CaseEscalated)
def escalated(recorded: Recorded[CaseEscalated]) -> Iterator[Change]:
    yield _patch(recorded, queue=recorded.event.to_queue)


@decisions.on(ReviewRequested)
def reviewed(recorded: Recorded[ReviewRequested]) -> Iterator[Change]:
    event = recorded.event
    yield _patch(
        recorded,
        status="REFERRED",
        queue=event.queue,
        four_eyes=event.four_eyes,
        referred_on=event.requested_on,
        automatic=False,
        decided_on=None,
        recommended="",
    )


@decisions.on(ApprovalLapsed)
def lapsed(recorded: Recorded[ApprovalLapsed]) -> Iterator[Change]:
    """A withdrawal may come first: then this makes the row."""
    if recorded.version == 1:
        yield Put(decision, {"application_id": recorded.event.application_id, "status": "LAPSED"})
    else:
        yield _patch(recorded, status="LAPSED")


@decisions.on(OfferAccepted)
def accepted(recorded: Recorded[OfferAccepted]) -> Iterator[Change]:
    yield _patch(recorded, status="ACCEPTED")


def _patch(recorded: Recorded[Any], **values: Any) -> Change:
    return Patch(decision, {"application_id": recorded.event.application_id}, values)
