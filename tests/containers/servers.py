"""PostgreSQL and Apache Kafka from their public images, behind the interfaces of the embedded ones."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

POSTGRES_IMAGE: Final = "postgres:18"
KAFKA_IMAGE: Final = "apache/kafka:4.1.1"
START_TIMEOUT_S: Final = 120
_POSTGRES_PORT: Final = 5432
_KAFKA_PORT: Final = 9092
_PASSWORD: Final = "for-this-test-run-alone"

_KAFKA_SETTINGS: Final = {
    "NODE_ID": "1",
    "PROCESS_ROLES": "broker,controller",
    "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
    "LISTENERS": f"PLAINTEXT://:{_KAFKA_PORT},CONTROLLER://localhost:9093",
    "LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "OFFSETS_TOPIC_NUM_PARTITIONS": "1",
    "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "AUTO_CREATE_TOPICS_ENABLE": "false",
}


class DockerPostgres:
    """A PostgreSQL server in a container; databases are made and owned as the embedded server does."""

    def __init__(self) -> None:
        self._container = DockerContainer(POSTGRES_IMAGE)
        self._container.with_env("POSTGRES_PASSWORD", _PASSWORD).with_exposed_ports(_POSTGRES_PORT)
        # The image starts the server twice: once to initialise it, which is told on standard output, then for its users.
        message = "database system is ready to accept connections"
        ready = LogMessageWaitStrategy(message, predicate_streams_and=True)
        self._container.waiting_for(ready.with_startup_timeout(START_TIMEOUT_S))

    def dsn(self, database: str) -> str:
        return self._url(f"{database}:{_PASSWORD}", database)

    @property
    def superuser_dsn(self) -> str:
        return self._url(f"postgres:{_PASSWORD}", "postgres")

    def create_database(self, name: str, *, copy_of: str = "template1") -> None:
        self._execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{_PASSWORD}'")
        self._execute(f'CREATE DATABASE "{name}" OWNER "{name}" TEMPLATE "{copy_of}"')
        if copy_of != "template1":
            self._execute(f'GRANT "{copy_of}" TO "{name}"')

    def drop_database(self, name: str) -> None:
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        self._execute(f'DROP ROLE "{name}"')

    def __enter__(self) -> Self:
        self._container.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._container.stop()

    def _url(self, credentials: str, database: str) -> str:
        host, port = self._container.get_container_host_ip(), self._container.get_exposed_port(_POSTGRES_PORT)
        return f"postgresql://{credentials}@{host}:{port}/{database}"

    def _execute(self, statement: str) -> None:
        done = self._container.exec(["psql", "-X", "-q", "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-c", statement])
        assert done.exit_code == 0, done.output.decode()


class DockerKafka:
    """One Apache Kafka node in a container.

    What clients must be told, the port on this machine, is known only once the container runs: so its command waits
    for a file that says it.
    """

    name = "kafka"
    idempotent_producer = True
    fetch_max_wait_ms = 500

    def __init__(self) -> None:
        wait = "until [ -f /tmp/address ]; do sleep 0.1; done; . /tmp/address; exec /etc/kafka/docker/run"
        self._container = DockerContainer(KAFKA_IMAGE).with_exposed_ports(_KAFKA_PORT).with_command(["sh", "-c", wait])
        for name, value in _KAFKA_SETTINGS.items():
            self._container.with_env(f"KAFKA_{name}", value)

    @property
    def bootstrap_servers(self) -> str:
        return f"{self._container.get_container_host_ip()}:{self._container.get_exposed_port(_KAFKA_PORT)}"

    def unavailable(self) -> str | None:
        return None

    def start(self) -> None:
        self._container.start()
        address = f"export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://{self.bootstrap_servers}"
        self._container.exec(["sh", "-c", f"echo '{address}' > /tmp/unfinished && mv /tmp/unfinished /tmp/address"])
        started = LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(START_TIMEOUT_S)
        started.wait_until_ready(self._container)

    def stop(self) -> None:
        self._container.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
