"""A loan's way over HTTP as a front end walks it: requests a second, and processor time a request over all processes.

Applicant, application with its papers, submission, decision, contract, signature, payout by the bank, a repayment, and
reading the loan: the whole platform as `make run` starts it, with its PostgreSQL and Apache Kafka, on the machine's own
cores beside this client. Looking whether something has happened yet is not counted as a request, what it costs is.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import psutil

from bench.common.result import Goal, Result
from bench.common.servers import NotAvailable, directory
from bench.common.session import Session
from libs.events.ids import derive_id
from services.bank.faults import Outcome
from standalone.brokers import KafkaBroker
from standalone.demo.play import today
from standalone.http import Platform
from standalone.platform import HOST, Layout
from standalone.processes import free_port, log_tail
from standalone.run import wait_until_ready
from standalone.stores import embedded
from tests.integration.borrowers import application_id_of, outcomes, person
from tests.integration.client import key_of
from tests.integration.running import BANK_SEED

CLIENTS: Final = (1, 8)
FINERACT_BEST: Final = {1: 24.0, 8: 48.0}
"""Requests a second of Apache Fineract with the same sequence on a machine of this size, 2026-11-23: a record, not a
run beside ours. It took about 40 ms of the processor and 34 transactions a request."""
FINERACT_CPU_MS: Final = 40.0
TIMES_FINERACT: Final = 20
CPU_MS_MOST: Final = 2.0
PATIENCE_S: Final = 120.0
STOP_S: Final = 60
PARTS: Final = {"kafka.Kafka": "Apache Kafka", "serve bank": "bank", "spawn_main": "documents"}
"""By what is in a process's command line."""
ROOT: Final = Path(__file__).parents[1]
INSTALMENTS: Final = 12
FIRST_REPAYMENT: Final = {"amount": "400.00", "currency": "CNY"}


class Running:
    """The platform in a process of its own, and what all its processes have cost."""

    def __init__(self, path: Path, processes: int) -> None:
        self.layout, self.port, self._processes = Layout(path / "platform"), free_port(), processes
        self.url = f"http://{HOST}:{self.port}"
        self._log = path / "platform.log"

    def start(self) -> None:
        arguments = ["--directory", str(self.layout.directory), "--port", str(self.port), "--broker", "kafka"]
        command = [sys.executable, "-m", "standalone.cli", "run", *arguments, "--seed", str(BANK_SEED)]
        given = {"DEMO": "0", "PUHUI_PROCESSES": str(self._processes)}
        with self._log.open("wb") as log:
            self._child = child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=os.environ | given
            )
        wait_until_ready(self.url, lambda: child.poll() is not None)
        if child.poll() is not None:
            raise NotAvailable(f"the platform did not start: {log_tail(self._log)}")

    def stop(self) -> None:
        self._child.terminate()
        self._child.wait(STOP_S)

    def cpu_s_by_part(self) -> dict[str, float]:
        """Of the platform, the bank, Apache Kafka and every process of PostgreSQL, those that have ended included, by
        whose it is: the services', what sets their documents, PostgreSQL's, Kafka's, the bank's."""
        server = int((self.layout.postgres / "postmaster.pid").read_text().split("\n", 1)[0])
        total: defaultdict[str, float] = defaultdict(float)
        for root, part in ((psutil.Process(self._child.pid), "services"), (psutil.Process(server), "PostgreSQL")):
            for process in (root, *root.children(recursive=True)):
                try:
                    used, command = process.cpu_times(), " ".join(process.cmdline())
                except psutil.NoSuchProcess:
                    continue
                total[next((name for sign, name in PARTS.items() if sign in command), part)] += used.user + used.system
            ended = root.cpu_times()
            total[part] += ended.children_user + ended.children_system
        return total

    async def transactions(self) -> int:
        """Committed by all services' databases until now."""
        connection = await asyncpg.connect(embedded(self.layout.directory, "ledger"))
        try:
            statement = "select coalesce(sum(xact_commit), 0)::bigint from pg_stat_database"
            return int(await connection.fetchval(statement))
        finally:
            await connection.close()


@contextmanager
def platform(processes: int = 1) -> Iterator[Running]:
    """Its services in one process or two."""
    with directory() as path:
        if reason := KafkaBroker(path).unavailable():
            raise NotAvailable(reason)
        running = Running(path, processes)
        running.start()
        try:
            yield running
        finally:
            running.stop()


class FrontEnd:
    """Walks loans one after another; `requests` counts those that do or show something."""

    def __init__(self, http: Platform, seed: str, day: date, papers: Any) -> None:
        self._http, self._seed, self._day = http, seed, day
        self._documents, self._consents = papers
        self.requests = self.looks = 0

    async def _post(self, user: str, path: str, body: Any = None, *, key: str, on_behalf_of: str = "") -> Any:
        self.requests += 1
        return await self._http.post(user, path, body, key=key, on_behalf_of=on_behalf_of)

    async def _get(self, user: str, path: str) -> Any:
        self.requests += 1
        return await self._http.get(user, path)

    async def _there(self, user: str, path: str, states: tuple[str, ...], member: str) -> Any:
        """What is at `path` once it is there in one of these states: one request, however often it was looked. Each look
        waits at the service for something new, as a front end would."""
        deadline, known = time.monotonic() + PATIENCE_S, ""
        self.requests += 1
        while time.monotonic() < deadline:
            self.looks += 1
            found, known = await self._http.moved(user, path, known)
            if found is not None and found[member] in states:
                return found
        raise TimeoutError(f"{path} did not come to {states}")

    async def walk(self, name: str) -> None:
        """One loan from its applicant to its first repayment."""
        who = person(name)
        start = next(
            key for n in count() if outcomes(key_of(self._seed, key := f"{name}/start/{n}"), 1) == (Outcome.CONFIRMED,)
        )
        application_id = application_id_of(key_of(self._seed, start))
        registered = await self._post("customer", "/application/applicants", who.registration(), key=f"{name}/register")
        applicant = registered["applicant_id"]
        body = who.application(applicant) | {
            "amount": {"amount": "12000.00", "currency": "CNY"},
            "monthly_income": {"amount": "20000.00", "currency": "CNY"},
            "instalments": INSTALMENTS,
            "documents": [who.document(kind, self._day) for kind in self._documents],
            "consents": self._consents,
        }
        started = await self._post("customer", "/application/applications", body, key=start)
        assert started["application_id"] == application_id
        await self._post("customer", f"/application/applications/{application_id}/submit", key=f"{name}/submit")
        decided = ("APPROVED", "ACCEPTED")
        await self._there("credit-officer", f"/approval/decisions/{application_id}", decided, "status")
        contract = await self._sign(name, who, applicant, application_id)
        await self._repay(name, contract)

    async def _sign(self, name: str, who: Any, applicant: str, application_id: str) -> str:
        contract_id = str(derive_id(UUID(application_id), "contract"))
        path = f"/contract/contracts/{contract_id}"
        offered = await self._there("customer", path, ("OFFERED",), "status")
        document = offered["document_sha256"]
        seen = {"document_sha256": document, "reading_seconds": 45, "disclosure_confirmed": True}
        await self._post("customer", f"{path}/view", seen, key=f"{name}/view", on_behalf_of=applicant)
        signature = {"document_sha256": document, "account": who.account()}
        await self._post("customer", f"{path}/sign", signature, key=f"{name}/sign", on_behalf_of=applicant)
        return str(derive_id(UUID(contract_id), "loan"))

    async def _repay(self, name: str, loan_id: str) -> None:
        path = f"/ledger/loans/{loan_id}"
        await self._there("finance-officer", path, ("ACTIVE",), "state")
        repayment = {
            "amount": FIRST_REPAYMENT,
            "value_date": self._day.isoformat(),
            "purpose": "INSTALMENT",
            "channel": "bank-transfer",
            "bank_reference": f"R-{name}",
        }
        await self._post("finance-officer", f"{path}/repayments", repayment, key=f"{name}/repay")
        loan = await self._get("finance-officer", path)
        assert loan["state"] == "ACTIVE"


async def papers(http: Platform) -> tuple[list[str], list[dict[str, Any]]]:
    """What the product asks of a person without a guarantee, as a front end learns it."""
    shown = await http.get("customer", "/application/products/consumer-standard")
    consents = (await http.get("customer", "/application/consents"))["items"]
    needed = [
        rule["type"]
        for rule in shown["product"]["documents"]
        if "PERSON" in rule["applies_to"] and not rule["only_with"]
    ]
    return needed, [{"purpose": one["purpose"], "text_version": one["version"]} for one in consents]


class Rounds:
    """Rounds of so many loans by so many clients, each on people of its own."""

    def __init__(self, running: Running, loans: int) -> None:
        self._running, self._loans, self._number = running, loans, 0
        self.cpu_ms: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
        self.transactions: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
        self.looks: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
        self.parts: dict[int, list[dict[str, float]]] = {clients: [] for clients in CLIENTS}
        """Milliseconds of the processor a loan, by whose they are."""

    async def __call__(self, clients: int) -> float:
        """Requests a second of one round."""
        self._number += 1
        seed = f"round-{self._number}"
        http = Platform.at(self._running.url, self._running.layout.identity, seed=seed)
        try:
            front = FrontEnd(http, seed, await today(http), await papers(http))
            await http.settle()
            names = iter([f"{seed}-{n}" for n in range(self._loans)])

            async def client() -> None:
                for name in names:
                    await front.walk(name)

            before, committed = self._running.cpu_s_by_part(), await self._running.transactions()
            began = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for _ in range(clients):
                    group.create_task(client())
            took_s = time.perf_counter() - began
            await http.settle()  # what was put off has its cost too
            parts = {part: used - before.get(part, 0) for part, used in self._running.cpu_s_by_part().items()}
            self.parts[clients].append({part: used * 1000 / self._loans for part, used in parts.items()})
            self.cpu_ms[clients].append(sum(parts.values()) * 1000 / front.requests)
            self.transactions[clients].append((await self._running.transactions() - committed) / front.requests)
            self.looks[clients].append(front.looks / self._loans)
            return front.requests / took_s
        finally:
            await http.close()

    def forget(self) -> None:
        """What was measured until now."""
        for by_clients in (self.cpu_ms, self.transactions, self.looks, self.parts):
            for figures in by_clients.values():
                figures.clear()

    def part_ms(self, clients: int) -> dict[str, float]:
        """Milliseconds of the processor a loan, by whose they are: the middle ones of the rounds, the largest first."""
        middle = {part: median([of[part] for of in self.parts[clients]]) for part in self.parts[clients][0]}
        return dict(sorted(middle.items(), key=lambda each: -each[1]))


def median(figures: list[float]) -> float:
    return sorted(figures)[len(figures) // 2]


async def measure(session: Session) -> Result:
    loans = session.size(bounded=16, full=200)
    session.stage("starting the platform")
    with platform() as running:
        rounds = Rounds(running, loans)
        await rounds(max(CLIENTS))  # warm: nobody's first request is what is measured
        rounds.forget()
        turns = {f"{clients} clients": partial(rounds, clients) for clients in CLIENTS}
        medians = await session.in_turns(f"{loans} loans a round", turns)
    rate = {clients: medians[f"{clients} clients"] for clients in CLIENTS}
    cpu_ms = {clients: median(rounds.cpu_ms[clients]) for clients in CLIENTS}
    most = max(CLIENTS)
    of_parts = ", ".join(f"{part} {used:.0f}" for part, used in rounds.part_ms(most).items())
    return Result(
        unit="requests/s",
        ours=rate[most],
        peers={"Apache Fineract, recorded 2026-11-23": FINERACT_BEST[most]},
        ratios={"Apache Fineract, recorded 2026-11-23": rate[most] / FINERACT_BEST[most]},
        goals=[
            Goal("requests/s with 8 clients", rate[most], least=TIMES_FINERACT * FINERACT_BEST[most]),
            Goal("ms of the processor a request", cpu_ms[most], most=CPU_MS_MOST),
        ],
        runs=session.runs,
        limited_by=f"{cpu_ms[most]:.1f} ms of the processor a request, of two cores that client and servers share; ms a "
        f"loan: {of_parts}. With so few clients its events come one by one, and each is stamped, published and handled by "
        "several services in transactions of its own",
        details={
            "loans_a_round": loans,
            "requests_a_second": {str(clients): round(figure, 1) for clients, figure in rate.items()},
            "cpu_ms_a_request": {str(clients): round(figure, 2) for clients, figure in cpu_ms.items()},
            "transactions_a_request": {
                str(clients): round(median(rounds.transactions[clients]), 2) for clients in CLIENTS
            },
            "cpu_ms_a_loan": {
                str(clients): {part: round(used, 1) for part, used in rounds.part_ms(clients).items()}
                for clients in CLIENTS
            },
            "looks_a_loan": {str(clients): round(median(rounds.looks[clients]), 1) for clients in CLIENTS},
        },
    )
