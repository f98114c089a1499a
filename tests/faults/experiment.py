"""One experiment: a fleet under load, faults by a seed, and what came of it."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.contracts.catalogue import topic
from libs.events.operations import unsettled
from libs.service.settling import settle
from standalone.fleet import Fleet, fleet
from standalone.platform import Layout
from standalone.postgres import EmbeddedPostgres
from standalone.services import SERVICES
from tests.faults import verdicts
from tests.faults.facts import facts
from tests.faults.inject import FAILOVER_S, Injected, Injector
from tests.faults.load import Load, PatientClient, Walked, acknowledged
from tests.faults.plan import Fault, plan
from tests.faults.verdicts import Verdict
from tests.integration.running import BANK_SEED, BankRecord

FIRST_DATE: Final = date(2026, 1, 5)
PROCESSES: Final[Mapping[str, Mapping[str, int]]] = {"kafka": {"ledger": 3, "contract": 2}, "tansu": {"ledger": 2}}
"""Services with more processes than one. With Tansu, which knows no groups, both read all and one gets on."""
SETTLE_S: Final = 240.0
STUCK_AFTER_S: Final = 30
BETWEEN_S: Final = 0.5


class Watcher(Protocol):
    """Is told how the experiment goes on."""

    def stage(self, text: str) -> None: ...

    def fault(self, fault: Fault) -> None: ...

    def walked(self, walked: Walked) -> None: ...


@dataclass
class Outcome:
    """What was done, what was found."""

    seed: int
    broker: str
    injected: Injected
    verdicts: Sequence[Verdict]
    walked: int
    events: int
    days: int
    repeated_requests: Mapping[str, int]
    records: int
    seconds: float
    loops_replaced: int = 0
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def kept(self) -> bool:
        return all(verdict.kept for verdict in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "broker": self.broker,
            "faults": self.injected.counts.total(),
            "faults_by_kind": {kind.value: count for kind, count in sorted(self.injected.counts.items())},
            "relay_failovers_s": [round(one.total_s, 2) for one in self.injected.failovers],
            "relay_failovers_of_one_able_s": [
                None if one.able_s is None else round(one.able_s, 2) for one in self.injected.failovers
            ],
            "relay_failovers_late": [
                {"service": one.service, "total_s": round(one.total_s, 2), "beside": list(one.beside)}
                for one in self.injected.failovers
                if one.total_s > FAILOVER_S
            ],
            "borrowers": self.walked,
            "days_closed": self.days,
            "events": self.events,
            "records_in_topics": self.records,
            "repeated_requests": dict(self.repeated_requests),
            "loops_replaced": self.loops_replaced,
            "seconds": round(self.seconds),
            "verdicts": [
                {"promise": one.promise, "kept": one.kept, "counted": one.counted, "wrong": list(one.wrong)[:50]}
                for one in self.verdicts
            ],
            "kept": self.kept,
        }


def run(
    directory: Path, *, broker: str, seed: int, faults: int, at_once: int, minutes: float, watch: Watcher
) -> Outcome:
    """Begin in a new directory, break things for at most `minutes`, wait until all is well again, and judge."""
    layout = Layout(directory)
    watch.stage("Starting every service as processes of its own")
    with fleet(
        layout,
        broker_name=broker,
        first_date=FIRST_DATE,
        bank_seed=BANK_SEED,
        processes=PROCESSES[broker],
        stuck_after_s=STUCK_AFTER_S,
    ) as running:
        try:
            return asyncio.run(_run(running, broker, seed, faults, at_once, minutes, watch))
        finally:
            (directory / "done").write_text(json.dumps({"seed": seed}))


async def _run(
    running: Fleet, broker: str, seed: int, faults: int, at_once: int, minutes: float, watch: Watcher
) -> Outcome:
    began = time.monotonic()
    client = PatientClient(running, seed=f"faults-{seed}")
    bank = BankRecord(running.layout.bank / "bank.sqlite")
    load = Load(client, bank, at_once, watch.walked)
    injector = Injector(running, watch.fault)
    try:
        walking = asyncio.create_task(load.run())
        names = {name: [member.name for member in running.of(name)] for name in SERVICES}
        watch.stage("Faults under load")
        client.calm_since = math.inf
        await injector.run(plan(seed, faults, names), until=began + minutes * 60)
        client.calm_since = time.monotonic()
        watch.stage("All is up again: borrowers walk on to their ends")
        load.stop()
        await walking
        return await judge(running, client, load, injector.done, broker=broker, seed=seed, began=began, watch=watch)
    finally:
        await client.close()


async def judge(
    running: Fleet,
    client: PatientClient,
    load: Load,
    injected: Injected,
    *,
    broker: str,
    seed: int,
    began: float,
    watch: Watcher,
    stores: Mapping[str, EmbeddedPostgres] | None = None,
) -> Outcome:
    """Wait until nothing is on its way, then compare all that can be compared.

    `stores` are the servers of those services whose database is not on the fleet's own.
    """
    watch.stage("Waiting until everything has been handled everywhere")
    settled: list[str] = []
    try:
        await settle({name: _asking(client, name) for name in SERVICES}, SETTLE_S)
    except TimeoutError:
        settled = unsettled([await client.side(name) for name in SERVICES]) or ["it came too late"]
    watch.stage("Comparing stores, topics, the bank's record and read models")
    found = await facts({**dict.fromkeys(SERVICES, running.postgres), **(stores or {})})
    topics = {name: await _records(running.broker.bootstrap_servers, topic(name)) for name in SERVICES}
    verified, progress = {}, {}
    for name in SERVICES:
        path = f"/{name}/operations"
        verified[name] = await client.post(
            "operator", f"{path}/verifications", key=f"verify/{name}/{time.time_ns()}", patient=True
        )
        progress[name] = (await client.get("operator", f"{path}/progress"))["progress"]
    judged = [
        Verdict("all faults of the plan were done", injected.counts.total(), injected.failures),
        verdicts.of_front_end(len(load.walked), load.failures),
        Verdict("everything that happened was handled everywhere", len(SERVICES), settled),
        verdicts.of_streams(found),
        verdicts.of_archive(found),
        verdicts.of_topics(found, topics),
        verdicts.of_followers(found),
        verdicts.of_acknowledged(found["ledger"], acknowledged(load.walked)),
        verdicts.of_bank(found["ledger"], load.bank),
        verdicts.of_sums(found["ledger"], await client.get("auditor", "/audit/statistics")),
        verdicts.of_read_models(verified),
        verdicts.of_books(await client.get("finance-officer", "/ledger/trial-balance")),
        verdicts.of_rest(progress),
    ]
    return Outcome(
        seed=seed,
        broker=broker,
        injected=injected,
        verdicts=judged,
        walked=len(load.walked),
        events=sum(len(one.events) for name, one in found.items() if name != "audit"),
        days=load.days,
        repeated_requests=client.repeated,
        records=sum(map(len, topics.values())),
        seconds=time.monotonic() - began,
        loops_replaced=sum(member.log.count("loop is stuck and is replaced") for member in running.members),
    )


def _asking(client: PatientClient, service: str) -> Any:
    async def look() -> Any:
        await asyncio.sleep(BETWEEN_S / len(SERVICES))  # the services need the processor more than we do
        return await client.side(service)

    return look


async def _records(bootstrap: str, name: str) -> list[str]:
    """The identifiers of all events in a topic, read by a client that knows nothing of ours."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [
            TopicPartition(name, number)
            for number in consumer.partitions_for_topic(name) or await _parts(consumer, name)
        ]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        found: list[str] = []
        silent = 0
        while silent < 5:
            polled = await consumer.getmany(timeout_ms=400, max_records=2000)
            silent = 0 if polled else silent + 1
            for records in polled.values():
                found += [dict(record.headers)["ce_id"].decode() for record in records]
        return found
    finally:
        await consumer.stop()


async def _parts(consumer: AIOKafkaConsumer, name: str) -> set[int]:
    consumer.subscribe([name])
    await consumer.getmany(timeout_ms=500)
    parts: set[int] = consumer.partitions_for_topic(name) or set()
    consumer.unsubscribe()
    return parts
