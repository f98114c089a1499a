"""What the collections service publishes: reminders, cases, contacts, promises, early warning and the watch list."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent, Value
from libs.contracts.types import Code, Id, MoneyField, Personal, RateField, Text
from libs.contracts.values import Reason


class Stage(StrEnum):
    """How far collection has gone (R4.11)."""

    EARLY = "EARLY"
    """Messages and friendly calls."""
    MIDDLE = "MIDDLE"
    """Calls and letters by an assigned collector."""
    LATE = "LATE"
    """Visits, negotiated plans."""
    LEGAL = "LEGAL"


class ContactChannel(StrEnum):
    MESSAGE = "MESSAGE"
    TELEPHONE = "TELEPHONE"
    LETTER = "LETTER"
    VISIT = "VISIT"
    LEGAL = "LEGAL"


class ReminderSent(DomainEvent, type="puhui.collections.reminder-sent.v1"):
    """A borrower was told of an instalment before its due date."""

    loan_id: Id
    applicant_id: Id
    due: date
    amount: MoneyField
    days_before: Annotated[int, Field(ge=0)]
    sent_on: date

    example: ClassVar[dict[str, Any]] = {
        "loan_id": ex.LOAN,
        "applicant_id": ex.APPLICANT,
        "due": "2026-03-02",
        "amount": ex.cny("1100.16"),
        "days_before": 3,
        "sent_on": "2026-02-27",
    }


class CollectionCaseOpened(DomainEvent, type="puhui.collections.collection-case-opened.v1"):
    """A loan fell into arrears and collection began."""

    case_id: Id
    loan_id: Id
    application_id: Id
    applicant_id: Id
    overdue: MoneyField
    days_past_due: Annotated[int, Field(ge=0)]
    stage: Stage
    opened_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "loan_id": ex.LOAN,
        "application_id": ex.APPLICATION,
        "applicant_id": ex.APPLICANT,
        "overdue": ex.cny("1100.16"),
        "days_past_due": 1,
        "stage": "EARLY",
        "opened_on": "2026-04-03",
    }


class CaseAssigned(DomainEvent, type="puhui.collections.case-assigned.v1"):
    """A collector was made responsible for a case."""

    case_id: Id
    collector: Id
    assigned_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "collector": "collector-1",
        "assigned_on": "2026-04-04",
    }


class CaseStageChanged(DomainEvent, type="puhui.collections.case-stage-changed.v1"):
    """Collection moved to another stage, by days past due or by a person's decision."""

    case_id: Id
    loan_id: Id
    previous: Stage
    stage: Stage
    overdue: MoneyField
    days_past_due: Annotated[int, Field(ge=0)]
    reason: str
    changed_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "loan_id": ex.LOAN,
        "previous": "EARLY",
        "stage": "MIDDLE",
        "overdue": ex.cny("2200.32"),
        "days_past_due": 31,
        "reason": "31 days past due",
        "changed_on": "2026-05-03",
    }


class ContactResult(StrEnum):
    REACHED = "REACHED"
    NOT_REACHED = "NOT_REACHED"
    REFUSED = "REFUSED"
    WRONG_PARTY = "WRONG_PARTY"
    DELIVERED = "DELIVERED"


class ThirdPartyGround(StrEnum):
    """Why somebody else than the debtor may be contacted (GB/T 45251-2025)."""

    UNREACHABLE = "UNREACHABLE"
    DEAD = "DEAD"
    INCAPACITATED = "INCAPACITATED"


class ContactLogged(DomainEvent, type="puhui.collections.contact-logged.v1"):
    """A borrower was contacted, or it was tried, within the permitted hours and frequency.

    `number` names the number dialled ("mobile-1"), never its digits; `automated` marks a voice robot; `hours_agreed`
    says that the debtor asked for this hour; `recording` refers to the recording where one was made.
    """

    case_id: Id
    contact_id: Id
    channel: ContactChannel
    result: ContactResult
    at_local: str
    note: Annotated[str, Personal()]
    third_party: bool = False
    collector: Id
    contacted_on: date
    applicant_id: str = ""
    number: str = ""
    automated: bool = False
    hours_agreed: bool = False
    ground: ThirdPartyGround | None = None
    recording: str = ""

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "contact_id": "contact-1",
        "channel": "TELEPHONE",
        "result": "REACHED",
        "at_local": "2026-04-04T10:15:00",
        "note": "Will pay on Friday",
        "third_party": False,
        "collector": "collector-1",
        "contacted_on": "2026-04-04",
        "applicant_id": ex.APPLICANT,
        "number": "mobile-1",
        "automated": False,
        "hours_agreed": False,
        "ground": None,
        "recording": "",
    }


class ArrearsUpdated(DomainEvent, type="puhui.collections.arrears-updated.v1"):
    """The arrears behind a case are now these; the stage stays."""

    case_id: Id
    loan_id: Id
    overdue: MoneyField
    days_past_due: Annotated[int, Field(ge=0)]
    updated_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "loan_id": ex.LOAN,
        "overdue": ex.cny("3300.48"),
        "days_past_due": 61,
        "updated_on": "2026-06-02",
    }


class RepaymentNoted(DomainEvent, type="puhui.collections.repayment-noted.v1"):
    """Money came in, or was taken back (a negative amount), while a case was open; `overdue` is what is left of it."""

    case_id: Id
    loan_id: Id
    repayment_id: Id
    amount: MoneyField
    value_date: date
    overdue: MoneyField
    days_past_due: Annotated[int, Field(ge=0)]
    noted_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "loan_id": ex.LOAN,
        "repayment_id": "repayment-1",
        "amount": ex.cny("500.00"),
        "value_date": "2026-04-08",
        "overdue": ex.cny("600.16"),
        "days_past_due": 6,
        "noted_on": "2026-04-08",
    }


class PromiseMade(DomainEvent, type="puhui.collections.promise-made.v1"):
    """The borrower promised to pay an amount by a date."""

    case_id: Id
    promise_id: Id
    loan_id: Id
    amount: MoneyField
    due: date
    made_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "promise_id": "promise-1",
        "loan_id": ex.LOAN,
        "amount": ex.cny("1100.16"),
        "due": "2026-04-10",
        "made_on": "2026-04-04",
    }


class PromiseKept(DomainEvent, type="puhui.collections.promise-kept.v1"):
    """What was promised came in time, or the arrears were made good by then. It may follow `PromiseBroken`, when money
    of the promised time becomes known late."""

    case_id: Id
    promise_id: Id
    paid: MoneyField
    kept_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "promise_id": "promise-1",
        "paid": ex.cny("1100.16"),
        "kept_on": "2026-04-10",
    }


class PromiseBroken(DomainEvent, type="puhui.collections.promise-broken.v1"):
    """The promised date passed without the promised amount; `paid` is the part that came. `broken_on` is the day after
    the promised date. It may follow `PromiseKept`, on the day when the money was taken back."""

    case_id: Id
    promise_id: Id
    paid: MoneyField
    broken_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "promise_id": "promise-1",
        "paid": ex.cny("0.00"),
        "broken_on": "2026-04-11",
    }


class PlanPart(Value):
    """What a negotiated plan asks for by a date."""

    due: date
    amount: MoneyField


PARTS: Final[list[dict[str, Any]]] = [
    {"due": "2026-04-20", "amount": ex.cny("600.16")},
    {"due": "2026-05-20", "amount": ex.cny("500.00")},
]


class PlanAgreed(DomainEvent, type="puhui.collections.plan-agreed.v1"):
    """Borrower and collector agreed on dates and amounts by which the arrears are made good. What is owed, and its
    consequences, stay as the contract says: that would be a change of the loan."""

    case_id: Id
    plan_id: Id
    loan_id: Id
    parts: tuple[PlanPart, ...]
    agreed_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "plan_id": "plan-1",
        "loan_id": ex.LOAN,
        "parts": PARTS,
        "agreed_on": "2026-04-04",
    }


class PlanProgressed(DomainEvent, type="puhui.collections.plan-progressed.v1"):
    """So many of the plan's parts are paid in time now, and the next is due on `next_due`. Fewer than before, when money
    was taken back; a plan that was broken goes on, when money of the time turns up."""

    case_id: Id
    plan_id: Id
    parts_met: Annotated[int, Field(ge=0)]
    paid: MoneyField
    next_due: date
    progressed_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "plan_id": "plan-1",
        "parts_met": 1,
        "paid": ex.cny("600.16"),
        "next_due": "2026-05-20",
        "progressed_on": "2026-04-20",
    }


class PlanKept(DomainEvent, type="puhui.collections.plan-kept.v1"):
    """Every part came in time, or the arrears were made good before the next was due."""

    case_id: Id
    plan_id: Id
    paid: MoneyField
    kept_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "plan_id": "plan-1",
        "paid": ex.cny("1100.16"),
        "kept_on": "2026-05-20",
    }


class PlanBroken(DomainEvent, type="puhui.collections.plan-broken.v1"):
    """A part's date passed, and less had come by it than the parts until then; `part` counts from 1. `broken_on` is the
    day after that date, or the day on which money was taken back."""

    case_id: Id
    plan_id: Id
    part: Annotated[int, Field(ge=1)]
    paid: MoneyField
    broken_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "plan_id": "plan-1",
        "part": 2,
        "paid": ex.cny("600.16"),
        "broken_on": "2026-05-21",
    }


class ComplaintReceived(DomainEvent, type="puhui.collections.complaint-received.v1"):
    """The borrower complained: collection rests until the complaint is resolved."""

    case_id: Id
    complaint_id: Id
    subject: Annotated[Text, Personal()]
    received_on: date
    applicant_id: str = ""

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "complaint_id": "complaint-1",
        "subject": "Calls at work",
        "received_on": "2026-04-05",
        "applicant_id": ex.APPLICANT,
    }


class ComplaintResolved(DomainEvent, type="puhui.collections.complaint-resolved.v1"):
    """A complaint was answered; collection may go on."""

    case_id: Id
    complaint_id: Id
    outcome: Annotated[Text, Personal()]
    resolved_on: date
    applicant_id: str = ""

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "complaint_id": "complaint-1",
        "outcome": "Number removed, apology sent",
        "resolved_on": "2026-04-08",
        "applicant_id": ex.APPLICANT,
    }


class CaseEnd(StrEnum):
    CURED = "CURED"
    SETTLED = "SETTLED"
    WRITTEN_OFF = "WRITTEN_OFF"


class CollectionCaseClosed(DomainEvent, type="puhui.collections.collection-case-closed.v1"):
    """Collection ended: arrears were made good, the loan was settled, or it was written off."""

    case_id: Id
    loan_id: Id
    end: CaseEnd
    reason: Code
    closed_on: date

    example: ClassVar[dict[str, Any]] = {
        "case_id": ex.CASE,
        "loan_id": ex.LOAN,
        "end": "CURED",
        "reason": "arrears-paid",
        "closed_on": "2026-04-10",
    }


class Severity(StrEnum):
    """How much a warning weighs, in rising order."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


WARNING: Final[dict[str, Any]] = {
    "applicant_id": ex.APPLICANT,
    "warning_id": "9b2c7e90-5f02-5a5c-8f6e-0c6a1b1d2e3f",
    "rule": "first-instalment-late",
    "severity": "MEDIUM",
    "loan_id": ex.LOAN,
}


class WarningRaised(DomainEvent, type="puhui.collections.warning-raised.v1"):
    """A rule of early warning found something in a borrower's behaviour on a loan (R3.6), once each time that it happens.

    `until_cured`: it stands until the arrears of the loan are made good; without, it counts from `raised_on` alone.
    `review_due` is given where the borrower is watched and this brings his review forward.
    """

    applicant_id: Id
    warning_id: Id
    rule: Code
    severity: Severity
    loan_id: Id
    reason: Reason
    policy: Text
    until_cured: bool
    raised_on: date
    review_due: date | None = None

    example: ClassVar[dict[str, Any]] = WARNING | {
        "reason": {
            "code": "first-instalment-late",
            "text": {"zh": "首期还款逾期", "en": "The first instalment was paid late"},
        },
        "policy": "early-warning v1",
        "until_cured": True,
        "raised_on": "2026-03-03",
        "review_due": None,
    }


class WarningCured(DomainEvent, type="puhui.collections.warning-cured.v1"):
    """The arrears behind a warning were made good, or the loan ended."""

    applicant_id: Id
    warning_id: Id
    loan_id: Id
    cured_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "warning_id": WARNING["warning_id"],
        "loan_id": ex.LOAN,
        "cured_on": "2026-03-10",
    }


class WatchEntered(DomainEvent, type="puhui.collections.watch-entered.v1"):
    """A borrower was put on the watch list: by a person, or by rule where `entered_by` is empty."""

    applicant_id: Id
    severity: Severity
    reason: Text
    entered_by: str
    policy: Text
    review_due: date
    entered_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "severity": "MEDIUM",
        "reason": "first-instalment-late",
        "entered_by": "",
        "policy": "early-warning v1",
        "review_due": "2026-04-02",
        "entered_on": "2026-03-03",
    }


class WatchReviewed(DomainEvent, type="puhui.collections.watch-reviewed.v1"):
    """A person looked at a watched borrower; `leave` says that he should be watched no more."""

    applicant_id: Id
    findings: Text
    leave: bool
    reviewed_by: Id
    review_due: date
    reviewed_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "findings": "Sales have recovered, two instalments paid in time",
        "leave": True,
        "reviewed_by": "collection-manager",
        "review_due": "2026-05-02",
        "reviewed_on": "2026-04-02",
    }


class MeasureKind(StrEnum):
    """What may be done about a watched borrower."""

    MORE_GUARANTEE = "MORE_GUARANTEE"
    HIGHER_RATE = "HIGHER_RATE"
    """Where the contract allows it: the clause is named."""
    LOWER_LIMIT = "LOWER_LIMIT"
    FREEZE = "FREEZE"
    """Nothing new is lent to him by rule."""


class WatchMeasureProposed(DomainEvent, type="puhui.collections.watch-measure-proposed.v1"):
    """A person proposed a measure. `limit` goes with LOWER_LIMIT, `clause` (of the contract) with HIGHER_RATE: by how much
    it raises the rate, and how many days before the borrower is told."""

    applicant_id: Id
    measure_id: Id
    kind: MeasureKind
    loan_id: str
    limit: MoneyField | None
    clause: str
    reason: Text
    proposed_by: Id
    proposed_on: date
    increase: RateField | None = None
    notice_days: int | None = None

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-1",
        "kind": "FREEZE",
        "loan_id": "",
        "limit": None,
        "clause": "",
        "reason": "Nothing more until the arrears are paid",
        "proposed_by": "collection-manager",
        "proposed_on": "2026-03-04",
    }


class WatchMeasureDecided(DomainEvent, type="puhui.collections.watch-measure-decided.v1"):
    """A person decided on a proposed measure: it is in force from now on, or it was refused."""

    applicant_id: Id
    measure_id: Id
    kind: MeasureKind
    taken: bool
    reason: Text
    decided_by: Id
    decided_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-1",
        "kind": "FREEZE",
        "taken": True,
        "reason": "Agreed",
        "decided_by": "risk-manager",
        "decided_on": "2026-03-04",
    }


class WatchMeasureEnded(DomainEvent, type="puhui.collections.watch-measure-ended.v1"):
    """A measure is in force no more."""

    applicant_id: Id
    measure_id: Id
    kind: MeasureKind
    reason: Text
    ended_by: Id
    ended_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-1",
        "kind": "FREEZE",
        "reason": "Arrears paid, reviewed",
        "ended_by": "risk-manager",
        "ended_on": "2026-04-02",
    }


class BorrowerFrozen(DomainEvent, type="puhui.collections.borrower-frozen.v1"):
    """Nothing new is lent to a borrower by rule, until `BorrowerUnfrozen`."""

    applicant_id: Id
    measure_id: Id
    frozen_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-1",
        "frozen_on": "2026-03-04",
    }


class BorrowerUnfrozen(DomainEvent, type="puhui.collections.borrower-unfrozen.v1"):
    """A freeze of new lending was lifted."""

    applicant_id: Id
    measure_id: Id
    unfrozen_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-1",
        "unfrozen_on": "2026-04-02",
    }


class BorrowerLimited(DomainEvent, type="puhui.collections.borrower-limited.v1"):
    """A borrower may owe this much at most, with all that is approved for him, until `BorrowerLimitLifted`. Other limits
    hold beside it: the least counts."""

    applicant_id: Id
    measure_id: Id
    limit: MoneyField
    limited_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-2",
        "limit": ex.cny("5000.00"),
        "limited_on": "2026-03-04",
    }


class BorrowerLimitLifted(DomainEvent, type="puhui.collections.borrower-limit-lifted.v1"):
    """A lower limit of a borrower holds no more."""

    applicant_id: Id
    measure_id: Id
    lifted_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-2",
        "lifted_on": "2026-04-02",
    }


class GuaranteeDemanded(DomainEvent, type="puhui.collections.guarantee-demanded.v1"):
    """More guarantee is demanded for a loan: a security is to be registered by a date."""

    applicant_id: Id
    measure_id: Id
    loan_id: Id
    due_on: date
    demanded_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-3",
        "loan_id": ex.LOAN,
        "due_on": "2026-04-03",
        "demanded_on": "2026-03-04",
    }


class GuaranteeProvided(DomainEvent, type="puhui.collections.guarantee-provided.v1"):
    """A security for the loan was registered: what was demanded is fulfilled, and the measure with it."""

    applicant_id: Id
    measure_id: Id
    loan_id: Id
    security_id: Id
    provided_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-3",
        "loan_id": ex.LOAN,
        "security_id": "security-1",
        "provided_on": "2026-03-20",
    }


class HigherRateAnnounced(DomainEvent, type="puhui.collections.higher-rate-announced.v1"):
    """A borrower was told that his loan bears a higher rate from a date on, as its contract's clause asks."""

    applicant_id: Id
    measure_id: Id
    loan_id: Id
    clause: Code
    increase: RateField
    template: Text
    told_on: date
    effective_from: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-4",
        "loan_id": ex.LOAN,
        "clause": "watched-rate",
        "increase": "0.02",
        "template": "higher-rate v1",
        "told_on": "2027-03-04",
        "effective_from": "2027-04-03",
    }


class HigherRateTaken(DomainEvent, type="puhui.collections.higher-rate-taken.v1"):
    """The date of an announced higher rate has come, and the measure is in force: the loan bears it from that date on."""

    applicant_id: Id
    measure_id: Id
    loan_id: Id
    clause: Code
    increase: RateField
    decided_by: Id
    effective_from: date
    taken_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-4",
        "loan_id": ex.LOAN,
        "clause": "watched-rate",
        "increase": "0.02",
        "decided_by": "risk-manager",
        "effective_from": "2027-04-03",
        "taken_on": "2027-04-03",
    }


class HigherRateEnded(DomainEvent, type="puhui.collections.higher-rate-ended.v1"):
    """The grounds for a higher rate are gone: the loan bears its former rate again."""

    applicant_id: Id
    measure_id: Id
    loan_id: Id
    increase: RateField
    ended_by: Id
    ended_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "measure_id": "measure-4",
        "loan_id": ex.LOAN,
        "increase": "0.02",
        "ended_by": "risk-manager",
        "ended_on": "2027-07-05",
    }


class WatchLeft(DomainEvent, type="puhui.collections.watch-left.v1"):
    """A borrower is watched no more: by a person after a review, or (`left_by` is empty) since all was cured for long."""

    applicant_id: Id
    reason: Text
    left_by: str
    left_on: date

    example: ClassVar[dict[str, Any]] = {
        "applicant_id": ex.APPLICANT,
        "reason": "Reviewed: no grounds left",
        "left_by": "risk-manager",
        "left_on": "2026-04-03",
    }
