"""The decider of cards on record: drafted, validated, approved by a second person, in effect, retired (R3.5).

Cards that a release of the program brings have been through all this elsewhere; they can be retired here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.scoring import (
    CardApproved,
    CardCleared,
    CardDrafted,
    CardRetired,
    CardTookEffect,
    CardUse,
    CardValidated,
)
from services.scoring.domain.card_record import CardOnRecord, CardPolicy, State, name_of

WHOLE_BPS: Final = 10_000

Event = CardDrafted | CardValidated | CardCleared | CardApproved | CardTookEffect | CardRetired


INITIAL: Final = State()


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCard:
    """Put a card on record. `published` are the names of those that a release brought."""

    card_id: str
    version: int
    sha256: str
    document: dict[str, Any]
    published: frozenset[str]
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordValidation:
    validated: CardValidated


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearCard:
    """Approval told that a comparison of past decisions under a card was signed off."""

    cleared: CardCleared


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveCard:
    """Approve a card for a use from a date on. `earliest` is the first day that its document admits."""

    name: str
    use: CardUse
    effective_from: date
    earliest: date
    note: str
    policy: CardPolicy
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireCard:
    """Retire a card from the next business date on."""

    card_id: str
    version: int
    published: frozenset[str]
    reason: str
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginDay:
    """A business day began."""

    today: date


Command = DraftCard | RecordValidation | ClearCard | ApproveCard | RetireCard | BeginDay


def decide(command: Command, state: State) -> Sequence[Event]:
    match command:
        case DraftCard():
            return [_draft(command, state)]
        case RecordValidation():
            validated = command.validated
            _open(state, name_of(validated.card_id, validated.version))
            return [validated]
        case ClearCard():
            return _clear(command.cleared, state)
        case ApproveCard():
            return [_approve(command, state)]
        case RetireCard():
            return [_retire(command, state)]
        case BeginDay():
            return list(_begin(command, state))


def evolve(state: State, event: Event) -> State:
    name = name_of(event.card_id, event.version)
    card = state.cards.get(name, CardOnRecord())
    match event:
        case CardDrafted():
            card = CardOnRecord(event)
        case CardValidated():
            card = replace(card, validated=event)
        case CardCleared():
            card = replace(card, cleared=event)
        case CardApproved():
            card = replace(card, approved={**card.approved, event.use: event})
        case CardTookEffect():
            card = replace(card, in_effect=card.in_effect | {event.use})
        case CardRetired():
            card = replace(card, retired=event)
    return State({**state.cards, name: card})


def _open(state: State, name: str) -> CardOnRecord:
    """A card that was drafted here and is not retired."""
    card = state.cards.get(name)
    if card is None or card.drafted is None:
        raise Rejected(
            "card-not-drafted", "No such card was drafted here; one that a release brought is approved.", status=404
        )
    refuse_unless(card.retired is None, "card-retired", "This card is retired; draft a new version.")
    return card


def _draft(command: DraftCard, state: State) -> CardDrafted:
    name = name_of(command.card_id, command.version)
    refuse_unless(
        name not in command.published | state.cards.keys(),
        "version-taken",
        f"{name} is on record; a card is never changed, draft the next version.",
        field="/document/version",
        status=422,
    )
    return CardDrafted(
        card_id=command.card_id,
        version=command.version,
        sha256=command.sha256,
        document=command.document,
        drafted_by=command.by,
        drafted_on=command.today,
    )


def _clear(cleared: CardCleared, state: State) -> Sequence[Event]:
    """Of a card that is not drafted here, or is retired, nothing follows: it needs no approval, or gets none."""
    card = state.cards.get(name_of(cleared.card_id, cleared.version))
    waits = card is not None and card.drafted is not None and card.retired is None
    return [cleared] if waits else []


def _approve(command: ApproveCard, state: State) -> CardApproved:
    card = _open(state, command.name)
    assert card.drafted is not None, "_open says so"
    refuse_unless(
        command.use not in card.approved and CardUse.CHAMPION not in card.approved,
        "approved-already",
        "This card is approved for this use, or as champion, already.",
    )
    validated = card.validated
    if validated is None:
        raise Rejected("validation-needed", "Validate the card first: POST /scoring/cards/{name}/validations.")
    _refuse_weak(validated, command.policy, command.today)
    if command.use is CardUse.CHAMPION and command.policy.comparison_days is not None:
        _refuse_uncompared(card.cleared, command.policy, command.policy.comparison_days, command.today)
    refuse_unless(
        command.by not in (card.drafted.drafted_by, validated.validated_by),
        "second-person-needed",
        "Somebody else than who drafted or validated the card approves it.",
        status=403,
    )
    first = max(command.earliest, command.today + timedelta(days=1))
    refuse_unless(
        command.effective_from >= first,
        "effective-date-too-early",
        f"This card can be used from {first} on at the earliest: what was scored stays scored.",
        field="/effective_from",
        status=422,
    )
    return CardApproved(
        card_id=card.drafted.card_id,
        version=card.drafted.version,
        sha256=card.drafted.sha256,
        use=command.use,
        effective_from=command.effective_from,
        note=command.note,
        approved_by=command.by,
        approved_on=command.today,
    )


def _refuse_weak(validated: CardValidated, policy: CardPolicy, today: date) -> None:
    refuse_unless(
        validated.applications >= policy.least_validated,
        "validation-too-small",
        f"Validated on {validated.applications} applications; at least {policy.least_validated} are needed.",
    )
    refuse_unless(
        validated.unusable * WHOLE_BPS <= validated.applications * policy.most_unusable_bps,
        "validation-unusable",
        f"Of {validated.applications} applications the card cannot use {validated.unusable}; that is too many.",
    )
    refuse_unless(
        today - validated.validated_on <= timedelta(days=policy.validation_days),
        "validation-stale",
        f"The validation is older than {policy.validation_days} days; make it again.",
    )


def _refuse_uncompared(cleared: CardCleared | None, policy: CardPolicy, days: int, today: date) -> None:
    """What will be decided on is known by what it would have decided (R8.4)."""
    if cleared is None:
        raise Rejected(
            "comparison-needed",
            "Score past applications again (POST /scoring/cards/{name}/rescorings), have them decided again "
            "(POST /approval/card-comparisons), and have that signed off.",
        )
    refuse_unless(
        cleared.considered >= policy.least_validated,
        "comparison-too-small",
        f"Compared on {cleared.considered} applications; at least {policy.least_validated} are needed.",
    )
    refuse_unless(
        today - cleared.compared_on <= timedelta(days=days),
        "comparison-stale",
        f"The comparison that was signed off is older than {days} days; make it again.",
    )


def _retire(command: RetireCard, state: State) -> CardRetired:
    name = name_of(command.card_id, command.version)
    card = state.cards.get(name)
    if card is None and name not in command.published:
        raise Rejected("card-unknown", "There is no card of this name; GET /scoring/cards lists them.", status=404)
    refuse_unless(card is None or card.retired is None, "card-retired", "This card is retired already.")
    return CardRetired(
        card_id=command.card_id,
        version=command.version,
        retired_from=command.today + timedelta(days=1),
        reason=command.reason,
        retired_by=command.by,
        retired_on=command.today,
    )


def _begin(command: BeginDay, state: State) -> Iterator[CardTookEffect]:
    for card in state.cards.values():
        for use, approved in card.approved.items():
            span = card.span(use)
            if span is None or use in card.in_effect or span[0] > command.today:
                continue
            if span[1] is None or span[0] <= span[1]:
                yield CardTookEffect(
                    card_id=approved.card_id,
                    version=approved.version,
                    use=use,
                    effective_from=approved.effective_from,
                )
