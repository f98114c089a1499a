"""Which events belong to a moment on both axes of time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from libs.contracts import ledger
from libs.contracts.base import EVENT_TYPES, DomainEvent
from libs.events.canonical import canonical
from libs.events.codec import Codec, Recorded
from libs.events.envelope import Actor, Metadata, StoredEvent
from services.audit.history import Moment
from services.audit.tests.given import example

RECORDED = datetime(2026, 3, 3, 9, 30, 0, 7, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def recorded(event: DomainEvent, effective_date: str = "2026-03-03") -> Recorded[Any]:
    metadata = Metadata(
        actor=Actor("officer-1", "finance", ""),
        correlation_id="c",
        recorded_at="2026-03-03T09:30:00.000007Z",
        effective_date=effective_date,
    )
    stored = StoredEvent(
        "loan-1", 1, UUID(int=1), event.type_name, canonical(event.payload()), metadata.to_bytes(), sequence=1
    )
    return Codec(EVENT_TYPES).recorded(stored, "/puhui/ledger")


REPAYMENT = recorded(example(ledger.RepaymentReceived, value_date="2026-03-01"))
CLASSIFIED = recorded(example(ledger.LoanClassified))


def test_without_limits_everything_counts() -> None:
    assert Moment().admits(REPAYMENT)


@pytest.mark.parametrize(
    ("known", "admitted"), [(RECORDED - MICROSECOND, False), (RECORDED, True), (RECORDED + MICROSECOND, True)]
)
def test_what_was_recorded_later_was_not_known(known: datetime, admitted: bool) -> None:
    assert Moment(known=known).admits(REPAYMENT) is admitted
    assert Moment(known=known.astimezone(timezone(timedelta(hours=8)))).admits(REPAYMENT) is admitted


@pytest.mark.parametrize(("effective", "admitted"), [("2026-02-28", False), ("2026-03-01", True), ("2026-03-02", True)])
def test_a_fact_counts_from_its_value_date(effective: str, admitted: bool) -> None:
    assert Moment(effective=date.fromisoformat(effective)).admits(REPAYMENT) is admitted


@pytest.mark.parametrize(("effective", "admitted"), [("2026-03-02", False), ("2026-03-03", True)])
def test_what_has_no_value_date_counts_from_its_business_date(effective: str, admitted: bool) -> None:
    assert Moment(effective=date.fromisoformat(effective)).admits(CLASSIFIED) is admitted


def test_what_has_no_date_at_all_always_counts() -> None:
    assert Moment(effective=date(2020, 1, 1)).admits(recorded(example(ledger.LoanClassified), effective_date=""))


def test_both_axes_must_admit() -> None:
    late = Moment(effective=date(2026, 3, 1), known=RECORDED - MICROSECOND)
    early = Moment(effective=date(2026, 2, 28), known=RECORDED)
    assert not late.admits(REPAYMENT)
    assert not early.admits(REPAYMENT)
    assert Moment(effective=date(2026, 3, 1), known=RECORDED).admits(REPAYMENT)
