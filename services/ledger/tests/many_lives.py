"""Random lives by the ten thousand, with what was done in them: `python -m services.ledger.tests.many_lives 50000`.

Each sequence throws random facts in random order at loans and compares, after each step, incremental state with the
replay from the first fact and the sum of all entries with zero; after closes, control accounts, rows and reload.
With `--record FILE` each batch is written down as it ends, and those that are there are not done again: what takes
hours may be interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from services.ledger.tests.test_random_lives import Lives

BATCH: Final = 250


class Counted(Lives):
    """Lives that count what became of them."""

    events: ClassVar[Counter[str]] = Counter()
    sequences = 0

    def teardown(self) -> None:
        super().teardown()
        Counted.sequences += 1
        Counted.events.update(type(event).__name__ for _, _, event in self.history)


def some(number: int, count: int, steps: int) -> tuple[int, Counter[str]]:
    """So many sequences of one seed: how many there were, and the events in them."""
    Counted.events, Counted.sequences = Counter(), 0
    few = settings(
        max_examples=count,
        stateful_step_count=steps,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(Counted), settings=few)
    return Counted.sequences, Counted.events


def recorded(file: Path | None) -> list[dict[str, Any]]:
    """The batches that are done."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file and file.exists() else []


def main(given: Any = None) -> int:
    parser = argparse.ArgumentParser(description="Random lives of loans.")
    parser.add_argument("sequences", type=int, nargs="?", default=50_000)
    parser.add_argument("--steps", type=int, default=12, help="at most so many facts a sequence (12)")
    parser.add_argument("--seed", type=int, default=1, help="of the first batch; each has its own")
    parser.add_argument("--record", type=Path, help="of the batches that are done")
    chosen = parser.parse_args(given)
    seeds = range(chosen.seed, chosen.seed + -(-chosen.sequences // BATCH))
    before = [batch for batch in recorded(chosen.record) if batch["steps"] == chosen.steps and batch["seed"] in seeds]
    done = sum(batch["sequences"] for batch in before)
    events = sum((Counter[str](batch["events"]) for batch in before), Counter[str]())
    began, left = time.monotonic(), set(seeds) - {batch["seed"] for batch in before}
    columns = (TextColumn("lives"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress, ProcessPoolExecutor(os.cpu_count()) as pool:
        line = progress.add_task("lives", total=chosen.sequences, completed=done)
        running = {pool.submit(partial(some, number, BATCH, chosen.steps)): number for number in sorted(left)}
        for batch in as_completed(running):
            if batch.exception() is not None:  # told at once, not when all the others are done
                pool.shutdown(wait=False, cancel_futures=True)
                progress.console.print(f"a difference, in the batch of seed {running[batch]}")
            sequences, found = batch.result()
            done += sequences
            events.update(found)
            progress.advance(line, sequences)
            if chosen.record:
                what = {"seed": running[batch], "steps": chosen.steps, "sequences": sequences, "events": found}
                with chosen.record.open("a") as record:
                    record.write(json.dumps(what) + "\n")
    now = done - sum(batch["sequences"] for batch in before)
    table = Table(title=f"{done:,} sequences, {now:,} of them now in {time.monotonic() - began:.0f} s: no difference")
    table.add_column("event")
    table.add_column("times", justify="right")
    for name, times in events.most_common():
        table.add_row(name, f"{times:,}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
