"""A scorecard: points for the bin into which each answer falls, their sum, and what the sum means.

Integers and decimals only, so that the same card and answers give the same score, probability and reasons on every
machine and for ever. The form of the document is described in README.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from services.scoring.domain.indicators import (
    Answer,
    Catalogue,
    Kind,
    ProhibitedAttribute,
    Text,
    refuse_prohibited,
)

_loss = attrgetter("loss")

PROBABILITY_STEP = Decimal("0.000001")
"""Probabilities of default are told to a millionth."""

MOST_REASONS = 4
"""Reasons told with a decision: more would not be specific (12 CFR 1002 Supplement I, 9(b)(2): no more than four)."""


class BinKind(StrEnum):
    REGULAR = "regular"
    MISSING = "missing"
    UNUSABLE = "unusable"


class Reason(NamedTuple):
    """Why points were lost: a stable code and the text told to people."""

    code: str
    text: Text


class Bin(NamedTuple):
    """A class of answers to one indicator. `loss` is in points against the reference applicant, at least 0."""

    indicator_id: str
    label: str
    kind: BinKind
    points: int
    loss: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class CardIndicator:
    """How one indicator counts.

    `named` gives the bin of each code of a qualitative one, and of no answer at all. A quantitative one has `bounds`:
    `bins[i]` takes whole numbers from `bounds[i-1]` (included) to `bounds[i]` (excluded), within `minimum..maximum`
    (an empty range for a qualitative one). What fits nowhere is unusable.
    """

    id: str
    kind: Kind
    reference_points: int
    bins: tuple[Bin, ...]
    named: Mapping[Answer, Bin]
    bounds: tuple[int, ...]
    minimum: int
    maximum: int
    missing: Bin
    unusable: Bin

    def bin_of(self, answer: Answer) -> Bin:
        found = self.named.get(answer)
        if found is not None:
            return found
        if type(answer) is int and self.minimum <= answer <= self.maximum:  # a bool is an int to isinstance
            return self.bins[bisect_right(self.bounds, answer)]
        return self.unusable


class Grade(NamedTuple):
    """A band of scores, from `minimum_score` up to the band above."""

    grade: str
    minimum_score: int
    name: Text


class Meaning(NamedTuple):
    """What a score says."""

    probability_of_default: Decimal
    grade: str


class Segment(NamedTuple):
    """For whom a card was made beyond the kind of applicant: products, and regions by the beginning of their code.
    Where it names none, all."""

    products: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def fits(self, product: str, region: str) -> bool:
        return (not self.products or product in self.products) and (
            not self.regions or any(region.startswith(each) for each in self.regions)
        )

    @property
    def narrowness(self) -> int:
        """How many things it is particular about."""
        return bool(self.products) + bool(self.regions)


@dataclass(frozen=True, slots=True)
class Card:
    """A card that may be scored with.

    `meanings[i]` is what the score `lowest_score + i` says; `sha256` is that of the document's bytes, `document` all
    that it says. `applies_to` lists the kinds of applicant that it was made for.
    """

    card_id: str
    version: int
    title: Text
    effective_from: date
    effective_to: date | None
    applies_to: tuple[str, ...]
    segment: Segment
    base_points: int
    indicators: tuple[CardIndicator, ...]
    grades: tuple[Grade, ...]
    meanings: tuple[Meaning, ...]
    lowest_score: int
    sha256: str
    document: Mapping[str, object]

    @property
    def name(self) -> str:
        return f"{self.card_id}-v{self.version}"

    def is_effective(self, on: date) -> bool:
        """Both dates are included."""
        return self.effective_from <= on and (self.effective_to is None or on <= self.effective_to)


class Contribution(NamedTuple):
    """What one indicator brought to the score."""

    answer: Answer
    bin: Bin


class Assessment(NamedTuple):
    """The score of one application and everything that made it."""

    score: int
    probability_of_default: Decimal
    grade: str
    reasons: tuple[Reason, ...]
    contributions: tuple[Contribution, ...]


def assess(card: Card, answers: Mapping[str, Answer]) -> Assessment:
    """Score an application. Answers that the card does not ask for are ignored; absent ones fall in the missing bin."""
    contributions = []
    score = card.base_points
    for indicator in card.indicators:
        answer = answers.get(indicator.id)
        bin = indicator.bin_of(answer)
        score += bin.points
        contributions.append(Contribution(answer, bin))
    meaning = card.meanings[score - card.lowest_score]
    return Assessment(
        score, meaning.probability_of_default, meaning.grade, _reasons(contributions), tuple(contributions)
    )


def effective_cards(
    cards: Iterable[Card], on: date, applicant_kind: str, product: str = "", region: str = ""
) -> list[Card]:
    """The cards that such an application can be scored with on a business date, the one that counts last.

    The narrowest segment counts, then the latest to begin, the higher version, the later name.
    """
    candidates = [
        card
        for card in cards
        if card.is_effective(on) and applicant_kind in card.applies_to and card.segment.fits(product, region)
    ]
    return sorted(
        candidates, key=lambda card: (card.segment.narrowness, card.effective_from, card.version, card.card_id)
    )


def effective_card(
    cards: Iterable[Card], on: date, applicant_kind: str, product: str = "", region: str = ""
) -> Card | None:
    """The card to score such an application with on a business date; None when none is in force for it."""
    found = effective_cards(cards, on, applicant_kind, product, region)
    return found[-1] if found else None


def probability_table(intercept: Decimal, slope: Decimal, lowest: int, highest: int) -> tuple[Decimal, ...]:
    """Probability of default for each score from `lowest` to `highest`: 1 / (1 + exp(intercept + slope × score)).

    Decimal's exp is correctly rounded, so the table is the same everywhere; it never tells a certainty (0 or 1).
    """
    table = []
    with localcontext(prec=28):
        for score in range(lowest, highest + 1):
            probability = (1 / (1 + (intercept + slope * score).exp())).quantize(PROBABILITY_STEP)
            table.append(min(max(probability, PROBABILITY_STEP), 1 - PROBABILITY_STEP))
    return tuple(table)


def check_card(card: Card, catalogue: Catalogue, prohibited: tuple[ProhibitedAttribute, ...]) -> None:
    """Raise `ValueError` when the card uses an indicator that is not declared, differs from it, or is prohibited."""
    for each in card.indicators:
        declared = catalogue.indicators.get(each.id)
        if declared is None:
            raise ValueError(f"{card.name} uses {each.id}, which is not in the indicator catalogue")
        refuse_prohibited(declared.id, declared.source_item, prohibited)
        if declared.kind is not each.kind:
            raise ValueError(f"{card.name} treats {each.id} as {each.kind}; the catalogue says {declared.kind}")
        if strange := sorted(str(code) for code in each.named if code and code not in declared.codes):
            raise ValueError(f"{card.name} has bins for unknown codes of {each.id}: {', '.join(strange)}")


def _reasons(contributions: Iterable[Contribution]) -> tuple[Reason, ...]:
    """The largest losses first, ties in the card's order; what cost nothing is no reason."""
    lost = [bin for _, bin in contributions if bin.loss]
    lost.sort(key=_loss, reverse=True)
    return tuple([bin.reason for bin in lost[:MOST_REASONS]])
