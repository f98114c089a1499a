"""The applications as tables, split into development and held-out parts that never depend on a library's generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.german_credit import Applicant
from tools.scorecards.splits import parts_of

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """Answers, one row an application, and whether it defaulted."""

    answers: pd.DataFrame
    defaulted: NDArray[np.int64]

    @classmethod
    def of(cls, applicants: Sequence[Applicant]) -> Sample:
        numbers = [each.number for each in applicants]
        frame = pd.DataFrame([dict(each.answers) for each in applicants], index=numbers)
        return cls(frame, np.array([each.defaulted for each in applicants], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.defaulted)

    def where(self, mask: Mask) -> Sample:
        return Sample(self.answers[mask], self.defaulted[mask])


def parts(sample: Sample, count: int, seed: str) -> NDArray[np.int64]:
    """A part number from 0 to `count` - 1 for each application, each part with the same share of defaults."""
    return np.array(parts_of(list(sample.answers.index), list(sample.defaulted), count, seed), dtype=np.int64)
