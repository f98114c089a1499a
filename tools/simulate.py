"""The simulator of the kit's protocols at any size: `make simulate SCHEDULES=20000`, or one seed that failed."""

from __future__ import annotations

import argparse
import logging
import sys
import time

import structlog
from rich.console import Console
from rich.progress import track

from libs.events.tests.simulator import ROUNDS, simulate

SCHEDULES = 5_000


def main() -> int:
    """0 when no schedule broke a promise."""
    parser = argparse.ArgumentParser(prog="python -m tools.simulate", description=__doc__)
    parser.add_argument("--schedules", type=int, default=SCHEDULES)
    parser.add_argument("--seed", type=int, default=0, help="the first seed; the others follow")
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    console = Console(width=None if sys.stdout.isatty() else 120)
    seeds = range(chosen.seed, chosen.seed + chosen.schedules)
    began, broken = time.monotonic(), dict[int, str]()
    for seed in track(seeds, "schedules", console=console):
        if found := simulate(seed):
            broken[seed] = found
            console.print(f"seed {seed}: {found}")
    minutes = (time.monotonic() - began) / 60
    console.print(
        f"{chosen.schedules:,} schedules of {ROUNDS} rounds, {chosen.schedules / minutes:,.0f} a minute: "
        f"{len(broken)} broke a promise"
    )
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
