"""What every test may ask for: a PostgreSQL database of its own, and brokers that run for real.

The servers are embedded; with PUHUI_TEST_DOCKER=1 PostgreSQL and Apache Kafka come from their public images instead.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import pytest
from hypothesis import HealthCheck, settings

from libs.service.collector import relax_collector
from standalone.brokers import Broker, KafkaBroker, TansuBroker
from standalone.postgres import EmbeddedPostgres

IN_CI = os.environ.get("CI") == "true"
USE_DOCKER = os.environ.get("PUHUI_TEST_DOCKER") == "1"

relax_collector()  # thousands of tests stay in memory: they need not be walked through again and again

# Machines differ in speed: an example that is slow is not a failure. CI tries always the same ones.
_quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("dev", deadline=None, suppress_health_check=_quiet)
settings.register_profile("ci", deadline=None, derandomize=True, suppress_health_check=_quiet)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if IN_CI else "dev"))


MEASURED: Final = ("libs/", "services/approval/", "services/ledger/", "services/partners/")
"""Where coverage is measured on all tests; elsewhere unit tests alone take 95 % of a domain's branches."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Containers are tested when asked for by name (`-m containers`); the rest is sorted into kinds for counting."""
    asked_for_containers = "containers" in (config.option.markexpr or "")
    for item in items:
        if item.get_closest_marker("containers"):
            if not asked_for_containers:
                item.add_marker(pytest.mark.skip(reason="needs a Docker engine: make test-containers"))
        elif not item.get_closest_marker("integration"):
            uses_servers = {"postgres_server", "database", "tansu_broker", "kafka_broker", "broker"}
            fixtures = set(getattr(item, "fixturenames", ()))
            item.add_marker(pytest.mark.integration if fixtures & uses_servers else pytest.mark.unit)
        if item.get_closest_marker("unit") or item.nodeid.startswith(MEASURED):
            item.add_marker(pytest.mark.measured)
    items.sort(key=_turn)


LONGEST: Final = (
    "tests/integration/test_every_operation.py",
    "kafka",
    "tansu",
    "tests/integration/test_restart.py",
    "tests/integration/test_faults.py",
    "partners/tests/test_whole_life.py",
    "tests/integration/test_demo.py",
    "services/ledger/tests/test_day_end.py",
    "services/ledger/tests/test_random_lives.py",
    "tools/tests/test_generate.py",
    "libs/events/tests/test_simulator.py",
)
"""The groups of tests that take half a minute and more, the longest first."""


def _group(nodeid: str) -> str:
    """Tests of one group run in one process: those of a file, and all that share a platform."""
    platform = re.fullmatch(r"tests/integration/.*[\[-](tansu|kafka)\]", nodeid)
    return platform.group(1) if platform else nodeid.partition("::")[0]


def _turn(item: pytest.Item) -> int:
    """Where several processes share the tests, the longest go first, so that none is alone at the end."""
    group = _group(item.nodeid)
    if group in LONGEST:
        return LONGEST.index(group)
    rest = ("tests/", "services/")
    return len(LONGEST) + next((turn for turn, start in enumerate(rest) if group.startswith(start)), len(rest))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Whole groups are handed out, in the order of the tests."""
    from xdist.scheduler.loadscope import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return Groups(config, log)


class DatabaseServer(Protocol):
    """A PostgreSQL server that makes databases, each owned by a role of its own name."""

    def dsn(self, database: str) -> str: ...

    @property
    def superuser_dsn(self) -> str: ...

    def create_database(self, name: str, *, copy_of: str = ...) -> None: ...

    def drop_database(self, name: str) -> None: ...


@contextmanager
def _directory_for_server() -> Iterator[Path]:
    # Not pytest's: each of its runs closes the folder above all runs to other accounts, and PostgreSQL has one.
    directory = Path(tempfile.mkdtemp(prefix="puhui-test-"))
    try:
        yield directory / "data"
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[DatabaseServer]:
    """One PostgreSQL server for the whole run; it does not wait for the disk."""
    if USE_DOCKER:
        from tests.containers.servers import DockerPostgres

        with DockerPostgres() as server:
            yield server
        return
    with _directory_for_server() as directory, EmbeddedPostgres(directory, durable=False) as embedded:
        yield embedded


@pytest.fixture
def database(postgres_server: DatabaseServer) -> Iterator[str]:
    """The URL of a new, empty database that belongs to the role it names; gone after the test."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    postgres_server.create_database(name)
    yield postgres_server.dsn(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def tansu_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Tansu, one for the whole run: give topics and groups names of their own."""
    with TansuBroker(tmp_path_factory.mktemp("tansu")) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Apache Kafka, one for the whole run; where it cannot run the test is skipped, in CI it fails."""
    if USE_DOCKER:
        from tests.containers.servers import DockerKafka

        with DockerKafka() as server:
            yield server
        return
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    reason = broker.unavailable()
    if reason:
        _missing(reason)
    with broker:
        yield broker


@pytest.fixture(params=["tansu", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each kind of broker in turn: one test, every backend."""
    chosen: Broker = request.getfixturevalue(f"{request.param}_broker")
    return chosen


@pytest.fixture
def empty_directory() -> Iterator[Path]:
    """A directory for a server's data that does not exist yet."""
    with _directory_for_server() as directory:
        yield directory


def _missing(reason: str) -> None:
    if IN_CI:
        pytest.fail(f"in CI nothing is left out: {reason}")
    pytest.skip(reason)
