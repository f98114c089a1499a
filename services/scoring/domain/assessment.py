"""The decider: an application is assessed once, by the rules in force on its day, when what the policy asks for has come
or will not come; or it is put before a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from libs.contracts.application import ConsentPurpose
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.scoring import (
    ApplicationScored,
    ChallengerScored,
    InformationAbandoned,
    InformationConsentWithdrawn,
    InformationMissing,
    InformationObtained,
    InformationRequested,
    RequestedItem,
    ScoringFailed,
    Without,
)
from libs.contracts.values import LoanRequest
from services.scoring.domain.judging import Gathered, Rules
from services.scoring.domain.outcome import Outcome, outcome_of

Settled = InformationObtained | InformationMissing
Event = Outcome | ChallengerScored | Settled | InformationRequested | InformationConsentWithdrawn | InformationAbandoned


@dataclass(frozen=True, kw_only=True, slots=True)
class AssessApplication:
    """Assess what was submitted, on a business date; first ask for what the policy needs."""

    application_id: str
    request: LoanRequest
    consents: tuple[ConsentPurpose, ...]
    on: date
    rules: Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class SettleItem:
    """Put on record that an item came, or will not come. `by_person` is refused what a machine is only late with."""

    settled: Settled
    on: date
    rules: Rules
    by_person: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawConsent:
    application_id: str
    purpose: ConsentPurpose
    by: str
    on: date
    rules: Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class MissDeadlines:
    """A business day began: what was due before it will not come."""

    on: date
    rules: Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class AbandonGathering:
    """The application is at its end."""

    reason: str
    on: date


Command = AssessApplication | SettleItem | WithdrawConsent | MissDeadlines | AbandonGathering


@dataclass(frozen=True, slots=True)
class State:
    """What was asked for, what came of it, and how the application was assessed."""

    outcome: Outcome | None = None
    gathered: Gathered | None = None
    abandoned: bool = False

    @property
    def open(self) -> tuple[RequestedItem, ...]:
        """Items that are waited for."""
        return () if self.gathered is None or self.outcome is not None or self.abandoned else self.gathered.open


INITIAL = State()


def decide(command: Command, state: State) -> Sequence[Event]:
    """What follows. A score stands as it was given: what was assessed is not assessed again."""
    match command:
        case AssessApplication():
            return _begin(command, state)
        case SettleItem():
            return _settle(command, state)
        case WithdrawConsent():
            return _withdraw(command, state)
        case MissDeadlines():
            late = [each for each in state.open if each.due_on < command.on]
            detail = "Nobody brought it until its day was over"
            return _then_assess(
                [_missing(state, each, Without.LATE, detail, command.on) for each in late], command, state
            )
        case AbandonGathering():
            if not state.open or state.gathered is None:
                return []
            return [
                InformationAbandoned(
                    application_id=state.gathered.asked.application_id,
                    items=tuple(each.item for each in state.open),
                    reason=command.reason,
                    abandoned_on=command.on,
                )
            ]


def evolve(state: State, event: Event) -> State:
    match event:
        case ApplicationScored() | ScoringFailed():
            return replace(state, outcome=event)
        case InformationRequested():
            return replace(state, gathered=Gathered(event, {}, {}))
        case InformationAbandoned():
            return replace(state, abandoned=True)
        case ChallengerScored():
            return state
    gathered = state.gathered
    assert gathered is not None, "an item is settled after it was asked for"
    match event:
        case InformationObtained():
            gathered = replace(gathered, obtained={**gathered.obtained, event.item: event})
        case InformationMissing():
            gathered = replace(gathered, missing={**gathered.missing, event.item: event})
        case InformationConsentWithdrawn():
            gathered = replace(gathered, withdrawn=frozenset(gathered.withdrawn) | {event.purpose})
    return replace(state, gathered=gathered)


def _begin(command: AssessApplication, state: State) -> Sequence[Event]:
    if state.outcome is not None or state.gathered is not None:
        return []
    policy = command.rules.policy
    needs = policy.needed(command.request)
    if not needs:
        return outcome_of(command.application_id, command.request, None, command.rules, command.on)
    kinds = command.rules.kinds
    asked = InformationRequested(
        application_id=command.application_id,
        request=command.request,
        policy_version=policy.version,
        policy_sha256=policy.sha256,
        items=tuple(
            RequestedItem(
                item=need.item,
                source=kinds[need.item].source,
                consent=kinds[need.item].consent,
                due_on=command.on + timedelta(days=need.wait_days),
            )
            for need in needs
        ),
        consents=command.consents,
        requested_on=command.on,
    )
    after = evolve(state, asked)
    detail = "The application came without this consent"
    refused = [
        _missing(after, each, Without.NO_CONSENT, detail, command.on)
        for each in asked.items
        if each.consent is not None and each.consent not in command.consents
    ]
    return [asked, *_then_assess(refused, command, after)]


def _settle(command: SettleItem, state: State) -> Sequence[Event]:
    item = command.settled.item
    if command.by_person:
        refuse_unless(
            state.gathered is not None and item in {each.item for each in state.gathered.asked.items},
            "item-not-needed",
            "This application does not need such an item; GET its information for what it needs.",
            status=404,
        )
        refuse_unless(
            item in {each.item for each in state.open},
            "item-settled",
            "This item is on record, or the application is assessed or at its end: nothing more is taken.",
        )
    if item not in {each.item for each in state.open}:
        return []
    return _then_assess([command.settled], command, state)


def _withdraw(command: WithdrawConsent, state: State) -> Sequence[Event]:
    gathered = state.gathered
    if gathered is None or command.purpose not in {each.consent for each in gathered.asked.items}:
        raise Rejected("consent-not-used", "No item of this application rests on such a consent.", status=404)
    refuse_unless(command.purpose not in gathered.withdrawn, "consent-withdrawn", "This consent is withdrawn already.")
    withdrawn = InformationConsentWithdrawn(
        application_id=command.application_id,
        purpose=command.purpose,
        withdrawn_by=command.by,
        withdrawn_on=command.on,
    )
    detail = "The applicant withdrew his consent"
    gone = [
        _missing(state, each, Without.NO_CONSENT, detail, command.on)
        for each in state.open
        if each.consent is command.purpose
    ]
    return [withdrawn, *_then_assess(gone, command, evolve(state, withdrawn))]


def _missing(state: State, wanted: RequestedItem, why: Without, detail: str, on: date) -> InformationMissing:
    assert state.gathered is not None, "only what was asked for is missing"
    return InformationMissing(
        application_id=state.gathered.asked.application_id, item=wanted.item, why=why, detail=detail, noted_on=on
    )


def _then_assess(
    settled: Sequence[Settled], command: AssessApplication | SettleItem | WithdrawConsent | MissDeadlines, state: State
) -> list[Event]:
    """These items are settled, and with the last of them the application is assessed."""
    for event in settled:
        state = evolve(state, event)
    gathered = state.gathered
    assert gathered is not None or not settled, "an item is settled after it was asked for"
    if not settled or gathered is None or gathered.open:
        return list(settled)
    asked = gathered.asked
    return [*settled, *outcome_of(asked.application_id, asked.request, gathered, command.rules, command.on)]
