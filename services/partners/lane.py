"""One endpoint's way out: loans beside one another, the messages of one loan one after the other."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from libs.webhooks import Outcome, Post, RetrySchedule, Sender, Verdict, sign
from services.partners.records import Made
from services.partners.secrets_of import Secrets

LOANS_AT_ONCE: Final = 8
ROOM: Final = 100
"""Deliveries that a lane takes from the database at once."""
PROBE_AFTER: Final = 5
"""Failures in a row after which an endpoint rests, longer each time, and is tried with one delivery at a time."""

CLOSED_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Address:
    """An endpoint as the dispatcher knows it."""

    endpoint_id: str
    partner: str
    url: str
    generation: int
    previous_until: int


@dataclass(frozen=True, slots=True)
class Item:
    """A delivery to be made; `failed` attempts since it was asked for, `attempts` ever."""

    position: int
    subject: str
    failed: int
    attempts: int
    asked: int
    message_id: UUID
    body: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """An attempt to be written down, and which deliveries may be taken again once it is."""

    made: Made
    subject: str
    free: Sequence[int]


@dataclass(eq=False)
class Lane:
    """What is on its way to one endpoint. Holds up no other lane, whatever its endpoint does."""

    address: Address
    sender: Sender
    secrets: Secrets
    schedule: RetrySchedule
    slow_down_s: int
    done: Callable[[Done], None]
    gone: Callable[[Address], None]
    held: set[int] = field(default_factory=set)
    """Taken from the database and not written down yet."""
    closed: bool = False
    _closed_at: float = 0.0
    _failing: set[str] = field(default_factory=set)
    """Loans whose failure is not written down yet: until then the database does not know that later ones wait."""
    _passed_over: set[str] = field(default_factory=set)
    """Loans that stopped while the database was being asked: its answer may lack what now comes first of them."""
    _loans: dict[str, deque[Item]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _failures: int = 0
    _slow_until: float = 0.0
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOANS_AT_ONCE))

    @property
    def room(self) -> int:
        """How many more deliveries it takes now."""
        if self.closed or time.monotonic() < self._slow_until:
            return 0
        return max(0, (1 if self._failures >= PROBE_AFTER else ROOM) - len(self.held))

    @property
    def is_over(self) -> bool:
        """Whether it closed itself long enough ago: an endpoint that is active all the same gets a new lane."""
        return self.closed and time.monotonic() - self._closed_at > CLOSED_S

    def ask(self) -> Iterable[int]:
        """What is not to be looked for in the database, which is about to be asked for more."""
        self._passed_over.clear()
        return self.held

    def take(self, item: Item) -> None:
        """In the order of positions. One behind a failure is left where it is."""
        if self.closed or item.subject in self._failing or item.subject in self._passed_over:
            return
        self.held.add(item.position)
        loan = self._loans.get(item.subject)
        if loan is not None:
            loan.append(item)
            return
        self._loans[item.subject] = deque([item])
        task = asyncio.create_task(self._deliver(item.subject), name=f"webhook {self.address.endpoint_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def written(self, done: Done) -> None:
        """What was done stands in the database now."""
        self.held.difference_update(done.free)
        if done.made.outcome != "DELIVERED":
            self._failing.discard(done.subject)
            self._passed_over.add(done.subject)

    async def stop(self) -> None:
        """What is on its way is cut off: it is sent again, under the same identifier."""
        self.closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _deliver(self, subject: str) -> None:
        loan = self._loans[subject]
        try:
            while loan:
                async with self._turn:
                    if self.closed or time.monotonic() < self._slow_until:
                        break
                    if not await self._attempt(loan.popleft(), loan):
                        break
        finally:
            if loan:
                self.held.difference_update(item.position for item in loan)
                self._passed_over.add(subject)
            del self._loans[subject]

    async def _attempt(self, item: Item, behind: deque[Item]) -> bool:
        """Whether the next of the loan may go. After a failure those behind are let go once that is written down."""
        at, address = time.time(), self.address
        webhook_id = f"msg_{item.message_id.hex}"
        secrets = self.secrets.in_force(address.endpoint_id, address.generation, address.previous_until, at)
        headers = sign(secrets, webhook_id, int(at), item.body)
        outcome = await self.sender.send(Post(address.url, item.body, headers))
        delivered = outcome.verdict is Verdict.DELIVERED
        self._failures = 0 if delivered else self._failures + 1
        free = [item.position]
        if not delivered:
            free += [waiting.position for waiting in behind]
            behind.clear()
            self._failing.add(item.subject)
            self._heed(outcome)
        self.done(Done(self._made(item, outcome, webhook_id, at), item.subject, free))
        return delivered

    def _heed(self, outcome: Outcome) -> None:
        if self._failures >= PROBE_AFTER:
            rest_s = min(self.slow_down_s, 2 ** min(self._failures - PROBE_AFTER, 16))
            self._slow_until = max(self._slow_until, time.monotonic() + rest_s)
        if outcome.verdict is Verdict.SLOW_DOWN:
            pause_s = max(self.slow_down_s, min(outcome.retry_after_s or 0, self.schedule.retry_after_s_max))
            self._slow_until = max(self._slow_until, time.monotonic() + pause_s)
        elif outcome.verdict is Verdict.GONE:
            self.closed, self._closed_at = True, time.monotonic()
            self.gone(self.address)

    def _made(self, item: Item, outcome: Outcome, webhook_id: str, at: float) -> Made:
        pause_ms: int | None = 0
        becomes = "DELIVERED"
        if outcome.verdict is not Verdict.DELIVERED:
            failed = item.failed + 1
            pause_ms = self.schedule.pause_ms(webhook_id, self.address.endpoint_id, failed, outcome.retry_after_s)
            becomes = "GIVEN_UP" if pause_ms is None else "PENDING"
        return Made(
            endpoint_id=self.address.endpoint_id,
            position=item.position,
            number=item.attempts + 1,
            outcome=becomes,
            error=outcome.error,
            status=outcome.status,
            pause_ms=pause_ms or 0,
            elapsed_ms=outcome.elapsed_ms,
            at=at,
            asked=item.asked,
        )
