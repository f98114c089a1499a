"""The experiment about the total order at full size: `make stress`, or `python -m tools.stress --events 200000`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from libs.events.postgres import connect, schema_sql
from libs.events.tests.order import READERS, WRITERS, Seen, run
from standalone.postgres import EmbeddedPostgres

EVENTS = 200_000


async def experiment(dsn: str, events: int, seed: int, console: Console) -> Seen:
    store = await connect(dsn)
    await store.pool.execute(schema_sql())
    await store.close()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        line = progress.add_task(f"{WRITERS} writers, {READERS} readers", total=events)
        return await run(dsn, events, seed, lambda done, _total: progress.update(line, completed=done))


def report(seen: Seen) -> Table:
    table = Table(title=f"The total order under stress, seed {seen.seed}", show_header=False)
    rate = seen.events / seen.seconds if seen.seconds else 0
    table.add_row("events", f"{seen.events:,} in {seen.streams:,} streams, {seen.seconds:.0f} s, {rate:,.0f} a second")
    table.add_row("transactions", ", ".join(f"{name} {count:,}" for name, count in seen.transactions.most_common()))
    table.add_row("conflicts", f"{seen.conflicts:,}")
    table.add_row("stamps", f"{seen.stamps:,}; looks back at what had been read: {seen.looks_back:,}")
    table.add_row("broken promises of ours", "none" if not seen.violations else "\n".join(seen.violations))
    table.add_row("inversions of the usual reader", f"{seen.usual_inversions:,} of {seen.usual_events:,} events")
    table.add_row("", seen.usual_example or "none: this run was too weak to say anything")
    return table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.stress", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--seed", type=int, default=20261123)
    chosen = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    with (
        tempfile.TemporaryDirectory(prefix="puhui-stress-", ignore_cleanup_errors=True) as directory,
        EmbeddedPostgres(Path(directory) / "data", durable=False) as server,
    ):
        server.create_database("stress")
        seen = asyncio.run(experiment(server.dsn("stress"), chosen.events, chosen.seed, console))
    console.print(report(seen))
    return int(bool(seen.violations) or not seen.strong_enough)


if __name__ == "__main__":
    sys.exit(main())
