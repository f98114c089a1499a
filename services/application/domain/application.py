"""The decider: an application from its first draft until it is submitted, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from libs.contracts.application import (
    ApplicationAmended,
    ApplicationConcluded,
    ApplicationEnd,
    ApplicationExpired,
    ApplicationStarted,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    ConsentGiven,
    ConsentPurpose,
    DocumentAttached,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import LoanRequest
from services.application.domain.application_commands import (
    AmendApplication,
    AttachDocument,
    Command,
    ConcludeApplication,
    ExpireApplication,
    Facts,
    GiveConsent,
    StartApplication,
    SubmitApplication,
    WithdrawApplication,
)
from services.application.domain.checklist import Item, checklist, documents_asked, incomplete
from services.application.domain.eligibility import findings
from services.application.domain.finding import Finding
from services.application.domain.product import terms_of

DOCUMENTS_MAX: Final = 50
"""Per application: far more than any checklist asks for, few enough to be shown whole."""


Event = (
    ApplicationStarted
    | ApplicationAmended
    | ConsentGiven
    | DocumentAttached
    | ApplicationSubmitted
    | ApplicationWithdrawn
    | ApplicationExpired
    | ApplicationConcluded
)


class Status(StrEnum):
    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    DECLINED = "DECLINED"
    OFFER_LAPSED = "OFFER_LAPSED"
    CONTRACTED = "CONTRACTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application as it stands."""

    application_id: str
    request: LoanRequest
    status: Status
    started_on: date
    expires_on: date
    """The last day on which the draft can be submitted."""
    documents: tuple[DocumentAttached, ...] = ()
    consents: tuple[ConsentGiven, ...] = ()
    submitted_on: date | None = None
    ended_on: date | None = None
    """The day on which the draft expired, or the application was withdrawn or concluded."""


State = Application | None
INITIAL: Final[State] = None


def decide(command: Command, state: State) -> Sequence[Event]:
    if isinstance(command, StartApplication):
        return _start(command, state)
    if state is None:
        raise Rejected("application-unknown", "There is no such application.", status=404)
    match command:
        case AmendApplication():
            return _amend(command, state)
        case GiveConsent():
            return _consent(command, state)
        case AttachDocument():
            return _attach(command, state)
        case SubmitApplication():
            return _submit(command, state)
        case WithdrawApplication():
            return _withdraw(command, state)
        case ExpireApplication():
            return _expire(command, state)
        case ConcludeApplication():
            return _conclude(command, state)


def evolve(state: State, event: Event) -> State:
    if isinstance(event, ApplicationStarted):
        return Application(
            application_id=event.application_id,
            request=event.request,
            status=Status.DRAFT,
            started_on=event.started_on,
            expires_on=event.expires_on,
        )
    assert state is not None, "an application begins by being started"
    match event:
        case ApplicationAmended():
            return replace(state, request=event.request)
        case ConsentGiven():
            return replace(state, consents=(*state.consents, event))
        case DocumentAttached():
            return replace(state, documents=(*state.documents, event))
        case ApplicationSubmitted():
            return replace(state, status=Status.SUBMITTED, request=event.request, submitted_on=event.submitted_on)
        case ApplicationWithdrawn():
            return replace(state, status=Status.WITHDRAWN, ended_on=event.withdrawn_on)
        case ApplicationExpired():
            return replace(state, status=Status.EXPIRED, ended_on=event.expired_on)
        case ApplicationConcluded():
            return replace(state, status=Status(event.end.value), ended_on=event.concluded_on)


def items(application: Application, facts: Facts) -> list[Item]:
    """The checklist of documents and consents."""
    texts = facts.policy.consents(facts.today)
    return checklist(
        application.request, facts.product, texts, application.documents, application.consents, facts.today
    )


def obstacles(application: Application, facts: Facts) -> list[Finding]:
    """Everything that keeps the application from being submitted: empty exactly when `SubmitApplication` is accepted."""
    return [
        *findings(application.request, facts.applicant, facts.product, facts.today),
        *incomplete(items(application, facts)),
    ]


def _start(command: StartApplication, state: State) -> Sequence[Event]:
    if state is not None:
        raise Rejected("application-exists", "This application has been started; amend it instead.")
    start = ApplicationStarted(
        application_id=command.application_id,
        request=command.request,
        started_on=command.today,
        expires_on=command.today + timedelta(command.product.draft_days),
    )
    events: list[Event] = [start]
    draft = evolve(INITIAL, start)
    along: dict[str, Sequence[AttachDocument | GiveConsent]] = {
        "documents": command.documents,
        "consents": command.consents,
    }
    for member, commands in along.items():
        for position, each in enumerate(commands):
            try:
                more = decide(each, draft)
            except Rejected as refusal:
                refusal.field = f"/{member}/{position}{refusal.field or ''}"
                raise
            for event in more:
                events.append(event)
                draft = evolve(draft, event)
    return events


def _amend(command: AmendApplication, state: Application) -> Sequence[Event]:
    _refuse_unless_draft(state, command.today)
    if command.request == state.request:
        return []
    return [ApplicationAmended(application_id=state.application_id, request=command.request, amended_on=command.today)]


def _consent(command: GiveConsent, state: Application) -> Sequence[Event]:
    _refuse_unless_draft(state, command.today)
    text = command.text
    if text is None or text.version != command.text_version:
        offered = f"version {text.version} is in force" if text is not None else "no text is in force for this purpose"
        raise Rejected(
            "consent-text-not-in-force",
            f"Show the applicant the text in force and send its version: {offered}.",
            field="/text_version",
            status=422,
        )
    given = ConsentGiven(
        application_id=state.application_id,
        purpose=command.purpose,
        text_version=command.text_version,
        given_on=command.today,
    )
    return [] if given in state.consents else [given]


def _attach(command: AttachDocument, state: Application) -> Sequence[Event]:
    _refuse_unless_draft(state, command.today)
    refuse_unless(
        len(state.documents) < DOCUMENTS_MAX,
        "documents-too-many",
        f"An application takes at most {DOCUMENTS_MAX} documents; put pages of one document into one file.",
    )
    asked = [rule.type for rule in documents_asked(command.product, state.request)] if command.product else []
    refuse_unless(
        command.document_type in asked,
        "document-not-asked-for",
        f"This application needs documents of these types: {', '.join(asked) or 'none'}.",
        field="/document_type",
        status=422,
    )
    refuse_unless(
        command.issued_on <= command.today,
        "document-issued-later",
        f"Send a date of issue up to {command.today}, the business date.",
        field="/issued_on",
        status=422,
    )
    refuse_unless(
        command.expires_on is None or command.expires_on >= command.issued_on,
        "document-expires-before-issue",
        "Send an expiry date that is not before the date of issue.",
        field="/expires_on",
        status=422,
    )
    refuse_unless(
        all((each.document_type, each.sha256) != (command.document_type, command.sha256) for each in state.documents),
        "document-attached-already",
        "The same content is attached as this type already; nothing more needs to be done.",
        field="/sha256",
    )
    return [
        DocumentAttached(
            application_id=state.application_id,
            document_id=command.document_id,
            document_type=command.document_type,
            sha256=command.sha256,
            media_type=command.media_type,
            size_bytes=command.size_bytes,
            issued_on=command.issued_on,
            expires_on=command.expires_on,
            source=command.source,
            attached_on=command.today,
        )
    ]


def _submit(command: SubmitApplication, state: Application) -> Sequence[Event]:
    facts = command.facts
    _refuse_unless_draft(state, facts.today)
    found = obstacles(state, facts)
    if found:
        raise Rejected(
            "application-incomplete",
            f"{len(found)} points keep this application from being submitted; `errors` names each and what to do.",
            errors=[
                {"pointer": f"#{each.pointer}", "code": each.code, "detail": each.text.en, "detail_zh": each.text.zh}
                for each in found
            ],
        )
    assert facts.product is not None, "a product that is not in force is an obstacle"
    purposes = tuple(dict.fromkeys(each.purpose for each in state.consents))
    return [
        ApplicationSubmitted(
            application_id=state.application_id,
            request=state.request.model_copy(
                update={"product": terms_of(facts.product), "shareable": ConsentPurpose.SHARING in purposes}
            ),
            consents=purposes,
            documents=tuple(dict.fromkeys(each.document_type for each in state.documents)),
            submitted_on=facts.today,
        )
    ]


def _withdraw(command: WithdrawApplication, state: Application) -> Sequence[Event]:
    refuse_unless(
        state.status in (Status.DRAFT, Status.SUBMITTED),
        "application-ended",
        f"This application is {state.status} and cannot be withdrawn any more.",
    )
    return [
        ApplicationWithdrawn(application_id=state.application_id, reason=command.reason, withdrawn_on=command.today)
    ]


def _expire(command: ExpireApplication, state: Application) -> Sequence[Event]:
    if state.status is not Status.DRAFT or command.today <= state.expires_on:
        return []
    # The day follows from the draft, not from when somebody noticed.
    return [ApplicationExpired(application_id=state.application_id, expired_on=state.expires_on + timedelta(1))]


def _conclude(command: ConcludeApplication, state: Application) -> Sequence[Event]:
    """The first end stands, but for one: who has signed has borrowed, whatever crossed the signature on its way."""
    signed = command.end is ApplicationEnd.CONTRACTED
    if state.status is not Status.SUBMITTED and not (signed and state.status is not Status.CONTRACTED):
        return []
    return [ApplicationConcluded(application_id=state.application_id, end=command.end, concluded_on=command.on)]


def _refuse_unless_draft(state: Application, today: date) -> None:
    refuse_unless(
        state.status is Status.DRAFT,
        "application-not-draft",
        f"This application is {state.status}; only a draft can be changed or submitted. Start a new one instead.",
    )
    refuse_unless(
        today <= state.expires_on,
        "application-expired",
        f"This draft could be submitted until {state.expires_on}; start a new one.",
    )
