"""Giving a loan up: one person asks, another decides (R7.10). The claim on the borrower stays."""

from __future__ import annotations

from datetime import date

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import LoanWrittenOff, WriteOffRejected, WriteOffRequested
from libs.contracts.problems import refuse_unless
from libs.contracts.values import Components
from services.ledger.domain.commands import ApproveWriteOff, RejectWriteOff, RequestWriteOff
from services.ledger.domain.loan import Loan, Status
from services.ledger.domain.position import components, outstanding


def _refuse_unless_active(loan: Loan) -> None:
    refuse_unless(
        loan.status is Status.ACTIVE,
        "loan-not-active",
        f"The loan is {loan.status.lower().replace('_', ' ')}; only one that is owed can be written off.",
    )


def _given_up(loan: Loan, on: date) -> Components:
    return components(outstanding(loan.books, on), loan.currency)


def request(command: RequestWriteOff, loan: Loan) -> list[DomainEvent]:
    _refuse_unless_active(loan)
    refuse_unless(
        loan.payment is None or not loan.payment.is_open,
        "disbursement-open",
        "A later part of this loan is on its way; wait until the bank has said what became of it.",
    )
    refuse_unless(
        loan.write_off_request is None,
        "write-off-requested",
        "A request is open already; a finance manager approves or rejects it.",
    )
    tiers = ", ".join(sorted(tier.value for tier in command.policy.write_off_tiers))
    refuse_unless(
        loan.tier in command.policy.write_off_tiers,
        "loan-performing",
        f"The loan is classified {loan.tier}; {command.policy.label} admits write-off from {tiers}.",
    )
    requested = WriteOffRequested(
        loan_id=loan.loan_id,
        application_id=loan.agreed.application_id,
        reason=command.reason,
        outstanding=_given_up(loan, command.today),
        requested_by=command.requested_by,
        requested_on=command.today,
    )
    return [requested]


def _open_request(loan: Loan) -> WriteOffRequested:
    _refuse_unless_active(loan)
    refuse_unless(
        loan.write_off_request is not None, "write-off-not-requested", "Nobody asked for it; request it first."
    )
    assert loan.write_off_request is not None, "checked in the line above"
    return loan.write_off_request


def approve(command: ApproveWriteOff, loan: Loan) -> list[DomainEvent]:
    request = _open_request(loan)
    refuse_unless(
        command.approved_by != request.requested_by,
        "four-eyes",
        "Who asked for a write-off does not approve it; another finance manager does.",
        status=403,
    )
    written_off = LoanWrittenOff(
        loan_id=loan.loan_id,
        application_id=loan.agreed.application_id,
        written_off=_given_up(loan, command.today),
        reason=request.reason,
        requested_by=request.requested_by,
        approved_by=command.approved_by,
        written_off_on=command.today,
    )
    return [written_off]


def reject(command: RejectWriteOff, loan: Loan) -> list[DomainEvent]:
    _open_request(loan)
    rejected = WriteOffRejected(
        loan_id=loan.loan_id,
        reason=command.reason,
        rejected_by=command.rejected_by,
        rejected_on=command.today,
    )
    return [rejected]
