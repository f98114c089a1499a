"""`puhui parked`: events that a consumer could not handle, over HTTP as an operator of a platform that runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from standalone.http import Platform

USER: Final = "operator"
EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2

app = typer.Typer(help="Look at events that wait for a person; mend, skip, hand over again.", no_args_is_help=True)

Url = Annotated[str, typer.Option(envvar="PUHUI_URL", help="A platform that runs.")]
Directory = Annotated[Path, typer.Option(envvar="PUHUI_DIRECTORY", help="Its data, where the operator's secret is.")]
Service = Annotated[str, typer.Argument(help="The service whose consumer it is.")]
Consumer = Annotated[str, typer.Argument(help="The consumer, as `list` shows it.")]
Stream = Annotated[str, typer.Argument(help="The stream whose events are parked.")]
Reason = Annotated[str, typer.Option(help="Why; it is on record with the act.")]

URL: Final = "http://127.0.0.1:8000"
RUN: Final = Path("var/run")


@app.command("list")
def list_parked(url: Url = URL, directory: Directory = RUN) -> None:
    """All events that wait for a person, of every service."""
    from standalone.services import SERVICES

    async def ask(platform: Platform) -> dict[str, Any]:
        return {name: await platform.get(USER, f"/{name}/operations/parked") for name in SERVICES}

    table = Table("service", "consumer", "stream", "sequence", "type", "error")
    for service, events in _asked(url, directory, ask).items():
        for event in events:
            shown = (event[name] for name in ("consumer", "stream_id", "sequence", "type", "error"))
            table.add_row(service, *map(str, shown))
    Console().print(table if table.row_count else "Nothing is parked.")


@app.command()
def show(service: Service, consumer: Consumer, stream: Stream, url: Url = URL, directory: Directory = RUN) -> None:
    """The parked events of a stream with their data, as JSON."""
    path = _path(service, consumer, stream)
    typer.echo(
        json.dumps(_asked(url, directory, lambda platform: platform.get(USER, path)), ensure_ascii=False, indent=2)
    )


@app.command()
def skip(
    service: Service, consumer: Consumer, stream: Stream, reason: Reason, url: Url = URL, directory: Directory = RUN
) -> None:
    """Give up the first parked event of a stream."""
    path = f"{_path(service, consumer, stream)}/skip"
    _asked(url, directory, lambda platform: platform.post(USER, path, {"reason": reason}))
    typer.echo("Given up; those after it wait to be handed over: puhui parked redrive")


@app.command()
def repair(
    service: Service,
    consumer: Consumer,
    stream: Stream,
    sequence: Annotated[int, typer.Argument(help="Which event.")],
    data: Annotated[typer.FileText, typer.Argument(help="Its data as JSON, whole; `show` prints what they are now.")],
    reason: Reason,
    url: Url = URL,
    directory: Directory = RUN,
) -> None:
    """Have the consumer handed other data in place of an event's own."""
    path = f"{_path(service, consumer, stream)}/repair"
    body = {"sequence": sequence, "data": json.load(data), "reason": reason}
    _asked(url, directory, lambda platform: platform.post(USER, path, body))
    typer.echo("Mended for this consumer; it waits to be handed over: puhui parked redrive")


@app.command()
def redrive(service: Service, consumer: Consumer, stream: Stream, url: Url = URL, directory: Directory = RUN) -> None:
    """Hand the parked events of a stream over again, in order."""
    path = f"{_path(service, consumer, stream)}/redrive"
    answer = _asked(url, directory, lambda platform: platform.post(USER, path))
    typer.echo(f"{answer['handled']} handed over.")


def _path(service: str, consumer: str, stream: str) -> str:
    return f"/{service}/operations/parked/{consumer}/{stream}"


def _asked(url: str, directory: Path, ask: Callable[[Platform], Awaitable[Any]]) -> Any:
    """The answer; what is refused or does not answer ends the command with what to do."""
    from standalone.http import Platform, Refused
    from standalone.platform import Layout

    async def asking() -> Any:
        # A key of its own each time: the same act twice is two acts, and the second finds nothing to do.
        platform = Platform.at(url, Layout(directory).identity, seed=str(asyncio.get_running_loop().time()))
        try:
            return await ask(platform)
        finally:
            await platform.close()

    try:
        return asyncio.run(asking())
    except Refused as refused:
        typer.echo(refused.problem.get("detail", str(refused)), err=True)
        for error in refused.problem.get("errors", ()):
            typer.echo(f"{error.get('pointer', error.get('parameter', ''))}: {error['detail']}", err=True)
        raise typer.Exit(EXIT_REFUSED) from None
    except (OSError, json.JSONDecodeError) as error:
        typer.echo(f"{url} does not answer as {directory} says: {error}. Start it with `make run`.", err=True)
        raise typer.Exit(EXIT_USAGE) from None
