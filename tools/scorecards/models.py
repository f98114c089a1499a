"""The methods that are compared: each is fitted on a development part and gives probabilities of default for another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from optbinning import BinningProcess, Scorecard
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tools.scorecards.fit import LARGEST_P_VALUE, SMALLEST_BIN, features, fit
from tools.scorecards.sample import Sample
from tools.scorecards.sets import DataSet

Probabilities = NDArray[np.float64]
Method = Callable[[DataSet, Sample, Sample, int], Probabilities]
"""Data set, development part, judged part, seed."""

CHAMPION: Final = "champion: weight of evidence"
CHALLENGER: Final = "challenger: monotone boosting"


def champion(data: DataSet, development: Sample, judged: Sample, _seed: int) -> Probabilities:
    """The method of the published card; without a specification the same with bins of any monotone trend."""
    if data.specification is not None:
        scorecard = fit(development, data.specification)
        found: Probabilities = scorecard.predict_proba(features(judged, data.specification))[:, 1]
        return found
    common = {"min_bin_size": SMALLEST_BIN, "max_pvalue": LARGEST_P_VALUE, "monotonic_trend": "auto_asc_desc"}
    names = [str(name) for name in development.answers]
    binning = BinningProcess(names, binning_fit_params=dict.fromkeys(names, common))
    scorecard = Scorecard(binning, LogisticRegression()).fit(development.answers, development.defaulted)
    return np.asarray(scorecard.predict_proba(judged.answers)[:, 1])


def challenger(data: DataSet, development: Sample, judged: Sample, seed: int) -> Probabilities:
    """Gradient boosting over the same indicators, held to the same directions: what it says more of is never better."""
    specification = data.specification
    names = list(specification.indicators) if specification else [str(name) for name in development.answers]
    directions = dict.fromkeys(data.rising, 1) | dict.fromkeys(data.falling, -1)
    if specification:
        directions |= dict.fromkeys(specification.ordered, -1)
    columns, kinds = {}, []
    for name in names:
        codes = specification.codes(name) if specification and not specification.is_quantitative(name) else []
        kinds.append(bool(codes) and name not in directions)
        columns[name] = codes
    model = HistGradientBoostingClassifier(
        max_iter=80,
        learning_rate=0.06,
        max_leaf_nodes=8,
        min_samples_leaf=25,
        l2_regularization=5.0,
        categorical_features=np.array(kinds),
        monotonic_cst=[directions.get(name, 0) for name in names],
        random_state=seed,
    )
    model.fit(_ranks(development, columns), development.defaulted)
    found: Probabilities = model.predict_proba(_ranks(judged, columns))[:, 1]
    return found


def plain_logistic(_data: DataSet, development: Sample, judged: Sample, _seed: int) -> Probabilities:
    """Logistic regression on every admissible attribute, one-hot."""
    fitted, asked = _one_hot(development, judged)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(fitted, development.defaulted)
    found: Probabilities = model.predict_proba(asked)[:, 1]
    return found


def plain_lightgbm(_data: DataSet, development: Sample, judged: Sample, seed: int) -> Probabilities:
    """LightGBM on the same, with nothing but its own defaults."""
    fitted, asked = _one_hot(development, judged)
    model = lightgbm.LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1).fit(fitted, development.defaulted)
    found: Probabilities = model.predict_proba(asked)[:, 1]
    return found


METHODS: Final[Mapping[str, Method]] = {
    CHAMPION: champion,
    CHALLENGER: challenger,
    "logistic regression, raw one-hot": plain_logistic,
    "LightGBM, raw one-hot": plain_lightgbm,
}


def _ranks(sample: Sample, columns: Mapping[str, list[str]]) -> Probabilities:
    ranked = [
        sample.answers[name].map({code: rank for rank, code in enumerate(codes)}) if codes else sample.answers[name]
        for name, codes in columns.items()
    ]
    found: Probabilities = np.column_stack([np.asarray(column, dtype=np.float64) for column in ranked])
    return found


def _one_hot(development: Sample, judged: Sample) -> tuple[Probabilities, Probabilities]:
    together = pd.get_dummies(pd.concat([development.answers, judged.answers])).astype(float).to_numpy()
    return together[: len(development)], together[len(development) :]
