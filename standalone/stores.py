"""`puhui adopt` and `puhui rebuild`: what is done to a service's database itself, beside a service that runs or not."""

from __future__ import annotations

import asyncio
import getpass
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from libs.events.commands import Cause, CommandHandler
    from libs.events.postgres import PostgresStore
    from libs.events.projection import Projection
    from libs.events.rebuild import Rebuild

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
SHOWN: Final = 10

Service = Annotated[str, typer.Argument(help="The service whose database it is.")]
Reason = Annotated[str, typer.Option(help="Why; it is on record with the act.")]
Directory = Annotated[Path, typer.Option(envvar="PUHUI_DIRECTORY", help="Of a platform that `puhui run` runs.")]
DatabaseUrl = Annotated[
    str, typer.Option(envvar="PUHUI_DATABASE_URL", help="The service's database, where it is not the embedded one.")
]

console = Console(stderr=True)


def adopt(
    service: Service, reason: Reason, database_url: DatabaseUrl = "", directory: Directory = Path("var/run")
) -> None:
    """Make a store that was restored into another database cluster this cluster's own.

    The service must not run meanwhile. It refuses such a store, since transaction ids of the former cluster mean
    nothing here: what had no place in the total order is given one now, once and for all.
    """

    async def work(store: PostgresStore) -> None:
        from libs.contracts.operations import StoreAdopted
        from libs.events.store import ForeignCluster

        try:
            await store.verify_cluster()
        except ForeignCluster:
            unstamped = await store.unplaced()
            # Written down first: it gets its place together with what waits for one.
            act = StoreAdopted(sequence=await store.last_sequence(), unstamped=unstamped, reason=reason)
            await _record(store, service, act)
            last = await store.adopt()
            console.print(
                f"{service} is this cluster's own now: {unstamped} events were given their place, the last is {last}."
            )
        else:
            console.print(f"{service} belongs to this cluster already; nothing was done.")

    _on_store(service, database_url, directory, work)


def rebuild(
    service: Service,
    read_model: Annotated[str, typer.Argument(help="Such as books.v1; without it, they are listed.")] = "",
    switch: Annotated[bool, typer.Option(help="Put it in the place of the live one when it is filled.")] = False,
    drop: Annotated[bool, typer.Option(help="Give up a rebuild that was begun.")] = False,
    reason: Reason = "",
    database_url: DatabaseUrl = "",
    directory: Directory = Path("var/run"),
) -> None:
    """Build a read model again from the first event, beside the live one, which goes on; compare them row by row.

    May be interrupted: the same command goes on where it stopped.
    """
    if switch and not reason:
        raise typer.BadParameter("a switch is on record: say why with --reason")

    async def work(store: PostgresStore) -> None:
        projection = _projection(service, read_model)
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
        ) as progress:
            line = progress.add_task(f"Building {read_model} again", total=None)
            again = _rebuild(
                store, service, projection, lambda done, total: progress.update(line, completed=done, total=total)
            )
            if drop:
                await again.drop()
                console.print(f"The rebuild of {read_model} is given up.")
                return
            await again.fill()
            progress.update(line, description="Comparing")
            found = await again.compare()
        differ = f"{found.differing:,} of {found.rows:,} rows differ"
        console.print(
            f"{read_model} is built again up to {sum(found.positions.values()):,}: {differ} from the live one."
        )
        for difference in found.differences[:SHOWN]:
            console.print(
                f"  {difference.table} {dict(difference.key)}: live {difference.live}, built {difference.rebuilt}"
            )
        if not switch:
            console.print("With --switch and --reason it takes the place of the live one; with --drop it goes.")
            return

        async def on_record(session: Any) -> None:
            from libs.contracts.operations import ReadModelSwitched

            last = sum(found.positions.values())
            act = ReadModelSwitched(
                read_model=read_model, sequence=last, rows=found.rows, differing_rows=found.differing, reason=reason
            )
            await _record(store, service, act, session)

        await again.switch(on_record)
        console.print(f"{read_model} is what was built; the former tables are gone.")

    try:
        _on_store(service, database_url, directory, work)
    except KeyboardInterrupt:
        console.print("Interrupted; the same command goes on from here.")
        raise typer.Exit(EXIT_FAILED) from None


def _rebuild(
    store: PostgresStore, service: str, projection: Projection, on_progress: Callable[[int, int], None]
) -> Rebuild:
    from libs.events.feeds import OwnFeed
    from libs.events.rebuild import Rebuild
    from libs.service.host import published_codec

    feed = OwnFeed(store, f"/puhui/{service}")
    return Rebuild(store, projection, published_codec(), feed, on_progress=on_progress)


def _projection(service: str, name: str) -> Projection:
    from standalone.services import service_named

    known = {projection.consumer: projection for projection in service_named(service).projections}
    if name not in known:
        raise typer.BadParameter(f"{service} has the read models {', '.join(known) or 'none'}", param_hint="READ_MODEL")
    return known[name]


async def _record(store: PostgresStore, service: str, act: Any, session: Any = None) -> None:
    from libs.events.clock import Clock
    from libs.events.commands import CommandHandler
    from libs.service.acts import record
    from libs.service.host import published_codec

    commands: CommandHandler = CommandHandler(store, published_codec(), Clock())
    await record(commands, service, act, _cause(), session)


def _cause() -> Cause:
    """Whoever has the database's password and an account on this machine: that account."""
    from libs.events.commands import Cause
    from libs.events.envelope import Actor
    from libs.events.ids import new_id

    return Cause(Actor(f"account:{getpass.getuser()}", "operator"), correlation_id=str(new_id()))


def _on_store(
    service: str, database_url: str, directory: Path, work: Callable[[PostgresStore], Awaitable[None]]
) -> None:
    from libs.events.postgres import connect
    from libs.events.rebuild import NotComparable, RebuildFailed
    from standalone.services import SERVICES

    if service not in SERVICES:
        raise typer.BadParameter(f"there is no service {service!r}: {', '.join(SERVICES)}", param_hint="SERVICE")

    async def connected() -> None:
        store = await connect(database_url or embedded(directory, service), application_name="puhui-operator")
        try:
            await work(store)
        finally:
            await store.close()

    try:
        asyncio.run(connected())
    except (RebuildFailed, NotComparable) as error:
        console.print(f"{type(error).__name__}: {error}")
        raise typer.Exit(EXIT_FAILED) from None
    except OSError as error:
        console.print(f"The database does not answer: {error}. Start it, or name it with --database-url.")
        raise typer.Exit(EXIT_USAGE) from None


def embedded(directory: Path, service: str) -> str:
    """The URL of a service's database in the server that `puhui run` keeps in `directory`, as its settings say."""
    settings = directory / "postgres" / "postgresql.conf"
    found = re.search(r"unix_socket_directories = '(.*)'", settings.read_text()) if settings.exists() else None
    if found is None:
        raise FileNotFoundError(f"there is no embedded PostgreSQL in {directory}")
    return f"postgresql://{service}@/{service}?host={quote(found.group(1).replace(chr(39) * 2, chr(39)), safe='/')}"
