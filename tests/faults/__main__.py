"""`python -m tests.faults`: kills, freezes and wipes the platform under load, and prints what it kept of its promises."""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from standalone.brokers import broker_named
from tests.faults.experiment import Outcome, run
from tests.faults.load import Walked
from tests.faults.plan import Fault
from tests.faults.verdicts import SHOWN

LINE_EVERY_S = 20.0


class Shown:
    """Progress on a terminal; where nothing can be redrawn, a line now and then."""

    def __init__(self, progress: Progress, faults: int) -> None:
        self._progress, self._total = progress, faults
        self._line = progress.add_task("Starting", total=faults)
        self._faults, self._ends = 0, Counter[str]()
        self._began = self._told = time.monotonic()

    def stage(self, text: str) -> None:
        self._progress.update(self._line, description=text)
        self._tell(text, always=True)

    def fault(self, fault: Fault) -> None:
        self._faults += 1
        text = f"{fault.kind}: {fault.target} · {self._ends.total()} borrowers at their end"
        self._progress.update(self._line, description=text, completed=self._faults)
        self._tell(text)

    def walked(self, walked: Walked) -> None:
        self._ends[walked.end] += 1

    def _tell(self, text: str, *, always: bool = False) -> None:
        now = time.monotonic()
        if self._progress.console.is_terminal or (not always and now - self._told < LINE_EVERY_S):
            return
        self._told = now
        self._progress.console.print(f"{now - self._began:7.1f} s  {self._faults:4d} of {self._total}  {text}")


def table(outcome: Outcome) -> Table:
    shown = Table(title=f"{outcome.injected.counts.total()} faults on {outcome.broker}, seed {outcome.seed}")
    shown.add_column("promise")
    shown.add_column("counted", justify="right")
    shown.add_column("verdict")
    for verdict in outcome.verdicts:
        kept = "[green]kept[/]" if verdict.kept else "[bold red]broken[/]"
        wrong = "".join(f"\n{each}" for each in verdict.wrong[:SHOWN])
        shown.add_row(verdict.promise, f"{verdict.counted:,}", kept + wrong)
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or secrets.randbelow(10**6)))
    parser.add_argument("--faults", type=int, default=int(os.environ.get("FAULTS") or 200))
    parser.add_argument("--broker", default=os.environ.get("BROKER") or "kafka", choices=("kafka", "tansu"))
    parser.add_argument("--borrowers", type=int, default=6, help="how many are on their way at once")
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("MINUTES") or 45), help="at most")
    parser.add_argument("--report", type=Path, default=Path("var/faults"), help="where the report goes")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    console = Console(stderr=True)
    # Short, for the path of PostgreSQL's socket, and where its account may go.
    directory = Path(tempfile.mkdtemp(prefix="puhui-faults-"))
    reason = broker_named(options.broker, directory).unavailable()
    if reason:
        console.print(reason)
        return 2
    console.print(
        f"Seed {options.seed}: {options.faults} faults on {options.broker}, at most {options.minutes:g} minutes"
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, refresh_per_second=2) as progress:
        outcome = run(
            directory / "fleet",
            broker=options.broker,
            seed=options.seed,
            faults=options.faults,
            at_once=options.borrowers,
            minutes=options.minutes,
            watch=Shown(progress, options.faults),
        )
    report = outcome.to_json()
    options.report.mkdir(parents=True, exist_ok=True)
    (options.report / f"{options.broker}.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    console.print(table(outcome))
    console.print({name: value for name, value in report.items() if name not in ("verdicts", "seed", "broker")})
    if outcome.kept:
        shutil.rmtree(directory)
        return 0
    console.print(f"[bold red]Broken.[/] Data and logs stay in {directory}; again with SEED={outcome.seed}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
