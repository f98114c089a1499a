"""Build the card of each specification beside this file: `python -m tools.scorecards.build` (`make scorecard`).

Running it again gives the same bytes. A published card never changes: when the bytes would differ from those on
record, nothing is written, and the specification needs a new version.
"""

from __future__ import annotations

import csv
import io
import os
import sys
import warnings
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Threads change the order of additions and with it the last digits.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from data.german_credit import applicants, data_sha256  # noqa: E402
from services.scoring.domain.card import Card, assess, check_card  # noqa: E402
from services.scoring.domain.card_document import read_card  # noqa: E402
from tools.scorecards.export import Document, card_document, to_bytes  # noqa: E402
from tools.scorecards.fit import calibrate, fit, scores  # noqa: E402
from tools.scorecards.metrics import summary  # noqa: E402
from tools.scorecards.report import report  # noqa: E402
from tools.scorecards.sample import Sample, parts  # noqa: E402
from tools.scorecards.specification import HERE, Specification, read_specification  # noqa: E402

SCORING = HERE.parents[1] / "services" / "scoring"
THIRDS = 3
"""Two thirds to develop on, one to be held out."""


def build(path: Path) -> dict[Path, bytes]:
    """The files that a specification gives: card, golden scores, model report."""
    specification = read_specification(path)
    everyone = list(applicants())
    sample = Sample.of(everyone)
    held_out = parts(sample, THIRDS, specification.seed) == THIRDS - 1
    development = sample.where(~held_out)

    scorecard = fit(development, specification)
    calibration = calibrate(development, specification)
    all_scores = scores(scorecard, sample, specification)
    probabilities = _probabilities(all_scores, calibration)

    def figures(part: NDArray[np.bool_]) -> Document:
        return summary(sample.defaulted[part], all_scores[part], probabilities[part])

    document = card_document(
        scorecard,
        specification,
        development,
        all_scores[~held_out],
        calibration,
        _provenance(specification),
        {"held_out": figures(held_out), "development": figures(~held_out)},
    )
    raw = to_bytes(document)
    card = read_card(raw)
    check_card(card, specification.catalogue, specification.prohibited)
    _check_equal(card, sample, all_scores, probabilities)
    return {
        SCORING / "cards" / f"{card.name}.json": raw,
        SCORING / "tests" / "golden" / f"{card.name}.csv": _golden(sample, all_scores, probabilities),
        SCORING / "cards" / f"{card.name}.md": report(card, specification, sample, held_out, all_scores, probabilities),
    }


def record(folder: Path) -> bytes:
    """The hashes of all cards, as `sha256sum --check` reads them."""
    lines = [f"{sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(folder.glob("*.json"))]
    return ("\n".join(lines) + "\n").encode()


def publish(files: dict[Path, bytes]) -> None:
    """Write the files; raises `FileExistsError` when a card on record would change."""
    for path, content in files.items():
        if path.suffix == ".json" and path.exists() and path.read_bytes() != content:
            raise FileExistsError(f"{path.name} is published and would change: give the specification a new version")
    for path, content in files.items():
        path.write_bytes(content)
    (SCORING / "cards" / "SHA256SUMS").write_bytes(record(SCORING / "cards"))


def main(arguments: Sequence[str]) -> int:
    paths = [Path(argument) for argument in arguments] or sorted(HERE.glob("*_v[0-9]*.json"))
    for path in paths:
        files = build(path)
        publish(files)
        for written in files:
            sys.stdout.write(f"{written.relative_to(SCORING.parents[1])}\n")
    return 0


def _provenance(specification: Specification) -> Document:
    return {
        "data": "data/german_credit.csv",
        "data_sha256": data_sha256(),
        "split": f"{THIRDS - 1} of {THIRDS} parts for development, by SHA-256 over seed and row, stratified by outcome",
        "seed": specification.seed,
        "indicator_catalogue_version": specification.catalogue.version,
        "method": "weight-of-evidence logistic regression",
        "builder": f"optbinning {version('optbinning')}, scikit-learn {version('scikit-learn')}",
    }


def _probabilities(all_scores: NDArray[np.int64], calibration: tuple[str, str]) -> NDArray[np.float64]:
    intercept, slope = (float(part) for part in calibration)
    rounded: NDArray[np.float64] = np.round(1.0 / (1.0 + np.exp(intercept + slope * all_scores)), 6)
    return rounded


def _check_equal(card: Card, sample: Sample, all_scores: NDArray[np.int64], probabilities: NDArray[np.float64]) -> None:
    """The card as services read it must say what the fitted model says, for every application."""
    for row, score, probability in zip(
        sample.answers.to_dict("records"), all_scores.tolist(), probabilities.tolist(), strict=True
    ):
        found = assess(card, row)
        if (found.score, str(found.probability_of_default)) != (score, f"{probability:.6f}"):
            raise ArithmeticError(
                f"card says {found.score}, {found.probability_of_default}; model {score}, {probability}"
            )


def _golden(sample: Sample, all_scores: NDArray[np.int64], probabilities: NDArray[np.float64]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("application", "score", "probability_of_default"))
    for number, score, probability in zip(sample.answers.index, all_scores, probabilities, strict=True):
        writer.writerow((number, score, f"{probability:.6f}"))
    return text.getvalue().encode()


if __name__ == "__main__":
    warnings.filterwarnings("ignore", module="sklearn")
    sys.exit(main(sys.argv[1:]))
