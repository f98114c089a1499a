"""The whole platform on one machine: embedded PostgreSQL and broker, the bank beside it, all services on one port."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import uvicorn
from pydantic import SecretStr

from libs.contracts.catalogue import topic
from libs.events.hub import Hub
from libs.events.kafka import KafkaBroker
from libs.keys.wrapping import new_key
from libs.service.gateway import KEEP_ALIVE_S, Gateway
from libs.service.identity import create_identity_app
from libs.service.issuer import Issuer
from libs.service.logging import configure_logging
from libs.service.settings import ServiceSettings
from standalone.bank_process import BankProcess
from standalone.brokers import broker_named
from standalone.neighbour import NeighbourProcess
from standalone.postgres import EmbeddedPostgres
from standalone.processes import need_port
from standalone.services import SERVICES, kafka_broker, service_app
from standalone.witness_process import WitnessProcess

GIVEN: Final = frozenset(os.environ)
HOST: Final = "127.0.0.1"
AUDIENCE: Final = "puhui"
BESIDE: Final = ("contract", "ledger", "collections", "audit", "partners")
"""Served by a process of their own where two are asked for: what follows from decisions, and not what leads to one."""
KEYS: Final = "keys"
"""The database of persons' keys."""
PARTITIONS: Final = 1
"""Of each topic of a new directory. One process reads them all, so a second one would only make batches smaller, and
let a day's opening overtake what happened to loans the day before."""
PARTITIONS_AT_FIRST: Final = 2
"""Of directories that were begun before the number was written down in them."""
FETCH_WAIT_MS: Final = 5
"""A fetch is sent when there is something (`libs.events.hub`); one that is sent too early shall not hold up the next."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the platform keeps its data: everything under one directory."""

    directory: Path

    @property
    def postgres(self) -> Path:
        return self.directory / "postgres"

    @property
    def broker(self) -> Path:
        return self.directory / "broker"

    @property
    def identity(self) -> Path:
        return self.directory / "identity"

    @property
    def partitions(self) -> Path:
        """How many partitions the topics were begun with: streams may never move to others (`libs.events.relay`)."""
        return self.directory / "partitions"

    @property
    def kek(self) -> Path:
        """The key-encryption keys that wrap persons' keys."""
        return self.directory / "keys" / "persons.kek"

    @property
    def bank(self) -> Path:
        return self.directory / "bank"

    @property
    def colenders(self) -> Path:
        """The port of the demonstration's co-lenders: begun again, they are found where they were."""
        return self.directory / "colenders.port"

    @property
    def witness(self) -> Path:
        return self.directory / "witness"

    @property
    def anchors(self) -> Path:
        """Heads and leaf hashes of the audit's logs: in production, where nobody can take back what was written."""
        return self.directory / "anchors"


def secret(path: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> str:
    """The secret in a file that only its owner may read; made when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        made = make()
        file.write(made)
    return made


def partitions(layout: Layout) -> int:
    """Of each topic of this directory, fixed when it is begun. To be asked before anything is started there."""
    if not layout.partitions.exists():
        begun = layout.postgres.exists()
        layout.partitions.write_text(f"{PARTITIONS_AT_FIRST if begun else PARTITIONS}\n")
    return int(layout.partitions.read_text())


def processes() -> int:
    """Over how many the services are spread: one, or two (`PUHUI_PROCESSES=2`)."""
    return 2 if os.environ.get("PUHUI_PROCESSES") == "2" else 1


def provide_keys(layout: Layout) -> None:
    """Keys that services take from the environment: those given stand, the others are made once for this directory."""
    provide(
        {
            "PUHUI_APPLICANT_KEY": secret(layout.directory / "keys" / "applicant.key"),
            "PUHUI_CONTRACT_SEALING_KEY_FILE": str(layout.directory / "keys" / "contract-sealing.key"),
            "PUHUI_AUDIT_ANCHOR_DIR": str(layout.anchors),
            "PUHUI_PARTNERS_WEBHOOK_NETWORKS": json.dumps([f"{HOST}/32"]),  # partners' systems run here too
        }
    )


def provide(made: Mapping[str, str]) -> None:
    """Set what the environment did not give."""
    os.environ.update({name: value for name, value in made.items() if name not in GIVEN})


@contextmanager
def platform(layout: Layout, *, port: int, broker_name: str, first_date: date, bank_seed: int) -> Iterator[Gateway]:
    """Start what the services need, and give the application that serves them all; stop it all afterwards.

    Raises `CannotStart`: the port or the directory is somebody else's.
    """
    need_port(port)
    layout.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    configure_logging(os.environ.get("PUHUI_LOG_LEVEL", "warning"))
    provide_keys(layout)
    topic_partitions = partitions(layout)
    issuer_url = f"http://{HOST}:{port}/identity"
    issuer = Issuer.open(layout.identity, issuer=issuer_url, audience=AUDIENCE)
    bank_secret = secret(layout.bank / "secret")
    with (
        EmbeddedPostgres(layout.postgres) as postgres,
        broker_named(broker_name, layout.broker) as broker,
        BankProcess(layout.bank, seed=bank_seed, secret=bank_secret) as bank,
        WitnessProcess(layout.witness, logs_file=layout.directory / "audit" / "log" / "keys") as witness,
    ):
        provide({"PUHUI_AUDIT_WITNESS_URL": witness.url})
        for name in (*SERVICES, KEYS):
            postgres.create_database(name)
        secret(layout.kek, new_key)
        settings = {
            name: ServiceSettings(
                service=name,
                host=HOST,
                port=port,
                database_url=SecretStr(postgres.dsn(name)),
                pool_min=1,
                pool_max=10,
                kafka_bootstrap=broker.bootstrap_servers,
                kafka_idempotence=broker_name == "kafka",
                only_process=True,
                kafka_grouped=False,
                kafka_fetch_wait_ms=FETCH_WAIT_MS,
                topic_partitions=topic_partitions,
                jwks_file=layout.identity / "jwks.json",
                token_issuer=issuer_url,
                token_audience=AUDIENCE,
                token_url=f"{issuer_url}/token",
                bank_url=bank.url,
                bank_secret=SecretStr(bank_secret),
                keys_url=SecretStr(postgres.dsn(KEYS)),
                keys_kek_file=layout.kek,
                data_dir=layout.directory / name,
                business_date_start=first_date,
            )
            for name in SERVICES
        }
        shared: KafkaBroker = kafka_broker(settings[SERVICES[0]])
        hub = Hub(shared, [topic(name) for name in SERVICES])
        beside = {name: settings[name] for name in BESIDE} if processes() > 1 else {}
        with ExitStack() as started:
            neighbours = []
            if beside:
                neighbours.append(NeighbourProcess(layout.directory / "processes", beside, hub))
                started.enter_context(neighbours[0])
            apps = {name: service_app(name, settings[name], hub) for name in SERVICES if name not in beside}
            identity = create_identity_app(issuer, host=HOST, path="/identity")
            yield Gateway(apps, others={"identity": identity}, neighbours=neighbours, on_stop=[shared.close])


def server(gateway: Gateway, port: int) -> uvicorn.Server:
    """The server of the one port; it finishes requests under way when it is stopped."""
    return uvicorn.Server(
        uvicorn.Config(
            gateway,
            host=HOST,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            loop="uvloop",
            http="httptools",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=10,
        )
    )
