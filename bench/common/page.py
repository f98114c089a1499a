"""What was recorded, as a page that people read: every goal with its figure, those that were missed with what holds them
back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from bench.common.result import RESULTS, shown

PAGE: Final = "README.md"
HEAD: Final = """# Recorded figures

Written by `python -m bench` from the files beside it. Each is a median of so many rounds in turns, on the machine and at
the time that its file names; figures depend on the machine, so ratios in one run are what is claimed.

| benchmark | goal | figure | | rounds | size |
| --- | --- | --- | --- | --- | --- |
"""


def page(results: Iterable[Mapping[str, Any]]) -> str:
    """Markdown from the contents of result files, in the order given."""
    rows, limits = [], []
    for result in results:
        size = "full" if result["full_size"] else "bounded"
        for place, goal in enumerate(result["goals"]):
            met = "reached" if goal["met"] else "**not reached**"
            first, last = (f" [{result['name']}]({result['name']}.json)", f" {result['runs']} | {size}")
            name, run = (first, last) if place == 0 else ("", " |")
            rows.append(f"|{name} | {goal['goal']} | {shown(goal['figure'])} | {met} |{run} |")
        if result["limited_by"]:
            limits.append(f"- **{result['name']}**: {result['limited_by']}.")
    missed = "\n".join(["\n## What holds back what was not reached\n", *limits, ""]) if limits else ""
    return HEAD + "\n".join(rows) + "\n" + missed


def recorded(directory: Path = RESULTS) -> str:
    """The page of the files in a directory."""
    return page(orjson.loads(file.read_bytes()) for file in sorted(directory.glob("*.json")))
