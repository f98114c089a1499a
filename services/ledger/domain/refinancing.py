"""One loan ends another of the same borrower (借新还旧): its payout is set off against what is owed there.

What ends the old loan is quoted for the day on which the new one is booked, and counts there as paid on that day
however long the bank takes with the rest: no day bears interest twice. Should the old loan turn out to owe more or
less by then, the rest stays owed, or is credit, as with any other payoff.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import (
    RecoveryReceived,
    RefinancingAgreed,
    RepaymentPurpose,
    RepaymentReceived,
    SetOff,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.lending.money import Money
from services.ledger.domain.account import NOTHING
from services.ledger.domain.commands import AgreeRefinancing, Refinanced, TakeSetOff, UndoSetOff
from services.ledger.domain.consequences import Difference, difference, reversal, standing, then
from services.ledger.domain.loan import Loan, Receipt, Status, received
from services.ledger.domain.payoff import payoff_total
from services.ledger.domain.policy import Breach
from services.ledger.domain.position import components

CHANNEL: Final = "set-off"
RETURNED: Final = "payout-returned"


def refinanced(loan: Loan, on: date) -> Refinanced:
    """A booked loan as one that another is to end on a day."""
    return Refinanced(
        loan_id=loan.loan_id,
        contract_id=loan.agreed.contract_id,
        applicant_id=loan.agreed.applicant_id,
        payoff=payoff_total(loan, on) if loan.status is Status.ACTIVE else None,
        tier=loan.tier,
    )


def agree(command: AgreeRefinancing, loan: Loan) -> list[DomainEvent]:
    """Before the new contract is signed: once its loan is booked, the whole of it is on its way."""
    refuse_unless(
        loan.status is Status.NONE,
        "contract-booked",
        "The loan of this contract is in the books already; refinancing is agreed before the contract is signed.",
        field="/contract_id",
    )
    if loan.refinancing is not None:
        taken = loan.refinancing.refinanced_loan_id
        text = f"It was agreed on {loan.refinancing.agreed_on} that this contract ends loan {taken}."
        raise Rejected("refinancing-agreed", text, field="/contract_id", refinanced_loan_id=taken)
    old = command.refinanced
    refuse_unless(old.payoff is not None, "loan-not-active", "Only a loan that is owed can be refinanced.")
    refuse_unless(
        old.contract_id != command.contract_id,
        "same-contract",
        "A loan cannot end itself: name the contract of the new loan.",
        field="/contract_id",
        status=422,
    )
    event = RefinancingAgreed(
        loan_id=command.loan_id,
        contract_id=command.contract_id,
        refinanced_loan_id=old.loan_id,
        refinanced_contract_id=old.contract_id,
        authorisation=command.authorisation,
        agreed_by=command.agreed_by,
        agreed_on=command.today,
    )
    return [event]


def breach(old: Refinanced, applicant_id: str, paid_out: Money) -> Breach | None:
    """Why a loan cannot end the one that was agreed on, now that it is to be booked."""
    if old.applicant_id != applicant_id:
        return Breach("refinancing-borrower", old.applicant_id, applicant_id)
    if old.payoff is None:
        return Breach("refinancing-state", "a loan that is owed", f"loan {old.loan_id}, which is not")
    if old.payoff.currency != paid_out.currency:
        return Breach("refinancing-currency", old.payoff.currency, paid_out.currency)
    if old.payoff > paid_out:
        return Breach("refinancing-amount", paid_out.amount, old.payoff.amount)
    return None


def set_off_of(old: Refinanced, on: date) -> SetOff:
    assert old.payoff is not None, "what cannot be ended is not booked"
    return SetOff(loan_id=old.loan_id, amount=old.payoff, on=on, tier=old.tier)


def repayment_id_of(by_loan_id: str) -> str:
    return f"set-off-{by_loan_id}"


def refuse_set_off(receipt: Receipt) -> None:
    """It stands and falls with the payout of the other loan."""
    if receipt.set_off_by:
        text = f"This is the payout of loan {receipt.set_off_by}; it is taken back when that payout is."
        raise Rejected("repayment-is-set-off", text, loan_id=receipt.set_off_by)


def take(command: TakeSetOff, loan: Loan) -> list[DomainEvent]:
    """The other loan was paid out: whatever this one has become meanwhile, the amount is its borrower's."""
    repayment_id = repayment_id_of(command.by_loan_id)
    if loan.receipt(repayment_id) is not None:
        return []
    if loan.written_off is not None:
        return [_recovery(command, loan, repayment_id)]
    assert loan.disbursed is not None, "only a loan that was owed is refinanced"
    receipt = Receipt(
        repayment_id=repayment_id,
        amount=command.amount,
        value_date=max(command.value_date, loan.disbursed.value_date),
        purpose=RepaymentPurpose.PAYOFF,
        bank_reference="",
        channel=CHANNEL,
        received_on=command.today,
        sequence=loan.next_sequence,
        set_off_by=command.by_loan_id,
    )
    after = received(loan, receipt)
    found = difference(after, command.today) if after.account else Difference(NOTHING, command.amount.minor, 0)
    assert found.applied.total + found.credit - found.waived == command.amount.minor, "all of it goes somewhere"
    event = RepaymentReceived(
        loan_id=loan.loan_id,
        repayment_id=repayment_id,
        amount=command.amount,
        value_date=receipt.value_date,
        purpose=receipt.purpose,
        channel=CHANNEL,
        bank_reference="",
        allocated=components(found.applied, loan.currency),
        credit=Money(found.credit, loan.currency),
        position=standing(after, command.today, command.policy),
        received_on=command.today,
        waived_difference=Money(found.waived, loan.currency),
        set_off_by=command.by_loan_id,
    )
    return then(loan, [event], command.today, command.policy)


def _recovery(command: TakeSetOff, loan: Loan, repayment_id: str) -> RecoveryReceived:
    assert loan.written_off is not None, "recoveries come after a write-off"
    return RecoveryReceived(
        loan_id=loan.loan_id,
        repayment_id=repayment_id,
        amount=command.amount,
        value_date=max(command.value_date, loan.written_off.written_off_on),
        channel=CHANNEL,
        bank_reference="",
        recovered_total=Money(loan.recovered + command.amount.minor, loan.currency),
        received_on=command.today,
        set_off_by=command.by_loan_id,
    )


def undo(command: UndoSetOff, loan: Loan) -> list[DomainEvent]:
    """The other loan's payout came back: this one is owed again, as if it had never been set off."""
    receipt = loan.receipt(repayment_id_of(command.by_loan_id))
    if receipt is None or receipt.reversed_on is not None:
        return []
    refuse_unless(
        loan.status is not Status.WRITTEN_OFF,
        "loan-written-off",
        "The payout that was set off against a loan given up since came back; finance has to look at both.",
    )
    event = reversal(loan, receipt, RETURNED, command.today, command.policy)
    return then(loan, [event], command.today, command.policy)
