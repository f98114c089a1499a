"""Borrowers who walk through life while things break: a front end that repeats what was not answered, under its key.

What is written down here is what the platform acknowledged. Nothing else is asked of it: the verdicts are worked out
from this record, from the bank's own, and from the stores.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import aiohttp

from standalone.demo.play import today
from standalone.fleet import Fleet
from standalone.http import Platform, Refused
from tests.integration.borrowers import Borrower, fen, of_fen
from tests.integration.client import Client
from tests.integration.running import BankRecord
from tests.integration.town import Town

ATTEMPT_S: Final = 8.0
"""After which an unanswered request is sent again, under the same key, where possible to another process."""
PATIENCE_S: Final = 240.0
"""For one request or one wait once nothing is broken any more: longer than the longest lease and a group's session.
As long as things are being broken, how long they are away depends on the machine, and nobody gives up."""
REPAYMENTS: Final = 3
POLL_S: Final = 0.3
DAY_S: Final = 12.0
"""Between two day-ends."""
OVERTAKEN: Final = timedelta(days=7)
"""No day ends while a borrower is that far behind: an offer that lapses meanwhile would be nobody's fault."""


class GaveUp(Exception):
    """The platform did not come back in time, or refused what it must accept."""


class PatientClient(Client):
    """Repeats what was not answered; every process of a service is asked in turn."""

    def __init__(self, fleet: Fleet, *, seed: str) -> None:
        super().__init__("", {}, seed=seed, connections=64)
        self._fleet, self._urls, self._turn = fleet, fleet.urls, 0
        self._signed: dict[str, tuple[str, float]] = {}
        self.repeated: Counter[str] = Counter()
        self.calm_since = 0.0
        """Monotonic time from which on patience is counted; infinite while things are being broken."""

    def loses_patience(self, since: float) -> bool:
        """Whether what was begun at that monotonic time has been waited for long enough."""
        return time.monotonic() > max(since, self.calm_since) + PATIENCE_S

    async def _token(self, user: str) -> str:
        token, until = self._signed.get(user, ("", 0.0))
        if time.monotonic() > until:
            token = self._fleet.issuer.token(user)
            self._signed[user] = (token, time.monotonic() + 1800)
        return token

    def _at(self, path: str) -> str:
        urls = self._urls[path.split("/", 2)[1]]
        self._turn += 1
        return urls[self._turn % len(urls)] + path

    async def _call(self, method: str, user: str, path: str, **request: Any) -> Any:
        began, attempt = time.monotonic(), 0
        while True:
            try:
                async with asyncio.timeout(ATTEMPT_S):
                    return await super()._call(method, user, path, **request)
            except (aiohttp.ClientError, OSError) as error:  # a timeout is an OSError
                reason = type(error).__name__
            except Refused as refused:
                if refused.status < 500 and refused.code != "conflict":
                    raise
                reason = str(refused.status)
            self.repeated[reason] += 1
            attempt += 1
            if self.loses_patience(began):
                raise GaveUp(f"{method} {path}: no answer within {PATIENCE_S:.0f} s, last {reason}")
            await asyncio.sleep(min(0.05 * 2**attempt, 2.0))

    async def side(self, service: str) -> Any:
        return await Platform.side(self, service)


@dataclass
class Walked:
    """What the front end knows of one borrower, from answers alone."""

    name: str
    application_id: str
    loan_id: str
    since: date
    end: str = ""
    repayments: list[int] = field(default_factory=list)
    """Acknowledged, in fen."""


@dataclass
class Load:
    """Walks borrowers through life until it is told to stop, several at once, and closes a day now and then."""

    client: PatientClient
    bank: BankRecord
    at_once: int
    on_end: Callable[[Walked], None] = lambda _walked: None
    walked: list[Walked] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    days: int = 0
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _number: int = 0
    _on_their_way: list[Walked] = field(default_factory=list)

    def stop(self) -> None:
        """Borrowers that are on their way go on to their end; no more begin."""
        self._stopping.set()

    async def open(self) -> None:
        """Look around: the date, and which papers are asked for."""
        self.town = Town(self.client, self.bank, await today(self.client))
        await self.town.papers("consumer-standard", "UNSECURED")

    async def walk(self, count: int) -> None:
        """So many borrowers to their ends, all at once."""
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self._one())

    async def run(self) -> None:
        """Until `stop`."""
        await self.open()
        async with asyncio.TaskGroup() as group:
            for _ in range(self.at_once):
                group.create_task(self._one_after_another())
            group.create_task(self._days())

    async def _one_after_another(self) -> None:
        while not self._stopping.is_set():
            await self._one()

    async def _one(self) -> None:
        self._number += 1
        borrower = Borrower(self.town, f"faults-{self._number}", bank=())
        walked = Walked(borrower.name, borrower.application_id, borrower.loan_id, since=self.town.today)
        self.walked.append(walked)
        self._on_their_way.append(walked)
        try:
            walked.end = await self._walk(borrower, walked)
            self.on_end(walked)
        except (GaveUp, Refused, AssertionError) as error:
            self.failures.append(f"{borrower.name}: {error}")
        finally:
            self._on_their_way.remove(walked)

    async def _walk(self, who: Borrower, walked: Walked) -> str:
        await who.applies()
        decision = await self._until(who.decision, lambda found: found["status"])
        if decision["status"] not in ("APPROVED", "ACCEPTED"):
            return f"decision {decision['status']}"
        await self._until(who.contract, lambda found: found["document_sha256"])
        await who.signs()
        ends = ("ACTIVE", "CANCELLED", "SETTLED")
        loan = await self._until(who.loan, lambda found: found["state"] in ends)
        if loan["state"] == "CANCELLED":
            return "CANCELLED"
        for number in range(REPAYMENTS):
            amount = of_fen(400_00 + number)
            try:
                await who.repays(amount, key=str(number))
            except Refused as refused:
                if refused.status != 409:  # the bank sent the payout back meanwhile
                    raise
                return "RETURNED"
            walked.repayments.append(fen(amount))
        return "ACTIVE"

    async def _until(self, look: Callable[[], Awaitable[Any]], done: Callable[[Any], Any]) -> Any:
        """What is found once it is as it should be; what is not there yet is waited for."""
        began, found = time.monotonic(), None
        while not self.client.loses_patience(began):
            try:
                found = await look()
                if done(found):
                    return found
            except Refused as refused:
                if refused.status != 404:
                    raise
            await asyncio.sleep(POLL_S)
        raise GaveUp(f"{look.__qualname__}: not there within {PATIENCE_S:.0f} s; last: {found}")

    async def _days(self) -> None:
        while True:
            try:
                async with asyncio.timeout(DAY_S):
                    await self._stopping.wait()
                return
            except TimeoutError:
                pass
            until: date = self.town.today
            if any(until - one.since >= OVERTAKEN for one in self._on_their_way):
                continue
            body = {"until": until.isoformat()}
            try:
                await self.client.post("operator", "/ledger/day-ends", body, key=f"day/{until}")
            except (GaveUp, Refused) as error:
                self.failures.append(f"day-end {until}: {error}")
                return
            self.town.today = until + timedelta(days=1)
            self.days += 1


def acknowledged(walked: Sequence[Walked]) -> Mapping[str, list[int]]:
    """Repayments that the platform has acknowledged, by loan."""
    return {one.loan_id: sorted(one.repayments) for one in walked if one.repayments}
