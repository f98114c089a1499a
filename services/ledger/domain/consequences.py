"""What a loan's facts lead to by themselves: credit applied, buckets and tiers entered, the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import (
    AccrualResumed,
    AccrualSuspended,
    Bucket,
    ChangeKind,
    ChangeTerms,
    CreditApplied,
    DelinquencyChanged,
    LoanChanged,
    LoanClassified,
    LoanPosition,
    LoanSettled,
    LprLink,
    RepaymentReversed,
    SettlementKind,
    Tier,
)
from libs.contracts.values import PlanRow
from libs.lending.money import Money
from services.ledger.domain.account import NOTHING, Account, Amounts, advance
from services.ledger.domain.loan import (
    LPR_RESET,
    Change,
    Loan,
    Receipt,
    Status,
    adjusted,
    evolve,
    replan_of,
    reversed_receipt,
)
from services.ledger.domain.payouts import due_tranche
from services.ledger.domain.policy import Policy, TierRule
from services.ledger.domain.position import bucket, components, days_past_due, position


class Difference(NamedTuple):
    """What is allocated, what of it is waived, and what is credit, beyond what events have said so far."""

    applied: Amounts
    credit: int
    waived: int

    def members(self, currency: str) -> dict[str, Any]:
        """As events have it."""
        return {
            "difference": components(self.applied, currency),
            "credit_difference": Money(self.credit, currency),
            "waived_difference": Money(self.waived, currency),
        }


def difference(loan: Loan, on: date) -> Difference:
    """How the account on `on` differs from what events have said of it."""
    account = advance(loan.books, on)
    return Difference(
        account.paid.minus(loan.posted), account.credit - loan.posted_credit, account.waived - loan.posted_waived
    )


def then(loan: Loan, events: Sequence[DomainEvent], today: date, policy: Policy) -> list[DomainEvent]:
    """The events, and what follows from them today."""
    for event in events:
        loan = evolve(loan, event)
    return [*events, *follow_up(loan, today, policy)]


def follow_up(loan: Loan, today: date, policy: Policy) -> list[DomainEvent]:
    """What has changed by now and no event has said: nothing for a loan that is not in the books."""
    if loan.status is not Status.ACTIVE:
        return []
    reset = lpr_reset(loan, today, policy)
    if reset is not None:
        return [reset, *follow_up(evolve(loan, reset), today, policy)]
    events: list[DomainEvent] = []
    applied, credit, waived = difference(loan, today)
    assert waived == 0, "what is waived changes by facts alone"
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
    tranche = due_tranche(loan, today)
    if account.is_settled:
        events.append(_settled(loan, account, today))
    elif tranche is not None:
        events.append(tranche)
    return events


def _delinquency(loan: Loan, account: Account, today: date, policy: Policy) -> list[DomainEvent]:
    days = days_past_due(account, today)
    now = bucket(policy.buckets, days)
    tier, why = judged(loan, policy.tier(days), policy)
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
    if tier is not loan.tier and not account.is_settled:
        classified = LoanClassified(
            loan_id=loan.loan_id,
            previous=loan.tier,
            tier=tier,
            days_past_due=days,
            provision_rate=f"{policy.provision_rate(tier):f}",
            rule=why,
            classified_on=today,
        )
        events.append(classified)
    if days >= policy.non_accrual_from_days and not loan.suspended:
        suspended = AccrualSuspended(loan_id=loan.loan_id, days_past_due=days, rule=policy.label, suspended_on=today)
        events.append(suspended)
    elif loan.suspended and days == 0:
        events.append(AccrualResumed(loan_id=loan.loan_id, resumed_on=today))
    return events


def judged(loan: Loan, rule: TierRule, policy: Policy) -> tuple[Tier, str]:
    """The tier of a loan and why: the matrix, or a person's judgement where that is worse."""
    overlay = loan.overlay
    if overlay is not None and overlay.tier is not None and WORSE[overlay.tier] > WORSE[rule.tier]:
        return overlay.tier, f"overlay by {overlay.decided_by}"
    return rule.tier, policy.label


WORSE: Final = {tier: n for n, tier in enumerate(Tier)}


def reset_after(link: LprLink, last: date) -> date:
    """The first reset of a rate after the day from which the last one runs."""
    this_year = date(last.year, link.reset_month, link.reset_day)
    return this_year if this_year > last else this_year.replace(year=last.year + 1)


def next_reset(loan: Loan) -> date | None:
    """The day on which the rate follows the LPR next."""
    return reset_after(loan.lpr, loan.lpr_from) if loan.lpr is not None and loan.lpr_from is not None else None


def lpr_reset(loan: Loan, today: date, policy: Policy) -> LoanChanged | None:
    """The reset that has come: the rate of the day before it and the margin, from the reset on."""
    effective = next_reset(loan)
    if effective is None or effective > today or loan.lpr is None:
        return None
    rate = policy.lpr(loan.lpr.tenor, effective - timedelta(days=1)) + loan.lpr.margin
    terms = ChangeTerms(annual_rate=min(rate, policy.annual_rate_max), lpr=loan.lpr)
    return changed(
        loan,
        change_id=f"lpr-{effective}",
        kind=ChangeKind.RATE,
        effective=effective,
        terms=terms,
        reason=f"LPR {loan.lpr.tenor} reset",
        agreed_by=LPR_RESET,
        today=today,
        policy=policy,
    )


def changed(
    loan: Loan,
    *,
    change_id: str,
    kind: ChangeKind,
    effective: date,
    terms: ChangeTerms,
    reason: str,
    agreed_by: str,
    today: date,
    policy: Policy,
    measure_id: str = "",
) -> LoanChanged:
    """The event of a changed agreement, with the old plan and the new one."""
    fact = Change(change_id, kind, effective, replan_of(kind, terms), loan.next_sequence)
    after = adjusted(loan, fact)
    return LoanChanged(
        loan_id=loan.loan_id,
        application_id=loan.agreed.application_id,
        change_id=change_id,
        kind=kind,
        effective=effective,
        terms=terms,
        reason=reason,
        agreed_by=agreed_by,
        previous_plan=published(loan.books),
        plan=published(after.books),
        position=position(after.books, today, policy.buckets),
        changed_on=today,
        measure_id=measure_id,
        **difference(after, today).members(loan.currency),
    )


def reversal(loan: Loan, receipt: Receipt, reason: str, today: date, policy: Policy) -> RepaymentReversed:
    """The event of a repayment that turned out to be none, with what that changes."""
    after = reversed_receipt(loan, receipt.repayment_id, today, reason)
    found = difference(after, today) if after.account else Difference(NOTHING, -receipt.amount.minor, 0)
    taken = found.applied.total + found.credit - found.waived
    assert taken == -receipt.amount.minor, "all of a reversed repayment is taken from somewhere"
    return RepaymentReversed(
        loan_id=loan.loan_id,
        repayment_id=receipt.repayment_id,
        reason=reason,
        amount=receipt.amount,
        position=standing(after, today, policy),
        reversed_on=today,
        set_off_by=receipt.set_off_by or None,
        **found.members(loan.currency),
    )


def standing(loan: Loan, today: date, policy: Policy) -> LoanPosition:
    """Where the loan stands; one whose payout came back owes nothing."""
    if loan.account is not None:
        return position(loan.account, today, policy.buckets)
    nothing = components(NOTHING, loan.currency)
    return LoanPosition(
        as_of=today,
        outstanding=nothing,
        due=nothing,
        overdue=nothing,
        days_past_due=0,
        bucket=Bucket.CURRENT,
        credit=Money(loan.posted_credit, loan.currency),
    )


def published(account: Account) -> tuple[PlanRow, ...]:
    """Every instalment of an account, those that came due under earlier plans first."""
    return tuple(
        PlanRow(
            number=row.number,
            due=row.due,
            principal=row.principal,
            interest=row.interest,
            fee=row.fee,
            total=row.total,
            balance=row.closing,
        )
        for row in account.instalments
    )


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
