"""`puhui evidence` and `puhui verify`: a loan's evidence from a platform that runs, and its check, offline."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

READER: Final = "auditor"
EXIT_NOT_SOUND: Final = 1
EXIT_USAGE: Final = 2

Url = Annotated[str, typer.Option(envvar="PUHUI_URL", help="A platform that runs.")]
Data = Annotated[Path, typer.Option(envvar="PUHUI_DIRECTORY", help="Its data, where the auditor's secret is.")]


def evidence(
    loan_id: Annotated[str, typer.Argument(help="Of the application, the contract or the loan.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the bundle is written.")] = Path("evidence.zip"),
    url: Url = "http://127.0.0.1:8000",
    directory: Data = Path("var/run"),
) -> None:
    """A bundle that proves what happened to a loan: events, proofs, signed heads, and the state that follows."""
    from standalone.http import Refused  # the platform's libraries are heavy, and --help does not need them

    try:
        bundle = asyncio.run(_fetch(url, directory, loan_id))
    except Refused as refused:
        typer.echo(refused.problem.get("detail", str(refused)), err=True)
        raise typer.Exit(EXIT_NOT_SOUND) from None
    except OSError as error:
        typer.echo(f"{url} does not answer as {directory} says: {error}. Start it with `make run`.", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    output.write_bytes(bundle)
    typer.echo(f"{output}: {len(bundle):,} bytes. Check it with `puhui verify {output}`.")


async def _fetch(url: str, directory: Path, loan_id: str) -> bytes:
    from standalone.http import Platform
    from standalone.platform import Layout

    platform = Platform.at(url, Layout(directory).identity, seed="")
    try:
        return await platform.download(READER, f"/audit/loans/{loan_id}/evidence")
    finally:
        await platform.close()


def verify(
    file: Annotated[Path, typer.Argument(help="A bundle.", exists=True, dir_okay=False)],
    keys: Annotated[Path | None, typer.Option(help="The public keys that you trust, one a line.")] = None,
    anchors: Annotated[Path | None, typer.Option(help="Heads and leaves that were kept elsewhere.")] = None,
    document: Annotated[list[Path] | None, typer.Option(help="A file that is said to be one of the loan's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a bundle, offline: exit 0 when it is sound, 1 when it is not, and what is wrong where."""
    from libs.evidence.anchored import anchored_in
    from libs.evidence.verify import verify as check

    trusted = keys.read_text().split() if keys else None
    anchored = anchored_in(anchors, trusted) if anchors else None
    documents = {each.name: each.read_bytes() for each in document or ()}
    report = check(file.read_bytes(), trusted=trusted, anchored=anchored, documents=documents)
    if as_json:
        typer.echo(json.dumps(_as_json(report), ensure_ascii=False, indent=2))
    else:
        _show(report, file)
    if not report.sound:
        raise typer.Exit(EXIT_NOT_SOUND)


def _as_json(report: Any) -> dict[str, Any]:
    return {
        "sound": report.sound,
        "findings": [{"code": each.code, "where": each.where, "what": each.what} for each in report.findings],
        "notes": report.notes,
        "application_id": report.application_id,
        "loan_id": report.loan_id,
        "issued_at": report.issued_at,
        "events": report.events,
        "streams": report.streams,
        "sealed": report.sealed,
        "heads": {log: {"events": head.size, "root": head.root.hex()} for log, head in report.heads.items()},
        "state": json.loads(report.state) if report.sound else None,
    }


def _show(report: Any, file: Path) -> None:
    console = Console()
    if report.findings:
        table = Table("what", "where", "", title=f"[bold red]{file.name} is not sound[/]")
        for each in report.findings:
            table.add_row(each.code, each.where, each.what)
        console.print(table)
    else:
        table = Table(show_header=False, title=f"[bold green]{file.name} is sound[/]")
        table.add_row("application", report.application_id)
        table.add_row("loan", report.loan_id)
        table.add_row("issued", report.issued_at)
        table.add_row("events", f"{report.events}, none left out of {report.streams} streams that it can have")
        table.add_row(
            "sealed values", ", ".join(f"{n} {state}" for state, n in sorted(report.sealed.items())) or "none"
        )
        for log, head in report.heads.items():
            table.add_row(f"head of {log}", f"{head.size} events, signed {head.signed_at}")
        console.print(table)
    for note in report.notes:
        console.print(f"[yellow]note[/] {note}")
