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
from libs.contracts.types import Code, DecimalField, ExactObject, Id, MoneyField, RateField, TermsField, Text
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
    """What one date adds to the books for the loans of one product, grade, channel, funder and branch, corrections of
    earlier dates included.

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
    suspended: MoneyField = Money(0)
    """Of what was earned, how much more is no income yet (non-accrual)."""
    channel: str = ""
    funder: str = "OWN"
    branch: str = ""


class LoanFailure(Value):
    """A loan that could not be worked out at a close: it stands as it did before, and is tried again at the next."""

    loan_id: Id
    reason: Text


class DayClosed(DomainEvent, type="puhui.ledger.day-closed.v1"):
    """A business date was closed: what accrued on it, in aggregate; the detail for each loan is a Parquet file, whose
    hash this is (of nothing, where no loan accrued).

    `known_until` is the place in the ledger's sequence of the last event that the close took into account: what
    became known later is in the next close.
    """

    business_date: date
    accruals: tuple[AccrualLine, ...]
    loans: Annotated[int, Field(ge=0)]
    detail_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    known_until: Annotated[int, Field(ge=0)] = 0
    failures: tuple[LoanFailure, ...] = ()

    example: ClassVar[dict[str, Any]] = {
        "business_date": "2026-02-02",
        "accruals": [
            {"product": "consumer-standard", "grade": "B", "interest": ex.cny("6.00"), "penalty": ZERO, "loans": 1}
        ],
        "loans": 1,
        "detail_sha256": ex.SHA256,
    }


class PeriodSealed(DomainEvent, type="puhui.ledger.period-sealed.v1"):
    """A month of the books was closed: `sha256` is of its journal, chained to the seal before. Made again from the
    events up to `known_until` it must give the same."""

    period: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    first: date
    last: date
    entries: Annotated[int, Field(ge=0)]
    lines: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    previous_sha256: str
    known_until: Annotated[int, Field(ge=0)]
    sealed_by: str
    sealed_on: date

    example: ClassVar[dict[str, Any]] = {
        "period": "2026-02",
        "first": "2026-02-01",
        "last": "2026-02-28",
        "entries": 31,
        "lines": 140,
        "sha256": ex.SHA256,
        "previous_sha256": "",
        "known_until": 812,
        "sealed_by": "finance-1",
        "sealed_on": "2026-03-03",
    }


class SetOff(Value):
    """What a loan pays on another one of the same borrower out of its own payout, without money moving: `amount` ends
    that loan on `on`, the day for which it was quoted. `tier` is the one in which that loan stood."""

    loan_id: Id
    amount: MoneyField
    on: date
    tier: Tier = Tier.NORMAL


class RefinancingAgreed(DomainEvent, type="puhui.ledger.refinancing-agreed.v1"):
    """The loan of a contract that is not signed yet is to end another one: its payout is set off against what is owed
    there, as the borrower has authorised in writing, and only the rest is paid out."""

    loan_id: Id
    contract_id: Id
    refinanced_loan_id: Id
    refinanced_contract_id: Id
    authorisation: Text
    """Where the borrower's authorisation is kept."""
    agreed_by: str
    agreed_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "contract_id": ex.CONTRACT,
        "refinanced_loan_id": ex.OTHER_LOAN,
        "refinanced_contract_id": ex.OTHER_CONTRACT,
        "authorisation": "Authorisation of 2026-02-01, file 2026-0042",
        "agreed_by": "contract-1",
        "agreed_on": "2026-02-01",
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
    refinances: SetOff | None = None
    """The loan that this one ends, where it ends one."""

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
    tranche: Annotated[int, Field(ge=0)] = 0
    """Which later part of the loan this is, from 1; 0 is the first payout."""

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
    set_off: SetOff | None = None
    """The part of `amount` that was set off against another loan: the bank paid the rest."""

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


class TrancheDisbursed(DomainEvent, type="puhui.ledger.tranche-disbursed.v1"):
    """A later part of the loan reached the borrower's account: it bears interest from the value date, and the coming
    instalments are worked out again. `difference` is what that changes in what had been allocated."""

    loan_id: Id
    application_id: Id
    payment_id: Id
    number: Annotated[int, Field(ge=1)]
    bank_reference: Text
    amount: MoneyField
    value_date: date
    plan: tuple[PlanRow, ...]
    difference: Components
    credit_difference: MoneyField
    waived_difference: MoneyField = Money(0)
    position: LoanPosition
    confirmed_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "payment_id": ex.PAYMENT,
        "number": 1,
        "bank_reference": "B20260402-000001",
        "amount": ex.cny("3000.00"),
        "value_date": "2026-04-02",
        "plan": [ex.PLAN_ROW],
        "difference": NOTHING,
        "credit_difference": ZERO,
        "position": POSITION | {"as_of": "2026-04-02"},
        "confirmed_on": "2026-04-02",
    }


class TrancheReturned(DomainEvent, type="puhui.ledger.tranche-returned.v1"):
    """The receiving bank sent a later part of the loan back: the loan is as if that part had never been paid out."""

    loan_id: Id
    application_id: Id
    payment_id: Id
    number: Annotated[int, Field(ge=1)]
    reason: Code
    amount: MoneyField
    value_date: date
    plan: tuple[PlanRow, ...]
    difference: Components
    credit_difference: MoneyField
    waived_difference: MoneyField = Money(0)
    position: LoanPosition
    returned_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "payment_id": ex.PAYMENT,
        "number": 1,
        "reason": "account-not-found",
        "amount": ex.cny("3000.00"),
        "value_date": "2026-04-05",
        "plan": [ex.PLAN_ROW],
        "difference": NOTHING,
        "credit_difference": ZERO,
        "position": POSITION | {"as_of": "2026-04-05"},
        "returned_on": "2026-04-05",
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
    waived_difference: MoneyField = Money(0)
    returned_on: date | None = None
    """The business date on which the ledger knew."""
    set_off: SetOff | None = None
    """The part of `amount` that the bank did not send back: it had been set off against another loan, and no longer
    is."""

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
    SMALLER_INSTALMENTS = "SMALLER_INSTALMENTS"
    """Pays what is due, then principal in advance; the same number of smaller instalments is left."""
    FEWER_INSTALMENTS = "FEWER_INSTALMENTS"
    """Pays what is due, then principal in advance; fewer instalments of the same amount are left."""


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
    waived_difference: MoneyField = Money(0)
    """How much more of the allocation is waived, not paid: other than 0 only when earlier days turn out otherwise."""
    set_off_by: Id | None = None
    """The loan whose payout this is: no money moved."""

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
    waived_difference: MoneyField = Money(0)
    set_off_by: Id | None = None
    """The loan whose payout came back: no money moved."""

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


class RepaymentReinstated(DomainEvent, type="puhui.ledger.repayment-reinstated.v1"):
    """A reversal turned out to be wrong: the repayment counts again, on its own value date."""

    loan_id: Id
    repayment_id: Id
    reason: Code
    amount: MoneyField
    difference: Components
    credit_difference: MoneyField
    waived_difference: MoneyField = Money(0)
    position: LoanPosition
    reinstated_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "repayment_id": "repayment-1",
        "reason": "returned-in-error",
        "amount": ex.cny("1100.16"),
        "difference": {"principal": ex.cny("920.16"), "interest": ex.cny("180.00"), "fee": ZERO, "penalty": ZERO},
        "credit_difference": ZERO,
        "position": POSITION | {"as_of": "2026-04-20"},
        "reinstated_on": "2026-04-20",
    }


class CreditRefunded(DomainEvent, type="puhui.ledger.credit-refunded.v1"):
    """Money that was over went back to the borrower."""

    loan_id: Id
    refund_id: Id
    amount: MoneyField
    bank_reference: str
    refunded_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "refund_id": "refund-1",
        "amount": ex.cny("12.34"),
        "bank_reference": "P20270203-000001",
        "refunded_on": "2027-02-03",
    }


class ChangeKind(StrEnum):
    """What an agreement after the first changes (R7.5)."""

    RATE = "RATE"
    EXTENSION = "EXTENSION"
    DUE_DATE = "DUE_DATE"
    HOLIDAY = "HOLIDAY"
    RESTRUCTURING = "RESTRUCTURING"
    REAGEING = "REAGEING"
    ASSIGNMENT = "ASSIGNMENT"


class LprLink(Value):
    """A rate that follows the loan prime rate: the rate of the day before a reset, plus a margin."""

    tenor: Annotated[str, Field(pattern="^(1Y|5Y)$")]
    margin: DecimalField
    reset_month: Annotated[int, Field(ge=1, le=12)] = 1
    reset_day: Annotated[int, Field(ge=1, le=28)] = 1


class ChangeTerms(Value):
    """How the coming instalments change; what is left out stays as it was."""

    annual_rate: RateField | None = None
    more_instalments: Annotated[int, Field(ge=0, le=120)] = 0
    skipped_instalments: Annotated[int, Field(ge=0, le=12)] = 0
    first_due: date | None = None
    with_arrears: bool = False
    """Whether what is overdue goes into the new plan, so that nothing is past due after it."""
    lpr: LprLink | None = None
    funder: Id | None = None
    notified_on: date | None = None
    """When the borrower was told of an assignment: before, it does not bind him (Civil Code 546)."""


class LoanChanged(DomainEvent, type="puhui.ledger.loan-changed.v1"):
    """The parties agreed on something else, or an agreed reset came: from `effective` on this plan runs. The plan that
    it replaces is kept beside it; `difference` is what it changes in what had been allocated."""

    loan_id: Id
    application_id: Id
    change_id: Id
    kind: ChangeKind
    effective: date
    terms: ChangeTerms
    reason: Text
    agreed_by: str
    previous_plan: tuple[PlanRow, ...]
    plan: tuple[PlanRow, ...]
    difference: Components
    credit_difference: MoneyField
    waived_difference: MoneyField = Money(0)
    position: LoanPosition
    changed_on: date
    measure_id: str = ""
    """The measure of early warning by which a rate was raised or restored under a clause of the contract."""

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "change_id": "change-1",
        "kind": "RATE",
        "effective": "2026-03-02",
        "terms": {"annual_rate": "0.15"},
        "reason": "Agreed after a year of payments on time",
        "agreed_by": "finance-1",
        "previous_plan": [ex.PLAN_ROW],
        "plan": [ex.PLAN_ROW],
        "difference": NOTHING,
        "credit_difference": ZERO,
        "position": POSITION,
        "changed_on": "2026-03-02",
    }


class HigherRateRefused(DomainEvent, type="puhui.ledger.higher-rate-refused.v1"):
    """A rate that was to be raised under a clause of the contract stays as it is: `reason` is a stable code."""

    loan_id: Id
    application_id: Id
    applicant_id: Id
    measure_id: Id
    reason: Code
    refused_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-4",
        "reason": "loan-settled",
        "refused_on": "2027-04-03",
    }


class ChargeWaived(DomainEvent, type="puhui.ledger.charge-waived.v1"):
    """The lender let off what was due: `asked` by component, of which `difference` was there to be let off."""

    loan_id: Id
    waiver_id: Id
    asked: Components
    value_date: date
    reason: Text
    waived_by: str
    authority: str
    difference: Components
    credit_difference: MoneyField
    waived_difference: MoneyField
    position: LoanPosition
    waived_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "waiver_id": "waiver-1",
        "asked": NOTHING | {"penalty": ex.cny("8.28")},
        "value_date": "2026-04-12",
        "reason": "Flood in the borrower's village",
        "waived_by": "finance-1",
        "authority": "waiver up to CNY 1000.00",
        "difference": NOTHING | {"penalty": ex.cny("8.28")},
        "credit_difference": ZERO,
        "waived_difference": ex.cny("8.28"),
        "position": POSITION | {"as_of": "2026-04-12"},
        "waived_on": "2026-04-12",
    }


class FeeCharged(DomainEvent, type="puhui.ledger.fee-charged.v1"):
    """A fee beside the plan, within the all-in cap over the loan's real cash flow."""

    loan_id: Id
    charge_id: Id
    code: Code
    amount: MoneyField
    value_date: date
    reason: Text
    all_in_cost: DecimalField
    """The loan's annual cost with it, over what was really paid and is still to be paid."""
    difference: Components
    credit_difference: MoneyField
    waived_difference: MoneyField = Money(0)
    position: LoanPosition
    charged_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "charge_id": "charge-1",
        "code": "court-fee",
        "amount": ex.cny("50.00"),
        "value_date": "2026-04-12",
        "reason": "Advance paid to the court",
        "all_in_cost": "0.2034",
        "difference": NOTHING,
        "credit_difference": ZERO,
        "position": POSITION | {"as_of": "2026-04-12"},
        "charged_on": "2026-04-12",
    }


class DisbursementRedated(DomainEvent, type="puhui.ledger.disbursement-redated.v1"):
    """The money had reached the borrower on another day than was entered: the plan is made anew from that day."""

    loan_id: Id
    value_date: date
    previous: date
    reason: Text
    terms: TermsField
    plan: tuple[PlanRow, ...]
    difference: Components
    credit_difference: MoneyField
    waived_difference: MoneyField = Money(0)
    principal_difference: MoneyField = Money(0)
    position: LoanPosition
    redated_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "value_date": "2026-02-04",
        "previous": "2026-02-02",
        "reason": "The receiving bank credited two days later",
        "terms": ex.TERMS,
        "plan": [ex.PLAN_ROW],
        "difference": NOTHING,
        "credit_difference": ZERO,
        "position": POSITION,
        "redated_on": "2026-03-10",
    }


class DelinquencyPaused(DomainEvent, type="puhui.ledger.delinquency-paused.v1"):
    """Days from `start` to `end` (both included) do not count as days past due: a dispute, a disaster, an order."""

    loan_id: Id
    start: date
    end: date
    reason: Text
    paused_by: str
    paused_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "start": "2026-04-10",
        "end": "2026-04-30",
        "reason": "Flood in the borrower's village",
        "paused_by": "risk-1",
        "paused_on": "2026-04-10",
    }


class ClassificationOverlaid(DomainEvent, type="puhui.ledger.classification-overlaid.v1"):
    """A person holds a loan in a worse tier than the matrix does (None: no longer)."""

    loan_id: Id
    tier: Tier | None
    reason: Text
    decided_by: str
    decided_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "tier": "SUBSTANDARD",
        "reason": "The borrower's shop has closed",
        "decided_by": "risk-1",
        "decided_on": "2026-04-10",
    }


class AccrualSuspended(DomainEvent, type="puhui.ledger.accrual-suspended.v1"):
    """From here on interest is owed and counted, but no income until it is paid (non-accrual)."""

    loan_id: Id
    days_past_due: int
    rule: Text
    suspended_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "days_past_due": 91,
        "rule": "cn-small-loan-company v1",
        "suspended_on": "2026-07-02",
    }


class AccrualResumed(DomainEvent, type="puhui.ledger.accrual-resumed.v1"):
    """Nothing is past due any more: interest is income again."""

    loan_id: Id
    resumed_on: date

    example: ClassVar[dict[str, Any]] = {"loan_id": ex.LOAN, "resumed_on": "2026-08-02"}


class SuspenseReceived(DomainEvent, type="puhui.ledger.suspense-received.v1"):
    """Money came in of which nobody knows yet what it is for: it is held until it is matched or sent back."""

    suspense_id: Id
    amount: MoneyField
    value_date: date
    channel: Code
    bank_reference: str
    text: str
    """What the payer wrote, or why a line of a file found no loan."""
    received_on: date

    example: ClassVar[dict[str, Any]] = {
        "suspense_id": "suspense-1",
        "amount": ex.cny("1100.16"),
        "value_date": "2026-03-02",
        "channel": "bank-transfer",
        "bank_reference": "R20260302-000009",
        "text": "no loan 4711",
        "received_on": "2026-03-02",
    }


class SuspenseMatched(DomainEvent, type="puhui.ledger.suspense-matched.v1"):
    """Held money turned out to be a repayment of a loan, on the day it came in."""

    suspense_id: Id
    loan_id: Id
    repayment_id: Id
    amount: MoneyField
    matched_by: str
    matched_on: date

    example: ClassVar[dict[str, Any]] = {
        "suspense_id": "suspense-1",
        "loan_id": ex.LOAN,
        "repayment_id": "suspense-1",
        "amount": ex.cny("1100.16"),
        "matched_by": "finance-1",
        "matched_on": "2026-03-05",
    }


class SuspenseReturned(DomainEvent, type="puhui.ledger.suspense-returned.v1"):
    """Held money went back to who had sent it."""

    suspense_id: Id
    amount: MoneyField
    reason: Text
    returned_on: date

    example: ClassVar[dict[str, Any]] = {
        "suspense_id": "suspense-1",
        "amount": ex.cny("1100.16"),
        "reason": "Meant for another company",
        "returned_on": "2026-03-09",
    }


class LoanStated(DomainEvent, type="puhui.ledger.loan-stated.v1"):
    """Where a loan stood when a date began, for whoever asked under `request_id`: nothing of that date counts yet.

    `owed` is what was open, interest of the days before with it; `interest_earned` is what interest it had earned in
    all, whether or not it was met. All of it is 0 while no money was out.
    """

    loan_id: Id
    request_id: Id
    on: date
    days_past_due: Annotated[int, Field(ge=0)]
    owed: Components
    interest_earned: MoneyField
    stated_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "request_id": "0197a3f0-0000-7000-8000-00000000000b",
        "on": "2026-07-02",
        "days_past_due": 91,
        "owed": OWED,
        "interest_earned": ex.cny("846.00"),
        "stated_on": "2026-07-02",
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
    set_off_by: Id | None = None
    """The loan whose payout this is: no money moved."""

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


class ActKind(StrEnum):
    """What a person does in the ledger by hand, so that a second one may have to agree (R7.10)."""

    REVERSAL = "REVERSAL"
    REINSTATEMENT = "REINSTATEMENT"
    REFUND = "REFUND"
    WAIVER = "WAIVER"
    CHARGE = "CHARGE"
    CHANGE = "CHANGE"
    """Of a loan's agreement."""
    REDATING = "REDATING"
    """The day of the payout is corrected."""
    PAUSE = "PAUSE"
    OVERLAY = "OVERLAY"
    SUSPENSE_RETURN = "SUSPENSE_RETURN"
    SEAL = "SEAL"
    """A month is closed under a hash."""
    REPAYMENT = "REPAYMENT"
    """Money that came in is entered by hand."""
    REPAYMENT_FILE = "REPAYMENT_FILE"
    """The same, many at once: who agrees sends the same file."""
    SUSPENSE_HOLD = "SUSPENSE_HOLD"
    SUSPENSE_MATCH = "SUSPENSE_MATCH"
    REFINANCING = "REFINANCING"
    PAYOUT_AGAIN = "PAYOUT_AGAIN"
    """Another attempt after the bank refused one."""


class ActRequested(DomainEvent, type="puhui.ledger.act-requested.v1"):
    """Somebody asks for an act to which another person has to agree; nothing else has happened yet.

    Of `loan_id`, `repayment_id`, `suspense_id` and `period` (a month) those are given that the act is about. `asked` is
    the request's body, and `amount` what it moves, where it moves any. It may be agreed to up to `open_until`, that day
    included, by somebody with one of the roles `agreed_by`.
    """

    act_id: Id
    act: ActKind
    loan_id: str = ""
    repayment_id: str = ""
    suspense_id: str = ""
    period: str = ""
    asked: ExactObject
    amount: MoneyField | None = None
    agreed_by: Annotated[tuple[str, ...], Field(min_length=1)]
    open_until: date
    requested_by: Id
    requested_on: date

    example: ClassVar[dict[str, Any]] = {
        "act_id": "act-1",
        "act": "WAIVER",
        "loan_id": ex.LOAN,
        "repayment_id": "",
        "suspense_id": "",
        "period": "",
        "asked": {"penalty": ex.cny("828.00"), "value_date": "2027-04-12", "reason": "Flood in the borrower's village"},
        "amount": ex.cny("828.00"),
        "agreed_by": ["collection_manager", "finance_manager"],
        "open_until": "2027-04-17",
        "requested_by": "finance-1",
        "requested_on": "2027-04-12",
    }


class ActApproved(DomainEvent, type="puhui.ledger.act-approved.v1"):
    """Another person agreed, and what was asked was done with it: the events of that name this one as their cause."""

    act_id: Id
    act: ActKind
    loan_id: str = ""
    requested_by: Id
    approved_by: Id
    approved_on: date

    example: ClassVar[dict[str, Any]] = {
        "act_id": "act-1",
        "act": "WAIVER",
        "loan_id": ex.LOAN,
        "requested_by": "finance-1",
        "approved_by": "finance-2",
        "approved_on": "2027-04-13",
    }


class ActRejected(DomainEvent, type="puhui.ledger.act-rejected.v1"):
    """What was asked is not done: another person turned it down, or who had asked took it back."""

    act_id: Id
    act: ActKind
    loan_id: str = ""
    requested_by: Id
    reason: Text
    rejected_by: Id
    rejected_on: date

    example: ClassVar[dict[str, Any]] = {
        "act_id": "act-1",
        "act": "WAIVER",
        "loan_id": ex.LOAN,
        "requested_by": "finance-1",
        "reason": "The borrower was paid by his insurance",
        "rejected_by": "finance-2",
        "rejected_on": "2027-04-13",
    }


class ActLapsed(DomainEvent, type="puhui.ledger.act-lapsed.v1"):
    """Nobody agreed in time; what was asked is not done."""

    act_id: Id
    act: ActKind
    loan_id: str = ""
    requested_by: Id
    lapsed_on: date

    example: ClassVar[dict[str, Any]] = {
        "act_id": "act-1",
        "act": "WAIVER",
        "loan_id": ex.LOAN,
        "requested_by": "finance-1",
        "lapsed_on": "2027-04-18",
    }
