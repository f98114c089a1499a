"""What a model report rests on: the card, its specification, and the applications it was made from, scored again.

Nothing is taken on trust: the data's hash, the counts of every bin and the card's own figures are worked out anew, and
a difference ends the report. The figures are statistics of counts; no amount or rate is made from them.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from data.german_credit import applicants, data_sha256
from services.scoring.domain.card import Assessment, Card, assess, check_card
from services.scoring.domain.card_document import read_card
from services.scoring.domain.performance import Interval, Loan, PerformancePolicy, gini, ks
from services.scoring.domain.watching import WatchPolicy
from services.scoring.library import HERE as SCORING
from services.scoring.library import library
from tools.scorecards.specification import HERE, Specification, read_specification
from tools.scorecards.splits import parts_of

THIRDS: Final = 3
DATA: Final = "data/german_credit.csv"
CHALLENGERS: Final = HERE / "challengers"
MILLION: Final = 1_000_000


class ReportRefused(Exception):
    """The report cannot be made: what was found is not what the card says. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Case:
    """An application of the build data, as the card scores it. `third` is 0, 1 or 2; the last one was held out."""

    number: int
    third: int
    defaulted: bool
    assessed: Assessment

    @property
    def held_out(self) -> bool:
        return self.third == THIRDS - 1

    @property
    def probability(self) -> Decimal:
        return self.assessed.probability_of_default


@dataclass(frozen=True)
class Facts:
    """`challenger` gives the challenger's probability for each application of the held-out third."""

    card: Card
    specification: Specification
    cases: Sequence[Case]
    challenger: Mapping[int, Decimal]
    performance: PerformancePolicy
    watch: WatchPolicy

    @property
    def indicators(self) -> Sequence[Mapping[str, Any]]:
        """As the card's document tells them."""
        document: Any = self.card.document["indicators"]
        return list(document)

    @property
    def build(self) -> Mapping[str, Any]:
        document: Any = self.card.document["build"]
        return dict(document)

    @cached_property
    def held_out(self) -> list[Case]:
        return [case for case in self.cases if case.held_out]

    @cached_property
    def development(self) -> list[Case]:
        return [case for case in self.cases if not case.held_out]

    def labels(self, place: int, cases: Iterable[Case]) -> list[str]:
        """The bin of each application for the indicator at a place of the card."""
        return [case.assessed.contributions[place].bin.label for case in cases]

    def counts(self, place: int, cases: Sequence[Case]) -> tuple[Counter[str], Counter[str]]:
        """Applications by bin, and those of them that defaulted."""
        bad = [case for case in cases if case.defaulted]
        return Counter(self.labels(place, cases)), Counter(self.labels(place, bad))

    def parting(self, cases: Sequence[Case]) -> tuple[Interval, Interval]:
        """Gini and KS of the card, with intervals."""
        return self._parting([_loan(case, case.assessed.score) for case in cases])

    @property
    def challenger_parting(self) -> tuple[Interval, Interval]:
        """The same of the challenger, on the held-out third."""
        return self._parting([_loan(case, -int(self.challenger[case.number] * MILLION)) for case in self.held_out])

    def _parting(self, loans: Sequence[Loan]) -> tuple[Interval, Interval]:
        area, distance = gini(loans, self.performance), ks(loans, self.performance)
        if area is None or distance is None:
            raise ReportRefused("There are not two good and two bad applications in each part; use more data.")
        return area, distance


def facts_of(path: Path) -> Facts:
    """Everything worked out for the card in a file. Raises `ReportRefused`, or what refuses the card itself."""
    card = read_card(path.read_bytes())
    check_card(card, library().catalogue, library().prohibited)
    written = HERE / f"{card.card_id.replace('-', '_')}_v{card.version}.json"
    if not written.exists():
        raise ReportRefused(f"The report needs what the author decided; write {written.name} beside the others.")
    specification = read_specification(written)
    build: Any = card.document["build"]
    if (build["data"], build["data_sha256"]) != (DATA, data_sha256()):
        raise ReportRefused(f"{card.name} was built on other data than {DATA}; bring the data whose hash it names.")
    everyone = list(applicants())
    defaulted = [each.defaulted for each in everyone]
    thirds = parts_of([each.number for each in everyone], defaulted, THIRDS, build["seed"])
    cases = [
        Case(each.number, third, bool(each.defaulted), assess(card, each.answers))
        for each, third in zip(everyone, thirds, strict=True)
    ]
    facts = Facts(
        card=card,
        specification=specification,
        cases=cases,
        challenger=_challenger(card.name, [case.number for case in cases if case.held_out]),
        performance=library().performance_policy(card.effective_from),
        watch=library().watch_policy(card.effective_from),
    )
    _refuse_other(facts)
    return facts


def card_path(name: str) -> Path:
    """The file of a published card by its name, or the path itself. Raises `ReportRefused` where there is none."""
    path = Path(name) if name.endswith(".json") else SCORING / "cards" / f"{name}.json"
    if not path.is_file():
        raise ReportRefused(
            f"There is no card {name}; published ones are {', '.join(c.name for c in library().cards)}."
        )
    return path


def brier(pairs: Iterable[tuple[Decimal, bool]]) -> Decimal:
    """The mean squared distance of probabilities from what came true (Brier, 1950)."""
    squared = [(probability - defaulted) ** 2 for probability, defaulted in pairs]
    return sum(squared, Decimal(0)) / len(squared)


def _loan(case: Case, score: int) -> Loan:
    return Loan("", case.assessed.grade, score, case.probability, case.defaulted)


def _challenger(name: str, held_out: Sequence[int]) -> Mapping[int, Decimal]:
    path = CHALLENGERS / f"{name}.csv"
    if not path.exists():
        raise ReportRefused("There is no challenger beside it; run python -m tools.scorecards.challenger.")
    with path.open(encoding="utf-8", newline="") as file:
        said = {int(row["application"]): Decimal(row["probability_of_default"]) for row in csv.DictReader(file)}
    if list(said) != list(held_out):
        raise ReportRefused("The challenger was judged on another third; run python -m tools.scorecards.challenger.")
    return said


def _refuse_other(facts: Facts) -> None:
    """The counts of every bin and the figures in the card are those found now, or the report must not be made."""
    for place, told in enumerate(facts.indicators):
        found, bad = facts.counts(place, facts.development)
        for each in told["bins"]:
            label = each["label"]
            if (found[label], bad[label]) != (each["applicants"], each["defaults"]):
                raise ReportRefused(
                    f"The data give other counts than the card in {told['id']}, {label}; build it anew."
                )
    metrics: Any = facts.card.document["metrics"]
    for part, cases in (("held_out", facts.held_out), ("development", facts.development)):
        area, distance = facts.parting(cases)
        error = brier((case.probability, case.defaulted) for case in cases)
        now = {"gini": f"{area.value:.4f}", "ks": f"{distance.value:.4f}", "brier": f"{error:.4f}"}
        if now != {name: metrics[part][name] for name in now}:
            raise ReportRefused(f"The card's own figures of the {part} part differ from {now}; build it anew.")
