"""`puhui sandbox`: a platform for a partner's developer, with one partner ready, and a way to make things happen."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from standalone.sandbox_acts import Acts

app = typer.Typer(
    help="A platform on loopback with one partner ready. Without a command: start it.", invoke_without_command=True
)
EXIT_REFUSED: Final = 1
CONFIGURATION: Final = "partner.json"
PEOPLE: Final = "people.json"
RUNNING: Final = "sandbox.json"

Directory = Annotated[Path, typer.Option(envvar="PUHUI_SANDBOX", help="Where its data are.")]
LoanId = Annotated[str, typer.Argument(help="Which loan; without, the one that runs the longest.")]
SANDBOX: Final = Path("var/sandbox")


@app.callback()
def sandbox(
    context: typer.Context,
    directory: Directory = SANDBOX,
    port: Annotated[int, typer.Option(min=0, max=65535, help="On loopback; 0: any that is free.")] = 8010,
    funds: Annotated[str, typer.Option(help="PREFUNDED, or CALLED: money is called for loan by loan.")] = "PREFUNDED",
) -> None:
    """A platform on loopback with one partner ready. Without a command: start it, until it is interrupted."""
    context.obj = directory
    if context.invoked_subcommand is None:
        if funds not in ("PREFUNDED", "CALLED"):
            raise typer.BadParameter("PREFUNDED or CALLED", param_hint="--funds")
        raise typer.Exit(start(directory, port=port, funds=funds))


@app.command()
def offer(
    context: typer.Context,
    instalments: Annotated[int, typer.Option(min=3, max=36, help="Months in which the loan is to be repaid.")] = 12,
) -> None:
    """Somebody applies whose loan fits the agreement: the partner is told `funding-offered`."""
    _act(context, lambda acts: acts.offer(instalments), "offered: application {}")


@app.command()
def sign(context: typer.Context) -> None:
    """Borrowers whose contracts are offered sign, and are paid: `funds-reserved` or `funds-called`, `loan-disbursed`."""
    _act(context, lambda acts: acts.sign(), "signed: applications {}")


@app.command("pay-in")
def pay_in(context: typer.Context) -> None:
    """The partner's bank pays what is called for: `funds-reserved`, then `loan-disbursed`."""
    _act(context, lambda acts: acts.pay_in(), "paid in for loans {}")


@app.command()
def pay(context: typer.Context, loan_id: LoanId = "") -> None:
    """The next due date comes and is paid: `repayment-received`, and `settlement-made` for each day with movements."""
    _act(context, lambda acts: acts.pay(loan_id), "paid: loan {}")


@app.command()
def bounce(context: typer.Context, loan_id: LoanId = "") -> None:
    """The last payment of a loan comes back: `repayment-reversed`."""
    _act(context, lambda acts: acts.bounce(loan_id), "bounced: the last payment of loan {}")


@app.command("write-off")
def write_off(context: typer.Context, loan_id: LoanId = "") -> None:
    """Half a year goes by without a payment: `delinquency-changed`, `loan-classified`, `loan-written-off`."""
    _act(context, lambda acts: acts.write_off(loan_id), "written off: loan {}")


@app.command()
def cost(context: typer.Context, loan_id: LoanId = "") -> None:
    """A court asks for its fee for a loan: `cost-shared`."""
    _act(context, lambda acts: acts.cost(loan_id), "recorded: a court's fee of 100.00 for loan {}")


@app.command("buy-back")
def buy_back(context: typer.Context, loan_id: LoanId = "") -> None:
    """A month goes by without a payment, and the platform buys the partner's part: `shares-transferred`."""
    _act(context, lambda acts: acts.buy_back(loan_id), "bought back: the partner's part of loan {}")


@app.command("next-day")
def next_day(context: typer.Context) -> None:
    """Close the business day: `settlement-made` where anything moved."""
    _act(context, lambda acts: acts.next_day(), "it is {}")


def start(directory: Path, *, port: int, funds: str) -> int:
    """Serve until interrupted; the partner's configuration is in `partner.json`, readable by its owner alone."""
    from standalone.platform import HOST, Layout, platform, provide, server  # heavy, and --help does not need them
    from standalone.processes import free_port
    from standalone.run import FIRST_DATE, console, wait_until_ready

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    provide({"PUHUI_BANK_FAULTS": "{}"})
    layout, port = Layout(directory), port or free_port()
    url = f"http://{HOST}:{port}"
    stopped = threading.Event()
    with platform(layout, port=port, broker_name="tansu", first_date=FIRST_DATE, bank_seed=1) as gateway:
        serving = server(gateway, port)

        def prepare() -> None:
            wait_until_ready(url, stopped.is_set)
            if stopped.is_set():
                return
            _owner_only(directory / RUNNING, {"url": url})
            asyncio.run(_with_acts(directory, lambda acts: acts.prepare(funds)))
            _owner_only(directory / CONFIGURATION, _configuration(directory, url))
            console.print(f"[bold green]The sandbox is ready[/]: {url}/docs")
            console.print(f"The partner's configuration with its secret: {directory / CONFIGURATION}")
            console.print("Make things happen from another terminal: puhui sandbox offer | sign | pay | ...")

        threading.Thread(target=prepare, daemon=True).start()
        try:
            serving.run()
        finally:
            stopped.set()
            (directory / RUNNING).unlink(missing_ok=True)
    return 0


def _configuration(directory: Path, url: str) -> dict[str, str]:
    from standalone.platform import Layout
    from standalone.sandbox_acts import PARTNER

    users = json.loads((Layout(directory).identity / "users.json").read_text())
    return {
        "url": url,
        "partner": PARTNER,
        "token_url": f"{url}/identity/token",
        "client_id": PARTNER,
        "client_secret": users[PARTNER]["client_secret"],
    }


def _owner_only(path: Path, document: dict[str, str]) -> None:
    """Replaced in one step, and never readable by anybody else."""
    draft = path.with_name(f".{path.name}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(document, file, indent=2)
    draft.replace(path)


async def _with_acts(directory: Path, act: Callable[[Acts], Awaitable[Any]]) -> Any:
    from standalone.http import Platform
    from standalone.platform import Layout
    from standalone.sandbox_acts import Acts

    url = json.loads((directory / RUNNING).read_text())["url"]
    platform = Platform.at(url, Layout(directory).identity, seed="sandbox")
    try:
        return await act(Acts(platform, directory / PEOPLE))
    finally:
        await platform.close()


def _act(context: typer.Context, act: Callable[[Acts], Awaitable[Any]], said: str) -> None:
    from standalone.http import Refused
    from standalone.sandbox_acts import NothingToDo

    directory: Path = context.obj
    if not (directory / RUNNING).exists():
        typer.echo(f"No sandbox runs in {directory}: start it with `puhui sandbox`.", err=True)
        raise typer.Exit(EXIT_REFUSED)
    try:
        done = asyncio.run(_with_acts(directory, act))
    except (NothingToDo, Refused) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_REFUSED) from None
    typer.echo(said.format(", ".join(done) or "none" if isinstance(done, list) else done))
