"""A running service: its store, its way into the domain, its read models, its business date."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import CursorResult, Executable
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from libs.events.clock import Clock
from libs.events.codec import Codec
from libs.events.commands import CommandHandler
from libs.events.delivery import Subscriber
from libs.events.operations import Reached, Side
from libs.events.postgres import PostgresStore
from libs.events.projection import Projection
from libs.events.signals import Fanout, Signal
from libs.keys import PersonKeyring
from libs.service.business_date import BusinessDate
from libs.service.settings import ServiceSettings


@dataclass(eq=False)
class Runtime:
    """What the parts of one running service share. `extras` holds a service's own adapters by name."""

    name: str
    settings: ServiceSettings
    store: PostgresStore
    engine: AsyncEngine
    codec: Codec
    clock: Clock
    commands: CommandHandler
    business_date: BusinessDate
    appended: Signal
    stamped: Fanout
    wake_tasks: Signal
    topic: str
    keyring: PersonKeyring | None = None
    """Persons' keys, where the service was given them."""
    subscriptions: dict[str, tuple[Sequence[str], Subscriber]] = field(default_factory=dict)
    """Each consumer of this service with the topics that it hears (`OWN`: the service's own sequence)."""
    reached: Reached = field(default_factory=dict)
    projections: Sequence[Projection] = ()
    before_command: Callable[[Runtime], Awaitable[None]] | None = None
    extras: dict[str, Any] = field(default_factory=dict)
    on_stop: list[Callable[[], Any]] = field(default_factory=list)

    @property
    def today(self) -> date:
        return self.business_date.today

    @property
    def persons(self) -> PersonKeyring:
        """Persons' keys, in a service that declares that it handles personal data."""
        assert self.keyring is not None, "the service declares `personal`"
        return self.keyring

    async def side(self) -> Side:
        """How far this service is, to be laid beside the others'."""
        heard = {name: tuple(topics) for name, (topics, _) in self.subscriptions.items()}
        reached = dict(self.reached)  # as of before the look at the store: never ahead of what that shows
        return Side(self.name, self.topic, (await self.store.progress()).ahead(reached), heard)

    async def fetch(self, statement: Executable) -> Sequence[RowMapping]:
        """The rows of a query on read models."""
        return (await self._execute(statement)).mappings().all()

    async def fetch_one(self, statement: Executable) -> RowMapping | None:
        return (await self._execute(statement)).mappings().first()

    async def _execute(self, statement: Executable) -> CursorResult[Any]:
        """Once more when the pool's connections turn out to be those of a database that was started again since.

        Raises `ConnectionError` while it is away.
        """
        try:
            return await self._attempt(statement)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        try:
            return await self._attempt(statement)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise ConnectionError("the database closed the connection") from error
            raise

    async def _attempt(self, statement: Executable) -> CursorResult[Any]:
        async with self.engine.connect() as connection:
            return await connection.execute(statement)


async def runtime_of(request: Request) -> Runtime:
    """A dependency that gives the service at work. A coroutine: others are run in a thread, which waits for its turn."""
    runtime: Runtime = request.app.state.runtime
    return runtime
