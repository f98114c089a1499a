"""The simulated bank as a process of its own, beside the platform."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from services.bank.faults import Faults
from standalone.processes import ServerProcess, free_port

HOST: Final = "127.0.0.1"
URL_FILE: Final = "url"
"""Tells others where the bank listens."""
FAULTS: Final[dict[str, Any]] = {
    "accepted": 600,
    "slow": 30,
    "error_before": 150,
    "error_after": 100,
    "duplicate": 200,
    "refused": 100,
    "refused_for_now": 100,
    "returned": 80,
    "slow_s": 3,
}
"""Rates in basis points: about one payment in seven meets a fault of some kind."""


def bank_faults() -> Faults:
    return Faults(**FAULTS)


class BankProcess:
    """Starts the bank on a free port, with its record in a directory; stops it at the end."""

    def __init__(self, directory: Path, *, seed: int, secret: str) -> None:
        self._process = ServerProcess("bank", directory)
        self._directory, self._seed, self._secret = directory, seed, secret
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    def start(self) -> None:
        self._process.end_orphan()
        self._port = self._port or free_port()
        self._process.start(
            [sys.executable, "-m", "standalone.cli", "serve", "bank"],
            port=self._port,
            environment={
                "PUHUI_BANK_SECRET": self._secret,
                "PUHUI_BANK_SEED": str(self._seed),
                "PUHUI_DATA_DIR": str(self._directory),
                "PUHUI_HOST": HOST,
                "PUHUI_PORT": str(self._port),
            },
        )
        (self._directory / URL_FILE).write_text(self.url)

    def stop(self) -> None:
        self._process.stop()

    def kill(self) -> None:
        """End it at once; `start` brings it back at the same address, with its record."""
        self._process.stop(grace_s=0)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
