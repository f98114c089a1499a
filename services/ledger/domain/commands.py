"""What can be asked of a loan. Dates, policy and who acts come with the command."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.contracts.contract import ContractSigned
from libs.contracts.ledger import ChangeKind, ChangeTerms, RepaymentPurpose, Tier
from libs.contracts.values import Components
from libs.lending.money import Money
from services.ledger.domain.policy import Policy


@dataclass(frozen=True, kw_only=True, slots=True)
class LoanCommand:
    """Every command says the business date, and the policy in force on it."""

    today: date
    policy: Policy


@dataclass(frozen=True, kw_only=True, slots=True)
class Refinanced:
    """The loan that another one is to end, as it stands: who owes it, and what ends it that day (None: nothing does)."""

    loan_id: str
    contract_id: str
    applicant_id: str
    payoff: Money | None
    tier: Tier


@dataclass(frozen=True, kw_only=True, slots=True)
class AgreeRefinancing(LoanCommand):
    """The loan of a contract that is not signed yet is to end another one."""

    loan_id: str
    contract_id: str
    refinanced: Refinanced
    authorisation: str
    agreed_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BookLoan(LoanCommand):
    """Take a signed contract into the books and ask for its payout under `payment_id`; where the contract names
    co-lenders, not before their money is there (`PayOutShared`). `refinanced` is the loan that it is to end, where that
    was agreed."""

    loan_id: str
    payment_id: str
    signed: ContractSigned
    applicant_id: str
    refinanced: Refinanced | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PayOutShared(LoanCommand):
    """The co-lender's money is there: ask for the payout of a booked loan."""

    payment_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelUnfunded(LoanCommand):
    """The co-lender's money did not come."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StateLoan(LoanCommand):
    """Another service asks where a loan stood when a date began."""

    request_id: str
    on: date


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaveUnresolved(LoanCommand):
    """The bank's answer to a payment did not come."""

    payment_id: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmDisbursement(LoanCommand):
    """The bank has paid."""

    payment_id: str
    bank_reference: str
    value_date: date


@dataclass(frozen=True, kw_only=True, slots=True)
class FailDisbursement(LoanCommand):
    """The bank refused, and will not move money under this payment id. `next_payment_id` is for another attempt."""

    payment_id: str
    reason: str
    retryable: bool
    next_payment_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnDisbursement(LoanCommand):
    """The money came back from the receiving bank."""

    payment_id: str
    reason: str
    value_date: date


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryDisbursement(LoanCommand):
    """A person asks for another attempt after the last one failed."""

    payment_id: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiveRepayment(LoanCommand):
    """Money came from the borrower. `closed_periods` is the authority to date it into a closed month."""

    repayment_id: str
    amount: Money
    value_date: date
    purpose: RepaymentPurpose
    channel: str
    bank_reference: str
    closed_periods: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ReverseRepayment(LoanCommand):
    repayment_id: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeSetOff(LoanCommand):
    """Another loan of the borrower was paid out, and so much of it is for this one."""

    by_loan_id: str
    amount: Money
    value_date: date


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoSetOff(LoanCommand):
    """The payout that was set off here came back: this loan is owed as if it had not been."""

    by_loan_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestWriteOff(LoanCommand):
    reason: str
    requested_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ApproveWriteOff(LoanCommand):
    approved_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectWriteOff(LoanCommand):
    reason: str
    rejected_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ObserveDay(LoanCommand):
    """A business day was opened: say what changed by the passing of time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReinstateRepayment(LoanCommand):
    """A reversal was wrong."""

    repayment_id: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundCredit(LoanCommand):
    """Pay back what is over: all of it where no amount is given."""

    refund_id: str
    amount: Money | None
    bank_reference: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeLoan(LoanCommand):
    """The parties have agreed on something else, from `effective` on."""

    change_id: str
    kind: ChangeKind
    effective: date
    terms: ChangeTerms
    reason: str
    agreed_by: str
    closed_periods: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RaiseRate(LoanCommand):
    """The borrower is watched, and was told of a higher rate from `effective` on, under a clause of his contract."""

    measure_id: str
    clause: str
    increase: Decimal
    effective: date
    decided_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoreRate(LoanCommand):
    """The grounds for a higher rate are gone."""

    measure_id: str
    increase: Decimal
    ended_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WaiveCharges(LoanCommand):
    """Let off overdue interest, fees or interest that are due. `limit` is the actor's authority (None: without)."""

    waiver_id: str
    amounts: Components
    value_date: date
    reason: str
    waived_by: str
    authority: str
    limit: Money | None
    closed_periods: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ChargeFee(LoanCommand):
    """Charge a fee beside the plan."""

    charge_id: str
    code: str
    amount: Money
    value_date: date
    reason: str
    closed_periods: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RedateDisbursement(LoanCommand):
    """The money had moved on another day."""

    value_date: date
    reason: str
    closed_periods: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseDelinquency(LoanCommand):
    start: date
    end: date
    reason: str
    paused_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OverlayClassification(LoanCommand):
    """Hold a loan in a worse tier than the matrix does; None ends it."""

    tier: Tier | None
    reason: str
    decided_by: str
