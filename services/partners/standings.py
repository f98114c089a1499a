"""What is kept of the ledger's events to lay beside others' records: money at our bank, and where shared loans stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Final

from sqlalchemy import BigInteger, Column, Date, Identity, Index, MetaData, String, Table, Text

from libs.contracts.ledger import (
    BusinessDayOpened,
    CreditRefunded,
    DelinquencyChanged,
    DisbursementReturned,
    LoanDisbursed,
    LoanSettled,
    LoanWrittenOff,
    RecoveryReceived,
    RepaymentReceived,
    RepaymentReversed,
    SuspenseReceived,
    SuspenseReturned,
)
from libs.events.codec import Recorded
from libs.events.store import Session
from services.partners.domain.matching import Item
from services.partners.handlers import SHARE
from services.partners.records import shared_streams

STANDINGS: Final = MetaData()

BANK_MOVEMENT: Final = Table(
    "bank_movement",
    STANDINGS,
    Column("reference", Text, primary_key=True),
    Column("value_date", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Index("bank_movement_by_date", "value_date"),
)
"""What should be on our bank's statement: in (positive) or out. `position` grows in the order of recording."""

LOAN_STANDING: Final = Table(
    "loan_standing",
    STANDINGS,
    Column("loan_id", String(80), primary_key=True),
    Column("since", Date, primary_key=True),
    Column("status", String(12), nullable=False),
    Column("bucket", String(8), nullable=False),
)
"""Shared loans: from each date on, until the next of the same loan."""

KEEP_MOVEMENT: Final = """
    insert into bank_movement (reference, value_date, amount_minor) values ($1, $2, $3) on conflict do nothing"""
# What an event does not say stays as it was; a loan that was written off is not made whole by a reversal. What is late
# counts from the last date on which something changed: it was not known before.
KEEP_STANDING: Final = """
    with before as (
        select since, status, bucket from loan_standing where loan_id = $1 order by since desc limit 1)
    insert into loan_standing (loan_id, since, status, bucket)
    select $1, greatest($2::date, (select since from before)),
        case when (select status from before) = 'WRITTEN_OFF' then 'WRITTEN_OFF'
            else coalesce($3::text, (select status from before), 'ACTIVE') end,
        coalesce($4::text, (select bucket from before), 'CURRENT')
    on conflict (loan_id, since) do update set status = excluded.status, bucket = excluded.bucket"""

CASH: Final = (
    LoanDisbursed,
    DisbursementReturned,
    RepaymentReceived,
    RepaymentReversed,
    RecoveryReceived,
    CreditRefunded,
    SuspenseReceived,
    SuspenseReturned,
)
STANDING: Final = (
    LoanDisbursed,
    DisbursementReturned,
    DelinquencyChanged,
    LoanSettled,
    LoanWrittenOff,
    RepaymentReversed,
)


@dataclass(frozen=True)
class LoanStandings:
    """Hears the ledger beside `LoanNews`, which need not wait for it."""

    consumer: str = "partners.standings"
    types: frozenset[str] = frozenset(event.type_name for event in (*CASH, *STANDING, BusinessDayOpened))
    batch_size: ClassVar[int] = 500
    gather_s: ClassVar[float] = 0.1

    async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
        connection = session.connection
        items = [item for recorded in batch if isinstance(recorded.event, CASH) for item in bank_items(recorded.event)]
        if items:
            rows = [(item.reference, item.value_date, item.amount_minor) for item in items]
            await connection.executemany(KEEP_MOVEMENT, rows)
        told = [recorded.event for recorded in batch if isinstance(recorded.event, STANDING)]
        shared = await shared_streams(session, list({SHARE.stream_id(event.loan_id) for event in told})) if told else ()
        standings = [standing_of(event) for event in told if SHARE.stream_id(event.loan_id) in shared]
        if standings:
            await connection.executemany(KEEP_STANDING, standings)


def bank_items(event: Any) -> Sequence[Item]:
    """What an event of the ledger should have left on the bank's statement.

    The reference is the kind of the line and what the bank knows the payment by: for what we pay the payment's own
    identifier, for what comes in the bank's reference.
    """
    match event:
        case LoanDisbursed():
            return [Item(f"PAID/{event.payment_id}", event.value_date, -event.amount.minor)]
        case DisbursementReturned():
            back = event.amount.minor if event.amount else 0
            return [Item(f"RETURNED/{event.payment_id}", event.value_date, back)]
        case RepaymentReceived() | RecoveryReceived():
            reference = event.bank_reference or event.repayment_id
            return [Item(f"RECEIVED/{reference}", event.value_date, event.amount.minor)]
        case RepaymentReversed():
            return [Item(f"REVERSED/{event.repayment_id}", event.reversed_on, -event.amount.minor)]
        case CreditRefunded():
            return [Item(f"PAID/{event.refund_id}", event.refunded_on, -event.amount.minor)]
        case SuspenseReceived():
            reference = event.bank_reference or event.suspense_id
            return [Item(f"RECEIVED/{reference}", event.value_date, event.amount.minor)]
        case SuspenseReturned():
            return [Item(f"PAID/{event.suspense_id}", event.returned_on, -event.amount.minor)]
    return []


def standing_of(event: Any) -> tuple[str, date, str | None, str | None]:
    """Loan, from when, status and bucket; None for what the event does not say."""
    match event:
        case LoanDisbursed():
            return event.loan_id, event.value_date, "ACTIVE", event.position.bucket.value
        case DisbursementReturned():
            return event.loan_id, event.value_date, "RETURNED", "CURRENT"
        case LoanSettled():
            return event.loan_id, event.settled_on, "SETTLED", "CURRENT"
        case LoanWrittenOff():
            return event.loan_id, event.written_off_on, "WRITTEN_OFF", None
        case RepaymentReversed():
            owed = event.position.outstanding.total.minor > 0
            return event.loan_id, event.reversed_on, "ACTIVE" if owed else None, event.position.bucket.value
    assert isinstance(event, DelinquencyChanged), "one of those that are told"
    return event.loan_id, event.changed_on, None, event.position.bucket.value
