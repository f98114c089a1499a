"""Runs a service: composes the kit around what the service declares, and keeps its loops going."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import asyncpg
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import create_async_engine

from libs.contracts.base import EVENT_TYPES
from libs.contracts.catalogue import SHARED, UPCASTERS, service_of, topic
from libs.contracts.ledger import BusinessDayOpened
from libs.events.broker import Broker
from libs.events.clock import Clock
from libs.events.codec import Codec, Recorded, Upcaster
from libs.events.commands import CommandHandler
from libs.events.consumer import Consumer
from libs.events.delivery import BATCH_SIZE, GATHER_S, Subscriber
from libs.events.loops import beat, keep_running
from libs.events.postgres import connect
from libs.events.postgres.figures import read_figures
from libs.events.projection import Projection
from libs.events.relay import Relay
from libs.events.sealing import NO_ACCESS_TO_PERSONS, Keyring
from libs.events.sequencer import Sequencer
from libs.events.signals import Fanout, Signal
from libs.events.store import OWN, ForeignCluster, Session
from libs.events.subscribers import ProjectionSubscriber, Reactions, ReactionSubscriber
from libs.events.tail import Tail
from libs.events.tasks import Tasks, Worker
from libs.keys import ConfinedKeyring, PersonKeyring
from libs.service import business_date
from libs.service.app_factory import ServiceApp, create_app
from libs.service.auth import TokenVerifier
from libs.service.collector import relax_collector
from libs.service.health import HealthChecks
from libs.service.json_body import BODY_BYTES_MAX
from libs.service.keyrings import keyrings
from libs.service.logging import get_logger
from libs.service.migrations import migrate
from libs.service.operations import operations_router
from libs.service.runtime import Runtime
from libs.service.settings import PREFIX, ServiceSettings, SettingsError

REFRESH_S: Final = 1.0
FIRST_BUSINESS_DATE: Final = date(2026, 1, 5)

Loop = tuple[str, Callable[[], Awaitable[None]]]


@dataclass(frozen=True)
class Service:
    """What a service is made of. Its `app.py` builds one of these, and nothing else composes."""

    name: str
    title: str
    description: str
    routers: Sequence[APIRouter]
    migrations: Path
    projections: Sequence[Projection] = ()
    reactions: Reactions | None = None
    tasks: Tasks = field(default_factory=Tasks)
    raw_media_types: frozenset[str] = frozenset()
    body_bytes_max: int = BODY_BYTES_MAX
    """The largest body that its operations are made for; a setting that is given counts instead."""
    personal: bool = False
    """Whether it records or shows personal data: then it is given persons' keys. Another reads placeholders."""
    persons_prefix: str = ""
    """Whose: persons whose identifiers begin with this, where it is not everybody's."""
    on_start: Callable[[Runtime], Awaitable[None]] | None = None
    """Makes the service's own adapters and seeds its reference data; runs before anything is served."""
    before_command: Callable[[Runtime], Awaitable[None]] | None = None
    """Lets a command know what another process of the service has just done; not asked where there is no other."""
    subscribers: Callable[[Runtime], Sequence[tuple[Sequence[str], Subscriber]]] | None = None
    """Further subscribers with the topics they read, for a service that is more than reactions (audit)."""

    @property
    def own_types(self) -> frozenset[str]:
        return frozenset(name for name in EVENT_TYPES if service_of(name) in (self.name, *SHARED))


def create_service(service: Service, settings: ServiceSettings, verifier: TokenVerifier, broker: Broker) -> ServiceApp:
    """The service as an ASGI application: starting it connects, migrates and starts its loops."""
    health = HealthChecks(service.name)

    @asynccontextmanager
    async def lifespan(app: ServiceApp) -> AsyncIterator[None]:
        async with running(service, settings, broker) as runtime:
            app.state.runtime = runtime
            consumers = frozenset(runtime.subscriptions)
            app.metrics.show_kit(consumers, partial(read_figures, service.name, runtime.store, broker, consumers))
            yield

    app = create_app(
        service.name,
        title=service.title,
        description=service.description,
        routers=[*service.routers, operations_router(service.name)],
        verifier=verifier,
        lifespan=lifespan,
        health=health,
        body_bytes_max=(
            settings.body_bytes_max if "body_bytes_max" in settings.model_fields_set else service.body_bytes_max
        ),
        raw_media_types=service.raw_media_types,
        token_url=settings.token_url,
        cors_origins=settings.cors_origins,
        unavailability=(
            asyncpg.PostgresConnectionError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,  # a connection that was cut off in the middle of an operation
            asyncpg.OperatorInterventionError,  # it is being shut down, or starting
            asyncpg.InsufficientResourcesError,
        ),
    )
    app.state.service = service

    async def database() -> None:
        await app.state.runtime.store.last_sequence()

    health.ready("database", database)
    return app


@asynccontextmanager
async def running(service: Service, settings: ServiceSettings, broker: Broker) -> AsyncIterator[Runtime]:
    """A service at work: everything but its HTTP side. Ends its loops when the block ends."""
    runtime = await _open(service, settings)
    loops: list[asyncio.Task[None]] = []
    try:
        if service.on_start is not None:
            await service.on_start(runtime)
        loops = [
            asyncio.create_task(
                keep_running(service.name, name, run, settings.stuck_after_s), name=f"{service.name}/{name}"
            )
            for name, run in _loops(service, runtime, broker)
        ]
        relax_collector()
        yield runtime
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        for stop in runtime.on_stop:
            await stop()
        await runtime.engine.dispose()
        await runtime.store.close()
        if runtime.keyring is not None:
            runtime.keyring.on_change.remove(runtime.commands.forget)
            await keyrings.give_back(runtime.keyring)


async def _keyring(service: Service, settings: ServiceSettings) -> PersonKeyring | None:
    if not service.personal:
        return None
    if settings.keys_url is None:
        raise SettingsError(f"{PREFIX}KEYS_URL: is not set, and {service.name} handles personal data.")
    return await keyrings.take(settings)


def _reach(service: Service, keyring: PersonKeyring | None) -> Keyring:
    """Whose data it opens and records."""
    if keyring is None:
        return NO_ACCESS_TO_PERSONS
    return ConfinedKeyring(keyring, service.persons_prefix) if service.persons_prefix else keyring


@cache
def published_codec() -> Codec:
    """The codec of all published events: one for all services of a process, which hear of the same ones."""
    return Codec(EVENT_TYPES, {name: Upcaster(*upcaster) for name, upcaster in UPCASTERS.items()})


async def _open(service: Service, settings: ServiceSettings) -> Runtime:
    keyring = await _keyring(service, settings)
    url = settings.database_url.get_secret_value()
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1), pool_size=2, max_overflow=4, pool_pre_ping=False
    )
    try:
        await migrate(engine, service.migrations)
        store = await connect(
            url, min_size=settings.pool_min, max_size=settings.pool_max, application_name=f"puhui-{service.name}"
        )
    except BaseException:
        await engine.dispose()
        if keyring is not None:
            await keyrings.give_back(keyring)
        raise
    try:
        await store.verify_cluster()
    except ForeignCluster as error:
        get_logger(service.name).error("store_refused", reason=str(error))
        raise
    codec, clock, appended = published_codec().with_keyring(_reach(service, keyring)), Clock(), Signal()
    today = business_date.BusinessDate(store, settings.business_date_start or FIRST_BUSINESS_DATE)
    await today.refresh()
    runtime = Runtime(
        name=service.name,
        topic=topic(service.name),
        settings=settings,
        store=store,
        engine=engine,
        codec=codec,
        clock=clock,
        commands=CommandHandler(store, codec, clock, appended.set, service.name, alone=settings.only_process),
        business_date=today,
        appended=appended,
        stamped=Fanout(),
        wake_tasks=Signal(),
        projections=service.projections,
        keyring=keyring,
        before_command=None if settings.only_process else service.before_command,
    )
    if keyring is not None:
        keyring.on_change.append(runtime.commands.forget)
    store.on_scheduled(runtime.wake_tasks.set)
    runtime.subscriptions = _subscriptions(service, runtime)
    return runtime


def _loops(service: Service, runtime: Runtime, broker: Broker) -> list[Loop]:
    store, codec, stamped = runtime.store, runtime.codec, runtime.stamped
    sequencer = Sequencer(store, service.name, runtime.appended, stamped)
    relay = Relay(
        store,
        broker,
        service=service.name,
        topic=runtime.topic,
        partitions=runtime.settings.topic_partitions,
        stamped=stamped.subscribe(),
        publishes=service.own_types.__contains__,
    )
    worker = Worker(store, service.tasks, service.name, runtime.wake_tasks, runtime.appended.set)
    loops: list[Loop] = [("sequencer", sequencer.run), ("relay", relay.run)]
    if runtime.keyring is not None:
        loops.append(("keys", runtime.keyring.watch))
    if service.tasks.kinds:
        loops.append(("tasks", worker.run))
    for consumer, (topics, subscriber) in runtime.subscriptions.items():
        if topics == (OWN,):
            tail = Tail(store, subscriber, codec, f"/puhui/{service.name}", stamped.subscribe(), runtime.reached)
            loops.append((f"tail {consumer}", tail.run))
        else:
            loops.append(
                (f"consumer {consumer}", Consumer(broker, store, subscriber, codec, topics, runtime.reached).run)
            )

    async def refresh() -> None:
        while True:
            beat()
            await runtime.business_date.refresh()
            await asyncio.sleep(REFRESH_S)

    loops.append(("business date", refresh))
    return loops


def _subscriptions(service: Service, runtime: Runtime) -> dict[str, tuple[Sequence[str], Subscriber]]:
    """Whom the service hears: its projections and reactions its own sequence, its reactions other services too."""
    subscribers: list[tuple[Sequence[str], Subscriber]] = [
        ((OWN,), ProjectionSubscriber(projection)) for projection in service.projections
    ]
    reactions = service.reactions or Reactions(service.name)
    wanted = reactions.types | {BusinessDayOpened.type_name}
    own, foreign = wanted & service.own_types, wanted - service.own_types
    for name, types in ((f"{service.name}.own", own), (service.name, foreign)):
        if types and not (service.subscribers and types is foreign):
            subscriber = ReactionSubscriber(reactions, runtime.commands, name, types)
            topics = (OWN,) if types is own else sorted({topic(service_of(type_name)) for type_name in types})
            subscribers.append((topics, DatedSubscriber(subscriber, runtime)))
    if service.subscribers is not None:
        subscribers += [(topics, DatedSubscriber(other, runtime)) for topics, other in service.subscribers(runtime)]
    return {subscriber.consumer: (topics, subscriber) for topics, subscriber in subscribers}


class DatedSubscriber:
    """Keeps the business date beside what a subscriber does."""

    def __init__(self, inner: Subscriber, runtime: Runtime) -> None:
        self._inner, self._today = inner, runtime.business_date
        self.consumer, self.types = inner.consumer, inner.types
        self.batch_size: int = getattr(inner, "batch_size", BATCH_SIZE)
        self.gather_s: float = getattr(inner, "gather_s", GATHER_S)
        self.repairable: bool = getattr(inner, "repairable", False)

    async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
        days = [recorded for recorded in batch if recorded.current_type == BusinessDayOpened.type_name]
        if days:
            await session.apply(list(business_date.changes(days[-1])))
            self._today.heard(days[-1].event.business_date)
        await self._inner.handle(session, batch)
