"""`puhui trace`: what one request led to, service by service, as the events themselves say."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.tree import Tree

if TYPE_CHECKING:
    from standalone.http import Platform

READER: Final = "auditor"
EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2
WIDTH: Final = 110

Entry = Mapping[str, Any]


def trace(
    identifier: Annotated[
        str, typer.Argument(help="Of an event, an application, a contract or a loan; or a correlation id.")
    ],
    svg: Annotated[Path | None, typer.Option(help="Draw it into this file as well.")] = None,
    url: Annotated[str, typer.Option(envvar="PUHUI_URL", help="A platform that runs.")] = "http://127.0.0.1:8000",
    directory: Annotated[
        Path, typer.Option(envvar="PUHUI_DIRECTORY", help="Its data, where the auditor's secret is.")
    ] = Path("var/run"),
) -> None:
    """Show what a request led to across all services: each event under its cause, with the time since the request."""
    from standalone.http import Refused

    try:
        entries, traceparents = asyncio.run(_ask(url, directory, identifier))
    except Refused as refused:
        typer.echo(refused.problem.get("detail", str(refused)), err=True)
        raise typer.Exit(EXIT_REFUSED) from None
    except OSError as error:
        typer.echo(f"{url} does not answer as {directory} says: {error}. Start it with `make run`.", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    if not entries:
        typer.echo("The audit knows no event of it; it hears of events a moment after they happen.", err=True)
        raise typer.Exit(EXIT_REFUSED)
    console = Console(record=svg is not None, width=WIDTH if svg is not None else None)
    for tree in trees(entries, traceparents):
        console.print(tree)
    if svg is not None:
        console.save_svg(str(svg), title=f"puhui trace {identifier}")


async def _ask(url: str, directory: Path, identifier: str) -> tuple[list[Entry], dict[str, str]]:
    """All events of the requests that touched it, and the W3C trace of each request by its correlation id."""
    from standalone.http import Platform
    from standalone.platform import Layout

    platform = Platform.at(url, Layout(directory).identity, seed="")
    try:
        entries: dict[str, Entry] = {}
        for correlation_id in await _correlations(platform, identifier):
            for entry in await platform.pages(READER, "/audit/trail", correlation_id=correlation_id):
                entries[entry["event_id"]] = entry
        firsts = {entry["correlation_id"]: entry["event_id"] for entry in reversed(list(entries.values()))}
        traceparents = {}
        for correlation_id, event_id in firsts.items():
            proof = await platform.get(READER, f"/audit/events/{event_id}")
            metadata = json.loads(base64.b64decode(proof["metadata_base64"]))
            traceparents[correlation_id] = metadata.get("traceparent", "")
        return list(entries.values()), traceparents
    finally:
        await platform.close()


async def _correlations(platform: Platform, identifier: str) -> Iterable[str]:
    from standalone.http import Refused

    for path, found in ((f"/audit/events/{identifier}", _of_event), (f"/audit/loans/{identifier}", _of_loan)):
        try:
            return found(await platform.get(READER, path))
        except Refused as refused:
            if refused.status >= 500:
                raise
    return [identifier]


def _of_event(proof: Any) -> list[str]:
    return [proof["entry"]["correlation_id"]]


def _of_loan(page: Any) -> list[str]:
    return list(dict.fromkeys(event["correlation_id"] for event in page["events"]))


def trees(entries: Sequence[Entry], traceparents: Mapping[str, str]) -> list[Tree]:
    """A tree a request: every event under the one that caused it, or under the request itself."""
    known = {entry["event_id"] for entry in entries}
    below: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: str(entry["recorded_at"])):
        cause = entry["causation_id"]
        below[cause if cause in known else entry["correlation_id"]].append(entry)
    made = []
    for correlation_id in dict.fromkeys(entry["correlation_id"] for entry in entries):
        if not below[correlation_id]:
            continue
        first = below[correlation_id][0]
        began = _time(first)
        _, _, trace_id = traceparents.get(correlation_id, "").partition("-")
        tree = Tree(f"[bold]request by {first['actor']}[/] · trace {trace_id.partition('-')[0] or 'unknown'}")
        _grow(tree, correlation_id, below, began)
        made.append(tree)
    return made


def _grow(tree: Tree, cause: str, below: Mapping[str, list[Entry]], began: datetime) -> None:
    for entry in below.get(cause, ()):
        after_ms = (_time(entry) - began).total_seconds() * 1000
        name = entry["type"].split(".")[2]
        branch = tree.add(
            f"[cyan]{after_ms:9.1f} ms[/]  [bold]{entry['service']:<12}[/] {name}  [dim]{entry['actor']}[/]"
        )
        _grow(branch, entry["event_id"], below, began)


def _time(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry["recorded_at"])
