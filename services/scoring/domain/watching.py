"""Whether those who apply are still those for whom a card was made: stability indices, and an alarm that may be looked
at every week.

The figures here are statistics of counts; no score, amount or rate is made from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from math import exp, lgamma, log
from typing import Final

from services.scoring.domain.document import read

WATCH_FORMAT: Final = "puhui.score-watch/1"
HALF: Final = 0.5
"""Added to every count, so that a class that nobody fell into is rare and not impossible (Jeffreys' prior)."""
LARGEST_LOG: Final = 700.0
"""Beyond it exp overflows; an alarm rings far below."""

Counts = Mapping[str, int]
"""How many fell into each class, by its label."""


class Colour(StrEnum):
    GREEN = "GREEN"
    AMBER = "AMBER"
    RED = "RED"


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    """Bands of the index, and how rarely an alarm may be false: once in `alarm_run_length_weeks` of one line at most.

    `alternative_weight` says how near to the reference a drifted population is thought to be, in applications.
    """

    version: int
    effective_from: date
    source: str
    psi_amber: Decimal
    psi_red: Decimal
    alarm_run_length_weeks: int
    alternative_weight: int

    def colour(self, psi: float) -> Colour:
        if psi >= self.psi_red:
            return Colour.RED
        return Colour.AMBER if psi >= self.psi_amber else Colour.GREEN


def read_watch_policy(raw: bytes) -> WatchPolicy:
    """Raises `InvalidDocument` with the place of the fault."""
    root = read(raw, WATCH_FORMAT)
    root.allow(
        *("format", "version", "effective_from", "source"),
        *("psi_amber", "psi_red", "alarm_run_length_weeks", "alternative_weight"),
    )
    policy = WatchPolicy(
        version=root.integer("version"),
        effective_from=root.date("effective_from"),
        source=root.text("source"),
        psi_amber=root.decimal("psi_amber"),
        psi_red=root.decimal("psi_red"),
        alarm_run_length_weeks=root.integer("alarm_run_length_weeks"),
        alternative_weight=root.integer("alternative_weight"),
    )
    if not 0 < policy.psi_amber < policy.psi_red:
        root.child("psi_red").fail("must be above psi_amber, and both above 0")
    if policy.alarm_run_length_weeks < 1 or policy.alternative_weight < 1:
        root.child("alternative_weight").fail("this and alarm_run_length_weeks are at least 1")
    return policy


def stability_index(reference: Counts, found: Counts) -> float:
    """PSI of a score's grades, CSI of an indicator's bins: the sum of (q - p) × ln(q / p) over the classes.

    Classes that only one side knows count on both; 0 when nobody was found.
    """
    labels = sorted({*reference, *found})
    if not sum(found.values()):
        return 0.0
    before, after = _shares(reference, labels), _shares(found, labels)
    return sum((q - p) * log(q / p) for p, q in zip(before, after, strict=True))


def expected_index(reference: Counts, found: Counts) -> float:
    """What the index comes to without any drift, from the sizes of both samples alone: (classes - 1) × (1/n + 1/m)."""
    n, m = sum(reference.values()), sum(found.values())
    classes = len({*reference, *found})
    return (classes - 1) * (1 / n + 1 / m) if n and m else 0.0


class DriftDetector:
    """Rings when a population has changed at some week, whichever: a sum of Bayes factors, one for each week in which
    the change could have begun (Shiryaev and Roberts; Shin, Ramdas, Rinaldo, "E-detectors", 2022).

    Without drift the sum grows by 1 a week in the mean, so that it reaches `run_length_weeks` after so many weeks at
    the earliest, in the mean. It may be looked at after every week. The reference is taken to be as uncertain as its
    size leaves it, which a comparison with fixed shares would forget.
    """

    def __init__(self, reference: Counts, *, run_length_weeks: int, alternative_weight: int) -> None:
        self._labels = sorted(reference)
        self._limit = log(run_length_weeks)
        self._unchanged = [reference[label] + HALF for label in self._labels]
        total = sum(self._unchanged)
        self._changed = [alternative_weight * count / total for count in self._unchanged]
        self._since: list[list[int]] = []

    def week(self, found: Counts) -> tuple[bool, float]:
        """Whether it rings after this week, and the evidence as a natural logarithm. Labels that the reference does not
        know are left out: an answer nobody gave before shows as unusable, not as drift."""
        counts = [found.get(label, 0) for label in self._labels]
        self._since = [[a + b for a, b in zip(start, counts, strict=True)] for start in self._since]
        self._since.append(counts)
        evidence = log(sum(exp(min(self._log_factor(start), LARGEST_LOG)) for start in self._since))
        return evidence >= self._limit, evidence

    def _log_factor(self, counts: Sequence[int]) -> float:
        return _log_marginal(counts, self._changed) - _log_marginal(counts, self._unchanged)


def _log_marginal(counts: Sequence[int], prior: Sequence[float]) -> float:
    """Of counts in their order, their shares drawn from a Dirichlet distribution."""
    total = sum(prior)
    return (
        lgamma(total)
        - lgamma(total + sum(counts))
        + sum(lgamma(a + n) - lgamma(a) for a, n in zip(prior, counts, strict=True) if n)
    )


def _shares(counts: Counts, labels: Sequence[str]) -> list[float]:
    total = sum(counts.values()) + HALF * len(labels)
    return [(counts.get(label, 0) + HALF) / total for label in labels]
