"""Does to a fleet what the plan says, and brings back what it ended."""

from __future__ import annotations

import asyncio
import math
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast

import aiohttp
import asyncpg

from standalone.fleet import Fleet, Member
from standalone.processes import ServerNotStarted
from tests.faults.plan import Fault, Kind

AT_ONCE: Final = 3
"""Faults that overlap at most: beyond that there is nothing left that could go wrong."""
LONGEST_REST_S: Final = 60.0
OWNER: Final = re.compile(r"^puhui_relay_owner\{.*\} 1\.0$", re.MULTILINE)
SHARED: Final = ("broker", "postgres", "bank")
FAILOVER_S: Final = 5.0
"""Within that time another process is to own the relay."""
FAILOVER_PATIENCE_S: Final = 30.0
BEFORE_S: Final = 15.0
"""A fault that was over so long before may still be felt: whoever said goodbye to a broker that was gone was at it."""
START_WITHIN_S: Final = 180.0
"""How long a service that cannot start since something that it needs is away is started again; a supervisor never tires.
PostgreSQL is away for longer than a few attempts where it is frozen, killed and recovers on a busy machine."""
RESTART_S: Final = 2.0


@dataclass(slots=True)
class Span:
    """A fault on its way: from its beginning until its target was itself again."""

    fault: Fault
    target: str
    began: float
    ended: float = math.inf

    def told(self, since: float) -> str:
        """In seconds from then on."""
        until = "on" if self.ended == math.inf else f"{self.ended - since:.1f} s"
        return f"{self.fault.kind}: {self.target}, {self.began - since:.1f} s to {until}"


@dataclass(frozen=True, slots=True)
class Failover:
    """How long a service's relay had no owner that was alive after its owner was killed.

    `able_s` counts from when a process was there that could take over, without a break: the others may be frozen, killed
    and starting as well, and PostgreSQL, where the lease lies, may be away. None where that was so until the end. `beside` are the faults on them and on the broker.
    """

    service: str
    total_s: float
    able_s: float | None
    beside: Sequence[str]


@dataclass
class Injected:
    """What was done, and how long relays had no owner after theirs was killed."""

    counts: Counter[Kind] = field(default_factory=Counter)
    failovers: list[Failover] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    restarts: int = 0
    failures: list[str] = field(default_factory=list)


class Injector:
    """One fault after another, some of them at once; each target has one at a time.

    What everybody needs is left up as long as it was down: on a machine where a broker starts slowly it would be away
    all the time, and nothing would be tried but its absence.
    """

    def __init__(self, fleet: Fleet, on_fault: Callable[[Fault], None]) -> None:
        self._fleet, self._on_fault = fleet, on_fault
        self._members = {member.name: member for member in fleet.members}
        self._busy = {name: asyncio.Lock() for name in (*self._members, *SHARED)}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.done = Injected()

    async def run(self, faults: list[Fault], until: float) -> None:
        """All of them, or those that begin before the monotonic time `until`; returns when all is up again."""
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                if time.monotonic() > until:
                    break
                await asyncio.sleep(fault.pause_s)
                await self._slots.acquire()
                group.create_task(self._one(fault))

    async def _one(self, fault: Fault) -> None:
        async with AsyncExitStack() as held:
            try:
                target = await self._owner(fault.target) if fault.kind is Kind.KILL_RELAY_OWNER else fault.target
                await held.enter_async_context(self._busy[target])
                self._on_fault(fault)
                began = time.monotonic()
                span = Span(fault, target, began)
                self.done.spans.append(span)
                try:
                    await self._do(fault, target)
                finally:
                    span.ended = time.monotonic()
                self.done.counts[fault.kind] += 1
            except Exception as error:  # noqa: BLE001 - told in the verdict
                self.done.failures.append(f"{fault.kind} of {fault.target}: {error!r}")
                return
            finally:
                self._slots.release()
            if target in SHARED:
                await asyncio.sleep(min(time.monotonic() - began, LONGEST_REST_S))

    async def _do(self, fault: Fault, target: str) -> None:
        fleet, hold_s = self._fleet, fault.hold_s
        match fault.kind:
            case Kind.KILL_SERVICE:
                await self._end(self._members[target], self._members[target].kill, hold_s)
            case Kind.STOP_SERVICE:
                await self._end(self._members[target], self._members[target].stop, hold_s)
            case Kind.KILL_RELAY_OWNER:
                await self._end_owner(self._members[target], hold_s)
            case Kind.FREEZE_SERVICE:
                self._members[target].freeze()
                await asyncio.sleep(hold_s)
                self._members[target].thaw()
            case Kind.KILL_BROKER:
                await self._again(fleet.broker.kill, fleet.broker.start, hold_s)
            case Kind.WIPE_BROKER:
                await self._again(fleet.broker.wipe, fleet.broker.start, hold_s)
            case Kind.KILL_POSTGRES:
                await self._again(fleet.postgres.kill, fleet.postgres.start, hold_s)
            case Kind.KILL_BANK:
                await self._again(fleet.bank.kill, fleet.bank.start, hold_s)
            case Kind.FREEZE_BROKER | Kind.FREEZE_POSTGRES:
                server = fleet.broker if fault.kind is Kind.FREEZE_BROKER else fleet.postgres
                server.send(signal.SIGSTOP)
                await asyncio.sleep(hold_s)
                server.send(signal.SIGCONT)

    async def _again(self, end: Callable[[], None], start: Callable[[], None], hold_s: float) -> None:
        await asyncio.to_thread(end)
        await asyncio.sleep(hold_s)
        await asyncio.to_thread(start)

    async def _end(self, member: Member, end: Callable[[], None], hold_s: float) -> None:
        await asyncio.to_thread(end)
        await asyncio.sleep(hold_s)
        await self._start(member)

    async def _start(self, member: Member) -> None:
        """As a supervisor does: what cannot start since something that it needs is away is started again."""
        until = time.monotonic() + START_WITHIN_S
        while True:
            try:
                await asyncio.to_thread(member.start)
                return
            except ServerNotStarted:
                self.done.restarts += 1
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(RESTART_S)

    async def _end_owner(self, member: Member, hold_s: float) -> None:
        """Where another process of the service is there to take over, note how long that takes."""
        began = time.monotonic()
        await asyncio.to_thread(member.kill)
        await self._note_failover(member, began)
        await asyncio.sleep(hold_s)
        await self._start(member)

    async def _note_failover(self, member: Member, began: float) -> None:
        """Until an owner that is alive has said so: one who took over, or who had done so before the other was killed."""
        others = [other for other in self._fleet.of(member.service) if other is not member]
        since = await self._asked(member.service, "select clock_timestamp()")
        able_since: float | None = None
        while since is not None and time.monotonic() - began < FAILOVER_PATIENCE_S:
            beat = await self._asked(member.service, "select heartbeat from es.relay where owner is not null")
            if beat is None or not any(other.runs for other in others):
                return  # the database is away as well, or the others were killed too: nobody could take over
            now = time.monotonic()
            if not any(self._well(other.name) for other in others) or not self._well("postgres"):
                able_since = None
            elif able_since is None:
                able_since = now
            if beat > since:
                break
            await asyncio.sleep(0.05)
        if since is not None:
            self.done.failovers.append(self._failover(member, began, able_since))

    def _failover(self, member: Member, began: float, able_since: float | None) -> Failover:
        now = time.monotonic()
        near = {other.name for other in self._fleet.of(member.service)} | {"postgres", "broker"}
        beside = [
            span.told(began)
            for span in self.done.spans
            if span.ended > began - BEFORE_S and span.target in near and span.target != member.name
        ]
        able_s = None if able_since is None else now - able_since
        return Failover(member.service, now - began, able_s, beside)

    def _well(self, target: str) -> bool:
        """Whether no fault is on its way at this target, which is itself again as soon as it serves."""
        return all(span.target != target or span.ended < math.inf for span in self.done.spans)

    async def _asked(self, service: str, statement: str) -> datetime | None:
        try:
            connection = await asyncpg.connect(self._fleet.postgres.dsn(service), timeout=2)
            try:
                return cast("datetime | None", await connection.fetchval(statement, timeout=2))
            finally:
                connection.terminate()  # a server that was stopped in the middle of it would answer no farewell
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InternalClientError):
            return None

    async def _owner(self, service: str) -> str:
        """Which process publishes for a service, as its metrics say; any of them while none says so."""
        members = self._fleet.of(service)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as http:
            for member in members if len(members) > 1 else ():
                try:
                    async with http.get(f"{member.url}/{service}/metrics") as answer:
                        if OWNER.search(await answer.text()):
                            return member.name
                except (aiohttp.ClientError, TimeoutError):
                    continue
        return members[0].name
