"""`python -m tools.tamper`: tampers with a store as only its administrator can, and shows what is found, where, how soon.

`--events 1000000` is the full size; the table is written as Markdown with `--output`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from standalone.postgres import EmbeddedPostgres
from tools.tamper.outcome import Outcome
from tools.tamper.run import as_markdown, clean_runs, tampered


def main() -> int:
    """0 when every attack was found and located and no clean run gave an alarm."""
    parser = argparse.ArgumentParser(prog="python -m tools.tamper", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--clean", type=int, default=10, help="runs on a store that nobody touched")
    parser.add_argument("--jobs", type=int, default=2, help="processes that read")
    parser.add_argument("--output", type=Path, help="where the table is written")
    given = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="puhui-tamper-") as place, Progress(console=console) as progress:
        directory = Path(place)
        with EmbeddedPostgres(directory / "postgres", durable=False) as server:
            outcomes += tampered(server, directory, given.events, given.jobs, progress)
            outcomes.append(clean_runs(server, directory, given.events, given.clean, given.jobs, progress))
    table = Table("tampered with", "found", "where", "s", "told")
    for each in outcomes:
        table.add_row(each.name, "yes" if each.right else "NO", each.where, f"{each.seconds:.1f}", each.told[:150])
    console.print(table)
    if given.output:
        given.output.write_text(as_markdown(outcomes, given.events))
    return 0 if all(each.right for each in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
