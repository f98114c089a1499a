"""The platform on one machine with every service as processes of its own: any of them may be killed, frozen, replaced.

`standalone.platform` puts all services into one process, which is lighter. Here each is what it is in production, with
one or several processes, on a database server, a broker and a bank beside them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import Final

from libs.keys.wrapping import new_key
from libs.service.issuer import Issuer
from standalone.bank_process import BankProcess
from standalone.brokers import broker_named
from standalone.brokers.broker import Broker
from standalone.nursery import Nursery
from standalone.platform import AUDIENCE, HOST, KEYS, Layout, secret
from standalone.postgres import EmbeddedPostgres
from standalone.processes import ServerProcess, free_port
from standalone.services import SERVICES

STARTING_AT_ONCE: Final = 4
START_TIMEOUT_S: Final = 240.0
"""So many processes on one machine that may be busy with other work take their time."""


class Member:
    """One process of a service, on a port that it keeps."""

    def __init__(
        self, service: str, number: int, layout: Layout, environment: Mapping[str, str], nursery: Nursery
    ) -> None:
        self.service, self.name = service, f"{service}-{number}"
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._nursery = nursery
        self._environment = {**environment, "PUHUI_PORT": str(self.port)}
        directory = layout.directory / "processes"
        directory.mkdir(parents=True, exist_ok=True)
        self._process = ServerProcess(self.name, directory)
        self._past = directory / f"{self.name}.past.log"

    def start(self) -> None:
        """Returns when it serves; raises `ServerNotStarted`."""
        with self._past.open("a", encoding="utf-8") as past:
            past.write(self._now())
        self._process.start_by(
            lambda: self._nursery.spawn(self.service, self._environment, self._process.log),
            port=self.port,
            timeout_s=START_TIMEOUT_S,
        )

    def stop(self) -> None:
        """Ask it to end, as an orchestrator does, and wait until it has finished what it was at."""
        self._process.stop()

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self._process.stop(grace_s=0)

    def freeze(self) -> None:
        """Stop it where it is: to the others it is gone, and it knows nothing of it."""
        self._process.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on as if no time had passed."""
        self._process.send(signal.SIGCONT)

    @property
    def runs(self) -> bool:
        return self._process.runs

    @property
    def log(self) -> str:
        """All that it has logged, in all its lives."""
        return self._past.read_text(encoding="utf-8") + self._now()

    def _now(self) -> str:
        return self._process.log.read_text(errors="replace") if self._process.log.exists() else ""

    def point_at(self, database_url: str) -> None:
        """Use another database from the next start on."""
        self._environment["PUHUI_DATABASE_URL"] = database_url


class Fleet:
    """Everything that runs, and how to reach it."""

    def __init__(
        self,
        layout: Layout,
        *,
        postgres: EmbeddedPostgres,
        broker: Broker,
        bank: BankProcess,
        issuer: Issuer,
        members: Sequence[Member],
        environment: Mapping[str, str],
    ) -> None:
        self.layout, self.postgres, self.broker, self.bank, self.issuer = layout, postgres, broker, bank, issuer
        self.members, self.environment = members, environment

    @property
    def urls(self) -> dict[str, list[str]]:
        """Where each service is served: one address a process."""
        return {name: [member.url for member in self.of(name)] for name in SERVICES}

    def of(self, service: str) -> list[Member]:
        """The processes of a service."""
        return [member for member in self.members if member.service == service]

    def start(self) -> None:
        """Start every process that does not run; returns when all serve."""
        with ThreadPoolExecutor(STARTING_AT_ONCE) as pool:
            list(pool.map(Member.start, [member for member in self.members if not member.runs]))

    def stop(self) -> None:
        with ThreadPoolExecutor(len(self.members)) as pool:
            list(pool.map(Member.stop, self.members))


@contextmanager
def fleet(
    layout: Layout,
    *,
    broker_name: str,
    first_date: date,
    bank_seed: int,
    processes: Mapping[str, int] | None = None,
    partitions: int = 4,
    stuck_after_s: int = 60,
    durable: bool = True,
) -> Iterator[Fleet]:
    """Start it all, each service with as many processes as `processes` says (default: one); stop it all afterwards.

    Several processes of a service share its partitions, which needs a broker that knows groups (Apache Kafka).
    """
    layout.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    issuer_url = f"http://{HOST}/identity"
    issuer = Issuer.open(layout.identity, issuer=issuer_url, audience=AUDIENCE)
    bank_secret = secret(layout.bank / "secret")
    with ExitStack() as stack:
        nursery = Nursery()
        stack.callback(nursery.close)
        postgres = stack.enter_context(EmbeddedPostgres(layout.postgres, durable=durable))
        broker = stack.enter_context(broker_named(broker_name, layout.broker))
        bank = stack.enter_context(BankProcess(layout.bank, seed=bank_seed, secret=bank_secret))
        postgres.create_database(KEYS)
        secret(layout.kek, new_key)
        environment = {
            "PUHUI_HOST": HOST,
            "PUHUI_POOL_MAX": "6",
            "PUHUI_KAFKA_BOOTSTRAP": broker.bootstrap_servers,
            "PUHUI_KAFKA_IDEMPOTENCE": str(broker.idempotent_producer).lower(),
            "PUHUI_KAFKA_GROUPED": str(broker_name == "kafka").lower(),
            "PUHUI_KAFKA_FETCH_WAIT_MS": str(broker.fetch_max_wait_ms),
            "PUHUI_TOPIC_PARTITIONS": str(partitions),
            "PUHUI_JWKS_FILE": str(layout.identity / "jwks.json"),
            "PUHUI_TOKEN_ISSUER": issuer_url,
            "PUHUI_TOKEN_AUDIENCE": AUDIENCE,
            "PUHUI_BANK_URL": bank.url,
            "PUHUI_BANK_SECRET": bank_secret,
            "PUHUI_BUSINESS_DATE_START": first_date.isoformat(),
            "PUHUI_STUCK_AFTER_S": str(stuck_after_s),
            "PUHUI_LOG_LEVEL": os.environ.get("PUHUI_LOG_LEVEL", "warning"),
            "PUHUI_KEYS_URL": postgres.dsn(KEYS),
            "PUHUI_KEYS_KEK_FILE": str(layout.kek),
            "PUHUI_APPLICANT_KEY": secret(layout.directory / "keys" / "applicant.key"),
            "PUHUI_CONTRACT_SEALING_KEY_FILE": str(layout.directory / "keys" / "contract-sealing.key"),
        }
        members = []
        for name in SERVICES:
            postgres.create_database(name)
            count = (processes or {}).get(name, 1)
            own = {
                **environment,
                "PUHUI_ONLY_PROCESS": str(count == 1).lower(),
                "PUHUI_DATABASE_URL": postgres.dsn(name),
                "PUHUI_DATA_DIR": str(layout.directory / name),
            }
            members += [Member(name, number, layout, own, nursery) for number in range(1, count + 1)]
        running = Fleet(
            layout,
            postgres=postgres,
            broker=broker,
            bank=bank,
            issuer=issuer,
            members=members,
            environment=environment,
        )
        stack.callback(running.stop)
        running.start()
        yield running
