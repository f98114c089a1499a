"""What a benchmark found, and its file in `bench/results`."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import psutil

RESULTS: Final = Path(__file__).parents[1] / "results"


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal: `figure` shall be at least `least`, or at most `most`."""

    text: str
    figure: float
    least: float | None = None
    most: float | None = None

    def __post_init__(self) -> None:
        assert (self.least is None) != (self.most is None), f"{self.text}: a goal has one bound"

    @property
    def met(self) -> bool:
        if self.least is not None:
            return self.figure >= self.least
        assert self.most is not None
        return self.figure <= self.most

    @property
    def bound(self) -> str:
        return f"≥ {shown(self.least)}" if self.least is not None else f"≤ {shown(self.most or 0.0)}"


@dataclass(frozen=True, slots=True)
class Result:
    """Medians of `runs` runs in turns.

    `ours` and `peers` are in `unit`; `ratios` say how many times better ours is than each peer, so above 1 is better
    whether more or less of the unit is better. `limited_by` says in a sentence what holds a goal back that is not met.
    """

    unit: str
    ours: float
    goals: Sequence[Goal]
    runs: int
    peers: Mapping[str, float] = field(default_factory=dict)
    ratios: Mapping[str, float] = field(default_factory=dict)
    limited_by: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        return all(goal.met for goal in self.goals)

    def to_json(self, name: str, *, full: bool) -> dict[str, Any]:
        """The form that scripts rely on (`docs` of the interface: bench/README.md)."""
        goals = [
            {"goal": f"{goal.text} {goal.bound}", "figure": rounded(goal.figure), "met": goal.met}
            for goal in self.goals
        ]
        return {
            "name": name,
            "unit": self.unit,
            "ours": rounded(self.ours),
            "peers": {peer: rounded(figure) for peer, figure in self.peers.items()},
            "ratios": {peer: rounded(ratio) for peer, ratio in self.ratios.items()},
            "goal": "; ".join(f"{goal.text} {goal.bound}" for goal in self.goals),
            "met": self.met,
            "runs": self.runs,
            "machine": machine(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "goals": goals,
            "full_size": full,
            "limited_by": "" if self.met else self.limited_by,
            "details": self.details,
        }


def write(name: str, result: Result, *, full: bool) -> Path:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_bytes(orjson.dumps(result.to_json(name, full=full), option=orjson.OPT_INDENT_2) + b"\n")
    return path


def shown(figure: float) -> str:
    """A figure with the digits that mean something."""
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.3g}"


def rounded(figure: float) -> float:
    return float(f"{figure:.4g}")


def machine() -> str:
    """Processor, cores that we may use, memory, system and Python, in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory_gib = psutil.virtual_memory().total / 2**30
    return (
        f"{_processor()}, {cores} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else "unknown processor"
