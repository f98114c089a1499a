"""From the answer to `submit` until an application is decided without a person, at an even rate, through Apache Kafka.

The whole platform as `PUHUI_PROCESSES=2 make run` starts it, with its PostgreSQL and Apache Kafka, on the machine's own
cores beside this client; of three applications two are approved (each sets a contract in type then) and one is
declined. They are drawn up beforehand and submitted at their times, whether or not those before have been answered. A
decision is visible once its stream is in approval's store: it is what `GET /approval/decisions/{id}` reads, and what is
looked at here, since asking over HTTP every few milliseconds for each would be the load that is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any, Final

import asyncpg
import orjson

from bench.common.result import Goal, Result
from bench.common.session import Session
from bench.lifecycle import Running, papers, platform
from libs.contracts.application import ApplicationSubmitted
from libs.contracts.approval import ApplicationApproved, ApplicationDeclined
from libs.contracts.scoring import ApplicationScored
from libs.events.clock import parse_us
from standalone.demo.play import today
from standalone.http import Platform
from standalone.stores import embedded
from tests.integration.borrowers import BAD, GOOD, person

RATE: Final = 50
"""Applications a second: of the goal. The lower ones show from where on it is reached."""
RATES: Final = (5, 20, RATE)
P99_MS_MOST: Final = 250.0
ANSWERS: Final = (GOOD, GOOD, BAD)
CLIENTS: Final = 8
PROCESSES: Final = 2
LOOK_S: Final = 0.01
AT_ONCE: Final = 64
"""Of how many it is looked at once whether they are decided, the oldest first: what is looked for costs as well."""
PATIENCE_S: Final = 120.0
DECIDED: Final = "select stream_id from es.stream where stream_id = any($1)"
RECORDED: Final = """
    select substr(s.stream_id, strpos(s.stream_id, '-') + 1) as id, e.metadata
    from es.event e join es.stream s using (stream_no) where e.type = any($1)"""
STEPS: Final[Mapping[str, Sequence[str]]] = {
    "application": (ApplicationSubmitted.type_name,),
    "scoring": (ApplicationScored.type_name,),
    "approval": (ApplicationApproved.type_name, ApplicationDeclined.type_name),
}


@dataclass(slots=True)
class Times:
    """Of one round, by application, in seconds: when `submit` was answered, when the decision was seen, how long
    `submit` took from the time at which it was due."""

    answered: dict[str, float] = field(default_factory=dict)
    decided: dict[str, float] = field(default_factory=dict)
    submit: list[float] = field(default_factory=list)

    def milliseconds(self) -> list[float]:
        """From answer to decision; one that was there before the answer took no time."""
        return [max(0.0, self.decided[one] - at) * 1000 for one, at in self.answered.items()]


async def _drafted(http: Platform, seed: str, count: int) -> list[str]:
    """So many applications that want nothing but to be submitted."""
    day, (documents, consents) = await today(http), await papers(http)
    made: list[str] = []
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            who, name = person(f"{seed}-{number}", answers=ANSWERS[number % len(ANSWERS)]), f"{seed}-{number}"
            registered = await http.post(
                "customer", "/application/applicants", who.registration(), key=f"{name}/register"
            )
            body = who.application(registered["applicant_id"]) | {
                "amount": {"amount": "3000.00", "currency": "CNY"},
                "monthly_income": {"amount": "20000.00", "currency": "CNY"},
                "documents": [who.document(kind, day) for kind in documents],
                "consents": consents,
            }
            started = await http.post("customer", "/application/applications", body, key=f"{name}/start")
            made.append(started["application_id"])

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())
    return made


async def _submitted(http: Platform, applications: Sequence[str], rate: float, times: Times) -> None:
    """Each at its time, counted from the first."""
    began = time.perf_counter()

    async def one(application_id: str, due: float) -> None:
        await http.post(
            "customer", f"/application/applications/{application_id}/submit", key=f"submit/{application_id}"
        )
        times.answered[application_id] = now = time.perf_counter()
        times.submit.append(now - due)

    async with asyncio.TaskGroup() as group:
        for number, application_id in enumerate(applications):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(application_id, due))


async def _seen(store: asyncpg.Connection, applications: Sequence[str], times: Times) -> None:
    """When each decision is there, until all are."""
    open_ = dict.fromkeys(f"decision-{one}" for one in applications)
    deadline = time.perf_counter() + len(applications) / min(RATES) + PATIENCE_S
    while open_:
        assert time.perf_counter() < deadline, f"{len(open_)} applications were not decided in time"
        rows = await store.fetch(DECIDED, list(islice(open_, AT_ONCE)))
        now = time.perf_counter()
        for row in rows:
            del open_[row["stream_id"]]
            times.decided[row["stream_id"].removeprefix("decision-")] = now
        await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def _stores(running: Running) -> AsyncIterator[dict[str, asyncpg.Connection]]:
    connections = {name: await asyncpg.connect(embedded(running.layout.directory, name)) for name in STEPS}
    try:
        yield connections
    finally:
        for connection in connections.values():
            await connection.close()


async def _steps(stores: Mapping[str, asyncpg.Connection], applications: Sequence[str]) -> dict[str, list[float]]:
    """Milliseconds between the recordings of each step's event and the one before."""
    wanted = set(applications)
    recorded: dict[str, dict[str, int]] = {}
    for service, types in STEPS.items():
        rows = await stores[service].fetch(RECORDED, list(types))
        recorded[service] = {
            row["id"]: parse_us(orjson.loads(row["metadata"])["recorded_at"]) for row in rows if row["id"] in wanted
        }
        assert recorded[service].keys() == wanted, f"{service}: every application took every step without a person"
    return {
        f"{one} to {other}": [(recorded[other][each] - recorded[one][each]) / 1000 for each in wanted]
        for one, other in pairwise(STEPS)
    }


class Rounds:
    """Rounds at a rate, each on people of its own, and what they showed besides the figure."""

    def __init__(self, running: Running, stores: dict[str, asyncpg.Connection], seconds: int) -> None:
        self._running, self._stores, self._seconds, self._number = running, stores, seconds, 0
        self.told: dict[int, list[dict[str, float]]] = {rate: [] for rate in RATES}

    async def __call__(self, rate: int) -> float:
        """Milliseconds from the answer to the decision, the slowest of a hundred."""
        self._number += 1
        seed = f"decide-{self._number}"
        http = Platform.at(self._running.url, self._running.layout.identity, seed=seed, connections=256)
        try:
            applications = await _drafted(http, seed, rate * self._seconds)
            await http.settle()
            times, before = Times(), self._running.cpu_s_by_part()
            began = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                group.create_task(_seen(self._stores["approval"], applications, times))
                group.create_task(_submitted(http, applications, rate, times))
            took_s = time.perf_counter() - began
            used = _since(before, self._running.cpu_s_by_part())
            await http.settle()
            steps = await _steps(self._stores, applications)
            waited = times.milliseconds()
            self.told[rate].append(
                {
                    "p50_ms": percentile(waited, 50),
                    "p99_ms": percentile(waited, 99),
                    "submit_p99_ms": percentile(times.submit, 99) * 1000,
                    "decided_a_second": len(applications) / took_s,
                    "cores_busy": sum(used.values()) / took_s,
                    "cpu_ms_an_application": sum(used.values()) * 1000 / len(applications),
                    **{f"cpu_ms_an_application: {part}": s * 1000 / len(applications) for part, s in used.items()},
                    **{f"{step} p50_ms": percentile(found, 50) for step, found in steps.items()},
                    **{f"{step} p99_ms": percentile(found, 99) for step, found in steps.items()},
                }
            )
            return percentile(waited, 99)
        finally:
            await http.close()


def _since(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    return {part: seconds - before.get(part, 0.0) for part, seconds in now.items()}


def percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


async def measure(session: Session) -> Result:
    seconds = session.size(bounded=5, full=60)
    session.stage("starting the platform")
    with platform(PROCESSES) as running:
        async with _stores(running) as stores:
            rounds = Rounds(running, stores, seconds)
            await rounds(max(RATES[:-1]))  # warm: nobody's first application is what is measured
            for told in rounds.told.values():
                told.clear()
            medians = await session.in_turns(
                f"{seconds} s at each rate", {f"{rate}/s": _at(rounds, rate) for rate in RATES}
            )
    middle = {
        f"{rate}/s": {name: round(percentile([one.get(name, 0.0) for one in told], 50), 1) for name in told[0]}
        for rate, told in rounds.told.items()
    }
    goal = middle[f"{RATE}/s"]
    return Result(
        unit="ms, 99th percentile",
        ours=medians[f"{RATE}/s"],
        goals=[
            Goal(f"ms from submitted to decided at {RATE}/s, p99", medians[f"{RATE}/s"], most=P99_MS_MOST),
        ],
        runs=session.runs,
        limited_by=f"the processor: {goal['cpu_ms_an_application']:.0f} ms an application until the last is decided, "
        f"{goal['cpu_ms_an_application: services']:.0f} of them in the two processes of the services, times {RATE} a "
        f"second; of two cores the platform had {goal['cores_busy']:.1f}",
        details={"seconds": seconds, "by_rate": middle},
    )


def _at(rounds: Rounds, rate: int) -> Any:
    async def one() -> float:
        return await rounds(rate)

    return one
