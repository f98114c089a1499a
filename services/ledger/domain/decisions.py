"""What follows from a command on a loan: `decide(command, loan) -> events`, or a refusal."""

from __future__ import annotations

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import RecoveryReceived, RepaymentPurpose, RepaymentReceived
from libs.contracts.problems import Rejected, refuse_unless
from libs.lending.money import Money
from services.ledger.domain import adjustments, disbursement, rates, refinancing, write_off
from services.ledger.domain.as_of import stated
from services.ledger.domain.commands import (
    AgreeRefinancing,
    ApproveWriteOff,
    BookLoan,
    CancelUnfunded,
    ChangeLoan,
    ChargeFee,
    ConfirmDisbursement,
    FailDisbursement,
    LeaveUnresolved,
    LoanCommand,
    ObserveDay,
    OverlayClassification,
    PauseDelinquency,
    PayOutShared,
    RaiseRate,
    ReceiveRepayment,
    RedateDisbursement,
    RefundCredit,
    ReinstateRepayment,
    RejectWriteOff,
    RequestWriteOff,
    RestoreRate,
    RetryDisbursement,
    ReturnDisbursement,
    ReverseRepayment,
    StateLoan,
    TakeSetOff,
    UndoSetOff,
    WaiveCharges,
)
from services.ledger.domain.consequences import difference, follow_up, reversal, then
from services.ledger.domain.loan import Loan, Receipt, Status, received
from services.ledger.domain.payoff import payoff_total
from services.ledger.domain.position import components, position


def decide(command: LoanCommand, loan: Loan) -> list[DomainEvent]:
    """The events that follow; raises `Rejected`."""
    match command:
        case AgreeRefinancing():
            return refinancing.agree(command, loan)
        case BookLoan():
            return disbursement.book(command, loan)
        case _ if loan.status is Status.NONE:
            raise Rejected(
                "loan-not-found", "There is no loan with this id; look it up in the list of loans.", status=404
            )
        case PayOutShared():
            return disbursement.pay_out_shared(command, loan)
        case CancelUnfunded():
            return disbursement.cancel_unfunded(command, loan)
        case LeaveUnresolved():
            return disbursement.leave_unresolved(command, loan)
        case ConfirmDisbursement():
            return disbursement.confirm(command, loan)
        case FailDisbursement():
            return disbursement.fail(command, loan)
        case ReturnDisbursement():
            return disbursement.return_(command, loan)
        case RetryDisbursement():
            return disbursement.retry(command, loan)
        case ReceiveRepayment():
            return _receive(command, loan)
        case ReverseRepayment():
            return _reverse(command, loan)
        case TakeSetOff():
            return refinancing.take(command, loan)
        case UndoSetOff():
            return refinancing.undo(command, loan)
        case RequestWriteOff():
            return write_off.request(command, loan)
        case ApproveWriteOff():
            return write_off.approve(command, loan)
        case RejectWriteOff():
            return write_off.reject(command, loan)
        case StateLoan():
            return [stated(loan, command.request_id, command.on, command.today)]
        case ObserveDay():
            return follow_up(loan, command.today, command.policy)
        case ReinstateRepayment():
            return adjustments.reinstate(command, loan)
        case RefundCredit():
            return adjustments.refund_credit(command, loan)
        case ChangeLoan():
            return adjustments.change(command, loan)
        case RaiseRate():
            return rates.raise_rate(command, loan)
        case RestoreRate():
            return rates.restore_rate(command, loan)
        case WaiveCharges():
            return adjustments.waive_charges(command, loan)
        case ChargeFee():
            return adjustments.charge_fee(command, loan)
        case RedateDisbursement():
            return adjustments.redate(command, loan)
        case PauseDelinquency():
            return adjustments.pause(command, loan)
        case OverlayClassification():
            return adjustments.overlay(command, loan)
    raise AssertionError(f"{type(command).__name__} is a command of a loan")


def _receive(command: ReceiveRepayment, loan: Loan) -> list[DomainEvent]:
    _refuse_wrong_state(loan)
    _refuse_wrong_values(command, loan)
    if loan.status is Status.WRITTEN_OFF:
        return [_recovery(command, loan)]
    if command.purpose is RepaymentPurpose.PAYOFF:
        _refuse_short_payoff(command, loan)
    receipt = Receipt(
        repayment_id=command.repayment_id,
        amount=command.amount,
        value_date=command.value_date,
        purpose=command.purpose,
        bank_reference=command.bank_reference,
        channel=command.channel,
        received_on=command.today,
        sequence=loan.next_sequence,
    )
    after = received(loan, receipt)
    allocated, credit, waived = difference(after, command.today)
    assert allocated.total + credit - waived == command.amount.minor, "all of a repayment goes somewhere"
    event = RepaymentReceived(
        loan_id=loan.loan_id,
        repayment_id=command.repayment_id,
        amount=command.amount,
        value_date=command.value_date,
        purpose=command.purpose,
        channel=command.channel,
        bank_reference=command.bank_reference,
        allocated=components(allocated, loan.currency),
        credit=Money(credit, loan.currency),
        position=position(after.books, command.today, command.policy.buckets),
        received_on=command.today,
        waived_difference=Money(waived, loan.currency),
    )
    return then(loan, [event], command.today, command.policy)


def _refuse_wrong_state(loan: Loan) -> None:
    refuse_unless(
        loan.status is not Status.BOOKED,
        "loan-not-disbursed",
        "The money has not reached the borrower yet; enter repayments once it has.",
    )
    refuse_unless(
        loan.status in (Status.ACTIVE, Status.WRITTEN_OFF),
        f"loan-{loan.status.lower().replace('_', '-')}",
        "Nothing is owed on this loan; find the loan that the money is meant for, or send it back.",
    )


def _refuse_wrong_values(command: ReceiveRepayment, loan: Loan) -> None:
    refuse_unless(command.amount.minor > 0, "amount-not-positive", "Send what came in.", field="/amount", status=422)
    refuse_unless(
        command.amount.currency == loan.currency,
        "wrong-currency",
        f"This loan is in {loan.currency}.",
        field="/amount/currency",
        status=422,
    )
    _refuse_duplicate(command, loan)
    assert loan.disbursed is not None, "a loan on which money is owed was paid out"
    first = loan.disbursed.value_date if loan.written_off is None else loan.written_off.written_off_on
    if command.value_date < first:
        raise Rejected(
            "value-date-too-early", f"Nothing could be paid before {first}.", field="/value_date", status=422
        )
    if command.value_date > command.today:
        raise Rejected(
            "value-date-in-future",
            f"The business date is {command.today}; enter money when it has come.",
            field="/value_date",
            status=422,
        )
    open_from = command.policy.first_open_date(command.today)
    if command.value_date < open_from and not command.closed_periods:
        raise Rejected(
            "period-closed",
            f"Periods before {open_from} are closed; a finance manager may enter this value date.",
            field="/value_date",
            status=403,
        )


def _refuse_duplicate(command: ReceiveRepayment, loan: Loan) -> None:
    for receipt in loan.receipts:
        if receipt.repayment_id == command.repayment_id:
            raise Rejected(
                "repayment-exists",
                f"Repayment {receipt.repayment_id} was entered on {receipt.received_on}; use another id for other money.",
                field="/repayment_id",
                repayment_id=receipt.repayment_id,
            )
        if command.bank_reference and receipt.bank_reference == command.bank_reference and receipt.reversed_on is None:
            raise Rejected(
                "bank-reference-used",
                f"The bank's reference belongs to repayment {receipt.repayment_id} of this loan.",
                field="/bank_reference",
                repayment_id=receipt.repayment_id,
                loan_id=loan.loan_id,
            )


def _refuse_short_payoff(command: ReceiveRepayment, loan: Loan) -> None:
    """An early payoff is at the end of what is known, and of at least the quoted amount."""
    refuse_unless(
        command.value_date >= loan.books.until,
        "payoff-before-repayment",
        f"There is a repayment of {loan.books.until}; a payoff is the last one. Reverse that first, or use its date.",
        field="/value_date",
    )
    needed = payoff_total(loan, command.value_date)
    if command.amount < needed:
        raise Rejected(
            "payoff-too-small",
            f"On {command.value_date} {needed} ends the loan; send that, or an instalment.",
            field="/amount",
            status=422,
            payoff_amount={"amount": needed.amount, "currency": needed.currency},
        )


def _recovery(command: ReceiveRepayment, loan: Loan) -> RecoveryReceived:
    return RecoveryReceived(
        loan_id=loan.loan_id,
        repayment_id=command.repayment_id,
        amount=command.amount,
        value_date=command.value_date,
        channel=command.channel,
        bank_reference=command.bank_reference,
        recovered_total=Money(loan.recovered + command.amount.minor, loan.currency),
        received_on=command.today,
    )


def _reverse(command: ReverseRepayment, loan: Loan) -> list[DomainEvent]:
    receipt = loan.receipt(command.repayment_id)
    if receipt is None:
        raise Rejected("repayment-not-found", "This loan has no repayment with this id.", status=404)
    refinancing.refuse_set_off(receipt)
    refuse_unless(
        receipt.reversed_on is None, "repayment-reversed", f"It was reversed on {receipt.reversed_on} already."
    )
    refuse_unless(
        loan.status in (Status.ACTIVE, Status.SETTLED),
        f"loan-{loan.status.lower().replace('_', '-')}",
        "Only on a loan in the books a repayment can be reversed.",
    )
    event = reversal(loan, receipt, command.reason, command.today, command.policy)
    return then(loan, [event], command.today, command.policy)
