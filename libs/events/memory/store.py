"""The event store in memory. A transaction works on what was committed when it began to read, and commits at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from uuid import UUID

from libs.events.envelope import NewEvent, StoredEvent
from libs.events.operations import Handled, Progress
from libs.events.projection import Change
from libs.events.rows import Kind, Row, made_row, merge
from libs.events.store import (
    AlreadyAnswered,
    Answer,
    ConcurrencyError,
    Fenced,
    Parked,
    Position,
    RelayState,
    Task,
)
from libs.events.told import Told


@dataclass(slots=True)
class _TaskRow:
    task: Task
    due_at: datetime
    status: str = "pending"
    attempts: int = 0
    lease_until: datetime | None = None
    last_error: str = ""


@dataclass
class _Tables:
    """Everything that is committed."""

    streams: dict[str, list[StoredEvent]] = field(default_factory=dict)
    unstamped: list[StoredEvent] = field(default_factory=list)
    sequence: list[StoredEvent] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    positions: dict[tuple[str, str, int], Position] = field(default_factory=dict)
    tasks: dict[UUID, _TaskRow] = field(default_factory=dict)
    parked: dict[tuple[str, str, str, int], Parked] = field(default_factory=dict)
    rows: dict[str, dict[tuple[Hashable, ...], Row]] = field(default_factory=dict)


def void(_result: object) -> None:
    """For effects that answer something nobody needs."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class MemorySession:
    """`libs.events.store.Session`: checks at once, keeps what it would do, and does it all at the commit."""

    connection = None

    def __init__(
        self, tables: _Tables, now: Callable[[], datetime], scheduled: Callable[[], None] = lambda: None
    ) -> None:
        self._tables = tables
        self._now, self._scheduled = now, scheduled
        self._appended: dict[str, list[StoredEvent]] = {}
        self._in_order: list[StoredEvent] = []
        self._first_version: dict[str, int] = {}
        self._checks: list[Callable[[], None]] = []
        self._effects: list[Callable[[], None]] = []
        self._committed: list[Callable[[], None]] = []

    async def load(self, stream_id: str, after_version: int = 0) -> list[StoredEvent]:
        events = self._tables.streams.get(stream_id, []) + self._appended.get(stream_id, [])
        return events[after_version:]

    async def append(
        self, stream_id: str, expected_version: int, events: Sequence[NewEvent], answer: Answer | None = None
    ) -> int:
        if answer is not None:
            self._remember(answer)
        if not events:
            return expected_version
        if len(await self.load(stream_id)) != expected_version:
            raise ConcurrencyError(f"{stream_id} is not at version {expected_version}")
        first = self._first_version.setdefault(stream_id, expected_version)
        self._checks.append(lambda: self._check_version(stream_id, first))
        own = self._appended.setdefault(stream_id, [])
        for version, event in enumerate(events, expected_version + 1):
            own.append(StoredEvent(stream_id, version, event.event_id, event.type, event.data, event.metadata))
        self._in_order += own[-len(events) :]
        return expected_version + len(events)

    async def copy(self, events: Sequence[StoredEvent]) -> None:
        for event in events:
            new = NewEvent(event.event_id, event.type, event.data, event.metadata)
            await self.append(event.stream_id, event.version - 1, [new])

    def _check_version(self, stream_id: str, expected: int) -> None:
        if len(self._tables.streams.get(stream_id, [])) != expected:
            raise ConcurrencyError(f"{stream_id} is not at version {expected}")

    def _remember(self, answer: Answer) -> None:
        def check() -> None:
            if answer.key in self._tables.answers:
                raise AlreadyAnswered(answer.key)

        check()
        self._checks.append(check)
        self._effects.append(lambda: self._tables.answers.__setitem__(answer.key, answer))

    async def advance(
        self,
        consumer: str,
        topic: str,
        partition: int,
        old: Position | None,
        new: Position,
        stream_ids: Sequence[str] = (),
        *,
        lasting: bool = True,  # noqa: ARG002  # memory waits for no disk
    ) -> set[str]:
        def check() -> None:
            held = self._tables.positions.get((consumer, topic, partition))
            if (held and held.last_sequence) != (old and old.last_sequence):
                raise Fenced(f"{consumer} is at {held}, not at {old}")

        check()
        self._checks.append(check)
        self._effects.append(lambda: self._tables.positions.__setitem__((consumer, topic, partition), new))
        wanted = set(stream_ids)
        return {place[2] for place in self._tables.parked if place[:2] == (consumer, topic) and place[2] in wanted}

    async def apply(self, changes: Sequence[Change], suffix: str = "") -> None:
        self._effects.append(lambda: _write(self._tables.rows, changes, suffix))

    async def schedule(self, tasks: Sequence[Task]) -> None:
        def add() -> None:
            for task in tasks:
                self._tables.tasks.setdefault(task.task_id, _TaskRow(task, self._now() + task.delay))

        self._effects.append(add)
        self.after_commit(self._scheduled)

    async def finish(self, task_id: UUID) -> None:
        def check() -> None:
            row = self._tables.tasks.get(task_id)
            if row is None or row.status != "pending":
                raise Fenced(f"task {task_id} is not open")

        def done() -> None:
            row = self._tables.tasks[task_id]
            row.status, row.lease_until = "done", None

        check()
        self._checks.append(check)
        self._effects.append(done)

    async def park(self, parked: Parked) -> None:
        place = (parked.consumer, parked.topic, parked.event.stream_id, parked.event.sequence)
        self._effects.append(lambda: void(self._tables.parked.setdefault(place, parked)))

    async def unpark(self, consumer: str, topic: str, stream_id: str, sequence: int) -> None:
        place = (consumer, topic, stream_id, sequence)

        def check() -> None:
            if place not in self._tables.parked:
                raise Fenced(f"{stream_id}, sequence {sequence}, is not parked any more")

        check()
        self._checks.append(check)
        self._effects.append(lambda: void(self._tables.parked.pop(place)))

    async def answered(self, key: str) -> Answer | None:
        return self._tables.answers.get(key)

    def after_commit(self, callback: Callable[[], None]) -> None:
        self._committed.append(callback)

    def commit(self) -> None:
        """All of it or, when a check fails, none. No await in here: nobody sees a half."""
        for check in self._checks:
            check()
        for stream_id, events in self._appended.items():
            self._tables.streams.setdefault(stream_id, []).extend(events)
        self._tables.unstamped.extend(self._in_order)
        for effect in self._effects:
            effect()
        for callback in self._committed:
            callback()


def _write(rows: dict[str, dict[tuple[Hashable, ...], Row]], changes: Sequence[Change], suffix: str) -> None:
    for change in merge(changes):
        table = rows.setdefault(change.table.name + suffix, {})
        key = change.key
        for kind, values in change.steps():
            if kind is Kind.REMOVE:
                table.pop(key, None)
            elif kind is Kind.PUT:
                table[key] = dict(values)
            elif kind is Kind.ADD:
                row = table.setdefault(key, made_row(change.table, key))
                for name, amount in values.items():
                    row[name] = (row[name] or 0) + amount
            elif key in table:
                table[key].update(values)


class MemoryStore(Told):
    """`libs.events.store.Store` in memory, of one process."""

    connection = None
    losses = 0

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__()
        self.tables = _Tables()
        self._now = now
        self._relay = RelayState()
        self._relay_owner: tuple[UUID, datetime] | None = None
        self._relay_epoch = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemorySession]:
        session = MemorySession(self.tables, self._now, self._tell_scheduled)
        yield session
        session.commit()

    async def load(self, stream_id: str, after_version: int = 0) -> list[StoredEvent]:
        return self.tables.streams.get(stream_id, [])[after_version:]

    async def append(
        self, stream_id: str, expected_version: int, events: Sequence[NewEvent], answer: Answer | None = None
    ) -> int:
        async with self.transaction() as session:
            return await session.append(stream_id, expected_version, events, answer)

    async def copy(self, events: Sequence[StoredEvent]) -> None:
        async with self.transaction() as session:
            await session.copy(events)

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
        async with self.transaction() as session:
            return await session.advance(consumer, topic, partition, old, new, stream_ids, lasting=lasting)

    async def apply(self, changes: Sequence[Change], suffix: str = "") -> None:
        async with self.transaction() as session:
            await session.apply(changes, suffix)

    async def schedule(self, tasks: Sequence[Task]) -> None:
        async with self.transaction() as session:
            await session.schedule(tasks)

    async def finish(self, task_id: UUID) -> None:
        async with self.transaction() as session:
            await session.finish(task_id)

    async def park(self, parked: Parked) -> None:
        async with self.transaction() as session:
            await session.park(parked)

    async def unpark(self, consumer: str, topic: str, stream_id: str, sequence: int) -> None:
        async with self.transaction() as session:
            await session.unpark(consumer, topic, stream_id, sequence)

    async def answered(self, key: str) -> Answer | None:
        return self.tables.answers.get(key)

    def after_commit(self, callback: Callable[[], None]) -> None:
        callback()

    async def verify_cluster(self) -> None:
        """A store in memory is never restored."""

    async def stamp(self) -> int | None:
        sequence, before = self.tables.sequence, len(self.tables.sequence)
        for event in self.tables.unstamped:
            sequence.append(event._replace(sequence=len(sequence) + 1))
        self.tables.unstamped.clear()
        if stamped := sequence[before:]:
            self._tell_stamped(stamped)
        return len(sequence)

    async def read(self, after_sequence: int, limit: int) -> list[StoredEvent]:
        return self.tables.sequence[after_sequence : after_sequence + limit]

    async def last_sequence(self) -> int:
        return len(self.tables.sequence)

    async def positions(self, consumer: str) -> Mapping[tuple[str, int], Position]:
        held = self.tables.positions.items()
        return {(topic, partition): position for (name, topic, partition), position in held if name == consumer}

    async def claim_tasks(self, kinds: Sequence[str], limit: int, lease: timedelta) -> list[Task]:
        now = self._now()
        due = [
            row
            for row in self.tables.tasks.values()
            if row.status == "pending" and row.task.kind in kinds and row.due_at <= now
            if row.lease_until is None or row.lease_until < now
        ]
        due.sort(key=lambda row: row.due_at)
        for row in due[:limit]:
            row.lease_until, row.attempts = now + lease, row.attempts + 1
        return [replace(row.task, attempts=row.attempts, delay=timedelta()) for row in due[:limit]]

    async def retry_task(self, task_id: UUID, error: str, delay: timedelta | None) -> None:
        row = self.tables.tasks.get(task_id)
        if row is None or row.status != "pending":
            return
        row.lease_until, row.last_error = None, error
        if delay is None:
            row.status = "failed"
        else:
            row.due_at = self._now() + delay

    async def open_tasks(self) -> int:
        return (await self.progress()).tasks_open

    async def progress(self) -> Progress:
        now, tables = self._now(), self.tables
        pending = [row for row in tables.tasks.values() if row.status == "pending"]
        tasks_open = sum(row.due_at <= now or row.attempts > 0 for row in pending)
        return Progress(
            last_sequence=len(tables.sequence),
            unstamped=len(tables.unstamped),
            relay_position=self._relay.position,
            published=tuple(self._relay.previous),
            handled=tuple(
                Handled(*place, held.last_sequence)
                for place, held in sorted(tables.positions.items(), key=itemgetter(0))
            ),
            parked=len(tables.parked),
            tasks_open=tasks_open,
            tasks_later=len(pending) - tasks_open,
            tasks_failed=sum(row.status == "failed" for row in tables.tasks.values()),
        )

    async def parked(self, consumer: str, stream_id: str | None = None) -> list[Parked]:
        found = [(place, parked) for place, parked in self.tables.parked.items() if place[0] == consumer]
        return [parked for place, parked in sorted(found, key=lambda pair: pair[0]) if stream_id in (None, place[2])]

    async def relay_claim(self, owner: UUID, lease: timedelta) -> int | None:
        now = self._now()
        if self._relay_owner is None or self._relay_owner[0] != owner:
            if self._relay_owner is not None and self._relay_owner[1] >= now - lease:
                return None
            self._relay_epoch += 1
        self._relay_owner = (owner, now)
        return self._relay_epoch

    async def relay_release(self, owner: UUID) -> None:
        if self._relay_owner is not None and self._relay_owner[0] == owner:
            self._relay_owner = None

    async def relay_state(self) -> RelayState:
        return self._relay

    async def relay_save(self, epoch: int, state: RelayState) -> None:
        if epoch != self._relay_epoch or self._relay_owner is None:
            raise Fenced("the relay has another owner")
        self._relay = state
        self._relay_owner = (self._relay_owner[0], self._now())

    def rows(self, table: str) -> dict[tuple[Hashable, ...], Row]:
        """The rows of a read model by primary key."""
        return self.tables.rows.get(table, {})
