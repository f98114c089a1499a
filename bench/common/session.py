"""Measures in turns: every contestant once a round, so that what slows the machine down slows all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from rich.progress import Progress, TaskID

from libs.service.collector import relax_collector

RUNS: Final = 5

Contestant = Callable[[], Awaitable[float]]
"""One run; its figure."""


@dataclass
class Session:
    """What a benchmark is given: how large it shall be, and where it shows how far it is."""

    name: str
    progress: Progress
    line: TaskID
    full: bool = False
    runs: int = RUNS

    def size(self, bounded: int, full: int) -> int:
        """How much to do: `bounded` in a run of seconds, `full` with --full."""
        return full if self.full else bounded

    def stage(self, text: str, total: int | None = None) -> None:
        """Show what is being done, and how many steps it takes."""
        self.progress.update(self.line, description=f"{self.name}: {text}", total=total, completed=0)
        if not self.progress.console.is_terminal:  # where nothing can be redrawn, a line a stage
            self.progress.console.print(f"{time.strftime('%H:%M:%S')}  {self.name}: {text}")

    def advance(self, steps: int = 1) -> None:
        self.progress.update(self.line, advance=steps)

    async def in_turns(self, text: str, contestants: Mapping[str, Contestant]) -> dict[str, float]:
        """The median figure of each contestant; who begins a round changes from round to round."""
        names = list(contestants)
        figures: dict[str, list[float]] = {name: [] for name in names}
        self.stage(text, self.runs * len(names))
        for turn in range(self.runs):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                relax_collector()  # as a service does
                figures[name].append(await contestants[name]())
                self.advance()
        return {name: statistics.median(of_one) for name, of_one in figures.items()}


def rates(ours: float, peers: Mapping[str, float]) -> dict[str, float]:
    """How many times better ours is where more is better."""
    return {name: ours / figure for name, figure in peers.items()}


def durations(ours: float, peers: Mapping[str, float]) -> dict[str, float]:
    """How many times better ours is where less is better."""
    return {name: figure / ours for name, figure in peers.items()}
