"""Appends that are asked for while others are under way travel together: one round trip, one commit, each by itself.

An append that comes alone goes at once, so nobody waits for company; after one that went alone, without so much as a task
of its own. While as many transactions are under way as bring something, what comes gathers, and goes with the next: the
busier, the cheaper each. A transaction never waits for a stream that somebody holds: such an append is done alone
afterwards, so one that waits holds nobody up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, Final

import asyncpg

from libs.events.envelope import NewEvent, leaf_bytes
from libs.events.errors import is_transient
from libs.events.merkle import leaf_hash
from libs.events.store import AlreadyAnswered, Answer, ConcurrencyError

FLIGHTS: Final = 2
"""Transactions under way at once: while the server works on one, the next is made ready."""
LARGEST: Final = 64
"""Appends in one transaction: beyond this, more in one brings nothing, and each would wait longer."""
SPLIT: Final = 4
"""More appends than this are shared out among the transactions that may begin. Who appended in one transaction comes back
together, and with all in one the server would wait while the client makes the next ready, and the client while the
server works: a rhythm that, once there, would not end by itself."""

APPEND_EACH: Final = "select es.append_each($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"

Alone = Callable[[str, int, Sequence[NewEvent], Answer | None], Awaitable[int]]
"""One append in a transaction of its own."""


class Outcome(IntEnum):
    """What became of an append, as `es.append_each` says it."""

    DONE = 0
    ELSEWHERE = 1
    ANSWERED = 2
    HELD = 3


@dataclass(eq=False, slots=True)
class _Append:
    stream_id: str
    expected_version: int
    events: Sequence[NewEvent]
    answer: Answer | None
    done: asyncio.Future[int]

    def settle(self, outcome: Outcome) -> None:
        if self.done.done():
            return
        if outcome is Outcome.DONE:
            self.done.set_result(self.expected_version + len(self.events))
        elif outcome is Outcome.ELSEWHERE:
            self.done.set_exception(ConcurrencyError(f"{self.stream_id} is not at version {self.expected_version}"))
        else:
            assert self.answer is not None, "only a key can have been answered"
            self.done.set_exception(AlreadyAnswered(self.answer.key))

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Together:
    """Appends for one pool, of one event loop."""

    def __init__(self, pool: asyncpg.Pool[Any], alone: Alone) -> None:
        self._pool, self._alone = pool, alone
        self._waiting: deque[_Append] = deque()
        self._busy: set[tuple[str, str]] = set()
        self._flights: set[asyncio.Task[None]] = set()
        self._scheduled = False
        self._lonely = True
        """What went last went by itself, and nobody came meanwhile."""
        self._direct = False
        """Whether one is on its way in the task of whoever asked."""

    async def append(
        self, stream_id: str, expected_version: int, events: Sequence[NewEvent], answer: Answer | None
    ) -> int:
        """As `libs.events.store.Session.append`. Whoever is cancelled may have been too late: it may be done."""
        if self._lonely and not self._waiting and not self._in_the_air():
            return await self._go(stream_id, expected_version, events, answer)
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Append(stream_id, expected_version, events, answer, done))
        self._soon()
        return await done

    async def _go(
        self, stream_id: str, expected_version: int, events: Sequence[NewEvent], answer: Answer | None
    ) -> int:
        """At once: where nobody else appends, there is nothing to wait for that might come along."""
        names = _names(stream_id, answer)
        self._busy |= names
        self._direct = True
        try:
            return await self._alone(stream_id, expected_version, events, answer)
        finally:
            self._direct = False
            self._busy -= names
            self._soon()

    def _in_the_air(self) -> int:
        return len(self._flights) + self._direct

    def _soon(self) -> None:
        """Begin after all that is ready to run now has run, since it may append as well."""
        if not self._scheduled and self._waiting and self._in_the_air() < FLIGHTS:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._scheduled = False
        batch = self._take()
        if batch:
            self._lonely = len(batch) == 1 and not self._waiting
            flight = asyncio.create_task(self._fly(batch))
            self._flights.add(flight)
            flight.add_done_callback(self._landed)
            self._soon()

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        self._soon()

    def _take(self) -> list[_Append]:
        """The next batch, this transaction's share of what waits: nothing of a stream or key that is under way or in it
        already."""
        batch: list[_Append] = []
        left: deque[_Append] = deque()
        share = -(-len(self._waiting) // max(FLIGHTS - self._in_the_air(), 1))
        most = min(max(share, SPLIT), LARGEST)
        while self._waiting and len(batch) < most:
            append = self._waiting.popleft()
            if append.done.done():
                continue
            names = _names(append.stream_id, append.answer)
            if names & self._busy:
                left.append(append)
            else:
                self._busy |= names
                batch.append(append)
        self._waiting.extendleft(reversed(left))
        return batch

    async def _fly(self, batch: list[_Append]) -> None:
        try:
            if len(batch) == 1:
                await self._single(batch[0])
            else:
                await self._all(batch)
        except BaseException as error:
            for append in batch:
                append.fail(error)
            if not isinstance(error, Exception):
                raise
        finally:
            for append in batch:
                self._busy -= _names(append.stream_id, append.answer)

    async def _all(self, batch: list[_Append]) -> None:
        batch.sort(key=lambda append: append.stream_id)
        try:
            outcomes = await self._pool.fetchval(APPEND_EACH, *_columns(batch))
        except Exception as error:
            if is_transient(error) and not isinstance(error, asyncpg.TransactionRollbackError):
                raise
            # One of them is not as the server wants it: it alone shall hear of it.
            outcomes = [Outcome.HELD] * len(batch)
        left = []
        for append, outcome in zip(batch, map(Outcome, outcomes), strict=True):
            if outcome is Outcome.HELD:
                left.append(self._single(append))
            else:
                append.settle(outcome)
        await asyncio.gather(*left)

    async def _single(self, append: _Append) -> None:
        try:
            version = await self._alone(append.stream_id, append.expected_version, append.events, append.answer)
        except Exception as error:  # noqa: BLE001  # whoever asked is told
            append.fail(error)
        else:
            assert version == append.expected_version + len(append.events), "the store counts as we do"
            append.settle(Outcome.DONE)


def _names(stream_id: str, answer: Answer | None) -> set[tuple[str, str]]:
    names = {("stream", stream_id)}
    if answer is not None:
        names.add(("key", answer.key))
    return names


def _columns(batch: Sequence[_Append]) -> list[Sequence[Any] | None]:
    """The arguments of `es.append_each`: six with an element an append, seven with an element an event."""
    places = [
        (append.stream_id, version, event)
        for append in batch
        for version, event in enumerate(append.events, append.expected_version + 1)
    ]
    return [
        [append.stream_id for append in batch],
        [append.expected_version for append in batch],
        [len(append.events) for append in batch],
        *_answers([append.answer for append in batch]),
        [number for number, append in enumerate(batch, 1) for _ in append.events],
        [version for _, version, _ in places],
        *(zip(*(event for _, _, event in places), strict=True) if places else ((),) * len(NewEvent._fields)),
        [leaf_hash(leaf_bytes(stream, version, *event)) for stream, version, event in places],
    ]


def _answers(answers: Sequence[Answer | None]) -> Sequence[Sequence[Any] | None]:
    """Keys, fingerprints and answers; nothing at all where none of them has one, which is sooner said."""
    if not any(answers):
        return (None,) * len(fields(Answer))
    return [[answer and getattr(answer, member.name) for answer in answers] for member in fields(Answer)]
