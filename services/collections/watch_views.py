"""The lists of early warning: warnings, and the borrowers who are watched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Boolean, Column, Date, Index, Integer, Table, Text

from libs.contracts.collections import (
    BorrowerFrozen,
    BorrowerUnfrozen,
    GuaranteeDemanded,
    GuaranteeProvided,
    HigherRateAnnounced,
    HigherRateTaken,
    WarningCured,
    WarningRaised,
    WatchEntered,
    WatchLeft,
    WatchMeasureDecided,
    WatchMeasureEnded,
    WatchMeasureProposed,
    WatchReviewed,
)
from libs.events.codec import Recorded
from libs.events.projection import Add, Change, Patch, Projection, Put, Remove
from services.collections.views import metadata

watch = Table(
    "watch",
    metadata,
    Column("applicant_id", Text, primary_key=True),
    Column("watched", Boolean, nullable=False, default=False),
    Column("severity", Text, nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Column("entered_by", Text, nullable=False, default=""),
    Column("frozen", Boolean, nullable=False, default=False),
    Column("measures", Integer, nullable=False, default=0),
    Column("entered_on", Date),
    Column("reviewed_on", Date),
    Column("review_due", Date),
    Column("left_on", Date),
    Index("watch_on", "review_due", "applicant_id", postgresql_where="watched"),
)
"""`measures` are those proposed or in force."""

warning = Table(
    "warning",
    metadata,
    Column("warning_id", Text, primary_key=True),
    Column("applicant_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("text_zh", Text, nullable=False),
    Column("text_en", Text, nullable=False),
    Column("raised_on", Date, nullable=False),
    Column("until_cured", Boolean, nullable=False),
    Column("cured_on", Date),
    Index("warning_applicant", "applicant_id"),
    Index("warning_loan", "loan_id"),
)
"""`cured_on`: from when a warning does not stand any more; the day itself where there is nothing to cure."""

guarantee_demand = Table(
    "guarantee_demand",
    metadata,
    Column("measure_id", Text, primary_key=True),
    Column("applicant_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("due_on", Date, nullable=False),
    Index("guarantee_demand_due", "due_on"),
)
"""More guarantee that is demanded, and not given yet."""

rate_rise = Table(
    "rate_rise",
    metadata,
    Column("measure_id", Text, primary_key=True),
    Column("applicant_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("effective_from", Date, nullable=False),
    Index("rate_rise_effective", "effective_from"),
)
"""Higher rates that were announced, and whose date has not come."""

watching = Projection("watching", 1, [watch, warning, guarantee_demand, rate_rise])


@watching.on(WarningRaised)
def raised(recorded: Recorded[WarningRaised]) -> Iterator[Change]:
    event = recorded.event
    named = ("warning_id", "applicant_id", "loan_id", "rule", "raised_on", "until_cured")
    values = {name: getattr(event, name) for name in named} | {"severity": event.severity.value}
    texts = {"text_zh": event.reason.text.zh, "text_en": event.reason.text.en}
    yield Put(warning, {**values, **texts, "cured_on": None if event.until_cured else event.raised_on})
    if event.review_due is not None:
        yield _watch(recorded, severity=event.severity.value, review_due=event.review_due)


@watching.on(WarningCured)
def cured(recorded: Recorded[WarningCured]) -> Iterator[Change]:
    event = recorded.event
    yield Patch(warning, {"warning_id": event.warning_id}, {"cured_on": event.cured_on})


@watching.on(WatchEntered)
def entered(recorded: Recorded[WatchEntered]) -> Iterator[Change]:
    event = recorded.event
    values = {name: getattr(event, name) for name in ("reason", "entered_by", "entered_on", "review_due")}
    named = {"watched": True, "severity": event.severity.value, "left_on": None, "reviewed_on": None}
    yield Add(watch, {"applicant_id": event.applicant_id}, {"measures": 0})  # makes the row when it is not there
    yield _watch(recorded, **values, **named)


@watching.on(WatchReviewed)
def reviewed(recorded: Recorded[WatchReviewed]) -> Iterator[Change]:
    yield _watch(recorded, reviewed_on=recorded.event.reviewed_on, review_due=recorded.event.review_due)


@watching.on(WatchMeasureProposed)
def proposed(recorded: Recorded[WatchMeasureProposed]) -> Iterator[Change]:
    yield _measures(recorded, 1)


@watching.on(WatchMeasureDecided)
def decided(recorded: Recorded[WatchMeasureDecided]) -> Iterator[Change]:
    if not recorded.event.taken:
        yield _measures(recorded, -1)


@watching.on(WatchMeasureEnded)
def ended(recorded: Recorded[WatchMeasureEnded]) -> Iterator[Change]:
    yield _measures(recorded, -1)
    for table in (guarantee_demand, rate_rise):
        yield Remove(table, {"measure_id": recorded.event.measure_id})


@watching.on(HigherRateAnnounced)
def announced(recorded: Recorded[HigherRateAnnounced]) -> Iterator[Change]:
    event = recorded.event
    named = ("measure_id", "applicant_id", "loan_id", "effective_from")
    yield Put(rate_rise, {name: getattr(event, name) for name in named})


@watching.on(HigherRateTaken)
def taken(recorded: Recorded[HigherRateTaken]) -> Iterator[Change]:
    yield Remove(rate_rise, {"measure_id": recorded.event.measure_id})


@watching.on(GuaranteeDemanded)
def demanded(recorded: Recorded[GuaranteeDemanded]) -> Iterator[Change]:
    event = recorded.event
    yield Put(
        guarantee_demand,
        {name: getattr(event, name) for name in ("measure_id", "applicant_id", "loan_id", "due_on")},
    )


@watching.on(GuaranteeProvided)
def provided(recorded: Recorded[GuaranteeProvided]) -> Iterator[Change]:
    yield _measures(recorded, -1)
    yield Remove(guarantee_demand, {"measure_id": recorded.event.measure_id})


@watching.on(BorrowerFrozen)
def frozen(recorded: Recorded[BorrowerFrozen]) -> Iterator[Change]:
    yield _watch(recorded, frozen=True)


@watching.on(BorrowerUnfrozen)
def unfrozen(recorded: Recorded[BorrowerUnfrozen]) -> Iterator[Change]:
    yield _watch(recorded, frozen=False)


@watching.on(WatchLeft)
def left(recorded: Recorded[WatchLeft]) -> Iterator[Change]:
    yield _watch(recorded, watched=False, left_on=recorded.event.left_on)


def _watch(recorded: Recorded[Any], **values: Any) -> Change:
    return Patch(watch, {"applicant_id": recorded.event.applicant_id}, values)


def _measures(recorded: Recorded[Any], more: int) -> Change:
    return Add(watch, {"applicant_id": recorded.event.applicant_id}, {"measures": more})
