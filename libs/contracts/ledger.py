"""What the ledger publishes: the business day, and the life of every loan from booking to its end.

A loan's truth is its facts with their value dates. What an event says beside the fact (how a repayment was
allocated, what is outstanding) is what followed from the facts as they were known when it was recorded.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent, Value
from libs.contracts.contract import Agreement, ContractSigned
from libs.contracts.types import Code, Id, MoneyField, TermsField, Text
from libs.contracts.values import BankAccount, Components, PlanRow
from libs.lending.money import Money

ZERO: dict[str, str] = ex.cny("0.00")
OWED: dict[str, Any] = {"principal": ex.cny("11079.84"), "interest": ZERO, "fee": ZERO, "penalty": ZERO}
NOTHING: dict[str, Any] = {"principal": ZERO, "interest": ZERO, "fee": ZERO, "penalty": ZERO}


class Bucket(StrEnum):
    """Delinquency by days past due; M1 is 1 to 30 days, and so on."""

    CURRENT = "CURRENT"
    M1 = "M1"
    M2 = "M2"
    M3 = "M3"
    M4 = "M4"
    M5 = "M5"
    M6 = "M6"
    M7 = "M7"
    """More than 180 days."""


class Tier(StrEnum):
    """Five-tier classification (五级分类); the last three are non-performing."""

    NORMAL = "NORMAL"
    SPECIAL_MENTION = "SPECIAL_MENTION"
    SUBSTANDARD = "SUBSTANDARD"
    DOUBTFUL = "DOUBTFUL"
    LOSS = "LOSS"


class LoanPosition(Value):
    """Where a loan stands at the end of a date: `due` is unpaid and at or after its due date, `overdue` after it."""

    as_of: date
    outstanding: Components
    due: Components
    overdue: Components
    days_past_due: Annotated[int, Field(ge=0)]
    bucket: Bucket
    credit: MoneyField
    next_due: date | None = None
    next_amount: MoneyField | None = None


POSITION: dict[str, Any] = {
    "as_of": "2026-03-02",
    "outstanding": OWED,
    "due": NOTHING,
    "overdue": NOTHING,
    "days_past_due": 0,
    "bucket": "CURRENT",
    "credit": ZERO,
    "next_due": "2026-04-02",
    "next_amount": ex.cny("1100.16"),
}


class BusinessDayOpened(DomainEvent, type="puhui.ledger.business-day-opened.v1"):
    """The lender's business date moved on. Every service goes by it; no clock on a wall moves it."""

    business_date: date
    previous: date | None = None

    example: ClassVar[dict[str, Any]] = {"business_date": "2026-02-02", "previous": "2026-02-01"}


class AccrualLine(Value):
    """What one date adds to the books for the loans of one product and grade, corrections of earlier dates included.

    `interest` and `penalty` (overdue interest) are earned, `fee` fell due, `provision` is the change of the allowance
    for loan losses. `loans` counts the loans behind the line.
    """

    product: Code
    grade: str
    interest: MoneyField
    penalty: MoneyField
    loans: int
    fee: MoneyField = Money(0)
    provision: MoneyField = Money(0)


class DayClosed(DomainEvent, type="puhui.ledger.day-closed.v1"):
    """A business date was closed: what accrued on it, in aggregate; the detail for each loan stands under a hash.

    `known_until` is the place in the ledger's sequence of the last event that the close took into account: what
    became known later is in the next close.
    """

    business_date: date
    accruals: tuple[AccrualLine, ...]
    loans: Annotated[int, Field(ge=0)]
    detail_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    known_until: Annotated[int, Field(ge=0)] = 0

    example: ClassVar[dict[str, Any]] = {
        "business_date": "2026-02-02",
        "accruals": [
            {"product": "consumer-standard", "grade": "B", "interest": ex.cny("6.00"), "penalty": ZERO, "loans": 1}
        ],
        "loans": 1,
        "detail_sha256": ex.SHA256,
    }


class BookingRefused(DomainEvent, type="puhui.ledger.booking-refused.v1"):
    """A signed contract was not booked: it breaks a limit of the policy in force. No money moves."""

    loan_id: Id
    contract_id: Id
    application_id: Id
    rule: Code
    limit: str
    found: str
    policy: Text
    refused_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "contract_id": ex.CONTRACT,
        "application_id": ex.APPLICATION,
        "rule": "annual-rate-max",
        "limit": "0.24",
        "found": "0.36",
        "policy": "cn-small-loan-company v1",
        "refused_on": "2026-02-02",
    }


class LoanBooked(DomainEvent, type="puhui.ledger.loan-booked.v1"):
    """A signed contract became a loan in the books; no money has moved."""

    loan_id: Id
    contract_id: Id
    application_id: Id
    applicant_id: Id
    agreement: Agreement
    account: BankAccount
    booked_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "contract_id": ex.CONTRACT,
        "application_id": ex.APPLICATION,
        "applicant_id": ex.APPLICANT,
        "agreement": ContractSigned.example["agreement"],
        "account": ex.ACCOUNT,
        "booked_on": "2026-02-02",
    }


class DisbursementRequested(DomainEvent, type="puhui.ledger.disbursement-requested.v1"):
    """The bank was to be told to pay out, under a payment id that it honours once."""

    loan_id: Id
    payment_id: Id
    amount: MoneyField
    attempt: Annotated[int, Field(ge=1)]
    requested_on: date
    reason: str = ""
    """Why it was tried again, where a person asked for it."""

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "payment_id": ex.PAYMENT,
        "amount": ex.cny("12000.00"),
        "attempt": 1,
        "requested_on": "2026-02-02",
    }


class DisbursementUnresolved(DomainEvent, type="puhui.ledger.disbursement-unresolved.v1"):
    """The bank did not answer: the money may have moved or not. Nothing is paid again until the bank has said."""

    loan_id: Id
    payment_id: Id
    reason: str
    unresolved_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "payment_id": ex.PAYMENT,
        "reason": "no answer in 10 s",
        "unresolved_on": "2026-02-02",
    }


class DisbursementFailed(DomainEvent, type="puhui.ledger.disbursement-failed.v1"):
    """The bank refused a payment; no money moved. Whether it is tried again depends on the reason."""

    loan_id: Id
    payment_id: Id
    reason: Code
    retryable: bool
    failed_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "payment_id": ex.PAYMENT,
        "reason": "account-closed",
        "retryable": False,
        "failed_on": "2026-02-02",
    }


class LoanDisbursed(DomainEvent, type="puhui.ledger.loan-disbursed.v1"):
    """The money reached the borrower's account; from the value date the loan bears interest by this plan."""

    loan_id: Id
    application_id: Id
    applicant_id: Id
    payment_id: Id
    bank_reference: Text
    amount: MoneyField
    value_date: date
    terms: TermsField
    plan: tuple[PlanRow, ...]
    position: LoanPosition
    confirmed_on: date | None = None
    """The business date on which the ledger knew; never before the value date."""

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "applicant_id": ex.APPLICANT,
        "payment_id": ex.PAYMENT,
        "bank_reference": "B20260202-000001",
        "amount": ex.cny("12000.00"),
        "value_date": "2026-02-02",
        "terms": ex.TERMS,
        "plan": [ex.PLAN_ROW],
        "position": POSITION | {"as_of": "2026-02-02", "next_due": "2026-03-02"},
    }


class DisbursementReturned(DomainEvent, type="puhui.ledger.disbursement-returned.v1"):
    """The receiving bank sent the money back: the loan is as if it had never been paid out.

    `amount` came back, `principal` leaves the books. What the borrower had paid meanwhile is credit that is owed to
    him: `difference` and `credit_difference` say what that changes.
    """

    loan_id: Id
    payment_id: Id
    reason: Code
    value_date: date
    amount: MoneyField | None = None
    principal: MoneyField | None = None
    difference: Components | None = None
    credit_difference: MoneyField = Money(0)
    returned_on: date | None = None
    """The business date on which the ledger knew."""

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "payment_id": ex.PAYMENT,
        "reason": "account-not-found",
        "value_date": "2026-02-04",
    }


class LoanCancelled(DomainEvent, type="puhui.ledger.loan-cancelled.v1"):
    """A booked loan ended before any money was with the borrower."""

    loan_id: Id
    application_id: Id
    reason: Code
    cancelled_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "reason": "disbursement-failed",
        "cancelled_on": "2026-02-04",
    }


class RepaymentPurpose(StrEnum):
    INSTALMENT = "INSTALMENT"
    """Pays what is due; what is left waits as credit."""
    PAYOFF = "PAYOFF"
    """Ends the loan on its value date, with interest for the actual period (Civil Code 677)."""


class RepaymentReceived(DomainEvent, type="puhui.ledger.repayment-received.v1"):
    """Money came from the borrower; `allocated` and `credit` say where it went as things were known then."""

    loan_id: Id
    repayment_id: Id
    amount: MoneyField
    value_date: date
    purpose: RepaymentPurpose
    channel: Code
    bank_reference: str
    allocated: Components
    credit: MoneyField
    position: LoanPosition
    received_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "repayment_id": "repayment-1",
        "amount": ex.cny("1100.16"),
        "value_date": "2026-03-02",
        "purpose": "INSTALMENT",
        "channel": "bank-transfer",
        "bank_reference": "R20260302-000001",
        "allocated": {"principal": ex.cny("920.16"), "interest": ex.cny("180.00"), "fee": ZERO, "penalty": ZERO},
        "credit": ZERO,
        "position": POSITION,
        "received_on": "2026-03-02",
    }


class CreditApplied(DomainEvent, type="puhui.ledger.credit-applied.v1"):
    """Money paid in advance went to what fell due: no money moved, the borrower's credit became less."""

    loan_id: Id
    applied: Components
    credit_difference: MoneyField
    position: LoanPosition
    applied_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "applied": {"principal": ex.cny("920.16"), "interest": ex.cny("180.00"), "fee": ZERO, "penalty": ZERO},
        "credit_difference": ex.cny("-1100.16"),
        "position": POSITION,
        "applied_on": "2026-03-02",
    }


class RepaymentReversed(DomainEvent, type="puhui.ledger.repayment-reversed.v1"):
    """A repayment turned out not to be one (returned, charged back, entered by mistake); all after it is worked out
    again. `difference` is what that changes in what had been allocated to the loan."""

    loan_id: Id
    repayment_id: Id
    reason: Code
    amount: MoneyField
    difference: Components
    credit_difference: MoneyField
    position: LoanPosition
    reversed_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "repayment_id": "repayment-1",
        "reason": "returned-by-bank",
        "amount": ex.cny("1100.16"),
        "difference": {"principal": ex.cny("-920.16"), "interest": ex.cny("-180.00"), "fee": ZERO, "penalty": ZERO},
        "credit_difference": ZERO,
        "position": POSITION | {"as_of": "2026-04-16", "days_past_due": 45, "bucket": "M2"},
        "reversed_on": "2026-04-16",
    }


class DelinquencyChanged(DomainEvent, type="puhui.ledger.delinquency-changed.v1"):
    """A loan moved into another delinquency bucket, or back to current."""

    loan_id: Id
    application_id: Id
    applicant_id: Id
    previous: Bucket
    position: LoanPosition
    changed_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "applicant_id": ex.APPLICANT,
        "previous": "CURRENT",
        "position": POSITION | {"as_of": "2026-04-03", "days_past_due": 1, "bucket": "M1"},
        "changed_on": "2026-04-03",
    }


class LoanClassified(DomainEvent, type="puhui.ledger.loan-classified.v1"):
    """A loan moved into another tier of the five-tier classification by a dated rule, or by a person."""

    loan_id: Id
    previous: Tier
    tier: Tier
    days_past_due: int
    provision_rate: str
    rule: Text
    classified_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "previous": "NORMAL",
        "tier": "SPECIAL_MENTION",
        "days_past_due": 1,
        "provision_rate": "0.02",
        "rule": "classification-matrix v1",
        "classified_on": "2026-04-03",
    }


class SettlementKind(StrEnum):
    MATURITY = "MATURITY"
    EARLY = "EARLY"
    LATE = "LATE"


class LoanSettled(DomainEvent, type="puhui.ledger.loan-settled.v1"):
    """Nothing is owed any more."""

    loan_id: Id
    application_id: Id
    kind: SettlementKind
    credit: MoneyField
    settled_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "kind": "MATURITY",
        "credit": ZERO,
        "settled_on": "2027-02-02",
    }


class WriteOffRequested(DomainEvent, type="puhui.ledger.write-off-requested.v1"):
    """Somebody asks to give up a loan; another person decides."""

    loan_id: Id
    application_id: Id
    reason: Text
    outstanding: Components
    requested_by: Id
    requested_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "reason": "No means, enforcement ended",
        "outstanding": OWED,
        "requested_by": "collector-1",
        "requested_on": "2027-05-28",
    }


class WriteOffRejected(DomainEvent, type="puhui.ledger.write-off-rejected.v1"):
    """The request to give up a loan was turned down; it stays in the books."""

    loan_id: Id
    reason: Text
    rejected_by: Id
    rejected_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "reason": "The surety has not been asked yet",
        "rejected_by": "finance-1",
        "rejected_on": "2027-05-29",
    }


class LoanWrittenOff(DomainEvent, type="puhui.ledger.loan-written-off.v1"):
    """The lender no longer counts on the money; the claim on the borrower stays."""

    loan_id: Id
    application_id: Id
    written_off: Components
    reason: Text
    requested_by: Id
    approved_by: Id
    written_off_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "written_off": OWED,
        "reason": "No means, enforcement ended",
        "requested_by": "collector-1",
        "approved_by": "finance-1",
        "written_off_on": "2027-06-01",
    }


class RecoveryReceived(DomainEvent, type="puhui.ledger.recovery-received.v1"):
    """Money came in on a loan that had been written off."""

    loan_id: Id
    repayment_id: Id
    amount: MoneyField
    value_date: date
    channel: Code
    bank_reference: str
    recovered_total: MoneyField
    received_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "repayment_id": "recovery-1",
        "amount": ex.cny("500.00"),
        "value_date": "2027-09-01",
        "channel": "bank-transfer",
        "bank_reference": "R20270901-000003",
        "recovered_total": ex.cny("500.00"),
        "received_on": "2027-09-01",
    }
