"""What the rest asks of a broker, whichever it is."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self


class BrokerUnavailable(Exception):
    """This broker cannot run on this machine; the message says what is missing and what to do."""


class Broker(Protocol):
    """A message broker on loopback that speaks Kafka's protocol. What follows from its nature is set beside it."""

    name: str
    idempotent_producer: bool
    """Whether producers may switch idempotence on (`PUHUI_KAFKA_IDEMPOTENCE`)."""
    fetch_max_wait_ms: int
    """How long a consumer should let the broker wait for records (`PUHUI_KAFKA_FETCH_WAIT_MS`)."""

    @property
    def bootstrap_servers(self) -> str:
        """`host:port`, once started."""
        ...

    def unavailable(self) -> str | None:
        """Why it cannot run here, with what to do about it; None when it can."""
        ...

    def start(self) -> None:
        """Start and return when it answers; raises `BrokerUnavailable` or `ServerNotStarted`."""
        ...

    def stop(self) -> None: ...

    def kill(self) -> None:
        """End it at once, as a power cut does; `start` brings it back at the same address."""
        ...

    def wipe(self) -> None:
        """End it at once and lose all that it held: the next start is another cluster at the same address."""
        ...

    def send(self, signal_number: int) -> None:
        """Send a signal to the broker's process, such as the one that stops it where it is."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


def broker_named(name: str, directory: Path) -> Broker:
    """The broker called `name` ("tansu" or "kafka"), with its files under `directory`; raises `BrokerUnavailable`."""
    from standalone.brokers.kafka import KafkaBroker
    from standalone.brokers.tansu import TansuBroker

    match name:
        case "tansu":
            return TansuBroker(directory / "tansu")
        case "kafka":
            return KafkaBroker(directory / "kafka")
        case _:
            raise BrokerUnavailable(f"There is no broker called {name!r}: choose tansu or kafka.")
