"""What an event of the ledger moved on a loan, by account, and on which date it counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from libs.contracts.ledger import (
    ChargeWaived,
    CreditApplied,
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
)
from libs.contracts.values import Components
from libs.lending.money import Money
from services.partners.domain.split import Amounts

Moving: TypeAlias = (
    LoanDisbursed
    | DisbursementReturned
    | DisbursementRedated
    | RepaymentReceived
    | RepaymentReversed
    | RepaymentReinstated
    | CreditApplied
    | LoanChanged
    | ChargeWaived
    | FeeCharged
    | LoanWrittenOff
    | RecoveryReceived
)
MOVING: Final[tuple[type[Moving], ...]] = (
    LoanDisbursed,
    DisbursementReturned,
    DisbursementRedated,
    RepaymentReceived,
    RepaymentReversed,
    RepaymentReinstated,
    CreditApplied,
    LoanChanged,
    ChargeWaived,
    FeeCharged,
    LoanWrittenOff,
    RecoveryReceived,
)


@dataclass(frozen=True, slots=True)
class Movement:
    """What moved. `repayment_id`: the repayment that this is about; what undoes one counts on that one's date."""

    on: date
    amounts: Amounts
    repayment_id: str = ""
    undoes: bool = False


def movement_of(event: Moving) -> Movement:
    """Differences as the ledger says them: it works a loan out anew and tells what that changed."""
    match event:
        case LoanDisbursed():
            principal = sum(row.principal.minor for row in event.plan)
            return Movement(event.value_date, _lent(principal, principal - event.amount.minor, {}))
        case DisbursementReturned():
            principal = event.principal.minor if event.principal else 0
            financed = principal - (event.amount.minor if event.amount else 0)
            met = _met(event.difference, event.waived_difference)
            return Movement(event.value_date, _lent(-principal, -financed, met))
        case DisbursementRedated():
            more = event.principal_difference.minor
            return Movement(event.value_date, _lent(more, more, _met(event.difference, event.waived_difference)))
        case RepaymentReceived():
            met = _met(event.allocated, event.waived_difference)
            return Movement(event.value_date, met, event.repayment_id)
        case RepaymentReversed():
            met = _met(event.difference, event.waived_difference)
            return Movement(event.reversed_on, met, event.repayment_id, undoes=True)
        case RepaymentReinstated():
            met = _met(event.difference, event.waived_difference)
            return Movement(event.reinstated_on, met, event.repayment_id, undoes=True)
        case CreditApplied():
            return Movement(event.applied_on, _met(event.applied))
        case LoanChanged():
            return Movement(event.effective, _met(event.difference, event.waived_difference))
        case ChargeWaived() | FeeCharged():
            return Movement(event.value_date, _met(event.difference, event.waived_difference))
        case LoanWrittenOff():
            return Movement(event.written_off_on, {"written_off": event.written_off.total.minor})
        case RecoveryReceived():
            return Movement(event.value_date, {"recovered": event.amount.minor})


def _lent(principal_minor: int, financed_minor: int, met: dict[str, int]) -> dict[str, int]:
    """Principal lent, of which this much never left: a financed fee is met at payout."""
    return {**met, "disbursed": principal_minor, "fee": met.get("fee", 0) + financed_minor}


def _met(components: Components | None, waived: Money | None = None) -> dict[str, int]:
    """What of the borrower's debts was met."""
    if components is None:
        return {}
    return {
        "principal": components.principal.minor,
        "interest": components.interest.minor,
        "fee": components.fee.minor,
        "penalty": components.penalty.minor,
        "waived": waived.minor if waived else 0,
    }
