"""Whether a card kept what it promised: defaults that came against those expected, and how well it parts good from bad.

The figures here are statistics of counts; no score, amount or rate is made from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import log, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

from services.scoring.domain.document import read
from services.scoring.domain.watching import Colour

PERFORMANCE_FORMAT: Final = "puhui.score-performance/1"


@dataclass(frozen=True, slots=True)
class PerformancePolicy:
    """When a loan counts as defaulted, within how many months of its payout that is looked at, from how many standard
    deviations a difference is amber or red, and how often an interval may miss (0.05: one in twenty)."""

    version: int
    effective_from: date
    source: str
    default_days: int
    window_months: int
    z_amber: Decimal
    z_red: Decimal
    error: Decimal


def read_performance_policy(raw: bytes) -> PerformancePolicy:
    """Raises `InvalidDocument` with the place of the fault."""
    root = read(raw, PERFORMANCE_FORMAT)
    root.allow(
        *("format", "version", "effective_from", "source"),
        *("default_days", "window_months", "z_amber", "z_red", "error"),
    )
    policy = PerformancePolicy(
        version=root.integer("version"),
        effective_from=root.date("effective_from"),
        source=root.text("source"),
        default_days=root.integer("default_days"),
        window_months=root.integer("window_months"),
        z_amber=root.decimal("z_amber"),
        z_red=root.decimal("z_red"),
        error=root.decimal("error"),
    )
    if policy.default_days < 1 or not 1 <= policy.window_months <= 120:
        root.child("window_months").fail("this is from 1 to 120, and default_days is 1 at least")
    if not 0 < policy.z_amber < policy.z_red:
        root.child("z_red").fail("must be above z_amber, and both above 0")
    if not 0 < policy.error < 1:
        root.child("error").fail("must be between 0 and 1")
    return policy


class Loan(NamedTuple):
    """A loan whose window is over: what the card said of it, and whether it defaulted within the window."""

    vintage: str
    grade: str
    score: int
    probability: Decimal
    defaulted: bool


class Line(NamedTuple):
    """Actual beside expected. `z` is in standard deviations of what chance alone makes of independent loans."""

    loans: int
    actual: int
    expected: Decimal
    z: float
    colour: Colour


class Interval(NamedTuple):
    """A figure with where it may as well be, at the policy's error."""

    value: float
    low: float
    high: float


def line_of(loans: Sequence[Loan], policy: PerformancePolicy) -> Line:
    """Actual against expected over these loans."""
    actual = sum(loan.defaulted for loan in loans)
    expected = sum((loan.probability for loan in loans), Decimal(0))
    variance = sum((loan.probability * (1 - loan.probability) for loan in loans), Decimal(0))
    z = float((actual - expected) / variance.sqrt()) if variance else 0.0
    size = Decimal(abs(z))
    colour = Colour.RED if size >= policy.z_red else Colour.AMBER if size >= policy.z_amber else Colour.GREEN
    return Line(len(loans), actual, expected, z, colour)


def gini(loans: Sequence[Loan], policy: PerformancePolicy) -> Interval | None:
    """2 × AUC - 1, with the interval of DeLong, DeLong and Clarke-Pearson (Biometrics 44 (1988) 837); None without at
    least two of each kind."""
    good = sorted(loan.score for loan in loans if not loan.defaulted)
    bad = sorted(loan.score for loan in loans if loan.defaulted)
    if min(len(good), len(bad)) < 2:
        return None
    of_bad = _shares_above(bad, good)
    of_good = [1 - share for share in _shares_above(good, bad)]
    area = sum(of_bad) / len(bad)
    spread = sqrt(_variance(of_bad) / len(bad) + _variance(of_good) / len(good))
    reach = NormalDist().inv_cdf(1 - float(policy.error) / 2) * spread
    return Interval(*(2 * each - 1 for each in (area, max(0.0, area - reach), min(1.0, area + reach))))


def ks(loans: Sequence[Loan], policy: PerformancePolicy) -> Interval | None:
    """The largest distance between the distributions of good and bad. The interval holds for every size of sample, from
    a band around each distribution (Massart, Annals of Probability 18 (1990) 1269); None without one of each kind."""
    good = [loan.score for loan in loans if not loan.defaulted]
    bad = [loan.score for loan in loans if loan.defaulted]
    if not good or not bad:
        return None
    steps = dict.fromkeys(sorted({*good, *bad}), 0.0)
    for score in good:
        steps[score] -= 1 / len(good)
    for score in bad:
        steps[score] += 1 / len(bad)
    distance = largest = 0.0
    for step in steps.values():
        distance += step
        largest = max(largest, abs(distance))
    each = float(policy.error) / 2
    reach = sum(sqrt(log(2 / each) / (2 * len(part))) for part in (good, bad))
    return Interval(min(largest, 1.0), max(0.0, largest - reach), min(1.0, largest + reach))


def _shares_above(these: Sequence[int], others: Sequence[int]) -> list[float]:
    """For each of `these` the share of `others` above it, a tie counting half; both are sorted."""
    shares, below, equal = [], 0, 0
    for value in these:
        while below < len(others) and others[below] < value:
            below += 1
        equal = max(equal, below)
        while equal < len(others) and others[equal] == value:
            equal += 1
        shares.append((len(others) - equal + (equal - below) / 2) / len(others))
    return shares


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)
