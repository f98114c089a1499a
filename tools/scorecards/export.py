"""From a fitted scorecard to the document of a card: integers and decimal strings, in an order that never changes."""

from __future__ import annotations

import json
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from optbinning import Scorecard

from services.scoring.domain.card_document import CARD_FORMAT
from tools.scorecards.fit import RARE_CODE
from tools.scorecards.sample import Sample
from tools.scorecards.specification import Specification

Document = dict[str, Any]


def card_document(
    scorecard: Scorecard,
    specification: Specification,
    development: Sample,
    scores: NDArray[np.int64],
    calibration: tuple[str, str],
    build: Document,
    metrics: Document,
) -> Document:
    """The card in format `puhui.scorecard/1`; `scores` are those of the development sample."""
    near = np.abs(scores - specification.cutoff_score) <= specification.pdo // 2
    indicators = [
        _indicator(name, scorecard, specification, development, development.where(near))
        for name in specification.indicators
    ]
    intercept, slope = calibration
    return {
        "format": CARD_FORMAT,
        "card_id": specification.card_id,
        "version": specification.version,
        "effective_from": specification.effective_from,
        "title": specification.title,
        "applies_to": specification.applies_to,
        "author": specification.author,
        "approver": specification.approver,
        "source": specification.source,
        "target": specification.target,
        "scaling": {
            "base_points": 0,
            "base_score": specification.base_score,
            "base_odds": str(specification.base_odds),
            "pdo": specification.pdo,
        },
        "calibration": {
            "method": "Platt scaling on out-of-fold scores: log-odds of repayment = intercept + slope × score",
            "intercept": intercept,
            "slope": slope,
        },
        "reference": {
            "meaning": "mean points of development applicants within half a PDO of the cut-off; losses are against it",
            "cutoff_score": specification.cutoff_score,
            "applicants": int(near.sum()),
        },
        "indicators": indicators,
        "grades": [_grade(specification, index, scores, development) for index in range(len(specification.grades))],
        "build": build,
        "metrics": metrics,
    }


def to_bytes(document: Document) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _indicator(
    name: str, scorecard: Scorecard, specification: Specification, development: Sample, near: Sample
) -> Document:
    table = scorecard.table(style="detailed")
    rows = table[(table["Variable"] == name) & ~table["Bin"].isin(["Special", "Missing"])]
    quantitative = specification.is_quantitative(name)
    if quantitative:
        bins = _ranges(rows, _splits(name, scorecard))
    elif name in specification.ordered:
        bins = _steps(rows, _splits(name, scorecard), specification.codes(name))
    else:
        bins = _groups(name, rows, specification, development)
    worst = min(each["points"] for each in bins)
    declared = specification.catalogue.indicators[name]
    coefficient = float(rows["Coefficient"].iloc[0])
    if coefficient >= 0:
        raise ValueError(f"{name} counts against its own evidence (coefficient {coefficient}): leave it out")
    return {
        "id": name,
        "kind": declared.kind.value,
        **({"min": declared.minimum, "max": declared.maximum} if quantitative else {}),
        "coefficient": f"{coefficient:.6f}",
        "information_value": f"{float(rows['IV'].sum()):.4f}",
        "reference_points": _reference(name, bins, near),
        "bins": bins,
        "missing": {"label": "missing", "points": worst},
        "unusable": {"label": "unusable", "points": worst},
        "reasons": {
            "low": specification.indicators[name],
            "missing": {
                "zh-CN": f"未提供：{declared.name.zh_cn}",
                "en": f"Not provided: {declared.name.en.lower()}",
            },
            "unusable": {
                "zh-CN": f"无法采用所提供的信息：{declared.name.zh_cn}",
                "en": f"The answer could not be used: {declared.name.en.lower()}",
            },
        },
    }


def _splits(name: str, scorecard: Scorecard) -> list[int]:
    # Values and ranks are whole numbers, so `x < 8.5` and `x < 9` say the same, and the card needs no fraction.
    return [ceil(split) for split in scorecard.binning_process_.get_binned_variable(name).splits]


def _ranges(rows: pd.DataFrame, splits: list[int]) -> list[Document]:
    lower, bins = None, []
    for (_, row), upper in zip(rows.iterrows(), [*splits, None], strict=True):
        label = (
            f"below {upper}" if lower is None else f"{lower} and above" if upper is None else f"{lower} to {upper - 1}"
        )
        bins.append({"label": label, **({} if upper is None else {"below": upper}), **_facts(row)})
        lower = upper
    return bins


def _steps(rows: pd.DataFrame, splits: list[int], order: list[str]) -> list[Document]:
    edges = [0, *splits, len(order)]
    groups = [order[lower:upper] for lower, upper in pairwise(edges)]
    return [
        {"label": " | ".join(codes), "codes": codes, **_facts(row)}
        for (_, row), codes in zip(rows.iterrows(), groups, strict=True)
    ]


def _groups(name: str, rows: pd.DataFrame, specification: Specification, development: Sample) -> list[Document]:
    order = specification.codes(name)
    share = development.answers[name].value_counts(normalize=True)
    unseen = [code for code in order if code not in share]
    bins = []
    for _, row in rows.iterrows():
        codes = [str(code) for code in row["Bin"]]
        if all(share[code] < RARE_CODE for code in codes):
            codes, unseen = codes + unseen, []  # what was never seen is judged as what was hardly seen
        codes.sort(key=order.index)
        bins.append({"label": " | ".join(codes), "codes": codes, **_facts(row)})
    if unseen:
        raise ValueError(f"{name}: no application says {unseen[0]!r}, and there is no bin of rare codes to put it in")
    return bins


def _facts(row: pd.Series[Any]) -> Document:
    return {
        "points": int(row["Points"]),
        "woe": f"{float(row['WoE']):.6f}",
        "applicants": int(row["Count"]),
        "defaults": int(row["Event"]),
    }


def _reference(name: str, bins: list[Document], near: Sample) -> int:
    points = []
    for answer in near.answers[name]:
        taken = [
            each["points"]
            for each in bins
            if (answer in each["codes"] if "codes" in each else "below" not in each or answer < each["below"])
        ]
        points.append(taken[0])
    return round(float(np.mean(points)))


def _grade(specification: Specification, index: int, scores: NDArray[np.int64], sample: Sample) -> Document:
    grade = specification.grades[index]
    upper = specification.grades[index - 1]["min_score"] if index else np.inf
    inside = (scores >= grade["min_score"]) & (scores < upper)
    return {
        **grade,
        "applicants": int(inside.sum()),
        "observed_default_rate": f"{float(sample.defaulted[inside].mean()):.4f}",
    }
