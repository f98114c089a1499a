"""Starts many service processes cheaply: one process imports everything once, and forks each of them when it is asked.

A process of a service takes seconds of the processor to import what it needs. Who starts hundreds of them, one after
another, pays that once. What comes out is a process like any other, with its own memory, connections and loop.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from standalone.processes import is_alive

POLL_S: Final = 0.02
EXIT_FAILED: Final = 1


class Forked:
    """A process of the nursery, as `subprocess.Popen` shows one of ours."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._process: psutil.Process | None = psutil.Process(pid)
        except psutil.NoSuchProcess:
            self._process = None

    def poll(self) -> int | None:
        """None while it runs; how it ended is known to the nursery alone."""
        return None if self._process is not None and is_alive(self._process) else EXIT_FAILED

    def wait(self) -> int:
        while self.poll() is None:
            time.sleep(POLL_S)
        return EXIT_FAILED

    def send_signal(self, signal_number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._process.send_signal(signal_number)


class Nursery:
    """The process that forks; ends with whoever started it, since its input ends then."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "standalone.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._asking = threading.Lock()

    def spawn(self, service: str, environment: Mapping[str, str], log: Path) -> Forked:
        """A new process that serves `service` in this environment and writes to `log`."""
        assert self._parent.stdin is not None, "opened as a pipe"
        assert self._parent.stdout is not None, "opened as a pipe"
        asked = {"service": service, "environment": dict(environment), "log": str(log)}
        with self._asking:
            self._parent.stdin.write(json.dumps(asked) + "\n")
            self._parent.stdin.flush()
            return Forked(int(self._parent.stdout.readline()))

    def close(self) -> None:
        self._parent.terminate()
        self._parent.wait()
        for pipe in (self._parent.stdin, self._parent.stdout):
            if pipe is not None:
                pipe.close()


def main() -> None:
    """Fork for each line of the input, and answer with the number of the new process."""
    import standalone.serve  # noqa: F401 - for those who are forked
    from standalone.services import SERVICES, service_named

    for name in SERVICES:
        service_named(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system collects those that have ended
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _serve(asked)
        print(pid, flush=True)  # noqa: T201 - the answer


def _serve(asked: Mapping[str, Any]) -> None:
    """The forked process: a session, an output and chances of its own; never returns."""
    status = EXIT_FAILED
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing, log = os.open(os.devnull, os.O_RDONLY), os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for target, source in ((0, nothing), (1, log), (2, log)):
            os.dup2(source, target)
        os.environ.update(asked["environment"])
        random.seed()
        from standalone.serve import serve_one

        status = serve_one(asked["service"], dict(os.environ))
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else EXIT_FAILED
    except Exception:  # noqa: BLE001 - whatever it was, it is in its log and the process ends
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
