"""What persons decide about a loan in the books: changed agreements, waivers, fees, refunds, corrections."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import (
    ChangeKind,
    ChangeTerms,
    ChargeWaived,
    ClassificationOverlaid,
    CreditRefunded,
    DelinquencyPaused,
    DisbursementRedated,
    FeeCharged,
    RepaymentReinstated,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import plan_rows
from libs.lending.annual_cost import AnnualCostError, eu_annual_rate, years_between
from libs.lending.money import Money
from libs.lending.schedule import repayment_plan
from libs.lending.terms import TermsError
from services.ledger.domain.account import advance, waive
from services.ledger.domain.changes import replan
from services.ledger.domain.commands import (
    ChangeLoan,
    ChargeFee,
    LoanCommand,
    OverlayClassification,
    PauseDelinquency,
    RedateDisbursement,
    RefundCredit,
    ReinstateRepayment,
    WaiveCharges,
)
from services.ledger.domain.consequences import WORSE, changed, difference, then
from services.ledger.domain.disbursement import rebased
from services.ledger.domain.drawing import first_part
from services.ledger.domain.loan import (
    Charge,
    Loan,
    Refund,
    Status,
    Waiver,
    account_before,
    adjusted,
    counting,
    facts_of,
    minor,
    redated,
    reinstated_receipt,
    replan_of,
)
from services.ledger.domain.position import position
from services.ledger.domain.refinancing import refuse_set_off

PAUSE_DAYS_MAX: Final = 366


def refuse_unless_in_books(loan: Loan) -> None:
    refuse_unless(
        loan.status is Status.ACTIVE,
        "loan-not-active",
        f"The loan is {loan.status.lower().replace('_', ' ')}; only one that is owed can be changed.",
    )


def refuse_wrong_date(command: LoanCommand, loan: Loan, on: date, *, authority: bool, field: str) -> None:
    """A value date lies between the payout and today, and in an open period unless the actor may go behind it."""
    assert loan.disbursed is not None, "a loan in the books was paid out"
    if on < loan.disbursed.value_date:
        first = loan.disbursed.value_date
        raise Rejected("value-date-too-early", f"The money was paid out on {first}.", field=field, status=422)
    if on > command.today:
        text = f"The business date is {command.today}; enter it when the day has come."
        raise Rejected("value-date-in-future", text, field=field, status=422)
    open_from = command.policy.first_open_date(command.today)
    if on < open_from and not authority:
        text = f"Periods before {open_from} are closed; a finance manager may enter this value date."
        raise Rejected("period-closed", text, field=field, status=403)


def reinstate(command: ReinstateRepayment, loan: Loan) -> list[DomainEvent]:
    """A reversal is reversed: the repayment counts again on its own value date."""
    receipt = loan.receipt(command.repayment_id)
    if receipt is None:
        raise Rejected("repayment-not-found", "This loan has no repayment with this id.", status=404)
    refuse_set_off(receipt)
    refuse_unless(receipt.reversed_on is not None, "repayment-not-reversed", "It counts: nothing is to be taken back.")
    refuse_unless(
        loan.status in (Status.ACTIVE, Status.SETTLED),
        f"loan-{loan.status.lower().replace('_', '-')}",
        "Only on a loan in the books a repayment can count again.",
    )
    taken = next((r for r in loan.receipts if r.bank_reference == receipt.bank_reference and not r.reversed_on), None)
    refuse_unless(
        not receipt.bank_reference or taken is None,
        "bank-reference-used",
        f"The bank's reference belongs to repayment {taken.repayment_id if taken else ''} by now.",
    )
    after = reinstated_receipt(loan, command.repayment_id)
    found = difference(after, command.today)
    assert found.applied.total + found.credit - found.waived == receipt.amount.minor, "all of it goes somewhere"
    event = RepaymentReinstated(
        loan_id=loan.loan_id,
        repayment_id=command.repayment_id,
        reason=command.reason,
        amount=receipt.amount,
        position=position(after.books, command.today, command.policy.buckets),
        reinstated_on=command.today,
        **found.members(loan.currency),
    )
    return then(loan, [event], command.today, command.policy)


def refund_credit(command: RefundCredit, loan: Loan) -> list[DomainEvent]:
    """What is over goes back; never more than there is."""
    refuse_unless(
        loan.status in (Status.ACTIVE, Status.SETTLED, Status.CANCELLED),
        f"loan-{loan.status.lower().replace('_', '-')}",
        "There is no credit on such a loan.",
    )
    held = advance(loan.account, command.today).credit if loan.account is not None else loan.posted_credit
    amount = command.amount or Money(max(held, 0), loan.currency)
    if amount.currency != loan.currency:
        raise Rejected("wrong-currency", f"This loan is in {loan.currency}.", field="/amount/currency", status=422)
    refuse_unless(held > 0, "no-credit", "Nothing is over on this loan.")
    if amount.minor > held:
        text = f"{Money(held, loan.currency)} is over; refund at most that."
        raise Rejected("more-than-credit", text, field="/amount", status=422)
    event = CreditRefunded(
        loan_id=loan.loan_id,
        refund_id=command.refund_id,
        amount=amount,
        bank_reference=command.bank_reference,
        refunded_on=command.today,
    )
    return [event]


def change(command: ChangeLoan, loan: Loan) -> list[DomainEvent]:
    """Another agreement on the same loan (R7.5); the old plan is kept in the event."""
    refuse_unless_in_books(loan)
    refuse_wrong_date(command, loan, command.effective, authority=command.closed_periods, field="/effective")
    terms = command.terms
    if terms.lpr is not None and terms.annual_rate is None:
        rate = command.policy.lpr(terms.lpr.tenor, command.effective - timedelta(days=1)) + terms.lpr.margin
        if rate < 0:
            raise Rejected("margin", "The rate would be negative.", field="/terms/lpr/margin", status=422)
        terms = terms.model_copy(update={"annual_rate": rate})
    _refuse_wrong_change(command, terms, loan)
    before = account_before(loan, command.effective)
    try:
        replan(before, command.effective, replan_of(command.kind, terms))
    except TermsError as error:
        raise Rejected(f"change-{error.code}", f"No plan follows: {error}.", field="/terms", status=422) from None
    event = changed(
        loan,
        change_id=command.change_id,
        kind=command.kind,
        effective=command.effective,
        terms=terms,
        reason=command.reason,
        agreed_by=command.agreed_by,
        today=command.today,
        policy=command.policy,
    )
    return then(loan, [event], command.today, command.policy)


NEEDS: Final = {
    ChangeKind.RATE: ("annual_rate", "Say the new annual rate, or the LPR that it follows."),
    ChangeKind.EXTENSION: ("more_instalments", "Say how many instalments more there are."),
    ChangeKind.DUE_DATE: ("first_due", "Say on which day the next instalment is due."),
    ChangeKind.HOLIDAY: ("skipped_instalments", "Say how many due dates are skipped."),
    ChangeKind.REAGEING: ("with_arrears", "Re-ageing takes the arrears into the plan: set with_arrears."),
    ChangeKind.ASSIGNMENT: ("funder", "Say to whom the debt is assigned."),
}


def _refuse_wrong_change(command: ChangeLoan, terms: ChangeTerms, loan: Loan) -> None:
    policy, needed = command.policy, NEEDS.get(command.kind)
    if needed is not None and getattr(terms, needed[0]) in (None, 0, False):
        raise Rejected("change-incomplete", needed[1], field=f"/terms/{needed[0]}", status=422)
    if command.kind is ChangeKind.ASSIGNMENT:
        _refuse_assignment(command, terms, loan)
    if terms.annual_rate is not None and terms.annual_rate > policy.annual_rate_max:
        text = f"{policy.label} admits at most {policy.annual_rate_max} a year."
        raise Rejected("annual-rate-max", text, field="/terms/annual_rate", status=422)
    if terms.first_due is not None and terms.first_due <= command.effective:
        text = "The next instalment is due after the day from which the change runs."
        raise Rejected("first-due", text, field="/terms/first_due", status=422)
    assert loan.disbursed is not None, "a loan in the books was paid out"
    left = len([row for row in loan.books.plan.rows if row.due > command.effective])
    months = (command.effective - loan.disbursed.value_date).days // 30 + left + terms.more_instalments
    if terms.more_instalments and months + terms.skipped_instalments > 2 * policy.term_months_max:
        text = f"With so many instalments the loan runs {months} months; at most {2 * policy.term_months_max} may be."
        raise Rejected("term-months-max", text, field="/terms/more_instalments", status=422)
    if terms.with_arrears and command.kind not in (ChangeKind.REAGEING, ChangeKind.RESTRUCTURING):
        text = "Only restructuring and re-ageing take arrears into the plan."
        raise Rejected("with-arrears", text, field="/terms/with_arrears", status=422)
    if any(change_id == command.change_id for change_id in (getattr(f, "change_id", "") for f in loan.adjustments)):
        raise Rejected("change-exists", "A change has this id already.", field="/change_id")


def _refuse_assignment(command: ChangeLoan, terms: ChangeTerms, loan: Loan) -> None:
    """It binds a borrower who was told (Civil Code 546), and changes nothing about what he owes."""
    if terms.notified_on is None or terms.notified_on > command.effective:
        text = "Say on which day the borrower was told; the assignment binds him from then on, and runs from no day before."
        raise Rejected("borrower-not-notified", text, field="/terms/notified_on", status=422)
    if terms.funder == loan.funder:
        raise Rejected("same-funder", f"The debt is {loan.funder}'s already.", field="/terms/funder", status=422)
    others = terms.model_copy(update={"funder": None, "notified_on": None})
    if others != ChangeTerms():
        text = "An assignment changes nothing that the borrower owes; agree on that as a change of its own."
        raise Rejected("assignment-changes-terms", text, field="/terms", status=422)


def waive_charges(command: WaiveCharges, loan: Loan) -> list[DomainEvent]:
    """As much as was due on the value date, within the actor's authority."""
    refuse_unless_in_books(loan)
    refuse_wrong_date(command, loan, command.value_date, authority=command.closed_periods, field="/value_date")
    asked = minor(command.amounts)
    if command.amounts.total.currency != loan.currency:
        raise Rejected("wrong-currency", f"This loan is in {loan.currency}.", field="/amounts", status=422)
    if asked.principal or min(asked) < 0 or asked.total == 0:
        text = "Overdue interest, fees and interest can be let off; principal is restructured or written off."
        raise Rejected("waiver-amounts", text, field="/amounts", status=422)
    if command.limit is not None and asked.total > command.limit.minor:
        text = f"Your role lets off at most {command.limit}; ask somebody with more authority."
        raise Rejected("waiver-beyond-authority", text, field="/amounts", status=403)
    there = waive(account_before(loan, command.value_date), asked, command.value_date).waived
    there -= account_before(loan, command.value_date).waived
    if there < asked.total:
        text = f"On {command.value_date} only {Money(there, loan.currency)} of that was due; let off at most that."
        raise Rejected("waiver-too-much", text, field="/amounts", status=422)
    after = adjusted(loan, Waiver(command.waiver_id, asked, command.value_date, loan.next_sequence))
    event = ChargeWaived(
        loan_id=loan.loan_id,
        waiver_id=command.waiver_id,
        asked=command.amounts,
        value_date=command.value_date,
        reason=command.reason,
        waived_by=command.waived_by,
        authority=command.authority,
        position=position(after.books, command.today, command.policy.buckets),
        waived_on=command.today,
        **difference(after, command.today).members(loan.currency),
    )
    return then(loan, [event], command.today, command.policy)


def charge_fee(command: ChargeFee, loan: Loan) -> list[DomainEvent]:
    """Within the all-in cap, over what was really paid and what is still to be paid."""
    refuse_unless_in_books(loan)
    refuse_wrong_date(command, loan, command.value_date, authority=command.closed_periods, field="/value_date")
    if command.amount.currency != loan.currency:
        raise Rejected("wrong-currency", f"This loan is in {loan.currency}.", field="/amount/currency", status=422)
    refuse_unless(command.amount.minor > 0, "amount-not-positive", "Charge something.", field="/amount", status=422)
    after = adjusted(loan, Charge(command.charge_id, command.amount.minor, command.value_date, loan.next_sequence))
    cost = all_in_cost(after, command.today)
    cap = command.policy.annual_rate_max
    if cost > cap:
        text = f"With this fee the loan costs {cost:.4f} a year; {command.policy.label} admits at most {cap}."
        raise Rejected("all-in-cost-max", text, field="/amount", status=422, all_in_cost=f"{cost:.6f}")
    event = FeeCharged(
        loan_id=loan.loan_id,
        charge_id=command.charge_id,
        code=command.code,
        amount=command.amount,
        value_date=command.value_date,
        reason=command.reason,
        all_in_cost=cost,
        position=position(after.books, command.today, command.policy.buckets),
        charged_on=command.today,
        **difference(after, command.today).members(loan.currency),
    )
    return then(loan, [event], command.today, command.policy)


def all_in_cost(loan: Loan, today: date) -> Decimal:
    """The annual cost (compound, by days) over the loan's real cash flow: what was paid and what was given back on its
    days, what is due and unpaid as if it were paid today, and the coming instalments as planned."""
    assert loan.disbursed is not None, "a loan in the books was paid out"
    start = loan.disbursed.value_date
    account = advance(loan.books, today)
    flows: dict[date, int] = {start: -loan.disbursed.amount.minor}
    for drawn in loan.draws:
        flows[drawn.value_date] = flows.get(drawn.value_date, 0) - drawn.amount
    for receipt in counting(loan.receipts):
        flows[receipt.value_date] = flows.get(receipt.value_date, 0) + receipt.amount.minor
    for refunded in loan.adjustments:
        if isinstance(refunded, Refund):
            flows[refunded.value_date] = flows.get(refunded.value_date, 0) - refunded.amount
    for row in account.rows:
        on = max(row.due, today)
        flows[on] = flows.get(on, 0) + row.planned_open + row.penalty - row.penalty_paid
    flows[today] = flows.get(today, 0) - max(account.credit, 0)
    try:
        cost = eu_annual_rate([(years_between(start, on), Decimal(-amount)) for on, amount in sorted(flows.items())])
    except AnnualCostError:
        return Decimal(0)  # nothing was lent for any time: there is no rate
    return cost.quantize(Decimal("0.000001"))


def redate(command: RedateDisbursement, loan: Loan) -> list[DomainEvent]:
    """The late truth about the payout: all of the loan is worked out from that day."""
    refuse_unless(
        loan.status in (Status.ACTIVE, Status.SETTLED),
        "loan-not-active",
        "Only the payout of a loan in the books is corrected.",
    )
    assert loan.disbursed is not None, "a loan in the books was paid out"
    previous = loan.disbursed.value_date
    refuse_unless(command.value_date != previous, "same-date", "It is entered with this date.", field="/value_date")
    if command.value_date < loan.agreed.booked_on or command.value_date > command.today:
        text = f"The money moved between {loan.agreed.booked_on} and {command.today}."
        raise Rejected("value-date", text, field="/value_date", status=422)
    open_from = command.policy.first_open_date(command.today)
    if min(command.value_date, previous) < open_from and not command.closed_periods:
        text = f"Periods before {open_from} are closed; a finance manager may correct this date."
        raise Rejected("period-closed", text, field="/value_date", status=403)
    earliest = min((fact.value_date for fact in facts_of(loan)), default=command.today)
    if command.value_date > earliest:
        text = f"There is an entry of {earliest}; nothing can come before the money. Reverse that first."
        raise Rejected("payout-after-entry", text, field="/value_date")
    terms = rebased(first_part(loan.agreed.agreement.terms), command.value_date)
    after = redated(loan, command.value_date, terms)
    event = DisbursementRedated(
        loan_id=loan.loan_id,
        value_date=command.value_date,
        previous=previous,
        reason=command.reason,
        terms=terms,
        plan=plan_rows(repayment_plan(terms)),
        position=position(after.books, command.today, command.policy.buckets),
        redated_on=command.today,
        **difference(after, command.today).members(loan.currency),
    )
    return then(loan, [event], command.today, command.policy)


def pause(command: PauseDelinquency, loan: Loan) -> list[DomainEvent]:
    refuse_unless_in_books(loan)
    refuse_wrong_date(command, loan, command.start, authority=False, field="/start")
    if not command.start <= command.end <= command.start + timedelta(days=PAUSE_DAYS_MAX):
        text = f"A pause ends on or after its first day, within {PAUSE_DAYS_MAX} days."
        raise Rejected("pause-end", text, field="/end", status=422)
    event = DelinquencyPaused(
        loan_id=loan.loan_id,
        start=command.start,
        end=command.end,
        reason=command.reason,
        paused_by=command.paused_by,
        paused_on=command.today,
    )
    return then(loan, [event], command.today, command.policy)


def overlay(command: OverlayClassification, loan: Loan) -> list[DomainEvent]:
    """Only for the worse: a person never makes a loan look better than the matrix says."""
    refuse_unless_in_books(loan)
    if command.tier is None:
        refuse_unless(loan.overlay is not None, "no-overlay", "The loan stands in the tier of the matrix.")
    elif WORSE[command.tier] <= WORSE[loan.tier]:
        text = f"The loan is {loan.tier} already; a person can only hold it in a worse tier."
        raise Rejected("overlay-not-worse", text, field="/tier", status=422)
    event = ClassificationOverlaid(
        loan_id=loan.loan_id,
        tier=command.tier,
        reason=command.reason,
        decided_by=command.decided_by,
        decided_on=command.today,
    )
    return then(loan, [event], command.today, command.policy)
