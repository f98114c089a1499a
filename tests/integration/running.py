"""The whole platform as a user starts it: a process of `puhui run`, which can be stopped, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from libs.service.issuer import DEVELOPMENT_USERS, Issuer, User
from standalone.neighbour import NAME as NEIGHBOUR
from standalone.platform import AUDIENCE, HOST, Layout
from standalone.processes import free_port, log_tail
from standalone.run import wait_until_ready

BANK_SEED: Final = 1
STOP_S: Final = 60
ROOT: Final = Path(__file__).parents[2]
MOVED: Final = "('CONFIRMED', 'RETURNED')"
FINANCE_LEAD: Final = User("finance-lead", ("finance_officer", "finance_manager"), "Finance lead")
"""Holds two roles that are kept apart elsewhere."""


class PlatformProcess:
    """`puhui run` on a directory, without the demonstration."""

    def __init__(self, directory: Path, *, broker: str) -> None:
        self.layout = Layout(directory)
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.broker = broker
        self.log_path = directory.with_name(f"{directory.name}.log")
        self._child: subprocess.Popen[bytes] | None = None
        self._left_servers = False

    def start(self) -> None:
        """Returns when every service is ready."""
        arguments = ["--directory", str(self.layout.directory), "--port", str(self.port), "--broker", self.broker]
        command = [sys.executable, "-m", "standalone.cli", "run", *arguments, "--seed", str(BANK_SEED)]
        with self.log_path.open("ab") as log:
            self._child = child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "DEMO": "0"},
            )
        self._left_servers = False
        wait_until_ready(self.url, lambda: child.poll() is not None)
        assert child.poll() is None, f"the platform ended while it was started:\n{self.log}"

    @property
    def log(self) -> str:
        """The end of what it has logged."""
        return log_tail(self.log_path)

    def stop(self) -> None:
        """Ask it to end, as an interrupt at the terminal does, and wait until it has."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it at once. The servers that it has started go on without it."""
        self._end(signal.SIGKILL)
        self._left_servers = True

    def kill_neighbour(self) -> None:
        """End at once the process that serves some of the services beside the one with the port."""
        record = self.layout.directory / "processes" / f"{NEIGHBOUR}.pid"
        os.kill(json.loads(record.read_text())["pid"], signal.SIGKILL)

    def wait_until_ready(self) -> None:
        wait_until_ready(self.url, lambda: False)

    def _end(self, how: signal.Signals) -> None:
        child, self._child = self._child, None
        if child is not None and child.poll() is None:
            child.send_signal(how)
            child.wait(STOP_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._left_servers:
            self.start()  # which ends them
        self.stop()

    @property
    def bank(self) -> BankRecord:
        return BankRecord(self.layout.bank / "bank.sqlite")

    def issuer(self) -> Issuer:
        """The platform's own issuer, which can also make a token for somebody with two roles."""
        users = (*DEVELOPMENT_USERS, FINANCE_LEAD)
        return Issuer.open(self.layout.identity, issuer=f"{self.url}/identity", audience=AUDIENCE, users=users)


@dataclass(frozen=True, slots=True)
class BankRecord:
    """What the bank itself has on record, read from its file and not asked of the ledger."""

    path: Path

    def payments_of(self, loan_id: str) -> list[dict[str, Any]]:
        """Every payment ordered for a loan."""
        return self._rows("select * from payment where purpose = ? order by rowid", f"loan-{loan_id}")

    def entries_of(self, loan_id: str) -> list[dict[str, Any]]:
        """The lines of the bank's statement that concern a loan."""
        return self._rows("select * from entry where purpose = ? order by cursor", f"loan-{loan_id}")

    def requests_for(self, loan_id: str) -> int:
        """How often the bank was asked to pay for a loan."""
        statement = "select request_no from request join payment using (payment_id) where purpose = ?"
        return len(self._rows(statement, f"loan-{loan_id}"))

    def paid_more_than_once(self) -> list[dict[str, Any]]:
        """Loans for which money moved twice and did not come back."""
        return self._rows(
            "select purpose, count(*) as times from payment where state = 'CONFIRMED' group by purpose having times > 1"
        )

    def moved(self) -> dict[str, int]:
        """Fen paid out by loan, whether or not they came back."""
        rows = self._rows(f"select purpose, sum(amount_minor) as fen from payment where state in {MOVED} group by 1")
        return {row["purpose"]: row["fen"] for row in rows}

    def _rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(statement, values)]
