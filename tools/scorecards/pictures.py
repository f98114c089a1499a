"""What people would rather look at: calibration and the spread of figures over repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

mpl.use("Agg")
from matplotlib import pyplot as plt

TENTHS: Final = 10
PLAIN: Final = {"Software": ""}
"""No version of the library in the file, so that the same figures give the same bytes."""

Pooled = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Probabilities, and what came true."""


def calibration_picture(methods: Mapping[str, Pooled], path: Path) -> None:
    """Predicted against observed by tenths of risk."""
    figure, axes = plt.subplots(figsize=(5.5, 5))
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, label="as predicted")
    for name, (predicted, actual) in methods.items():
        tenths = np.array_split(np.argsort(predicted, kind="stable"), TENTHS)
        axes.plot(
            [predicted[part].mean() for part in tenths],
            [actual[part].mean() for part in tenths],
            marker="o",
            label=name,
        )
    axes.set(xlabel="predicted probability of default", ylabel="observed default rate", xlim=(0, 1), ylim=(0, 1))
    _finish(figure, axes, path)


def spread_picture(figures: Mapping[str, Sequence[float]], path: Path) -> None:
    """One dot a repeat, one line a method."""
    figure, axes = plt.subplots(figsize=(7, 2.6))
    for place, values in enumerate(reversed(list(figures.values()))):
        axes.plot(values, [place] * len(values), "o", alpha=0.5)
        axes.plot([float(np.mean(values))], [place], "|", color="black", markersize=18)
    axes.set_yticks(range(len(figures)), list(reversed(list(figures))))
    axes.set(xlabel="AUC on the held-out third, each repeat; mean as a line")
    _finish(figure, axes, path, legend=False)


def _finish(figure: plt.Figure, axes: plt.Axes, path: Path, *, legend: bool = True) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    if legend:
        axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata=PLAIN)
    plt.close(figure)
