"""How well scores part good from bad, and how true the probabilities are. `defaulted` is 1 for bad."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

Scores = NDArray[np.int64] | NDArray[np.float64]


def auc(defaulted: NDArray[np.int64], risk: Scores) -> float:
    """Area under the ROC curve; `risk` rises with the danger of default. Gini is 2 × AUC - 1."""
    return float(roc_auc_score(defaulted, risk))


def ks(defaulted: NDArray[np.int64], risk: Scores) -> float:
    """Kolmogorov-Smirnov: the largest distance between the distributions of good and bad."""
    false_positive, true_positive, _ = roc_curve(defaulted, risk)
    return float(np.max(true_positive - false_positive))


def summary(
    defaulted: NDArray[np.int64], scores: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> dict[str, str | int]:
    """The figures of one sample as decimal strings, for the card."""
    area = auc(defaulted, -scores)
    return {
        "applicants": len(defaulted),
        "default_rate": f"{defaulted.mean():.4f}",
        "auc": f"{area:.4f}",
        "gini": f"{2 * area - 1:.4f}",
        "ks": f"{ks(defaulted, -scores):.4f}",
        "brier": f"{brier_score_loss(defaulted, probabilities):.4f}",
        "mean_probability": f"{probabilities.mean():.4f}",
    }
