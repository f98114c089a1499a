"""The lists of collection: cases with their collectors, promises, reminders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import BigInteger, Column, Date, Index, Integer, MetaData, Table, Text

from libs.contracts.collections import (
    ArrearsUpdated,
    CaseAssigned,
    CaseStageChanged,
    CollectionCaseClosed,
    CollectionCaseOpened,
    PlanAgreed,
    PlanBroken,
    PlanKept,
    PlanProgressed,
    PromiseBroken,
    PromiseKept,
    PromiseMade,
    ReminderSent,
    RepaymentNoted,
)
from libs.events.codec import Recorded
from libs.events.projection import Change, Patch, Projection, Put

metadata = MetaData()

collection_case = Table(
    "collection_case",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("loan_id", Text, nullable=False),
    Column("application_id", Text, nullable=False),
    Column("applicant_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("collector", Text, nullable=False, default=""),
    Column("overdue_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("days_past_due", Integer, nullable=False),
    Column("promise", Text, nullable=False, default=""),
    Column("promise_due", Date),
    Column("plan", Text, nullable=False, default=""),
    Column("plan_due", Date),
    Column("opened_on", Date, nullable=False),
    Column("staged_on", Date, nullable=False),
    Column("assigned_on", Date),
    Column("closed_on", Date),
    Column("ended", Text, nullable=False, default=""),
    Index("collection_case_loan", "loan_id"),
    Index("collection_case_open", "collector", "case_id", postgresql_where="state = 'OPEN'"),
)
promise = Table(
    "promise",
    metadata,
    Column("promise_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger, nullable=False, default=0),
    Column("currency", Text, nullable=False),
    Column("due", Date, nullable=False),
    Column("made_on", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("ended_on", Date),
    Index("promise_case", "case_id"),
    Index("promise_open", "due", postgresql_where="state = 'OPEN'"),
)
plan = Table(
    "plan",
    metadata,
    Column("plan_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger, nullable=False, default=0),
    Column("currency", Text, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("parts_met", Integer, nullable=False, default=0),
    Column("next_due", Date),
    Column("last_due", Date, nullable=False),
    Column("agreed_on", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("ended_on", Date),
    Index("plan_case", "case_id"),
    Index("plan_open", "next_due", postgresql_where="state = 'OPEN'"),
)
reminder = Table(
    "reminder",
    metadata,
    Column("loan_id", Text, primary_key=True),
    Column("due", Date, primary_key=True),
    Column("days_before", Integer, primary_key=True),
    Column("reminder_id", Text, nullable=False),
    Column("applicant_id", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("sent_on", Date, nullable=False),
    Index("reminder_sent", "sent_on", "reminder_id"),
)

cases = Projection("cases", 1, [collection_case, promise, plan])
reminders = Projection("reminders", 1, [reminder])


@cases.on(CollectionCaseOpened)
def opened(recorded: Recorded[CollectionCaseOpened]) -> Iterator[Change]:
    event = recorded.event
    yield Put(
        collection_case,
        {
            "case_id": event.case_id,
            "loan_id": event.loan_id,
            "application_id": event.application_id,
            "applicant_id": event.applicant_id,
            "state": "OPEN",
            "stage": event.stage.value,
            "overdue_minor": event.overdue.minor,
            "currency": event.overdue.currency,
            "days_past_due": event.days_past_due,
            "opened_on": event.opened_on,
            "staged_on": event.opened_on,
        },
    )


@cases.on(CaseAssigned)
def assigned(recorded: Recorded[CaseAssigned]) -> Iterator[Change]:
    yield _case(recorded, collector=recorded.event.collector, assigned_on=recorded.event.assigned_on)


@cases.on(CaseStageChanged)
def stage_changed(recorded: Recorded[CaseStageChanged]) -> Iterator[Change]:
    event = recorded.event
    yield _case(recorded, stage=event.stage.value, staged_on=event.changed_on, **_arrears(event))


@cases.on(ArrearsUpdated)
def arrears_updated(recorded: Recorded[ArrearsUpdated]) -> Iterator[Change]:
    yield _case(recorded, **_arrears(recorded.event))


@cases.on(RepaymentNoted)
def repayment_noted(recorded: Recorded[RepaymentNoted]) -> Iterator[Change]:
    yield _case(recorded, **_arrears(recorded.event))


@cases.on(PromiseMade)
def promised(recorded: Recorded[PromiseMade]) -> Iterator[Change]:
    event = recorded.event
    yield _case(recorded, promise="OPEN", promise_due=event.due)
    yield Put(
        promise,
        {
            "promise_id": event.promise_id,
            "case_id": event.case_id,
            "loan_id": event.loan_id,
            "amount_minor": event.amount.minor,
            "currency": event.amount.currency,
            "due": event.due,
            "made_on": event.made_on,
            "state": "OPEN",
        },
    )


@cases.on(PromiseKept)
def kept(recorded: Recorded[PromiseKept]) -> Iterator[Change]:
    event = recorded.event
    ended = {"state": "KEPT", "paid_minor": event.paid.minor, "ended_on": event.kept_on}
    yield _case(recorded, promise="KEPT")
    yield Patch(promise, {"promise_id": event.promise_id}, ended)


@cases.on(PromiseBroken)
def broken(recorded: Recorded[PromiseBroken]) -> Iterator[Change]:
    event = recorded.event
    ended = {"state": "BROKEN", "paid_minor": event.paid.minor, "ended_on": event.broken_on}
    yield _case(recorded, promise="BROKEN")
    yield Patch(promise, {"promise_id": event.promise_id}, ended)


@cases.on(PlanAgreed)
def plan_agreed(recorded: Recorded[PlanAgreed]) -> Iterator[Change]:
    event = recorded.event
    yield _case(recorded, plan="OPEN", plan_due=event.parts[0].due)
    yield Put(
        plan,
        {
            "plan_id": event.plan_id,
            "case_id": event.case_id,
            "loan_id": event.loan_id,
            "amount_minor": sum(part.amount.minor for part in event.parts),
            "currency": event.parts[0].amount.currency,
            "parts": len(event.parts),
            "next_due": event.parts[0].due,
            "last_due": event.parts[-1].due,
            "agreed_on": event.agreed_on,
            "state": "OPEN",
        },
    )


@cases.on(PlanProgressed)
def plan_progressed(recorded: Recorded[PlanProgressed]) -> Iterator[Change]:
    event = recorded.event
    yield _case(recorded, plan="OPEN", plan_due=event.next_due)
    yield _plan(
        recorded,
        state="OPEN",
        parts_met=event.parts_met,
        paid_minor=event.paid.minor,
        next_due=event.next_due,
        ended_on=None,
    )


@cases.on(PlanKept)
def plan_kept(recorded: Recorded[PlanKept]) -> Iterator[Change]:
    event = recorded.event
    yield _case(recorded, plan="KEPT", plan_due=None)
    yield _plan(recorded, state="KEPT", paid_minor=event.paid.minor, next_due=None, ended_on=event.kept_on)


@cases.on(PlanBroken)
def plan_broken(recorded: Recorded[PlanBroken]) -> Iterator[Change]:
    event = recorded.event
    yield _case(recorded, plan="BROKEN", plan_due=None)
    yield _plan(
        recorded,
        state="BROKEN",
        parts_met=event.part - 1,
        paid_minor=event.paid.minor,
        next_due=None,
        ended_on=event.broken_on,
    )


@cases.on(CollectionCaseClosed)
def closed(recorded: Recorded[CollectionCaseClosed]) -> Iterator[Change]:
    yield _case(recorded, state="CLOSED", ended=recorded.event.end.value, closed_on=recorded.event.closed_on)


@reminders.on(ReminderSent)
def reminded(recorded: Recorded[ReminderSent]) -> Iterator[Change]:
    event = recorded.event
    yield Put(
        reminder,
        {
            "loan_id": event.loan_id,
            "due": event.due,
            "days_before": event.days_before,
            "reminder_id": f"{event.loan_id}:{event.due}:{event.days_before}",
            "applicant_id": event.applicant_id,
            "amount_minor": event.amount.minor,
            "currency": event.amount.currency,
            "sent_on": event.sent_on,
        },
    )


def _case(recorded: Recorded[Any], **values: Any) -> Change:
    return Patch(collection_case, {"case_id": recorded.event.case_id}, values)


def _arrears(event: CaseStageChanged | ArrearsUpdated | RepaymentNoted) -> dict[str, Any]:
    return {"overdue_minor": event.overdue.minor, "days_past_due": event.days_past_due}


def _plan(recorded: Recorded[Any], **values: Any) -> Change:
    return Patch(plan, {"plan_id": recorded.event.plan_id}, values)
