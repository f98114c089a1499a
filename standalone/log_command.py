"""`puhui log check`: a whole store against its log."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="The logs that the audit keeps of every service's sequence.", no_args_is_help=True)


@app.command("check")
def check_command(
    log: Annotated[str, typer.Argument(help="The service whose log it is.")],
    database: Annotated[str, typer.Option(help="The store: a URL of PostgreSQL.", envvar="PUHUI_DATABASE_URL")],
    anchors: Annotated[Path, typer.Option(help="Heads and leaves that were kept elsewhere.")],
    keys: Annotated[Path, typer.Option(help="The public keys that you trust, one a line.")],
    archive: Annotated[bool, typer.Option(help="The store is the audit's archive.")] = False,
    other: Annotated[str, typer.Option(help="The other store of the same events, to say what was changed.")] = "",
    witness: Annotated[str, typer.Option(help="A witness to ask for the last head that it saw.")] = "",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes that read.")] = 2,
) -> None:
    """Check a whole store against what was anchored: exit 0 when all agrees, 1 when not, and what is wrong where."""
    from libs.evidence.anchors import WitnessClient
    from standalone.log_check import check  # heavy, and --help does not need it

    trusted = keys.read_text().split()
    origin = next((key.split("+")[0] for key in trusted if key.split("+")[0].endswith(f"/{log}")), log)
    witnessed = WitnessClient(witness).last(origin) if witness else ""
    done = asyncio.run(
        check(database, log, anchors, trusted, archive=archive, other=other, witnessed=witnessed, jobs=jobs)
    )
    console = Console()
    if done.findings:
        table = Table("what", "where", "", title=f"[bold red]the store and the log of {log} do not agree[/]")
        for each in done.findings:
            table.add_row(each.code, each.where, each.what)
        console.print(table)
        raise typer.Exit(1)
    console.print(f"[bold green]{log} agrees[/]: {done.events:,} events, {done.heads} heads over {done.size:,}")
