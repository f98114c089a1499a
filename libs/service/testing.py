"""A service under test: the real thing on a real database, its neighbours' topics in memory, tokens of every role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
from pydantic import SecretStr

from libs.contracts.base import DomainEvent
from libs.contracts.catalogue import topic
from libs.events.clock import Clock
from libs.events.commands import Cause, CommandHandler
from libs.events.decider import Decider
from libs.events.envelope import Actor
from libs.events.memory import MemoryLog, MemoryStore
from libs.events.operations import Side
from libs.events.relay import Relay
from libs.events.signals import Signal
from libs.keys import MemoryKeyStore, PersonKeyring, WrappingKeys
from libs.keys.wrapping import new_key
from libs.service.app_factory import ServiceApp
from libs.service.auth import TokenVerifier
from libs.service.host import Service, create_service
from libs.service.issuer import Issuer
from libs.service.keys import JwksFile
from libs.service.runtime import Runtime
from libs.service.settings import ServiceSettings
from libs.service.settling import settle

ISSUER: Final = "http://identity.test"
SETTLE_S: Final = 20.0
PARTITIONS: Final = 2
KEK: Final = new_key()
"""Wraps persons' keys, which a service under test keeps in its own database."""


class Neighbour:
    """Another service as far as one under test can see it: a store whose sequence is published to its topic."""

    def __init__(self, name: str, log: MemoryLog, runtime: Runtime) -> None:
        self.name, self.store = name, MemoryStore()
        # The neighbour has everybody's keys, whether or not the service under test is given any.
        codec = runtime.codec.with_keyring(runtime.keyring or PersonKeyring(MemoryKeyStore(), WrappingKeys.of(KEK)))
        self._commands = CommandHandler(self.store, codec, Clock())
        self._relay = Relay(self.store, log, service=name, topic=topic(name), partitions=PARTITIONS, stamped=Signal())

    async def publish(
        self, stream_id: str, *events: DomainEvent, effective_date: str = "", actor: Actor | None = None
    ) -> None:
        """These events happen on a stream of the neighbour, by itself or by `actor`, and reach its topic."""
        write: Decider[Sequence[DomainEvent], None, Any] = Decider(
            stream_id.partition("-")[0], None, lambda command, _state: command, lambda state, _event: state
        )
        by = actor or Actor(f"service:{self.name}", "service")
        cause = Cause(by, str(uuid4()), effective_date=effective_date)
        await self._commands.handle(write, stream_id, events, cause)
        await self.store.stamp()
        await self._relay.step()

    async def side(self) -> Side:
        return Side(self.name, topic(self.name), await self.store.progress())


@dataclass
class Served:
    """A running service and the ways to it."""

    app: ServiceApp
    runtime: Runtime
    log: MemoryLog
    issuer: Issuer
    neighbours: dict[str, Neighbour] = field(default_factory=dict)
    _clients: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def client(self, role: str | None, **headers: str) -> httpx.AsyncClient:
        """An HTTP client with a token of a role (`"credit_officer"`), without one for None.

        A command needs a key: `headers={"Idempotency-Key": "..."}`, or use `key()`.
        """
        if role is not None:
            headers["Authorization"] = f"Bearer {self.issuer.token(role.replace('_', '-'))}"
        transport = httpx.ASGITransport(self.app)
        client = httpx.AsyncClient(transport=transport, base_url="http://service.test", headers=headers)
        return await self._clients.enter_async_context(client)

    async def publish(
        self, stream_id: str, *events: DomainEvent, effective_date: str = "", actor: Actor | None = None
    ) -> None:
        """Events of other services happen and reach their topics; `settle()` waits until they are handled."""
        neighbour = self.neighbours.setdefault(events[0].service, Neighbour(events[0].service, self.log, self.runtime))
        await neighbour.publish(stream_id, *events, effective_date=effective_date, actor=actor)

    async def settle(self) -> None:
        """Until everything that has happened is handled, stamped, projected and published."""
        self.runtime.appended.set()
        self.runtime.wake_tasks.set()
        self.runtime.stamped.set()
        neighbours = {name: neighbour.side for name, neighbour in self.neighbours.items()}
        await settle({self.runtime.name: self.runtime.side, **neighbours}, SETTLE_S)

    async def events(self, stream_id: str) -> list[Any]:
        """What has happened on a stream of the service."""
        stored = await self.runtime.store.load(stream_id)
        return await self.runtime.codec.read(stored)

    async def parked(self) -> list[str]:
        """The errors of everything that is parked: none, in a test that goes well."""
        errors = []
        for consumer in self.runtime.subscriptions:
            errors += [f"{consumer}: {parked.error}" for parked in await self.runtime.store.parked(consumer)]
        return errors


def key() -> dict[str, str]:
    """The header of a fresh idempotency key."""
    return {"Idempotency-Key": f'"{uuid4()}"'}


@asynccontextmanager
async def served(service: Service, database_url: str, directory: Path, **settings: Any) -> AsyncIterator[Served]:
    """The service on a database of its own, with other services' topics in memory."""
    issuer = Issuer.open(directory / "identity", issuer=ISSUER, audience="puhui")
    log = MemoryLog()
    keys = {"keys_url": SecretStr(database_url), "keys_kek": SecretStr(KEK)} if service.personal else {}
    configured = ServiceSettings(
        service=service.name,
        database_url=SecretStr(database_url),
        kafka_bootstrap="in-memory:0",
        jwks_file=directory / "identity" / "jwks.json",
        token_issuer=ISSUER,
        topic_partitions=PARTITIONS,
        **{"data_dir": directory / "data", **keys, **settings},
    )
    verifier = TokenVerifier(JwksFile(configured.jwks_file or directory), issuer=ISSUER, audience="puhui")
    app = create_service(service, configured, verifier, log)
    async with app.router.lifespan_context(app):
        running = Served(app, app.state.runtime, log, issuer)
        async with running._clients:
            yield running
