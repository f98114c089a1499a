"""A witness of the audit's logs as a process of its own, with a key that the platform does not have."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from standalone.processes import ServerProcess, free_port

HOST: Final = "127.0.0.1"


class WitnessProcess:
    """Starts on a free port, without waiting for it: heads that come first are co-signed later."""

    def __init__(self, directory: Path, *, logs_file: Path) -> None:
        self._process = ServerProcess("witness", directory)
        self._directory, self._logs_file = directory, logs_file
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    def start(self) -> None:
        self._process.end_orphan()
        self._port = free_port()
        self._process.start(
            [sys.executable, "-m", "libs.evidence.witness"],
            port=self._port,
            wait=False,
            environment={
                "PUHUI_DATA_DIR": str(self._directory),
                "PUHUI_HOST": HOST,
                "PUHUI_PORT": str(self._port),
                "PUHUI_WITNESS_LOGS": str(self._logs_file),
            },
        )

    def stop(self) -> None:
        self._process.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
