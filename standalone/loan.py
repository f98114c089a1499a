"""`puhui loan`: a loan as it stood on one date by what was known on another, replayed from its events by the ledger."""

from __future__ import annotations

import asyncio
import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

READER: Final = "auditor"
EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2


def loan(
    loan_id: Annotated[str, typer.Argument(help="The loan's identifier.")],
    effective: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The date on which it stands so; default: today.")
    ] = None,
    known: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="By what was known on this date; default: today.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    url: Annotated[str, typer.Option(envvar="PUHUI_URL", help="A platform that runs.")] = "http://127.0.0.1:8000",
    directory: Annotated[
        Path, typer.Option(envvar="PUHUI_DIRECTORY", help="Its data, where the auditor's secret is.")
    ] = Path("var/run"),
) -> None:
    """A loan's state as replayed from its events at a pair of times."""
    from standalone.http import Refused  # the platform's libraries are heavy, and --help does not need them

    try:
        shown = asyncio.run(_ask(url, directory, loan_id, _day(effective), _day(known)))
    except Refused as refused:
        typer.echo(refused.problem.get("detail", str(refused)), err=True)
        raise typer.Exit(EXIT_REFUSED) from None
    except OSError as error:
        typer.echo(f"{url} does not answer as {directory} says: {error}. Start it with `make run`.", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        Console().print(_table(shown))


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


async def _ask(url: str, directory: Path, loan_id: str, effective: date | None, known: date | None) -> Any:
    from standalone.http import Platform
    from standalone.platform import Layout

    platform = Platform.at(url, Layout(directory).identity, seed="")
    try:
        today = (await platform.get(READER, "/ledger/business-date"))["business_date"]
        query = {"effective": effective.isoformat() if effective else today}
        if known:
            query["known"] = known.isoformat()
        return await platform.get(READER, f"/ledger/loans/{loan_id}/as-of", **query)
    finally:
        await platform.close()


def _table(shown: dict[str, Any]) -> Table:
    table = Table("", "", title=f"Loan {shown.get('loan_id', '')}", show_header=False)
    for name, value in shown.items():
        table.add_row(
            name.replace("_", " "), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        )
    return table
