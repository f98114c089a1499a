"""The decider of refreshes: a borrower whose loan runs, or who answers for one that runs, is asked about anew, and what comes
is laid beside what was known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final, NamedTuple

from libs.contracts.application import ConsentPurpose
from libs.contracts.problems import refuse_unless
from libs.contracts.scoring import (
    FactChange,
    RefreshConsentWithdrawn,
    RefreshMissing,
    RefreshObtained,
    RefreshRequested,
    RefreshRole,
    RequestedItem,
    Without,
)
from services.scoring.domain.indicators import Answer
from services.scoring.domain.information import ItemKind
from services.scoring.domain.refresh_policy import Consented, RefreshPolicy

Settled = RefreshObtained | RefreshMissing
Event = RefreshRequested | Settled | RefreshConsentWithdrawn

NO_CONSENT: Final = "No consent to be asked about while the loan is managed stands"
WITHDRAWN: Final[Mapping[RefreshRole, str]] = {
    RefreshRole.BORROWER: "The borrower withdrew his consent",
    RefreshRole.GUARANTOR: "The guarantor withdrew his consent",
}


class Tie(NamedTuple):
    """What ties somebody to a loan that runs: it is his own, or he answers for it. `consents` are those that he gave in
    this role for it, `every_days` is how often he is asked about for its sake."""

    role: RefreshRole
    loan_id: str
    every_days: int
    consents: tuple[Consented, ...]


class Former(NamedTuple):
    """An item that was known before: its document, its day, the facts that were in it."""

    sha256: str
    as_of: date
    facts: Mapping[str, Answer]


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestRefresh:
    """Ask for `kinds` about somebody, unless he was asked about within the shortest interval of his `ties`, of which there
    is one at least. The first tie under which he agreed is that on which he is asked about, so that what he agreed to as a
    guarantor counts for nothing else; without any consent it is the first."""

    applicant_id: str
    refresh_id: str
    kinds: tuple[ItemKind, ...]
    ties: tuple[Tie, ...]
    policy: RefreshPolicy
    on: date

    @property
    def every_days(self) -> int:
        return min(tie.every_days for tie in self.ties)


@dataclass(frozen=True, kw_only=True, slots=True)
class ObtainRefresh:
    """Put an answer on record. `former` is the last such item of his own applications, None without any."""

    refresh_id: str
    kind: ItemKind
    reference: str
    as_of: date
    sha256: str
    media_type: str
    size_bytes: int
    facts: Mapping[str, Answer]
    former: Former | None
    on: date


@dataclass(frozen=True, kw_only=True, slots=True)
class MissRefresh:
    refresh_id: str
    item: str
    why: Without
    detail: str
    on: date


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawRefreshConsent:
    applicant_id: str
    purpose: ConsentPurpose
    by: str
    policy: RefreshPolicy
    on: date


Command = RequestRefresh | ObtainRefresh | MissRefresh | WithdrawRefreshConsent


@dataclass(frozen=True, slots=True)
class State:
    """The last refresh, what it waits for, and what is known of him by item: the last one, with every fact as it
    was told last."""

    asked: RefreshRequested | None = None
    open: tuple[RequestedItem, ...] = ()
    known: Mapping[str, Former] = field(default_factory=dict)
    settled: Mapping[str, Settled] = field(default_factory=dict)
    """What came of each item last."""
    withdrawn_on: date | None = None


INITIAL: Final = State()


def decide(command: Command, state: State) -> Sequence[Event]:
    """What follows; raises `Rejected`. What nobody waits for (any more) is not put on record."""
    match command:
        case RequestRefresh():
            return _request(command, state)
        case ObtainRefresh():
            wanted = _waited_for(state, command.refresh_id, command.kind.id)
            return [_obtained(command, wanted, state)] if wanted else []
        case MissRefresh():
            wanted = _waited_for(state, command.refresh_id, command.item)
            return [_missing(state, wanted, command.why, command.detail, command.on)] if wanted else []
        case WithdrawRefreshConsent():
            return _withdraw(command, state)


def evolve(state: State, event: Event) -> State:
    match event:
        case RefreshRequested():
            return replace(state, asked=event, open=event.items)
        case RefreshObtained():
            before = state.known.get(event.item)
            told = {fact: value for fact, value in event.facts.items() if value is not None}
            facts = {**(before.facts if before else {}), **told}
            known = {**state.known, event.item: Former(event.sha256, event.as_of, facts)}
            return replace(_settled(state, event), known=known)
        case RefreshMissing():
            return _settled(state, event)
        case RefreshConsentWithdrawn():
            return replace(state, withdrawn_on=event.withdrawn_on)


def _settled(state: State, event: Settled) -> State:
    still = tuple(each for each in state.open if each.item != event.item)
    return replace(state, open=still, settled={**state.settled, event.item: event})


def due_on(state: State, every_days: int) -> date:
    """From when he may be asked about again."""
    return state.asked.requested_on + timedelta(days=every_days) if state.asked else date.min


def _request(command: RequestRefresh, state: State) -> Sequence[Event]:
    on, policy = command.on, command.policy
    if on < due_on(state, command.every_days):
        return []
    late = [_missing(state, each, Without.LATE, "Not answered before the next refresh", on) for each in state.open]
    tie, consent = _agreed(command, state)
    asked = RefreshRequested(
        applicant_id=command.applicant_id,
        refresh_id=command.refresh_id,
        loan_id=tie.loan_id,
        items=tuple(
            RequestedItem(item=each.id, source=each.source, consent=each.consent, due_on=on) for each in command.kinds
        ),
        consent_text=consent.text if consent else "",
        policy_version=policy.version,
        policy_sha256=policy.sha256,
        requested_on=on,
        role=tie.role,
    )
    after = evolve(state, asked)
    refused = [each for each in asked.items if each.consent is not None and consent is None]
    return [*late, asked, *(_missing(after, each, Without.NO_CONSENT, NO_CONSENT, on) for each in refused)]


def _agreed(command: RequestRefresh, state: State) -> tuple[Tie, Consented | None]:
    found = [
        (tie, terms.consent(tie.consents, state.withdrawn_on, command.on) if terms else None)
        for tie in command.ties
        for terms in [command.policy.terms(tie.role)]
    ]
    return next((each for each in found if each[1] is not None), found[0])


def _waited_for(state: State, refresh_id: str, item: str) -> RequestedItem | None:
    if state.asked is None or state.asked.refresh_id != refresh_id:
        return None
    return next((each for each in state.open if each.item == item), None)


def _obtained(command: ObtainRefresh, wanted: RequestedItem, state: State) -> Settled:
    """An item that is too old, or older than what is known, says nothing new."""
    assert state.asked is not None, "only what was asked for is waited for"
    applied = command.former
    former = state.known.get(wanted.item, applied)
    if command.as_of + timedelta(days=command.kind.valid_days) < command.on:
        return _missing(state, wanted, Without.EXPIRED, f"Of {command.as_of}, which is too old", command.on)
    if former is not None and command.as_of < former.as_of:
        return _missing(state, wanted, Without.EXPIRED, f"Of {command.as_of}, older than what is known", command.on)
    return RefreshObtained(
        applicant_id=state.asked.applicant_id,
        refresh_id=state.asked.refresh_id,
        loan_id=state.asked.loan_id,
        item=wanted.item,
        source=wanted.source,
        reference=command.reference,
        as_of=command.as_of,
        consent=wanted.consent,
        sha256=command.sha256,
        media_type=command.media_type,
        size_bytes=command.size_bytes,
        facts=dict(command.facts),
        former_sha256=former.sha256 if former else None,
        former_as_of=former.as_of if former else None,
        changes=changes({**(applied.facts if applied else {}), **(former.facts if former else {})}, command.facts),
        obtained_on=command.on,
        role=state.asked.role,
    )


def changes(before: Mapping[str, Answer], after: Mapping[str, Answer]) -> tuple[FactChange, ...]:
    """The facts that are told now and were not known to be so, in the order of the item."""
    return tuple(
        FactChange(fact=fact, before=before.get(fact), after=value)
        for fact, value in after.items()
        if value not in (None, before.get(fact))
    )


def _missing(state: State, wanted: RequestedItem, why: Without, detail: str, on: date) -> RefreshMissing:
    assert state.asked is not None, "only what was asked for is missing"
    return RefreshMissing(
        applicant_id=state.asked.applicant_id,
        refresh_id=state.asked.refresh_id,
        loan_id=state.asked.loan_id,
        item=wanted.item,
        why=why,
        detail=detail,
        noted_on=on,
    )


def _withdraw(command: WithdrawRefreshConsent, state: State) -> Sequence[Event]:
    refuse_unless(
        command.purpose is command.policy.purpose,
        "consent-not-used",
        f"Nobody is asked about on such a consent while a loan is managed, only on {command.policy.purpose}.",
        field="/purpose",
        status=422,
    )
    refuse_unless(state.withdrawn_on != command.on, "consent-withdrawn", "This consent was withdrawn today already.")
    withdrawn = RefreshConsentWithdrawn(
        applicant_id=command.applicant_id,
        purpose=command.purpose,
        withdrawn_by=command.by,
        withdrawn_on=command.on,
    )
    gone = [each for each in state.open if each.consent is command.purpose]
    detail = WITHDRAWN[state.asked.role] if state.asked else ""
    return [withdrawn, *(_missing(state, each, Without.NO_CONSENT, detail, command.on) for each in gone)]
