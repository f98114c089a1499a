"""A rate that is raised under a clause of the contract while the borrower is watched, and restored after it (R3.6).

Decided elsewhere by two persons, and told to the borrower: nobody waits for an answer here, so nothing is rejected. What
the contract or the law does not admit is an event of its own, and the rate stays.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import ChangeKind, ChangeTerms, HigherRateRefused
from libs.lending.terms import TermsError
from services.ledger.domain.changes import Replan, rate_on, replan
from services.ledger.domain.commands import RaiseRate, RestoreRate
from services.ledger.domain.consequences import changed, then
from services.ledger.domain.loan import Change, Loan, Status, account_before

RAISED: Final = "raised"
RESTORED: Final = "restored"
CLAUSE_NOT_AGREED: Final = "clause-not-agreed"
INCREASE_NOT_AGREED: Final = "increase-not-agreed"
RATE_FOLLOWS_LPR: Final = "rate-follows-lpr"
ANNUAL_RATE_MAX: Final = "annual-rate-max"


def raise_rate(command: RaiseRate, loan: Loan) -> list[DomainEvent]:
    """From the day that the borrower was told on, the rate of that day and the increase; once for a measure."""
    change_id = f"{RAISED}-{command.measure_id}"
    if loan.booked is None or _made(loan, change_id) is not None:
        return []
    refusal = _refusal(command, loan)
    if refusal:
        return [
            HigherRateRefused(
                loan_id=loan.loan_id,
                application_id=loan.agreed.application_id,
                applicant_id=loan.agreed.applicant_id,
                measure_id=command.measure_id,
                reason=refusal,
                refused_on=command.today,
            )
        ]
    event = changed(
        loan,
        change_id=change_id,
        kind=ChangeKind.RATE,
        effective=command.effective,
        terms=ChangeTerms(annual_rate=_raised(command, loan)),
        reason=f"Clause {command.clause}: the borrower is watched",
        agreed_by=command.decided_by,
        today=command.today,
        policy=command.policy,
        measure_id=command.measure_id,
    )
    return then(loan, [event], command.today, command.policy)


def restore_rate(command: RestoreRate, loan: Loan) -> list[DomainEvent]:
    """From today on, the rate without the increase. Nothing where it was not raised or is restored already, where the
    parties have agreed on another rate for later, or where nothing is to come."""
    raised = _made(loan, f"{RAISED}-{command.measure_id}")
    change_id = f"{RESTORED}-{command.measure_id}"
    if loan.status is not Status.ACTIVE or raised is None or _made(loan, change_id) is not None:
        return []
    if any(_runs_after(each, raised) and each.replan.annual_rate is not None for each in _changes(loan)):
        return []
    rate = rate_on(account_before(loan, command.today).plan.terms, command.today) - command.increase
    if _no_plan(loan, command, rate):
        return []
    event = changed(
        loan,
        change_id=change_id,
        kind=ChangeKind.RATE,
        effective=command.today,
        terms=ChangeTerms(annual_rate=rate),
        reason="The grounds for a higher rate are gone",
        agreed_by=command.ended_by,
        today=command.today,
        policy=command.policy,
        measure_id=command.measure_id,
    )
    return then(loan, [event], command.today, command.policy)


def _refusal(command: RaiseRate, loan: Loan) -> str:
    """Why the rate stays as it is, as a stable code; "" where nothing speaks against the rise."""
    if loan.status is not Status.ACTIVE:
        return f"loan-{loan.status.lower().replace('_', '-')}"
    agreement = loan.agreed.agreement
    rule, most = agreement.rate_increase, agreement.disclosure.raised_rate
    if rule is None or most is None or rule.clause != command.clause:
        return CLAUSE_NOT_AGREED
    if loan.lpr is not None:
        return RATE_FOLLOWS_LPR
    rate = _raised(command, loan)
    if not 0 < command.increase <= rule.increase_max or rate > most:
        return INCREASE_NOT_AGREED
    if rate > command.policy.annual_rate_max:
        return ANNUAL_RATE_MAX
    return _no_plan(loan, command, rate)


def _raised(command: RaiseRate, loan: Loan) -> Decimal:
    return rate_on(account_before(loan, command.effective).plan.terms, command.effective) + command.increase


def _no_plan(loan: Loan, command: RaiseRate | RestoreRate, rate: Decimal) -> str:
    """Why no plan follows from another rate; "" where one does."""
    on = command.effective if isinstance(command, RaiseRate) else command.today
    try:
        replan(account_before(loan, on), on, Replan(annual_rate=rate))
    except TermsError as error:
        return error.code
    return ""


def _runs_after(change: Change, other: Change) -> bool:
    """By the days from which they run, whichever became known first."""
    return (change.value_date, change.sequence) > (other.value_date, other.sequence)


def _changes(loan: Loan) -> list[Change]:
    return [fact for fact in loan.adjustments if isinstance(fact, Change)]


def _made(loan: Loan, change_id: str) -> Change | None:
    return next((each for each in _changes(loan) if each.change_id == change_id), None)
