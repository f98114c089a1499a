"""What the challenger says of a card's held-out third: `python -m tools.scorecards.challenger`.

Gradient boosting over the card's own indicators, held to the same directions, fitted on the card's development part. Its
probabilities are kept beside this file, so that a model report sets both side by side without the builder's libraries.
"""

from __future__ import annotations

import csv
import io
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # threads change the order of additions and with it the last digits

from tools.scorecards.models import challenger  # noqa: E402
from tools.scorecards.sample import parts  # noqa: E402
from tools.scorecards.sets import german_credit  # noqa: E402
from tools.scorecards.specification import HERE  # noqa: E402

CHALLENGERS: Final = HERE / "challengers"
THIRDS: Final = 3


def probabilities() -> tuple[Path, bytes]:
    """The file and its bytes: an application of the held-out third a line."""
    data = german_credit()
    assert data.specification is not None, "the published card has one"
    held_out = parts(data.sample, THIRDS, data.specification.seed) == THIRDS - 1
    judged = data.sample.where(held_out)
    said = challenger(data, data.sample.where(~held_out), judged, 0)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("application", "probability_of_default"))
    writer.writerows((number, f"{each:.6f}") for number, each in zip(judged.answers.index, said, strict=True))
    return CHALLENGERS / f"{data.specification.name}.csv", text.getvalue().encode()


def main(_arguments: Sequence[str]) -> int:
    path, content = probabilities()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    sys.stdout.write(f"{path.relative_to(HERE.parents[1])}\n")
    return 0


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    sys.exit(main(sys.argv[1:]))
