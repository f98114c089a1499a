"""Posting rules: from an event to a balanced journal entry. Pure, so that the books can be made again from events.

Rules have a version, which every entry carries. A changed rule is a new version for events from then on; entries of
a closed period are never made anew by another rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import singledispatch
from typing import Final, NamedTuple

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import (
    ChargeWaived,
    CreditApplied,
    CreditRefunded,
    DayClosed,
    DisbursementRedated,
    DisbursementReturned,
    FeeCharged,
    LoanChanged,
    LoanDisbursed,
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
from libs.contracts.values import Components
from libs.lending.money import Money
from services.ledger.domain.chart import Role

RULES: Final = "posting v1"


class Line(NamedTuple):
    """One side of an entry in minor units: positive is a debit, negative a credit. `segment` is what an entry over many
    loans is split by: product/grade/channel/funder/branch."""

    role: Role
    amount: int
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one event does to the books. `booked_on` is in the open period; `value_date` is when it took effect."""

    booked_on: date
    value_date: date
    currency: str
    lines: tuple[Line, ...]
    text: str


class Unbalanced(AssertionError):
    """A posting rule made an entry whose debits are not its credits: a fault in the rule."""


def entry_of(event: DomainEvent) -> Entry | None:
    """The entry that an event is posted with; None for one that moves nothing."""
    entry = _post(event)
    if entry is None:
        return None
    lines = tuple(line for line in entry.lines if line.amount)
    if sum(line.amount for line in lines):
        raise Unbalanced(f"{type(event).__name__}: {lines}")
    return Entry(entry.booked_on, entry.value_date, entry.currency, lines, entry.text) if lines else None


def _receivables(parts: Components, sign: int) -> list[Line]:
    """What the borrower owes, by part."""
    return [
        Line(Role.LOANS, sign * parts.principal.minor),
        Line(Role.INTEREST_RECEIVABLE, sign * parts.interest.minor),
        Line(Role.FEE_RECEIVABLE, sign * parts.fee.minor),
        Line(Role.PENALTY_RECEIVABLE, sign * parts.penalty.minor),
    ]


def _entry(booked_on: date, value_date: date, currency: str, text: str, *lines: Line) -> Entry:
    return Entry(booked_on, value_date, currency, lines, text)


@singledispatch
def _post(_event: object) -> Entry | None:
    return None


@_post.register
def _disbursed(event: LoanDisbursed) -> Entry:
    """Money out, the loan in; a financed fee is principal that was never paid out (interest runs on it)."""
    principal = sum(row.principal.minor for row in event.plan)
    return _entry(
        event.confirmed_on or event.value_date,
        event.value_date,
        event.amount.currency,
        "Loan disbursed",
        Line(Role.LOANS, principal),
        *_paid_out(event, -1),
        Line(Role.FEE_INCOME, event.amount.minor - principal),
    )


def _paid_out(event: LoanDisbursed | DisbursementReturned, sign: int) -> list[Line]:
    """What the bank moved of a payout, and what was set off against another loan."""
    set_off = event.set_off.amount.minor if event.set_off is not None else 0
    amount = event.amount.minor if event.amount is not None else 0
    return [Line(Role.BANK, sign * (amount - set_off)), Line(Role.CLEARING, sign * set_off)]


def _money(event: RepaymentReceived | RepaymentReversed | RecoveryReceived) -> Role:
    return Role.CLEARING if event.set_off_by is not None else Role.BANK


@_post.register
def _drawn(event: TrancheDisbursed) -> Entry:
    entry = _adjusted(event, event.confirmed_on, event.value_date, "Later part disbursed", -event.amount.minor)
    return replace(entry, lines=(Line(Role.LOANS, event.amount.minor), *entry.lines))


@_post.register
def _part_returned(event: TrancheReturned) -> Entry:
    entry = _adjusted(event, event.returned_on, event.value_date, "Later part returned", event.amount.minor)
    return replace(entry, lines=(Line(Role.LOANS, -event.amount.minor), *entry.lines))


@_post.register
def _returned(event: DisbursementReturned) -> Entry | None:
    if event.amount is None or event.principal is None or event.difference is None:
        return None
    return _entry(
        event.returned_on or event.value_date,
        event.value_date,
        event.amount.currency,
        "Disbursement returned",
        *_paid_out(event, 1),
        Line(Role.FEE_INCOME, event.principal.minor - event.amount.minor),
        Line(Role.LOANS, -event.principal.minor),
        *_receivables(event.difference, -1),
        Line(Role.BORROWER_CREDIT, -event.credit_difference.minor),
        Line(Role.WAIVED, event.waived_difference.minor),
    )


@_post.register
def _received(event: RepaymentReceived) -> Entry:
    return _entry(
        event.received_on,
        event.value_date,
        event.amount.currency,
        "Repayment received",
        Line(_money(event), event.amount.minor),
        *_receivables(event.allocated, -1),
        Line(Role.BORROWER_CREDIT, -event.credit.minor),
        Line(Role.WAIVED, event.waived_difference.minor),
    )


@_post.register
def _credit_applied(event: CreditApplied) -> Entry:
    return _entry(
        event.applied_on,
        event.applied_on,
        event.credit_difference.currency,
        "Credit applied",
        *_receivables(event.applied, -1),
        Line(Role.BORROWER_CREDIT, -event.credit_difference.minor),
    )


Adjusting = (
    RepaymentReversed
    | RepaymentReinstated
    | LoanChanged
    | ChargeWaived
    | FeeCharged
    | DisbursementRedated
    | TrancheDisbursed
    | TrancheReturned
)


def _adjusted(
    event: Adjusting,
    on: date,
    value_date: date,
    text: str,
    bank: int = 0,
    money: Role = Role.BANK,
) -> Entry:
    """By how much the loan's sub-ledger differs from what was posted, with the money that moved."""
    return _entry(
        on,
        value_date,
        event.credit_difference.currency,
        text,
        Line(money, bank),
        *_receivables(event.difference, -1),
        Line(Role.BORROWER_CREDIT, -event.credit_difference.minor),
        Line(Role.WAIVED, event.waived_difference.minor),
    )


@_post.register
def _reversed(event: RepaymentReversed) -> Entry:
    text, day = "Repayment reversed", event.reversed_on
    return _adjusted(event, day, day, text, -event.amount.minor, _money(event))


@_post.register
def _reinstated(event: RepaymentReinstated) -> Entry:
    return _adjusted(event, event.reinstated_on, event.reinstated_on, "Reversal reversed", event.amount.minor)


@_post.register
def _changed(event: LoanChanged) -> Entry:
    return _adjusted(event, event.changed_on, event.effective, "Agreement changed")


@_post.register
def _waived(event: ChargeWaived) -> Entry:
    return _adjusted(event, event.waived_on, event.value_date, "Charges waived")


@_post.register
def _charged(event: FeeCharged) -> Entry:
    """The fee itself is income with the day's accrual; here is only what it moves among other debts."""
    return _adjusted(event, event.charged_on, event.value_date, "Fee charged")


@_post.register
def _redated(event: DisbursementRedated) -> Entry:
    return _adjusted(event, event.redated_on, event.value_date, "Payout dated otherwise")


@_post.register
def _refunded(event: CreditRefunded) -> Entry:
    return _entry(
        event.refunded_on,
        event.refunded_on,
        event.amount.currency,
        "Credit refunded",
        Line(Role.BORROWER_CREDIT, event.amount.minor),
        Line(Role.BANK, -event.amount.minor),
    )


@_post.register
def _held(event: SuspenseReceived) -> Entry:
    return _entry(
        event.received_on,
        event.value_date,
        event.amount.currency,
        "Unidentified receipt",
        Line(Role.BANK, event.amount.minor),
        Line(Role.SUSPENSE, -event.amount.minor),
    )


@_post.register
def _matched(event: SuspenseMatched) -> Entry:
    """Out of suspense; the repayment's own entry has it as money received."""
    return _entry(
        event.matched_on,
        event.matched_on,
        event.amount.currency,
        "Receipt identified",
        Line(Role.SUSPENSE, event.amount.minor),
        Line(Role.BANK, -event.amount.minor),
    )


@_post.register
def _sent_back(event: SuspenseReturned) -> Entry:
    return _entry(
        event.returned_on,
        event.returned_on,
        event.amount.currency,
        "Unidentified receipt sent back",
        Line(Role.SUSPENSE, event.amount.minor),
        Line(Role.BANK, -event.amount.minor),
    )


@_post.register
def _written_off(event: LoanWrittenOff) -> Entry:
    """Against the allowance, which the next day-end fills up again as far as it is needed."""
    given_up = event.written_off
    return _entry(
        event.written_off_on,
        event.written_off_on,
        given_up.principal.currency,
        "Loan written off",
        Line(Role.LOSS_ALLOWANCE, given_up.total.minor),
        *_receivables(given_up, -1),
    )


@_post.register
def _recovered(event: RecoveryReceived) -> Entry:
    return _entry(
        event.received_on,
        event.value_date,
        event.amount.currency,
        "Recovery after write-off",
        Line(_money(event), event.amount.minor),
        Line(Role.LOSS_ALLOWANCE, -event.amount.minor),
    )


DAILY: Final[tuple[tuple[str, Role, Role], ...]] = (
    ("interest", Role.INTEREST_RECEIVABLE, Role.INTEREST_INCOME),
    ("penalty", Role.PENALTY_RECEIVABLE, Role.PENALTY_INCOME),
    ("fee", Role.FEE_RECEIVABLE, Role.FEE_INCOME),
    ("provision", Role.IMPAIRMENT_LOSS, Role.LOSS_ALLOWANCE),
    ("suspended", Role.INTEREST_INCOME, Role.SUSPENDED_INTEREST),
)
"""What a day adds: member of the line, account debited, account credited."""


@_post.register
def _day_closed(event: DayClosed) -> Entry | None:
    if not event.accruals:
        return None
    lines: list[Line] = []
    for accrual in event.accruals:
        segment = f"{accrual.product}/{accrual.grade}/{accrual.channel}/{accrual.funder}/{accrual.branch}"
        for member, debit, credit in DAILY:
            amount: Money = getattr(accrual, member)
            lines += [Line(debit, amount.minor, segment), Line(credit, -amount.minor, segment)]
    day = event.business_date
    return Entry(day, day, event.accruals[0].interest.currency, tuple(lines), "Daily accrual and provision")
