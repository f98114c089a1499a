"""Many random cash flows: no fen lost or made, and no lender favoured. `SPLITS=1000000` for the full number (`-s` shows
the figures)."""

from __future__ import annotations

import os
from math import sqrt
from random import Random
from typing import Final

from libs.contracts.partners import SHARE_PARTS
from services.partners.domain.split import apportion, phase_of

FLOWS: Final = int(os.environ.get("SPLITS", "20000"))
FLOWS_OF_A_LOAN: Final = 20
SHARES: Final = (("a", 500_000), ("b", 333_333), ("own", 166_667))


def test_no_fen_is_lost_and_nobody_is_favoured() -> None:
    """The excess of each lender over his exact share, summed over loans, is noise: within five standard deviations."""
    random, loans = Random(20260202), FLOWS // FLOWS_OF_A_LOAN
    excess_millionths = [0] * len(SHARES)
    for loan in range(loans):
        phase, total, before = phase_of(f"loan-{loan}"), 0, [0] * len(SHARES)
        for _ in range(FLOWS_OF_A_LOAN):
            amount = random.randint(-2_000, 200_000)
            total += amount
            held = apportion(total, SHARES, phase)
            assert sum(held) - sum(before) == amount
            before = held
        for number, (_, share) in enumerate(SHARES):
            excess_millionths[number] += before[number] * SHARE_PARTS - total * share
    for (funder, _), excess in zip(SHARES, excess_millionths, strict=True):
        bias_fen = excess / SHARE_PARTS
        print(f"{funder}: {bias_fen:+.2f} fen over {FLOWS:,} flows, {bias_fen / loans:+.5f} a loan")  # noqa: T201 - what it is run for
        assert abs(bias_fen) < 5 * sqrt(loans / 2), f"{funder} is favoured"
