"""The contract of an event store, and of the one atomic unit in which a service writes.

Two implementations keep it, PostgreSQL (`libs.events.postgres`) and memory (`libs.events.memory`); one test suite
runs over both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from libs.events.envelope import NewEvent, StoredEvent
from libs.events.operations import OWN, Progress
from libs.events.projection import Change

__all__ = [
    "OWN",
    "AlreadyAnswered",
    "Answer",
    "ConcurrencyError",
    "Fenced",
    "ForeignCluster",
    "Parked",
    "Position",
    "RelayState",
    "Session",
    "Store",
    "Task",
]


class ConcurrencyError(Exception):
    """The stream is not at the expected version: load and decide again, never append the same again."""


class AlreadyAnswered(Exception):
    """A command with this key has been answered: read the answer, do nothing."""


class Fenced(Exception):
    """Another holder of the same position has moved on: whoever sees this stops and starts from what is stored."""


class ForeignCluster(Exception):
    """The store was restored into another database cluster; `adopt` it before anything is sequenced."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The remembered answer to a command: given again for the same key and fingerprint."""

    key: str
    fingerprint: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """How far a consumer is in one partition: the last sequence handled, and the offset to read next."""

    last_sequence: int = 0
    next_offset: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work on the outside world; `task_id` is derived from its cause, so it exists once."""

    task_id: UUID
    kind: str
    key: str
    payload: bytes
    delay: timedelta = timedelta()
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Parked:
    """An event that waits for a person, with the place it came from."""

    consumer: str
    topic: str
    partition: int
    source: str
    event: StoredEvent
    error: str
    attempts: int


@dataclass(frozen=True, slots=True)
class RelayState:
    """What the relay knows: how far the broker has acknowledged, and what its partitions must therefore hold."""

    position: int = 0
    broker: str = ""
    previous: Sequence[int] = field(default_factory=tuple)
    offsets: Sequence[int] = field(default_factory=tuple)


class Session(Protocol):
    """One atomic unit. All of it becomes visible at the end of `Store.transaction()`, or none.

    `ConcurrencyError`, `AlreadyAnswered` and `Fenced` may be raised by the call or by the end of the transaction.
    """

    @property
    def connection(self) -> Any:
        """The driver's own connection, for a service's own statements; None in memory."""
        ...

    async def load(self, stream_id: str, after_version: int = 0) -> list[StoredEvent]:
        """The events of a stream, oldest first; none when there is no such stream."""
        ...

    async def append(
        self, stream_id: str, expected_version: int, events: Sequence[NewEvent], answer: Answer | None = None
    ) -> int:
        """Append at `expected_version` (0: new) and return the new version; with `answer`, remember that as well."""
        ...

    async def copy(self, events: Sequence[StoredEvent]) -> None:
        """Append events of other stores as they are: same streams, versions, identifiers and bytes, in this order.

        Raises `ConcurrencyError` when a stream is not where the first of its events follows.
        """
        ...

    async def advance(
        self,
        consumer: str,
        topic: str,
        partition: int,
        old: Position | None,
        new: Position,
        stream_ids: Sequence[str] = (),
        *,
        lasting: bool = True,
    ) -> set[str]:
        """Move a consumer on from `old` (None: it has no position yet); raises `Fenced` when it is elsewhere.

        Which of `stream_ids` have something parked, so that what follows must wait as well. Not `lasting`: the commit
        of this transaction need not wait for the disk; a crash of the server may take it back, whole.
        """
        ...

    async def apply(self, changes: Sequence[Change]) -> None:
        """Write read-model rows, in order."""
        ...

    async def schedule(self, tasks: Sequence[Task]) -> None:
        """Ask for work; what was asked for before is not asked for again."""
        ...

    async def finish(self, task_id: UUID) -> None:
        """Mark a task as done; raises `Fenced` when it is not open, so that nothing is written for it twice."""
        ...

    async def park(self, parked: Parked) -> None:
        """Set an event aside for a person; the same one twice is one."""
        ...

    async def unpark(self, consumer: str, topic: str, stream_id: str, sequence: int) -> None:
        """Take a parked event back; raises `Fenced` when it is not there, since somebody else has taken it."""
        ...

    async def answered(self, key: str) -> Answer | None:
        """The remembered answer to a command key."""
        ...

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call this once all of it is visible, and never when it fails; at once outside a transaction."""
        ...


class Store(Session, Protocol):
    """A service's store. The methods of `Session` called on it are atomic each by themselves."""

    def transaction(self) -> AbstractAsyncContextManager[Session]: ...

    @property
    def losses(self) -> int:
        """How often a connection to the server was lost. Each time it may have crashed, and taken back what need not
        last: whoever remembers how far he is reads it again when this has changed."""
        ...

    async def verify_cluster(self) -> None:
        """Raises `ForeignCluster` when the store was restored into another database cluster."""
        ...

    async def stamp(self) -> int | None:
        """Give every newly committed event its place in the total order; the last place, None if another is at it."""
        ...

    def on_scheduled(self, wake: Callable[[], None]) -> None:
        """Call this whenever work was asked for, once that is committed."""
        ...

    def on_stamped(self, heed: Callable[[Sequence[StoredEvent] | None], None]) -> None:
        """Call this with all that was given its place, whoever appended it, when `stamp` is called and has learned of it:
        the events in their order, or None where they are too many, or were stamped elsewhere."""
        ...

    async def read(self, after_sequence: int, limit: int) -> list[StoredEvent]:
        """Events of the total order after a place: contiguous, and the same whenever it is asked again."""
        ...

    async def last_sequence(self) -> int: ...

    async def positions(self, consumer: str) -> Mapping[tuple[str, int], Position]:
        """All positions of a consumer, by topic and partition."""
        ...

    async def claim_tasks(self, kinds: Sequence[str], limit: int, lease: timedelta) -> list[Task]:
        """Take due tasks for as long as `lease`; nobody else is given them meanwhile."""
        ...

    async def retry_task(self, task_id: UUID, error: str, delay: timedelta | None) -> None:
        """Put a claimed task back for later, or give it up (None)."""
        ...

    async def open_tasks(self) -> int:
        """How many tasks are due now, being worked on, or put back after a failure."""
        ...

    async def progress(self) -> Progress:
        """How far everything is, at one moment."""
        ...

    async def parked(self, consumer: str, stream_id: str | None = None) -> list[Parked]:
        """What is parked, in order."""
        ...

    async def relay_claim(self, owner: UUID, lease: timedelta) -> int | None:
        """Become or stay the relay's owner: the epoch that fences the others, None while another one lives."""
        ...

    async def relay_release(self, owner: UUID) -> None:
        """Give the relay up, if it is still this one's: the next claim of anybody need not wait for the lease's end."""
        ...

    async def relay_state(self) -> RelayState: ...

    async def relay_save(self, epoch: int, state: RelayState) -> None:
        """Record progress under an epoch; raises `Fenced` when the ownership has passed on."""
        ...
