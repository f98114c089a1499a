"""Two sides' records of the same things, laid beside one another: what differs, and how.

A thing is known by its reference; the second of a reference is another thing than the first. Records that stood alone
in an earlier file take part again, so that what comes a day late closes its break and, if it differs, opens the break
that says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from libs.contracts.partners import BreakKind


@dataclass(frozen=True, slots=True)
class Item:
    """Money that moved: came in (positive) or went out, on a value date."""

    reference: str
    value_date: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A loan at the end of a date. What is `over` need not be in the other side's list any more."""

    loan_id: str
    status: str
    outstanding_minor: int
    over: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """A break before anybody wrote it down; None and empty where a side has nothing."""

    kind: BreakKind
    reference: str
    ours: Item | Standing | None
    theirs: Item | Standing | None

    @property
    def key(self) -> tuple[BreakKind, str]:
        return self.kind, self.reference


@dataclass(frozen=True, slots=True)
class Matching:
    """What a comparison came to: `matched` pairs, what differs, and which that stood alone found their other half."""

    matched: int
    differences: tuple[Difference, ...]
    paired: frozenset[tuple[BreakKind, str]]


LOAN: Final = "loan/"
"""Before the reference of a difference between loans, so that a loan is no payment."""


def numbered(items: Iterable[Item]) -> dict[str, Item]:
    """By reference; the second of a reference gets a `#2` behind it."""
    seen: Counter[str] = Counter()
    named = {}
    for item in items:
        seen[item.reference] += 1
        count = seen[item.reference]
        named[item.reference if count == 1 else f"{item.reference}#{count}"] = item
    return named


def match_items(
    ours: Sequence[Item], theirs: Sequence[Item], alone_here: Mapping[str, Item], alone_there: Mapping[str, Item]
) -> Matching:
    """`alone_here` and `alone_there`: what stood alone in an earlier file, by reference."""
    here, there = {**alone_here, **numbered(ours)}, {**alone_there, **numbered(theirs)}
    differences, paired, matched = list[Difference](), set[tuple[BreakKind, str]](), 0
    for reference, mine in here.items():
        other = there.get(reference)
        if other is None:
            if reference not in alone_here and mine.amount_minor:
                differences.append(Difference(BreakKind.MISSING_THERE, reference, mine, None))
            continue
        matched += 1
        if reference in alone_here:
            paired.add((BreakKind.MISSING_THERE, reference))
        if reference in alone_there:
            paired.add((BreakKind.MISSING_HERE, reference))
        if mine.value_date != other.value_date:
            differences.append(Difference(BreakKind.TIMING, reference, mine, other))
        if mine.amount_minor != other.amount_minor:
            differences.append(Difference(BreakKind.AMOUNT, reference, mine, other))
    for reference, other in there.items():
        if reference not in here and reference not in alone_there:
            differences.append(Difference(BreakKind.MISSING_HERE, reference, None, other))
    return Matching(matched, tuple(differences), frozenset(paired))


def match_loans(ours: Sequence[Standing], theirs: Sequence[Standing]) -> tuple[Difference, ...]:
    """A loan is named once by each side."""
    here, there = {one.loan_id: one for one in ours}, {one.loan_id: one for one in theirs}
    differences = list[Difference]()
    for loan_id in {**here, **there}:
        mine, other, reference = here.get(loan_id), there.get(loan_id), f"{LOAN}{loan_id}"
        if mine is None or other is None:
            if mine is None:
                differences.append(Difference(BreakKind.MISSING_HERE, reference, None, other))
            elif not mine.over:
                differences.append(Difference(BreakKind.MISSING_THERE, reference, mine, None))
            continue
        if mine.status != other.status:
            differences.append(Difference(BreakKind.STATUS, reference, mine, other))
        if mine.outstanding_minor != other.outstanding_minor:
            differences.append(Difference(BreakKind.AMOUNT, reference, mine, other))
    return tuple(differences)
