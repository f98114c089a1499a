"""`python -m bench [NAME ...]`: run benchmarks, write bench/results/NAME.json, show goals and figures."""

from __future__ import annotations

import argparse
import asyncio
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

import bench
from bench.common.page import PAGE, recorded
from bench.common.result import RESULTS, Result, write
from bench.common.session import RUNS, Session
from bench.common.table import table


def names() -> list[str]:
    """Every module of the package is a benchmark."""
    return sorted(
        module.name for module in pkgutil.iter_modules(bench.__path__) if not module.ispkg and module.name != "__main__"
    )


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Run benchmarks and show their goals.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}; all without")
    parser.add_argument("--full", action="store_true", help="the full size, not the one of seconds")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"turns of each contestant ({RUNS})")
    chosen = parser.parse_args(given)
    if unknown := set(chosen.names) - set(names()):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    return chosen


def new_loop() -> asyncio.AbstractEventLoop:
    """The loop that services run on, where there is one."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop()
    return new_event_loop()


def run(name: str, session: Session) -> Result:
    """One benchmark on a loop of its own."""
    module = import_module(f"bench.{name}")
    with asyncio.Runner(loop_factory=new_loop) as runner:
        result: Result = runner.run(module.measure(session))
    return result


def main(given: Sequence[str] | None = None) -> int:
    """0 when all were measured: a goal that is not reached is a finding, not a fault."""
    chosen = arguments(given)
    console = Console(width=None if sys.stdout.isatty() else 140)
    found: dict[str, Result | Exception] = {}
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        for name in chosen.names or names():
            line = progress.add_task(name, total=None)
            try:
                found[name] = result = run(name, Session(name, progress, line, chosen.full, chosen.runs))
                write(name, result, full=chosen.full)
            except Exception as error:  # noqa: BLE001  # the others are measured all the same
                found[name] = error
            progress.update(line, description=name, total=1, completed=1)
    (RESULTS / PAGE).write_text(recorded(), encoding="utf-8")
    console.print(table(found))
    return int(any(isinstance(result, Exception) for result in found.values()))


if __name__ == "__main__":
    sys.exit(main())
