"""The closing table: every goal and its figure; one that is not reached stands as not reached."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from bench.common.result import Result, shown


def table(found: Mapping[str, Result | Exception]) -> Table:
    """One row a goal; below a benchmark that misses one, what limits it."""
    made = Table(title="Benchmarks", show_lines=False)
    for heading in ("benchmark", "goal", "bound", "figure", ""):
        made.add_column(heading, justify="right" if heading in ("bound", "figure") else "left")
    for name, result in found.items():
        if isinstance(result, Exception):
            made.add_row(name, f"{type(result).__name__}: {result}", "", "", "not measured")
            continue
        for number, goal in enumerate(result.goals):
            verdict = "reached" if goal.met else "not reached"
            made.add_row("" if number else name, goal.text, goal.bound, shown(goal.figure), verdict)
        if not result.met and result.limited_by:
            made.add_row("", f"limited by: {result.limited_by}", "", "", "")
        made.add_section()
    return made
