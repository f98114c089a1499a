"""The model report beside a card: what it was made from, what it uses, how well it does, what it does not show."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from services.scoring.domain.card import Card
from tools.scorecards.fit import fit, scores
from tools.scorecards.metrics import auc, ks
from tools.scorecards.sample import Mask, Sample, parts
from tools.scorecards.specification import Specification

REPEATS = 20
WIDTH = 120
"""Of a line of text."""


def report(
    card: Card,
    specification: Specification,
    sample: Sample,
    held_out: Mask,
    all_scores: NDArray[np.int64],
    probabilities: NDArray[np.float64],
) -> bytes:
    """Markdown, the same bytes for the same inputs."""
    sections = [
        _head(card, specification),
        _performance(card, specification, sample),
        _grades(card, sample, held_out, all_scores, probabilities),
        _calibration(sample, held_out, probabilities),
        _points(card),
        _left_out(specification),
        _limits(specification),
    ]
    return ("\n\n".join(sections) + "\n").encode()


def _head(card: Card, specification: Specification) -> str:
    build = card.document["build"]
    assert isinstance(build, dict)
    return f"""# Model report: {card.name}

{specification.title["en"]} · {specification.title["zh-CN"]}

Effective from {card.effective_from}. Author: {specification.author}. Approver: {specification.approver}.
Source: {specification.source}.

- data: `{build["data"]}`, SHA-256 `{build["data_sha256"]}`
- split: {build["split"]} (seed `{build["seed"]}`)
- method: {build["method"]}; {build["builder"]}
- scale: {specification.base_score} points at odds of {specification.base_odds} to 1, {specification.pdo} points double
  the odds
- card SHA-256 `{card.sha256}`"""


def _performance(card: Card, specification: Specification, sample: Sample) -> str:
    metrics = card.document["metrics"]
    assert isinstance(metrics, dict)
    names = ("applicants", "auc", "gini", "ks", "brier", "default_rate", "mean_probability")
    own = _table(("sample", *names), [(part, *(metrics[part][name] for name in names)) for part in metrics])
    card_areas, card_ks, plain_areas = _repeat(specification, sample)
    repeated = _table(
        ("method, refitted each time", "AUC mean", "AUC SD", "KS mean"),
        [
            ("this card's method", *_mean_sd(card_areas), f"{np.mean(card_ks):.4f}"),
            ("logistic regression, same indicators one-hot", *_mean_sd(plain_areas), ""),
        ],
    )
    return (
        f"## Performance\n\nThis card:\n\n{own}\n\n"
        f"{REPEATS} seeded repeats, two thirds to fit, the held-out third to judge:\n\n{repeated}"
    )


def _repeat(specification: Specification, sample: Sample) -> tuple[list[float], list[float], list[float]]:
    areas, distances, plain = [], [], []
    encoded = pd.get_dummies(sample.answers[list(specification.indicators)]).astype(float).to_numpy()
    for repeat in range(REPEATS):
        held_out = parts(sample, 3, f"{specification.seed}:repeat-{repeat}") == 2
        development, judged = sample.where(~held_out), sample.where(held_out)
        risk = -scores(fit(development, specification), judged, specification)
        areas.append(auc(judged.defaulted, risk))
        distances.append(ks(judged.defaulted, risk))
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        model.fit(encoded[~held_out], development.defaulted)
        plain.append(auc(judged.defaulted, model.decision_function(encoded[held_out])))
    return areas, distances, plain


def _grades(
    card: Card,
    sample: Sample,
    held_out: Mask,
    all_scores: NDArray[np.int64],
    probabilities: NDArray[np.float64],
) -> str:
    rows, upper = [], np.inf
    for grade in card.grades:
        band = (all_scores >= grade.minimum_score) & (all_scores < upper)
        inside = band & held_out
        rows.append(
            (
                grade.grade,
                f"{grade.minimum_score} and above" if np.isinf(upper) else f"{grade.minimum_score} to {upper - 1:.0f}",
                int((band & ~held_out).sum()),
                f"{sample.defaulted[band & ~held_out].mean():.1%}",
                int(inside.sum()),
                f"{sample.defaulted[inside].mean():.1%}",
                f"{probabilities[inside].mean():.1%}",
            )
        )
        upper = grade.minimum_score
    head = ("grade", "score", "development", "defaulted", "held out", "defaulted", "predicted")
    return "## Grades\n\n" + _table(head, rows)


def _calibration(sample: Sample, held_out: Mask, probabilities: NDArray[np.float64]) -> str:
    predicted, actual = probabilities[held_out], sample.defaulted[held_out]
    order = np.argsort(predicted, kind="stable")
    rows = []
    for number, indices in enumerate(np.array_split(order, 5), start=1):
        rows.append((number, len(indices), f"{predicted[indices].mean():.1%}", f"{actual[indices].mean():.1%}"))
    return "## Calibration on the held-out third\n\n" + _table(
        ("fifth by risk", "applicants", "predicted", "defaulted"), rows
    )


def _points(card: Card) -> str:
    document = card.document["indicators"]
    assert isinstance(document, list)
    rows = []
    for node in document:
        for each in node["bins"]:
            rate = f"{each['defaults'] / each['applicants']:.1%}"
            rows.append((node["id"], each["label"].replace("|", "\\|"), each["applicants"], rate, each["points"]))
        rows.append((node["id"], "missing, unusable", 0, "", node["missing"]["points"]))
    return (
        "## Points\n\nA missing or unusable answer gets the points of the worst one: it never passes as a good one.\n\n"
        + _table(("indicator", "answer", "applicants", "defaulted", "points"), rows)
    )


def _left_out(specification: Specification) -> str:
    prohibited = [(each.id, f"{each.standing}: {each.reason} ({each.basis})") for each in specification.prohibited]
    return (
        "## Left out\n\n"
        + _table(("indicator", "why"), specification.left_out.items())
        + "\n\nAttributes that may not be used; the builder and the service refuse a card that does:\n\n"
        + _table(("attribute", "why"), prohibited)
    )


def _limits(specification: Specification) -> str:
    return "## Limits\n\n" + "\n".join(
        fill(each["en"], WIDTH, initial_indent="- ", subsequent_indent="  ") for each in specification.limits
    )


def _mean_sd(values: list[float]) -> tuple[str, str]:
    return f"{np.mean(values):.4f}", f"{np.std(values, ddof=1):.4f}"


def _table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
