"""What each event says about the page of a loan: which fields it sets, which sums it adds to.

Said once, used twice: by the live read models, and by the replay of a page as of any moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from libs.contracts import application as app
from libs.contracts import approval, collections, contract, ledger, scoring
from libs.contracts.base import DomainEvent
from libs.contracts.values import LoanRequest


class Subject(StrEnum):
    """The parts of a page, each a row of its own."""

    APPLICATION = "application"
    LOAN = "loan"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Effect:
    """Fields set and sums added on one row, which is made when it is not there.

    Services are heard in any order, and each sets fields of its own: so the row does not depend on the order.
    """

    subject: Subject
    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    amounts: Mapping[str, int] = field(default_factory=dict)


def effects(event: DomainEvent) -> Iterator[Effect]:
    """What an event says about pages; nothing for events that pages do not show."""
    match event:
        case app.ApplicationStarted() | app.ApplicationAmended() | app.ApplicationSubmitted():
            yield from _application(event)
        case app.ApplicationWithdrawn():
            yield _set(event.application_id, application_state="WITHDRAWN")
        case app.ApplicationExpired():
            yield _set(event.application_id, application_state="EXPIRED")
        case app.ApplicationConcluded():
            yield _set(event.application_id, application_state=event.end.value)
        case scoring.ApplicationScored():
            yield _set(
                event.application_id,
                score=event.score,
                grade=event.grade,
                probability_of_default=str(event.probability_of_default),
                card=f"{event.card_id} v{event.card_version}",
            )
        case scoring.ScoringFailed():
            yield _set(event.application_id, card=event.reason.code)
        case _:
            yield from _decision(event)


def _application(event: app.ApplicationStarted | app.ApplicationAmended | app.ApplicationSubmitted) -> Iterator[Effect]:
    request = _request(event.request)
    match event:
        case app.ApplicationStarted():
            values = request | {"application_state": "DRAFT", "started_on": event.started_on}
            yield Effect(Subject.APPLICATION, event.application_id, values)
        case app.ApplicationSubmitted():
            yield _set(event.application_id, **request, application_state="SUBMITTED", submitted_on=event.submitted_on)
        case app.ApplicationAmended():
            yield _set(event.application_id, **request)


def _request(request: LoanRequest) -> dict[str, Any]:
    return {
        "applicant_id": request.applicant_id,
        "product": request.product.code,
        "channel": request.channel.value,
        "source": request.source,
        "amount_minor": request.amount.minor,
        "currency": request.amount.currency,
        "instalments": request.instalments,
        "method": request.method.value,
    }


def _decision(event: DomainEvent) -> Iterator[Effect]:
    match event:
        case approval.ApplicationReferred():
            yield _set(
                event.application_id, decision="REFERRED", rule=event.basis.rules[0], decision_table=_table(event.basis)
            )
        case approval.ApplicationApproved() | approval.ApplicationDeclined():
            approved = isinstance(event, approval.ApplicationApproved)
            yield _set(
                event.application_id,
                decision="APPROVED" if approved else "DECLINED",
                rule=event.basis.rules[0],
                decision_table=_table(event.basis),
                automatic=not event.decided_by,
                decided_by=", ".join(event.decided_by),
            )
        case approval.ApprovalLapsed():
            yield _set(event.application_id, offer_lapsed=event.reason)
        case contract.ContractOffered():
            yield _set(
                event.application_id,
                contract_id=event.contract_id,
                contract_state="OFFERED",
                irr_annual=str(event.agreement.disclosure.irr_annual),
                document_sha256=event.document_sha256,
            )
        case contract.ContractSigned():
            yield _set(event.application_id, contract_state="SIGNED", document_sha256=event.signed_document_sha256)
        case contract.ContractExpired():
            yield _set(event.application_id, contract_state="EXPIRED")
        case contract.ContractCancelled():
            yield _set(event.application_id, contract_state="CANCELLED")
        case _:
            yield from _loan(event)


def _table(basis: approval.DecisionBasis) -> str:
    return f"{basis.table_id} v{basis.table_version}"


def _loan(event: DomainEvent) -> Iterator[Effect]:
    match event:
        case ledger.LoanBooked():
            values = {
                "application_id": event.application_id,
                "applicant_id": event.applicant_id,
                "product": event.agreement.request.product.code,
                "grade": event.agreement.grade,
                "principal_minor": event.agreement.terms.principal.minor,
                "currency": event.agreement.terms.principal.currency,
                "loan_state": "BOOKED",
                "booked_on": event.booked_on,
            }
            yield Effect(Subject.LOAN, event.loan_id, values)
            yield _set(event.application_id, loan_id=event.loan_id)
        case ledger.BookingRefused():
            yield _on_loan(event.loan_id, application_id=event.application_id, loan_state="REFUSED")
            yield _set(event.application_id, loan_id=event.loan_id)
        case ledger.LoanCancelled():
            yield _on_loan(event.loan_id, loan_state="CANCELLED", **_nothing())
        case ledger.DelinquencyChanged():
            yield _on_loan(event.loan_id, **_position(event.position))
        case ledger.LoanClassified():
            yield _on_loan(event.loan_id, tier=event.tier.value)
        case ledger.LoanSettled():
            values = {"loan_state": "SETTLED", "settlement": event.kind.value, "settled_on": event.settled_on}
            yield _on_loan(event.loan_id, credit_minor=event.credit.minor, **values, **_nothing())
        case ledger.LoanWrittenOff():
            values = {"loan_state": "WRITTEN_OFF", "written_off_on": event.written_off_on, **_nothing()}
            yield Effect(Subject.LOAN, event.loan_id, values, {"written_off_minor": event.written_off.total.minor})
        case _:
            yield from _disbursement(event)


def _disbursement(event: DomainEvent) -> Iterator[Effect]:
    match event:
        case ledger.DisbursementRequested():
            yield _on_loan(event.loan_id, disbursement="REQUESTED", disbursement_attempts=event.attempt)
        case ledger.DisbursementUnresolved():
            yield _on_loan(event.loan_id, disbursement="UNRESOLVED")
        case ledger.DisbursementFailed():
            yield _on_loan(event.loan_id, disbursement="FAILED")
        case ledger.LoanDisbursed():
            values = {"disbursement": "CONFIRMED", "loan_state": "ACTIVE", "disbursed_on": event.value_date}
            yield _on_loan(event.loan_id, **values, **_position(event.position))
        case ledger.DisbursementRedated():
            yield _on_loan(event.loan_id, disbursed_on=event.value_date, **_position(event.position))
        case ledger.TrancheDisbursed() | ledger.TrancheReturned():
            # More or less is owed than before, and a settled loan is owed again.
            state = "CONFIRMED" if isinstance(event, ledger.TrancheDisbursed) else "RETURNED"
            owed = {"loan_state": "ACTIVE", "settlement": "", "settled_on": None, **_position(event.position)}
            yield _on_loan(event.loan_id, disbursement=state, **owed)
        case ledger.DisbursementReturned():
            # As if it had never been paid out; what the borrower paid meanwhile is credit that is owed to him.
            values = {"disbursement": "RETURNED", "disbursed_on": None}
            yield Effect(Subject.LOAN, event.loan_id, values, {"credit_minor": event.credit_difference.minor})
        case _:
            yield from _money(event)


def _money(event: DomainEvent) -> Iterator[Effect]:
    match event:
        case ledger.RepaymentReceived():
            sums = {"repaid_minor": event.amount.minor, "repayments": 1}
            yield Effect(Subject.LOAN, event.loan_id, _position(event.position), sums)
        case ledger.CreditApplied() | ledger.LoanChanged() | ledger.ChargeWaived() | ledger.FeeCharged():
            yield _on_loan(event.loan_id, **_position(event.position))
        case ledger.RepaymentReversed():
            # A settled loan is owed again.
            values = {"loan_state": "ACTIVE", "settlement": "", "settled_on": None, **_position(event.position)}
            sums = {"repaid_minor": -event.amount.minor, "reversals": 1}
            yield Effect(Subject.LOAN, event.loan_id, values, sums)
        case ledger.RepaymentReinstated():
            sums = {"repaid_minor": event.amount.minor, "reversals": -1}
            yield Effect(Subject.LOAN, event.loan_id, _position(event.position), sums)
        case ledger.CreditRefunded():
            yield Effect(Subject.LOAN, event.loan_id, {}, {"credit_minor": -event.amount.minor})
        case ledger.RecoveryReceived():
            yield Effect(Subject.LOAN, event.loan_id, {}, {"recovered_minor": event.amount.minor, "recoveries": 1})
        case _:
            yield from _case(event)


def _position(position: ledger.LoanPosition) -> dict[str, Any]:
    return {
        "as_of": position.as_of,
        "outstanding_minor": position.outstanding.total.minor,
        "outstanding_principal_minor": position.outstanding.principal.minor,
        "overdue_minor": position.overdue.total.minor,
        "days_past_due": position.days_past_due,
        "bucket": position.bucket.value,
        "credit_minor": position.credit.minor,
        "next_due": position.next_due,
    }


def _nothing() -> dict[str, Any]:
    """The position of a loan on which nothing is owed in the books any more."""
    return {
        "outstanding_minor": 0,
        "outstanding_principal_minor": 0,
        "overdue_minor": 0,
        "days_past_due": 0,
        "bucket": "CURRENT",
        "next_due": None,
    }


def _case(event: DomainEvent) -> Iterator[Effect]:
    match event:
        case collections.ReminderSent():
            yield Effect(Subject.LOAN, event.loan_id, {}, {"reminders": 1})
        case collections.CollectionCaseOpened():
            values = {
                "loan_id": event.loan_id,
                "application_id": event.application_id,
                "case_state": "OPEN",
                "stage": event.stage.value,
                "opened_on": event.opened_on,
            }
            yield Effect(Subject.CASE, event.case_id, values)
            yield Effect(Subject.LOAN, event.loan_id, {}, {"cases": 1})
        case collections.CaseAssigned():
            yield Effect(Subject.CASE, event.case_id, {"collector": event.collector})
        case collections.CaseStageChanged():
            yield Effect(Subject.CASE, event.case_id, {"stage": event.stage.value})
        case collections.ContactLogged():
            yield Effect(Subject.CASE, event.case_id, {}, {"contacts": 1})
        case collections.PromiseMade():
            yield Effect(Subject.CASE, event.case_id, {}, {"promises": 1})
        case collections.PromiseKept():
            yield Effect(Subject.CASE, event.case_id, {}, {"promises_kept": 1})
        case collections.PromiseBroken():
            yield Effect(Subject.CASE, event.case_id, {}, {"promises_broken": 1})
        case collections.ComplaintReceived():
            yield Effect(Subject.CASE, event.case_id, {}, {"complaints": 1})
        case collections.CollectionCaseClosed():
            yield Effect(
                Subject.CASE,
                event.case_id,
                {"case_state": "CLOSED", "ended": event.end.value, "closed_on": event.closed_on},
            )


def _set(application_id: str, **values: Any) -> Effect:
    return Effect(Subject.APPLICATION, application_id, values)


def _on_loan(loan_id: str, **values: Any) -> Effect:
    return Effect(Subject.LOAN, loan_id, values)


@dataclass(slots=True)
class Page:
    """The page of one loan, put together from the events that speak of it."""

    application: dict[str, Any] = field(default_factory=dict)
    loan: dict[str, Any] = field(default_factory=dict)
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, event: DomainEvent) -> None:
        """The page after one more event."""
        for effect in effects(event):
            row = self._row(effect)
            row.update(effect.values)
            for name, amount in effect.amounts.items():
                row[name] = row.get(name, 0) + amount

    def _row(self, effect: Effect) -> dict[str, Any]:
        if effect.subject is Subject.APPLICATION:
            self.application["application_id"] = effect.key
            return self.application
        if effect.subject is Subject.LOAN:
            self.loan["loan_id"] = effect.key
            return self.loan
        return self.cases.setdefault(effect.key, {"case_id": effect.key})
