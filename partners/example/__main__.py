"""`python -m partners.example`: the example partner from a terminal."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from partners.example.app import HOOK, create_app
from partners.example.book import yuan
from partners.example.desk import DayEnd, Desk
from partners.example.policy import POLICY
from partners.example.setup import Configuration, open_desk, register, renew_secrets
from partners.kit import Money

app = typer.Typer(help="A partner lender, as it could be.", no_args_is_help=True)
console = Console()

ConfigurationFile = Annotated[Path, typer.Option("--configuration", "-c", help="What the platform gave us.")]
RecordFile = Annotated[Path, typer.Option("--record", help="Our own record.")]
PolicyFile = Annotated[Path, typer.Option("--policy", help="Which offers we take.")]


def _desk(configuration: Path, record: Path | None, policy: Path = POLICY) -> Desk:
    return open_desk(Configuration.read(configuration), record or configuration.with_name("book.sqlite"), _ask, policy)


def _ask(loan_id: str, amount: Money) -> None:
    console.print(f"[bold]To be paid[/] to the platform: {amount} for loan {loan_id}")


@app.command()
def serve(
    configuration: ConfigurationFile,
    record: RecordFile | None = None,
    policy: PolicyFile = POLICY,
    port: Annotated[int, typer.Option(min=1, max=65535, help="On loopback.")] = 9000,
) -> None:
    """Register our endpoint, take what is told, and decide what is offered, until interrupted."""
    desk = _desk(configuration, record, policy)
    endpoint_id = register(desk, f"http://127.0.0.1:{port}{HOOK}")
    console.print(f"Told at {HOOK} on port {port} as endpoint {endpoint_id}")
    uvicorn.run(create_app(desk), host="127.0.0.1", port=port, log_level="warning")


@app.command()
def day_end(
    on: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The day to close.")],
    configuration: ConfigurationFile,
    record: RecordFile | None = None,
) -> None:
    """Check every settlement to the fen, and send our file of the day. Exit status 1: something differs."""
    desk = _desk(configuration, record)
    renew_secrets(desk)
    end = desk.day_end(date(on.year, on.month, on.day))
    _show(end)
    raise typer.Exit(0 if end.equal else 1)


@app.command()
def book(configuration: ConfigurationFile, record: RecordFile | None = None) -> None:
    """Each loan by our own book."""
    table = Table("loan", "status", "principal owed")
    for loan_id, status, owed in _desk(configuration, record).record.standings("9999-12-31"):
        table.add_row(loan_id, status, yuan(owed))
    console.print(table)


def _show(end: DayEnd) -> None:
    table = Table("settled on", "settlement", "movements", "by our book", "by theirs", "differences")
    for settlement, checked in end.settlements:
        numbers = (str(settlement.movements), yuan(checked.net), str(settlement.net.amount))
        differences = "; ".join(checked.differences) or "none"
        table.add_row(settlement.settled_on.isoformat(), settlement.settlement_id[:8], *numbers, differences)
    console.print(table)
    file = end.file
    console.print(f"Our file of {end.on}: {file.theirs} lines, {file.matched} matched, {file.open} breaks open")
    console.print(f"Events that had not come by webhook: {end.missed}")


if __name__ == "__main__":
    app()
