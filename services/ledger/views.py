"""The read models: loans and repayments for lists, and the books. Amounts are minor units."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from libs.contracts.ledger import (
    ActApproved,
    ActLapsed,
    ActRejected,
    ActRequested,
    BookingRefused,
    ChargeWaived,
    CreditApplied,
    CreditRefunded,
    DayClosed,
    DelinquencyChanged,
    DisbursementRedated,
    DisbursementReturned,
    FeeCharged,
    LoanBooked,
    LoanCancelled,
    LoanChanged,
    LoanClassified,
    LoanDisbursed,
    LoanPosition,
    LoanSettled,
    LoanWrittenOff,
    RecoveryReceived,
    RepaymentReceived,
    RepaymentReinstated,
    RepaymentReversed,
    SuspenseMatched,
    SuspenseReceived,
    SuspenseReturned,
    TrancheDisbursed,
    TrancheReturned,
)
from libs.events.codec import Recorded
from libs.events.projection import Add, Change, Patch, Projection, Put
from services.ledger.domain.loan import Status
from services.ledger.domain.posting import RULES, Line, entry_of
from services.ledger.library import library

METADATA: Final = MetaData()

LOAN: Final = Table(
    "loan_v1",
    METADATA,
    Column("loan_id", String(80), primary_key=True),
    Column("application_id", String(80), nullable=False, default=""),
    Column("applicant_id", String(80), nullable=False, default=""),
    Column("contract_id", String(80), nullable=False, default=""),
    Column("state", String(16), nullable=False),
    Column("product", String(64), nullable=False, default=""),
    Column("grade", String(16), nullable=False, default=""),
    Column("currency", String(3), nullable=False, default="CNY"),
    Column("principal_minor", BigInteger, nullable=False, default=0),
    Column("outstanding_minor", BigInteger, nullable=False, default=0),
    Column("overdue_minor", BigInteger, nullable=False, default=0),
    Column("days_past_due", Integer, nullable=False, default=0),
    Column("bucket", String(8), nullable=False, default="CURRENT"),
    Column("tier", String(16), nullable=False, default="NORMAL"),
    Column("as_of", Date),
    Column("next_due", Date),
    Column("booked_on", Date, nullable=False),
    Column("disbursed_on", Date),
    Column("matures_on", Date),
    Column("closed_on", Date),
    Index("loan_v1_by_applicant", "applicant_id"),
    Index("loan_v1_by_application", "application_id"),
    Index("loan_v1_by_booking", "booked_on", "loan_id"),
)
REPAYMENT: Final = Table(
    "repayment_v1",
    METADATA,
    Column("loan_id", String(80), primary_key=True),
    Column("repayment_id", String(80), primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("value_date", Date, nullable=False),
    Column("received_on", Date, nullable=False),
    Column("channel", String(64), nullable=False),
    Column("bank_reference", String(140), nullable=False),
    Column("recovery", Boolean, nullable=False, default=False),
    Column("reversed_on", Date),
    Index("repayment_v1_by_reference", "bank_reference"),
)
JOURNAL: Final = Table(
    "journal_v1",
    METADATA,
    Column("sequence", BigInteger, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("loan_id", String(80), nullable=False),
    Column("event_type", String(80), nullable=False),
    Column("booked_on", Date, nullable=False),
    Column("value_date", Date, nullable=False),
    Column("account", String(16), nullable=False),
    Column("debit_minor", BigInteger, nullable=False),
    Column("credit_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("segment", String(300), nullable=False),
    Column("text", String(80), nullable=False),
    Column("rules", String(32), nullable=False),
    Index("journal_v1_by_loan", "loan_id", "sequence", "line"),
    Index("journal_v1_by_account", "account", "sequence", "line"),
    Index("journal_v1_by_date", "booked_on", "sequence", "line"),
)
TURNOVER: Final = Table(
    "turnover_v1",
    METADATA,
    Column("booked_on", Date, primary_key=True),
    Column("account", String(16), primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("debit_minor", BigInteger, nullable=False, default=0),
    Column("credit_minor", BigInteger, nullable=False, default=0),
)
SUSPENSE: Final = Table(
    "suspense_v1",
    METADATA,
    Column("suspense_id", String(80), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("value_date", Date, nullable=False),
    Column("received_on", Date, nullable=False),
    Column("channel", String(64), nullable=False),
    Column("bank_reference", String(140), nullable=False),
    Column("text", String(500), nullable=False),
    Column("loan_id", String(80), nullable=False, default=""),
    Column("closed_on", Date),
    Index("suspense_v1_by_state", "state", "received_on", "suspense_id"),
)
ACT: Final = Table(
    "act_v1",
    METADATA,
    Column("act_id", String(80), primary_key=True),
    Column("act", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("loan_id", String(80), nullable=False),
    Column("repayment_id", String(80), nullable=False),
    Column("suspense_id", String(80), nullable=False),
    Column("period", String(7), nullable=False),
    Column("asked", JSONB, nullable=False),
    Column("amount_minor", BigInteger),
    Column("currency", String(3), nullable=False),
    Column("agreed_by", JSONB, nullable=False),
    Column("open_until", Date, nullable=False),
    Column("requested_by", String(80), nullable=False),
    Column("requested_on", Date, nullable=False),
    Column("ended_by", String(80)),
    Column("ended_on", Date),
    Column("reason", String(500), nullable=False, default=""),
    Index("act_v1_by_state", "state", "requested_on", "act_id"),
    Index("act_v1_by_loan", "loan_id", "requested_on", "act_id"),
)
LENDERS: Final = Table(
    "lenders_v1",
    METADATA,
    Column("loan_id", String(80), primary_key=True),
    Column("shares", JSONB, nullable=False),
)
"""Loans that others lend with us, as the contract says: what each holds, in millionths by lender."""
SHARES_CHANGED: Final = Table(
    "shares_changed",
    METADATA,
    Column("loan_id", String(80), primary_key=True),
    Column("effective_from", Date, primary_key=True),
    Column("shares", JSONB, nullable=False),
)
"""What each holds from a date on, as partners told. Written with the event that was heard."""
DAY_DETAIL: Final = Table(
    "day_detail",
    METADATA,
    Column("business_date", Date, primary_key=True),
    Column("loans", Integer, nullable=False),
    Column("detail", LargeBinary, nullable=False),
)
"""What each closed day added for each loan: a Parquet file, whose hash is in the event. Written with it."""
LOAN_METER: Final = Table(
    "loan_meter",
    METADATA,
    Column("loan_id", Uuid, primary_key=True),
    Column("columns", LargeBinary, nullable=False),
    Column("late", LargeBinary, nullable=False),
    Column("plan", LargeBinary, nullable=False),
)
"""The portfolio's rows as the last close left them (`meters.py`): derived, made again from events when in doubt."""
LOAN_METER_LAYOUT: Final = Table(
    "loan_meter_layout",
    METADATA,
    Column("only_row", Boolean, primary_key=True),
    Column("layout", Integer, nullable=False),
)
LOAN_SEGMENT: Final = Table(
    "loan_segment",
    METADATA,
    Column("code", Integer, primary_key=True, autoincrement=False),
    Column("product", String(64), nullable=False),
    Column("grade", String(16), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("funder", String(80), nullable=False),
    Column("branch", String(80), nullable=False),
    Column("currency", String(3), nullable=False),
)
"""What the rows' segment codes stand for."""
BANK_REFERENCE: Final = Table(
    "bank_reference",
    METADATA,
    Column("reference", String(140), primary_key=True),
    Column("loan_id", String(80), nullable=False),
    Column("repayment_id", String(80), nullable=False),
    Column("reserved_at", DateTime(timezone=True), nullable=False),
)
"""Which repayment a reference of the bank stands for: reserved before the repayment is entered."""
BANK_CURSOR: Final = Table(
    "bank_cursor",
    METADATA,
    Column("only_row", Boolean, primary_key=True),
    Column("cursor", BigInteger, nullable=False),
)
"""How far the bank's statement has been read."""

portfolio: Final = Projection("ledger_loans", 1, [LOAN, REPAYMENT])
suspense: Final = Projection("ledger_suspense", 1, [SUSPENSE])
books: Final = Projection("ledger_books", 1, [JOURNAL, TURNOVER])
lenders: Final = Projection("ledger_lenders", 1, [LENDERS])
acts: Final = Projection("ledger_acts", 1, [ACT])


@lenders.on(LoanBooked)
def lent_together(recorded: Recorded[LoanBooked]) -> Iterable[Change]:
    event = recorded.event
    shares = {lender.funder: lender.share_ppm for lender in event.agreement.lenders}
    if shares:
        yield Put(LENDERS, {"loan_id": event.loan_id, "shares": shares})


@portfolio.on(LoanBooked)
def booked(recorded: Recorded[LoanBooked]) -> Iterable[Change]:
    event = recorded.event
    agreement = event.agreement
    row = {
        "loan_id": event.loan_id,
        "application_id": event.application_id,
        "applicant_id": event.applicant_id,
        "contract_id": event.contract_id,
        "state": Status.BOOKED.value,
        "product": agreement.request.product.code,
        "grade": agreement.grade,
        "currency": agreement.terms.principal.currency,
        "principal_minor": agreement.terms.principal.minor,
        "booked_on": event.booked_on,
    }
    yield Put(LOAN, row)


@portfolio.on(BookingRefused)
def refused(recorded: Recorded[BookingRefused]) -> Iterable[Change]:
    event = recorded.event
    row = {
        "loan_id": event.loan_id,
        "application_id": event.application_id,
        "contract_id": event.contract_id,
        "state": Status.REFUSED.value,
        "booked_on": event.refused_on,
        "closed_on": event.refused_on,
    }
    yield Put(LOAN, row)


def stand(position: LoanPosition) -> dict[str, Any]:
    """The columns that a position gives."""
    return {
        "outstanding_minor": position.outstanding.principal.minor,
        "overdue_minor": position.overdue.total.minor,
        "days_past_due": position.days_past_due,
        "as_of": position.as_of,
        "next_due": position.next_due,
    }


def change(loan_id: str, **values: Any) -> Patch:
    return Patch(LOAN, {"loan_id": loan_id}, values)


def ended(loan_id: str, state: Status, on: date) -> Patch:
    return change(loan_id, state=state.value, closed_on=on, overdue_minor=0, days_past_due=0, next_due=None)


@portfolio.on(LoanDisbursed)
def disbursed(recorded: Recorded[LoanDisbursed]) -> Iterable[Change]:
    event = recorded.event
    yield change(
        event.loan_id,
        state=Status.ACTIVE.value,
        disbursed_on=event.value_date,
        matures_on=event.plan[-1].due,
        **stand(event.position),
    )


@portfolio.on(TrancheDisbursed, TrancheReturned)
def drawn(recorded: Recorded[Any]) -> Iterable[Change]:
    event, state = recorded.event, Status.ACTIVE.value
    yield change(event.loan_id, state=state, closed_on=None, matures_on=event.plan[-1].due, **stand(event.position))


@portfolio.on(RepaymentReceived)
def received(recorded: Recorded[RepaymentReceived]) -> Iterable[Change]:
    event = recorded.event
    yield Put(REPAYMENT, repayment_row(event))
    yield change(event.loan_id, **stand(event.position))


@portfolio.on(RecoveryReceived)
def recovered(recorded: Recorded[RecoveryReceived]) -> Iterable[Change]:
    yield Put(REPAYMENT, {**repayment_row(recorded.event), "recovery": True})


def repayment_row(event: RepaymentReceived | RecoveryReceived) -> dict[str, Any]:
    return {
        "loan_id": event.loan_id,
        "repayment_id": event.repayment_id,
        "amount_minor": event.amount.minor,
        "currency": event.amount.currency,
        "value_date": event.value_date,
        "received_on": event.received_on,
        "channel": event.channel,
        "bank_reference": event.bank_reference,
    }


@portfolio.on(RepaymentReversed)
def reversed_(recorded: Recorded[RepaymentReversed]) -> Iterable[Change]:
    event = recorded.event
    key = {"loan_id": event.loan_id, "repayment_id": event.repayment_id}
    yield Patch(REPAYMENT, key, {"reversed_on": event.reversed_on})
    yield change(event.loan_id, state=Status.ACTIVE.value, closed_on=None, **stand(event.position))


@portfolio.on(RepaymentReinstated)
def reinstated(recorded: Recorded[RepaymentReinstated]) -> Iterable[Change]:
    event = recorded.event
    yield Patch(REPAYMENT, {"loan_id": event.loan_id, "repayment_id": event.repayment_id}, {"reversed_on": None})
    yield change(event.loan_id, state=Status.ACTIVE.value, closed_on=None, **stand(event.position))


@portfolio.on(LoanChanged)
def changed(recorded: Recorded[LoanChanged]) -> Iterable[Change]:
    event = recorded.event
    yield change(event.loan_id, matures_on=event.plan[-1].due, **stand(event.position))


@portfolio.on(ChargeWaived, FeeCharged)
def charged(recorded: Recorded[Any]) -> Iterable[Change]:
    yield change(recorded.event.loan_id, **stand(recorded.event.position))


@portfolio.on(DisbursementRedated)
def redated(recorded: Recorded[DisbursementRedated]) -> Iterable[Change]:
    event = recorded.event
    yield change(
        event.loan_id,
        state=Status.ACTIVE.value,
        closed_on=None,
        disbursed_on=event.value_date,
        matures_on=event.plan[-1].due,
        **stand(event.position),
    )


@suspense.on(SuspenseReceived)
def held(recorded: Recorded[SuspenseReceived]) -> Iterable[Change]:
    event = recorded.event
    row = {
        "suspense_id": event.suspense_id,
        "state": "HELD",
        "amount_minor": event.amount.minor,
        "currency": event.amount.currency,
        "value_date": event.value_date,
        "received_on": event.received_on,
        "channel": event.channel,
        "bank_reference": event.bank_reference,
        "text": event.text,
    }
    yield Put(SUSPENSE, row)


@suspense.on(SuspenseMatched)
def matched(recorded: Recorded[SuspenseMatched]) -> Iterable[Change]:
    event = recorded.event
    values = {"state": "MATCHED", "loan_id": event.loan_id, "closed_on": event.matched_on}
    yield Patch(SUSPENSE, {"suspense_id": event.suspense_id}, values)


@suspense.on(SuspenseReturned)
def sent_back(recorded: Recorded[SuspenseReturned]) -> Iterable[Change]:
    values = {"state": "RETURNED", "closed_on": recorded.event.returned_on}
    yield Patch(SUSPENSE, {"suspense_id": recorded.event.suspense_id}, values)


@acts.on(ActRequested)
def asked(recorded: Recorded[ActRequested]) -> Iterable[Change]:
    event, amount = recorded.event, recorded.event.amount
    row = {
        "act_id": event.act_id,
        "act": event.act.value,
        "state": "OPEN",
        "loan_id": event.loan_id,
        "repayment_id": event.repayment_id,
        "suspense_id": event.suspense_id,
        "period": event.period,
        "asked": event.asked,
        "amount_minor": amount.minor if amount is not None else None,
        "currency": amount.currency if amount is not None else "",
        "agreed_by": list(event.agreed_by),
        "open_until": event.open_until,
        "requested_by": event.requested_by,
        "requested_on": event.requested_on,
    }
    yield Put(ACT, row)


@acts.on(ActApproved)
def approved(recorded: Recorded[ActApproved]) -> Iterable[Change]:
    event = recorded.event
    values = {"state": "APPROVED", "ended_by": event.approved_by, "ended_on": event.approved_on}
    yield Patch(ACT, {"act_id": event.act_id}, values)


@acts.on(ActRejected)
def rejected(recorded: Recorded[ActRejected]) -> Iterable[Change]:
    event = recorded.event
    values = {"state": "REJECTED", "ended_by": event.rejected_by, "ended_on": event.rejected_on}
    yield Patch(ACT, {"act_id": event.act_id}, values | {"reason": event.reason})


@acts.on(ActLapsed)
def lapsed(recorded: Recorded[ActLapsed]) -> Iterable[Change]:
    event = recorded.event
    yield Patch(ACT, {"act_id": event.act_id}, {"state": "LAPSED", "ended_on": event.lapsed_on})


@portfolio.on(CreditApplied)
def credit_applied(recorded: Recorded[CreditApplied]) -> Iterable[Change]:
    yield change(recorded.event.loan_id, **stand(recorded.event.position))


@portfolio.on(DelinquencyChanged)
def delinquent(recorded: Recorded[DelinquencyChanged]) -> Iterable[Change]:
    position = recorded.event.position
    yield change(recorded.event.loan_id, bucket=position.bucket.value, **stand(position))


@portfolio.on(LoanClassified)
def classified(recorded: Recorded[LoanClassified]) -> Iterable[Change]:
    yield change(recorded.event.loan_id, tier=recorded.event.tier.value)


@portfolio.on(LoanSettled)
def settled(recorded: Recorded[LoanSettled]) -> Iterable[Change]:
    yield ended(recorded.event.loan_id, Status.SETTLED, recorded.event.settled_on)


@portfolio.on(LoanWrittenOff)
def written_off(recorded: Recorded[LoanWrittenOff]) -> Iterable[Change]:
    event = recorded.event
    yield change(
        event.loan_id,
        state=Status.WRITTEN_OFF.value,
        closed_on=event.written_off_on,
        outstanding_minor=0,
        next_due=None,
    )


@portfolio.on(LoanCancelled)
def cancelled(recorded: Recorded[LoanCancelled]) -> Iterable[Change]:
    yield ended(recorded.event.loan_id, Status.CANCELLED, recorded.event.cancelled_on)
    yield change(recorded.event.loan_id, outstanding_minor=0)


@books.on(
    LoanDisbursed,
    DisbursementReturned,
    TrancheDisbursed,
    TrancheReturned,
    RepaymentReceived,
    CreditApplied,
    RepaymentReversed,
    LoanWrittenOff,
    RecoveryReceived,
    RepaymentReinstated,
    CreditRefunded,
    LoanChanged,
    ChargeWaived,
    FeeCharged,
    DisbursementRedated,
    SuspenseReceived,
    SuspenseMatched,
    SuspenseReturned,
    DayClosed,
)
def posted(recorded: Recorded[Any]) -> Iterable[Change]:
    """The journal and the turnover of each account and day, by the posting rules."""
    entry = entry_of(recorded.event)
    if entry is None:
        return
    chart = library().chart
    for number, line in enumerate(entry.lines, 1):
        account, sides = chart.code(line.role), sides_of(line)
        row = {
            "sequence": recorded.sequence,
            "line": number,
            "loan_id": getattr(recorded.event, "loan_id", ""),
            "event_type": recorded.type,
            "booked_on": entry.booked_on,
            "value_date": entry.value_date,
            "account": account,
            "currency": entry.currency,
            "segment": line.segment,
            "text": entry.text,
            "rules": RULES,
            **sides,
        }
        yield Put(JOURNAL, row)
        yield Add(TURNOVER, {"booked_on": entry.booked_on, "account": account, "currency": entry.currency}, sides)


def sides_of(line: Line) -> dict[str, int]:
    return {"debit_minor": max(line.amount, 0), "credit_minor": max(-line.amount, 0)}
