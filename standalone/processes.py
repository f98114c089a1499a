"""Servers that run beside ours as child processes: a free port, a start that waits, an end that leaves nothing."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import psutil

LOOPBACK: Final = "127.0.0.1"
START_TIMEOUT_S: Final = 180.0
STOP_GRACE_S: Final = 15.0
_PORTS: Final = range(16_384, 30_000)
"""Below what systems give to outgoing connections (Linux: from 32768)."""
_PORT_TRIES: Final = 100
_POLL_INTERVAL_S: Final = 0.02
_LOG_TAIL_CHARS: Final = 2000


class CannotStart(Exception):
    """What was asked for cannot be started as things are; the message says what to do."""


class PortInUse(CannotStart):
    """Somebody else listens at the port that we are to serve at."""


class ServerNotStarted(Exception):
    """A server ended or stayed silent while it was being started; the message holds the end of its log."""


def free_port() -> int:
    """A loopback TCP port that is free, that no outgoing connection is given, and no other caller while we run.

    It stays reserved: bound, but not listened at. On Linux a server that asks to reuse its address, as all that are
    started here do, may listen there all the same; a further call, of this process or another, gets another port.
    Elsewhere the port was free a moment ago, and nothing more is promised.
    """
    for _ in range(_PORT_TRIES):
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        with contextlib.suppress(OSError), socket.socket() as reserved:
            reserved.bind((LOOPBACK, port))  # refused where anybody is bound, listening or not
            if sys.platform == "linux":
                reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                reserved.detach()  # its descriptor stays open as long as this process runs
            return port
    raise OSError(f"no port from {_PORTS.start} to {_PORTS.stop - 1} is free on {LOOPBACK}")


def need_port(port: int) -> None:
    """Raises `PortInUse` unless one could listen at this loopback port now: before all else that takes its time."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
            listener.listen()
        except OSError as error:
            raise PortInUse(
                f"One cannot listen at port {port} of {LOOPBACK} ({os.strerror(error.errno or 0)}): "
                "end what is there, or choose another one: --port, or PUHUI_PORT for `make run`."
            ) from None


def log_tail(log: Path) -> str:
    """The end of a log file, for an error message."""
    return log.read_text(errors="replace")[-_LOG_TAIL_CHARS:] if log.exists() else "(no log)"


class Child(Protocol):
    """A process that runs: `subprocess.Popen`, or one like it."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self) -> int: ...

    def send_signal(self, signal_number: int, /) -> None: ...


class ServerProcess:
    """One server as a child process, remembered in a file so that an orphan of a killed parent is found and ended."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self._record = directory / f"{name}.pid"
        self._child: Child | None = None

    def start(
        self,
        command: Sequence[str],
        *,
        port: int,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = START_TIMEOUT_S,
        wait: bool = True,
    ) -> None:
        """Run `command` and return once it accepts connections on the loopback `port`, or at once (`wait` false).

        It runs in a session of its own, so an interrupt at the terminal reaches us first. Raises `ServerNotStarted`.
        """

        def spawn() -> Child:
            with self.log.open("wb") as log:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=None if environment is None else {**os.environ, **environment},
                    start_new_session=True,
                )

        self.start_by(spawn, port=port, timeout_s=timeout_s, wait=wait)

    def start_by(
        self, spawn: Callable[[], Child], *, port: int, timeout_s: float = START_TIMEOUT_S, wait: bool = True
    ) -> None:
        """The same with a process that `spawn` makes, which writes to `log`."""
        assert self._child is None, f"{self.name} has been started already"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._child = child = spawn()
        self._remember(child.pid)
        if not wait:
            return
        try:
            self._wait_until_listening(child, port, timeout_s)
        except BaseException:
            self.stop(grace_s=0)
            raise

    def stop(self, *, grace_s: float = STOP_GRACE_S) -> None:
        """Ask the server to end, and end it after `grace_s` seconds (0: at once). Does nothing when it is not running."""
        child, self._child = self._child, None
        if child is not None:
            if child.poll() is None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    _end(psutil.Process(child.pid), grace_s)
            child.wait()
        self._record.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once, and remember it until it is stopped. Does nothing when it is not running."""
        self.send(signal.SIGKILL)

    @property
    def runs(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def send(self, signal_number: int) -> None:
        """Send it a signal. Does nothing when it is not running."""
        if self._child is not None and self.runs:
            self._child.send_signal(signal_number)

    def end_orphan(self, *, grace_s: float = STOP_GRACE_S) -> bool:
        """End the server that a killed parent left running; True when there was one."""
        orphan = self._remembered()
        if orphan is not None:
            _end(orphan, grace_s)
        self._record.unlink(missing_ok=True)
        return orphan is not None

    def _wait_until_listening(self, child: Child, port: int, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if child.poll() is not None:
                raise ServerNotStarted(f"{self.name} ended with {child.poll()}: {log_tail(self.log)}")
            if _listens(port) and _is_its(port, child):
                return
            time.sleep(_POLL_INTERVAL_S)
        raise ServerNotStarted(f"{self.name} did not listen within {timeout_s:.0f} s: {log_tail(self.log)}")

    def _remember(self, pid: int) -> None:
        # The time of creation tells our process from a later one that got the same number.
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended at once: the wait for it will say so
            self._record.write_text(json.dumps({"pid": pid, "created": psutil.Process(pid).create_time()}))

    def _remembered(self) -> psutil.Process | None:
        try:
            record = json.loads(self._record.read_text())
            process = psutil.Process(record["pid"])
            return process if process.create_time() == record["created"] else None
        except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
            return None


def _is_its(port: int, child: Child) -> bool:
    """Whether it is this server that listens there: a port that was free a moment ago may be somebody else's by now."""
    try:
        process = psutil.Process(child.pid)
        family = [process, *process.children(recursive=True)]
        open_sockets = [connection for one in family for connection in one.net_connections(kind="tcp")]
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # it runs under another account: there is nothing to be seen
        return True
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in open_sockets)


def _listens(port: int) -> bool:
    """Whether a server accepts connections there. One that was given the same port at both ends speaks to itself."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            return bool(connection.getsockname() != connection.getpeername())
    except OSError:
        return False


def is_alive(process: psutil.Process) -> bool:
    """Whether a process still runs; one that has ended and that nobody has collected yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _end(process: psutil.Process, grace_s: float) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        if grace_s > 0:
            process.terminate()
            _wait_while_alive(process, grace_s)
        process.kill()
        _wait_while_alive(process, STOP_GRACE_S)


def _wait_while_alive(process: psutil.Process, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while is_alive(process) and time.monotonic() < deadline:
        time.sleep(_POLL_INTERVAL_S)
