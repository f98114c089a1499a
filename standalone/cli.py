"""The `puhui` command."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from standalone import cases, evidence, loan, log_command, parked, quote, sandbox, stores, trace, traces
from standalone.processes import CannotStart

app = typer.Typer(help="Puhui (普惠): an event-sourced backend for microloan companies.", no_args_is_help=True)
app.add_typer(cases.app, name="cases")
app.add_typer(log_command.app, name="log")
app.add_typer(sandbox.app, name="sandbox")
app.command("quote", help="Quote a loan: repayment plan, costs, annual cost by both methods.")(quote.quote)
app.command("loan")(loan.loan)
app.add_typer(parked.app, name="parked")
app.command("trace")(trace.trace)
app.command("adopt")(stores.adopt)
app.command("rebuild")(stores.rebuild)
app.command("evidence")(evidence.evidence)
app.command("verify")(evidence.verify)
app.command("traces")(traces.command)

Directory = Annotated[Path, typer.Option(envvar="PUHUI_DIRECTORY", help="Where the data are kept.")]
Port = Annotated[int, typer.Option(envvar="PUHUI_PORT", min=0, max=65535, help="Port on loopback.")]
Broker = Annotated[str, typer.Option(envvar="BROKER", help="tansu (embedded) or kafka (Apache Kafka, needs Java).")]
Loans = Annotated[int, typer.Option(envvar="LOANS", min=1, max=1000, help="How many applications.")]
Seed = Annotated[int, typer.Option(envvar="SEED", help="Of the bank's faults and of every key.")]


@app.command()
def run(
    directory: Directory = Path("var/run"),
    port: Port = 8000,
    broker: Broker = "tansu",
    loans: Loans = 1000,
    seed: Seed = 1,
    demo: Annotated[bool, typer.Option(envvar="DEMO", help="Fill an empty store with the demonstration.")] = True,
) -> None:
    """Start everything on this machine and serve until interrupted."""
    from standalone.run import run_platform

    raise typer.Exit(run_platform(directory, port=port, broker=broker, loans=loans if demo else 0, seed=seed))


@app.command()
def demo(
    directory: Directory = Path("var/demo"),
    broker: Broker = "tansu",
    loans: Loans = 1000,
    seed: Seed = 1,
) -> None:
    """Take real applications through the life of a loan in a fresh directory, report, and stop."""
    from standalone.run import run_demo

    raise typer.Exit(run_demo(directory, broker=broker, loans=loans, seed=seed))


@app.command(hidden=True)
def drive(url: str, directory: Path, loans: Loans = 1000, seed: Seed = 1) -> None:
    """The demonstration's front end against a platform that runs."""
    from standalone.run import drive_platform

    raise typer.Exit(drive_platform(url, directory, loans=loans, seed=seed))


@app.command()
def serve(name: Annotated[str, typer.Argument(help="A service, or bank, identity or witness.")]) -> None:
    """Serve one service as a process of its own, configured by the environment (PUHUI_...)."""
    from standalone.serve import serve_one

    raise typer.Exit(serve_one(name, dict(os.environ)))


def main() -> None:
    """The command; what cannot be started as things are is told in a sentence, without a traceback."""
    try:
        app()
    except CannotStart as reason:
        sys.exit(str(reason))


if __name__ == "__main__":
    main()
