"""Stores and logs for the kit's tests: every kind that keeps a contract, behind one fixture."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest
import structlog

from libs.events.broker import Broker
from libs.events.hub import Hub
from libs.events.kafka import KafkaBroker, KafkaSettings
from libs.events.memory import MemoryLog, MemoryStore
from libs.events.postgres import PostgresStore, connect, schema_sql
from libs.events.store import Store
from libs.events.tests.shop import TABLES_SQL
from standalone.brokers import TansuBroker
from standalone.postgres import EmbeddedPostgres

INTEGRATION = pytest.mark.integration
KAFKA = (pytest.mark.kafka, pytest.mark.integration)
EMPTY_SQL = "drop schema if exists es cascade; drop schema public cascade; create schema public;"


@pytest.fixture(autouse=True)
def _quiet_log() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture(scope="session")
def kit_databases(postgres_server: EmbeddedPostgres) -> tuple[str, str]:
    """Two databases for all tests of the kit: emptying one takes a tenth of the time of making one."""
    names = ("kit_a", "kit_b")
    for name in names:
        postgres_server.create_database(name)
    first, second = (postgres_server.dsn(name) for name in names)
    return first, second


@pytest.fixture
def kit_database(kit_databases: tuple[str, str]) -> str:
    return kit_databases[0]


async def new_postgres(dsn: str) -> PostgresStore:
    """A store that begins anew in this database."""
    store = await connect(dsn, max_size=8)
    await store.pool.execute(EMPTY_SQL + schema_sql() + TABLES_SQL)
    return store


@pytest.fixture
async def postgres(kit_database: str) -> AsyncIterator[PostgresStore]:
    """A store on PostgreSQL with the read-model tables of the sample shop."""
    store = await new_postgres(kit_database)
    yield store
    await store.close()


@pytest.fixture(params=["memory", pytest.param("postgres", marks=INTEGRATION)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Each kind of store in turn."""
    if request.param == "memory":
        yield MemoryStore()
        return
    store = await new_postgres(request.getfixturevalue("kit_database"))
    yield store
    await store.close()


def kafka_settings(bootstrap: str, kind: str, grouped: bool = False) -> KafkaSettings:
    """How a kind of broker is reached: Tansu knows no idempotent producer and does not wake a waiting fetch."""
    own = kind == "tansu"
    return KafkaSettings(bootstrap, idempotent=not own, grouped=grouped, fetch_wait_ms=20 if own else 500, partitions=2)


async def _log(request: pytest.FixtureRequest, kind: str, grouped: bool) -> AsyncIterator[Broker]:
    if kind == "memory":
        yield MemoryLog()
        return
    server = request.getfixturevalue(f"{kind}_broker")
    broker = KafkaBroker(kafka_settings(server.bootstrap_servers, kind, grouped))
    yield broker
    await broker.close()


@pytest.fixture(
    params=[
        "memory",
        "memory-hub",
        pytest.param("tansu", marks=INTEGRATION),
        pytest.param("tansu-hub", marks=INTEGRATION),
        pytest.param("kafka", marks=KAFKA),
        pytest.param("kafka-hub", marks=KAFKA),
    ]
)
async def log(request: pytest.FixtureRequest, topic: str) -> AsyncIterator[Broker]:
    """Each kind of log in turn, where every reader takes all partitions; alone, and behind a hub."""
    kind, _, hub = request.param.partition("-")
    async for broker in _log(request, kind, grouped=False):
        yield Hub(broker, [topic, f"{topic}-2"]) if hub else broker


@pytest.fixture(params=["memory", pytest.param("kafka", marks=KAFKA)])
async def grouped_log(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    """Each kind of log with groups of readers that share the partitions."""
    async for broker in _log(request, request.param, grouped=True):
        yield broker


class WipedLog:
    """A log that can lose everything."""

    def __init__(self, broker: Broker, wipe: Callable[[], None]) -> None:
        self.broker, self.wipe = broker, wipe


@pytest.fixture(
    params=[
        "memory",
        "memory-hub",
        pytest.param("tansu", marks=INTEGRATION),
        pytest.param("tansu-hub", marks=INTEGRATION),
    ]
)
async def wiped_log(request: pytest.FixtureRequest, tmp_path: Path, topic: str) -> AsyncIterator[WipedLog]:
    """A log that loses everything when it is told to; Tansu by starting again, with what it holds in memory alone."""
    kind, _, hub = request.param.partition("-")
    if kind == "memory":
        log = MemoryLog()
        yield WipedLog(Hub(log, [topic]) if hub else log, log.wipe)
        return
    with TansuBroker(tmp_path / "tansu") as server:

        def restart() -> None:
            server.stop()
            server.start()

        broker = KafkaBroker(kafka_settings(server.bootstrap_servers, "tansu"))
        yield WipedLog(Hub(broker, [topic]) if hub else broker, restart)
        await broker.close()


@pytest.fixture
def topic() -> str:
    """A topic that no other test knows."""
    return f"topic-{uuid4().hex[:12]}"
