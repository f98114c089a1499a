"""The decider of how a debtor is treated: one record of contacts and complaints for each debtor, over all his cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from libs.contracts.collections import (
    ComplaintReceived,
    ComplaintResolved,
    ContactChannel,
    ContactLogged,
    ContactResult,
    Stage,
)
from libs.contracts.problems import Rejected, refuse_unless
from services.collections.domain.contact_rules import Attempt, History, Intent, breaches
from services.collections.domain.policy import REMEMBERED_DAYS, Policy

Event = ContactLogged | ComplaintReceived | ComplaintResolved

COMPLAINTS_OPEN_MAX: Final = 20
"""More open complaints than this of one debtor are one matter: add to those that are open."""

RESULTS: Final[Mapping[ContactChannel, frozenset[ContactResult]]] = {
    ContactChannel.MESSAGE: frozenset({ContactResult.DELIVERED, ContactResult.NOT_REACHED, ContactResult.REFUSED}),
    ContactChannel.TELEPHONE: frozenset(
        {ContactResult.REACHED, ContactResult.NOT_REACHED, ContactResult.REFUSED, ContactResult.WRONG_PARTY}
    ),
    ContactChannel.LETTER: frozenset({ContactResult.DELIVERED, ContactResult.NOT_REACHED, ContactResult.REFUSED}),
    ContactChannel.VISIT: frozenset(
        {ContactResult.REACHED, ContactResult.NOT_REACHED, ContactResult.REFUSED, ContactResult.WRONG_PARTY}
    ),
    ContactChannel.LEGAL: frozenset({ContactResult.DELIVERED, ContactResult.NOT_REACHED}),
}
"""What may come of a contact by each channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """What a debtor's record must know of the case for which he is contacted."""

    case_id: str
    applicant_id: str
    is_open: bool
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class LogContact:
    """Record a contact that took place. `debt_disclosed` says whether a third party learned of the debt."""

    contact_id: str
    case: CaseFacts
    intent: Intent
    result: ContactResult
    note: str
    collector: str
    automated: bool = False
    debt_disclosed: bool = False
    recording: str = ""
    policy: Policy
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveComplaint:
    complaint_id: str
    case: CaseFacts
    subject: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveComplaint:
    complaint_id: str
    case: CaseFacts
    outcome: str
    today: date


Command = LogContact | ReceiveComplaint | ResolveComplaint


@dataclass(frozen=True, slots=True)
class Complaint:
    complaint_id: str
    case_id: str
    subject: str
    received_on: date
    outcome: str = ""
    resolved_on: date | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A debtor's record: the contacts of the last days, what follows from all of them, and his complaints."""

    attempts: tuple[Attempt, ...] = ()
    unreached: int = 0
    refused_numbers: frozenset[str] = frozenset()
    complaints: Mapping[str, Complaint] = field(default_factory=dict)

    @property
    def complaint_open(self) -> bool:
        return any(complaint.resolved_on is None for complaint in self.complaints.values())

    @property
    def history(self) -> History:
        return History(self.attempts, self.unreached, self.refused_numbers, self.complaint_open)


initial = State()


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that follow; raises `Rejected`."""
    match command:
        case LogContact():
            return _log(command, state)
        case ReceiveComplaint():
            return _receive(command, state)
        case ResolveComplaint():
            return _resolve(command, state)


def check_intent(intent: Intent, case: CaseFacts, policy: Policy, today: date) -> None:
    """Raise `Rejected` for a contact that makes no sense, whatever the rules of contact say."""
    refuse_unless(case.is_open, "case-closed", "The case is closed; there is nothing to contact the debtor about.")
    day = intent.at.date()
    refuse_unless(
        day <= today, "contact-in-future", f"The business date is {today}; a contact cannot be later.",
        field="/at_local", status=422,
    )  # fmt: skip
    if day < today - timedelta(days=policy.contact_entry_days):
        detail = f"Contacts are entered within {policy.contact_entry_days} days; report this one to your manager."
        raise policy.refusal("contact_entry_days", "contact-too-old", detail, field="/at_local", status=422)
    refuse_unless(
        bool(intent.number) or not (intent.third_party or intent.channel is ContactChannel.TELEPHONE),
        "number-missing", 'Name the number that is called, for example "mobile-1".', field="/number", status=422,
    )  # fmt: skip
    refuse_unless(
        intent.third_party or intent.ground is None,
        "ground-without-third-party", "A ground belongs to the contact of a third party.", field="/ground", status=422,
    )  # fmt: skip


def _log(command: LogContact, state: State) -> Sequence[Event]:
    intent = command.intent
    check_intent(intent, command.case, command.policy, command.today)
    refuse_unless(
        command.result in RESULTS[intent.channel],
        "result-not-of-channel",
        f"By {intent.channel} a contact ends as {', '.join(sorted(RESULTS[intent.channel]))}.",
        field="/result",
        status=422,
    )
    refuse_unless(
        not command.automated or intent.channel in (ContactChannel.TELEPHONE, ContactChannel.MESSAGE),
        "channel-not-automated", "Only calls and messages are automated.", field="/automated", status=422,
    )  # fmt: skip
    if intent.third_party and command.debt_disclosed:
        detail = "The debt is never disclosed to a third party; report this to compliance."
        raise command.policy.refusal(
            "third_party_contact", "debt-disclosed", detail, field="/debt_disclosed", status=422
        )
    for breach in breaches(intent, command.case.stage, state.history, command.policy):
        raise breach.refusal()
    return [
        ContactLogged(
            case_id=command.case.case_id,
            contact_id=command.contact_id,
            channel=intent.channel,
            result=command.result,
            at_local=intent.at.isoformat(timespec="seconds"),
            note=command.note,
            third_party=intent.third_party,
            collector=command.collector,
            contacted_on=intent.at.date(),
            applicant_id=command.case.applicant_id,
            number=intent.number,
            automated=command.automated,
            hours_agreed=intent.hours_agreed,
            ground=intent.ground,
            recording=command.recording,
        )
    ]


def _receive(command: ReceiveComplaint, state: State) -> Sequence[Event]:
    waiting = sum(complaint.resolved_on is None for complaint in state.complaints.values())
    refuse_unless(
        waiting < COMPLAINTS_OPEN_MAX, "too-many-complaints", "Add to a complaint that is open; there are many already."
    )
    return [
        ComplaintReceived(
            case_id=command.case.case_id,
            complaint_id=command.complaint_id,
            subject=command.subject,
            received_on=command.today,
            applicant_id=command.case.applicant_id,
        )
    ]


def _resolve(command: ResolveComplaint, state: State) -> Sequence[Event]:
    complaint = state.complaints.get(command.complaint_id)
    if complaint is None or complaint.case_id != command.case.case_id:
        raise Rejected("complaint-not-found", "This case has no such complaint.", status=404)
    refuse_unless(complaint.resolved_on is None, "complaint-resolved", "This complaint was resolved before.")
    return [
        ComplaintResolved(
            case_id=complaint.case_id,
            complaint_id=complaint.complaint_id,
            outcome=command.outcome,
            resolved_on=command.today,
            applicant_id=command.case.applicant_id,
        )
    ]


def evolve(state: State, event: Event) -> State:
    match event:
        case ContactLogged():
            return _contacted(state, event)
        case ComplaintReceived():
            complaint = Complaint(event.complaint_id, event.case_id, event.subject, event.received_on)
            return replace(state, complaints={**state.complaints, event.complaint_id: complaint})
        case ComplaintResolved():
            resolved = replace(
                state.complaints[event.complaint_id], outcome=event.outcome, resolved_on=event.resolved_on
            )
            return replace(state, complaints={**state.complaints, event.complaint_id: resolved})


def _contacted(state: State, event: ContactLogged) -> State:
    at = datetime.fromisoformat(event.at_local)
    attempt = Attempt(at, event.channel, event.number, event.result, event.third_party)
    newest = max([at, *(known.at for known in state.attempts)])
    kept = [known for known in (*state.attempts, attempt) if newest.date() - known.at.date() < _REMEMBERED]
    refused = state.refused_numbers
    if event.third_party and event.result is ContactResult.REFUSED:
        refused |= {event.number}
    unreached = state.unreached
    if not event.third_party:
        missed = event.result in (ContactResult.NOT_REACHED, ContactResult.WRONG_PARTY)
        answered = event.result in (ContactResult.REACHED, ContactResult.REFUSED)
        unreached = unreached + 1 if missed else 0 if answered else unreached
    return replace(state, attempts=tuple(kept), refused_numbers=refused, unreached=unreached)


_REMEMBERED: Final = timedelta(days=REMEMBERED_DAYS)
