"""The cards there are, and which of them score: those that a release brought, and those that were drafted and approved here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import Final

from libs.contracts.scoring import CardDrafted, CardUse
from libs.events.canonical import canonical
from libs.events.commands import CommandHandler
from libs.events.decider import Decider
from libs.events.subscribers import Reaction
from services.scoring.domain.card import Card
from services.scoring.domain.card_document import read_card
from services.scoring.domain.card_life import INITIAL, Command, Event, decide, evolve
from services.scoring.domain.card_record import CardOnRecord, State
from services.scoring.library import Library, library

CARDS: Final[Decider[Command, State, Event]] = Decider("cards", INITIAL, decide, evolve)
CARDS_STREAM: Final = CARDS.stream_id("all")
"""One stream for all: which card scores is a question about all of them."""
KEPT: Final = 64
UNKNOWN: Final = CardOnRecord()


@dataclass(frozen=True, slots=True)
class Shelf:
    """`cards` are all there are, as their documents say; `champions` and `challengers` those that are approved, in force
    on the days of their approval."""

    cards: tuple[Card, ...]
    champions: tuple[Card, ...]
    challengers: tuple[Card, ...]
    state: State

    def card(self, name: str) -> Card | None:
        return next((card for card in self.cards if card.name == name), None)

    def record(self, card: Card) -> CardOnRecord:
        """What is on record of a card; nothing for one that a release brought and that was not retired."""
        return self.state.cards.get(card.name, UNKNOWN)


def shelf_of(library: Library, state: State) -> Shelf:
    """The shelf as it follows from both."""
    if not state.cards:
        return Shelf(library.cards, library.cards, (), state)
    drafted = [drafted_card(each.drafted) for each in state.cards.values() if each.drafted is not None]
    published = tuple(_until_retired(library.cards, state))
    return Shelf(
        (*library.cards, *drafted),
        (*published, *_used(drafted, state, CardUse.CHAMPION)),
        tuple(_used(drafted, state, CardUse.CHALLENGER)),
        state,
    )


async def shelf_for(reaction: Reaction) -> Shelf:
    """The shelf that a whole batch is assessed by."""
    return shelf_of(library(), await reaction.look_up(CARDS, CARDS_STREAM))


async def shelf(commands: CommandHandler) -> Shelf:
    """The shelf as it is now."""
    state, _ = await commands.state(CARDS, CARDS_STREAM)
    return shelf_of(library(), state)


def drafted_card(drafted: CardDrafted) -> Card:
    """A card that was drafted here, as one that can score."""
    return _read(canonical(drafted.document))


@lru_cache(maxsize=KEPT)
def _read(document: bytes) -> Card:
    return read_card(document)


def _until_retired(cards: Iterable[Card], state: State) -> Iterator[Card]:
    for card in cards:
        on_record = state.cards.get(card.name)
        if on_record is None or on_record.retired is None:
            yield card
        else:
            last = on_record.retired.retired_from - timedelta(days=1)
            yield replace(card, effective_to=last if card.effective_to is None else min(card.effective_to, last))


def _used(cards: Iterable[Card], state: State, use: CardUse) -> Iterator[Card]:
    for card in cards:
        span = state.cards[card.name].span(use)
        if span is not None:
            first, last = span
            ends = [each for each in (last, card.effective_to) if each is not None]
            yield replace(card, effective_from=first, effective_to=min(ends) if ends else None)
