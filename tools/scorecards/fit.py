"""Weight-of-evidence logistic regression: optimal binning (optbinning), then one coefficient an indicator (scikit-learn).

Binning solves for the bins of most information under monotony and minimum size (Navas-Palencia, "Optimal binning:
mathematical programming formulation", arXiv:2001.08025); points follow from log-odds as in Siddiqi, "Credit Risk
Scorecards" (2006), chapter 6.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from optbinning import BinningProcess, Scorecard
from sklearn.linear_model import LogisticRegression

from tools.scorecards.sample import Sample, parts
from tools.scorecards.specification import Specification

SMALLEST_BIN = 0.05
"""Of the development sample: a weight of evidence from fewer is mostly noise."""

LARGEST_P_VALUE = 0.2
"""Neighbouring bins that a test cannot tell apart at this level are merged."""

RARE_CODE = 0.02
"""Codes rarer than this share one bin."""

CALIBRATION_FOLDS = 5


def fit(sample: Sample, specification: Specification) -> Scorecard:
    """A scorecard over the specified indicators; integer points whose sum is the score.

    The default rate must rise with amount and term, and fall along the codes of an ordered indicator.
    """
    names = list(specification.indicators)
    unordered = [name for name in names if not (specification.is_quantitative(name) or name in specification.ordered)]
    common = {"min_bin_size": SMALLEST_BIN, "max_pvalue": LARGEST_P_VALUE, "solver": "cp"}
    particular = {
        name: {"cat_cutoff": RARE_CODE}
        if name in unordered
        else {"monotonic_trend": "descending" if name in specification.ordered else "ascending"}
        for name in names
    }
    binning = BinningProcess(
        names,
        categorical_variables=unordered,
        binning_fit_params={name: {**common, **particular[name]} for name in names},
    )
    scorecard = Scorecard(
        binning,
        LogisticRegression(),
        scaling_method="pdo_odds",
        scaling_method_params={
            "pdo": specification.pdo,
            "odds": specification.base_odds,
            "scorecard_points": specification.base_score,
        },
        rounding=True,
    )
    scorecard.fit(features(sample, specification), sample.defaulted)
    return scorecard


def scores(scorecard: Scorecard, sample: Sample, specification: Specification) -> NDArray[np.int64]:
    """The scores that optbinning itself gives."""
    exact = scorecard.score(features(sample, specification))
    whole: NDArray[np.int64] = np.rint(exact).astype(np.int64)
    if not np.array_equal(exact, whole):
        raise ArithmeticError("the builder's own scores are not whole numbers")
    return whole


def calibrate(sample: Sample, specification: Specification) -> tuple[str, str]:
    """Intercept and slope of the log-odds of repayment on the score, as decimal strings (Platt scaling).

    Fitted to scores of applications that the scoring card had not seen (five folds), so that the probabilities do not
    inherit the optimism of a card that judges its own development sample.
    """
    fold = parts(sample, CALIBRATION_FOLDS, f"{specification.seed}:calibration")
    unseen = np.zeros(len(sample))
    for number in range(CALIBRATION_FOLDS):
        scorecard = fit(sample.where(fold != number), specification)
        unseen[fold == number] = scores(scorecard, sample.where(fold == number), specification)
    # Centred and in units of the scale, so that the solver's tolerance is far below the digits kept.
    centred = (unseen - specification.base_score) / specification.pdo
    model = LogisticRegression(C=1e9, tol=1e-10).fit(centred.reshape(-1, 1), 1 - sample.defaulted)
    slope = round(float(model.coef_[0, 0]) / specification.pdo, 8)
    intercept = round(float(model.intercept_[0]) - slope * specification.base_score, 6)
    return f"{intercept:.6f}", f"{slope:.8f}"


def features(sample: Sample, specification: Specification) -> pd.DataFrame:
    """The answers, those of ordered indicators as ranks."""
    ranks = {
        name: sample.answers[name].map({code: rank for rank, code in enumerate(specification.codes(name))})
        for name in specification.ordered
    }
    return sample.answers.assign(**ranks)
