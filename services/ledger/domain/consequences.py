"""What a loan's facts lead to by themselves: credit applied, buckets and tiers entered, the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import CreditApplied, DelinquencyChanged, LoanClassified, LoanSettled, SettlementKind
from libs.lending.money import Money
from services.ledger.domain.account import Account, Amounts, advance
from services.ledger.domain.loan import Loan, Status, evolve
from services.ledger.domain.policy import Policy
from services.ledger.domain.position import bucket, components, days_past_due, position


def difference(loan: Loan, on: date) -> tuple[Amounts, int]:
    """What is allocated, and what is credit, on `on`, beyond what events have said so far."""
    account = advance(loan.books, on)
    return account.paid.minus(loan.posted), account.credit - loan.posted_credit


def then(loan: Loan, events: Sequence[DomainEvent], today: date, policy: Policy) -> list[DomainEvent]:
    """The events, and what follows from them today."""
    for event in events:
        loan = evolve(loan, event)
    return [*events, *follow_up(loan, today, policy)]


def follow_up(loan: Loan, today: date, policy: Policy) -> list[DomainEvent]:
    """What has changed by now and no event has said: nothing for a loan that is not in the books."""
    if loan.status is not Status.ACTIVE:
        return []
    events: list[DomainEvent] = []
    applied, credit = difference(loan, today)
    if any(applied) or credit:
        assert applied.total + credit == 0, "applied credit only moves between parts of the loan"
        event = CreditApplied(
            loan_id=loan.loan_id,
            applied=components(applied, loan.currency),
            credit_difference=Money(credit, loan.currency),
            position=position(loan.books, today, policy.buckets),
            applied_on=today,
        )
        events.append(event)
    account = advance(loan.books, today)
    events += _delinquency(loan, account, today, policy)
    if account.is_settled:
        events.append(_settled(loan, account, today))
    return events


def _delinquency(loan: Loan, account: Account, today: date, policy: Policy) -> list[DomainEvent]:
    days = days_past_due(account, today)
    now = bucket(policy.buckets, days)
    rule = policy.tier(days)
    events: list[DomainEvent] = []
    if now is not loan.bucket:
        event = DelinquencyChanged(
            loan_id=loan.loan_id,
            application_id=loan.agreed.application_id,
            applicant_id=loan.agreed.applicant_id,
            previous=loan.bucket,
            position=position(account, today, policy.buckets),
            changed_on=today,
        )
        events.append(event)
    if rule.tier is not loan.tier and not account.is_settled:
        classified = LoanClassified(
            loan_id=loan.loan_id,
            previous=loan.tier,
            tier=rule.tier,
            days_past_due=days,
            provision_rate=f"{rule.provision_rate:f}",
            rule=policy.label,
            classified_on=today,
        )
        events.append(classified)
    return events


def _settled(loan: Loan, account: Account, today: date) -> LoanSettled:
    """EARLY, MATURITY or LATE by the value date of what settled it against the plan's last due date."""
    maturity = account.plan.maturity
    last = account.until
    kind = SettlementKind.MATURITY
    if last != maturity:
        kind = SettlementKind.EARLY if last < maturity else SettlementKind.LATE
    return LoanSettled(
        loan_id=loan.loan_id,
        application_id=loan.agreed.application_id,
        kind=kind,
        credit=Money(account.credit, loan.currency),
        settled_on=today,
    )
