"""The event store on PostgreSQL through asyncpg: every statement of the kit, in one place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
import asyncpg.pool

from libs.events.envelope import NewEvent, StoredEvent, leaf_bytes
from libs.events.merkle import leaf_hash
from libs.events.operations import Handled, Progress
from libs.events.postgres.losses import Losses
from libs.events.postgres.recent import Recent
from libs.events.postgres.rows import write
from libs.events.postgres.together import Together
from libs.events.projection import Change
from libs.events.store import (
    AlreadyAnswered,
    Answer,
    ConcurrencyError,
    Fenced,
    ForeignCluster,
    Parked,
    Position,
    RelayState,
    Session,
    Task,
)
from libs.events.told import Told

PoolConnection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Any]"

ERRORS: Final[Mapping[str, type[Exception]]] = {"ES001": ConcurrencyError, "ES002": AlreadyAnswered}

ACQUIRE_TIMEOUT_S: Final = 30.0
"""Who waits longer for a connection of the pool is told so, instead of waiting for ever."""
STAMPED_MOST: Final = 500
"""Events that are read with the statement that stamps them. More are left to those who follow, in their own batches."""

APPEND: Final = "select es.append($1, $2, $3, $4, $5, $6, $7)"
COPY: Final = "select es.copy($1, $2, $3, $4, $5, $6, $7)"
APPEND_ANSWERED: Final = "select es.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
# The stream's number first: so the primary key gives the versions in their order, and nothing is sorted.
LOAD: Final = """
    select $1::text, e.version, e.event_id, e.type, e.data, e.metadata, 0::bigint
    from es.event e
    where e.stream_no = (select s.stream_no from es.stream s where s.stream_id = $1::text) and e.version > $2
    order by e.version"""
READ: Final = "select * from es.read($1, $2)"
STAMP: Final = "select * from es.stamp_and_read($1, $2)"
ANSWERED: Final = "select key, fingerprint, answer from es.command where key = $1"
# The position and what is parked in one statement: every batch of every consumer asks for both.
START_POSITION: Final = """
    with moved as (
        insert into es.position (consumer, topic, partition, last_sequence, next_offset) values ($1, $2, $3, $4, $5)
        on conflict do nothing returning 1)
    select (select count(*) from moved), array(
        select distinct stream_id from es.parked where consumer = $1 and topic = $2 and stream_id = any($6::text[])),
        case when not $7::boolean then set_config('synchronous_commit', 'off', true) end"""
MOVE_POSITION: Final = """
    with moved as (
        update es.position set last_sequence = $4, next_offset = $5
        where consumer = $1 and topic = $2 and partition = $3 and last_sequence = $8 returning 1)
    select (select count(*) from moved), array(
        select distinct stream_id from es.parked where consumer = $1 and topic = $2 and stream_id = any($6::text[])),
        case when not $7::boolean then set_config('synchronous_commit', 'off', true) end"""
UNPLACED: Final = "select (select count(*) from es.event) - (select count(*) from es.sequence)"
POSITIONS: Final = "select topic, partition, last_sequence, next_offset from es.position where consumer = $1"
SCHEDULE: Final = """
    insert into es.task (task_id, kind, key, payload, due_at)
    select id, kind, key, payload, now() + delay
    from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::interval[]) as t (id, kind, key, payload, delay)
    on conflict do nothing"""
FINISH: Final = """
    update es.task set status = 'done', lease_until = null, last_error = null, changed_at = now()
    where task_id = $1 and status = 'pending'"""
CLAIM: Final = """
    update es.task t set lease_until = now() + $3::interval, attempts = attempts + 1, changed_at = now()
    from (select task_id from es.task
          where status = 'pending' and kind = any($1) and due_at <= now()
            and (lease_until is null or lease_until < now())
          order by due_at limit $2 for update skip locked) due
    where t.task_id = due.task_id
    returning t.task_id, t.kind, t.key, t.payload, t.attempts"""
RETRY: Final = """
    update es.task set lease_until = null, last_error = $2, changed_at = now(),
        status = case when $3::interval is null then 'failed' else status end,
        due_at = now() + coalesce($3::interval, '0')
    where task_id = $1 and status = 'pending'"""
OPEN_TASKS: Final = """
    select count(*) from es.task where status = 'pending' and (due_at <= now() or attempts > 0)"""
# One statement, so one snapshot: everything in a report is from the same moment.
PROGRESS: Final = """
    select s.last_seq, es.unstamped(), r.position, r.previous,
        array(select row(p.consumer, p.topic, p.partition, p.last_sequence) from es.position p
              order by consumer, topic, partition),
        (select count(*) from es.parked),
        (select count(*) from es.task where status = 'pending' and (due_at <= now() or attempts > 0)),
        (select count(*) from es.task where status = 'pending' and not (due_at <= now() or attempts > 0)),
        (select count(*) from es.task where status = 'failed')
    from es.sequencer s, es.relay r"""
PARK: Final = """
    insert into es.parked (consumer, topic, partition, sequence, source, stream_id, version, event_id, type, data,
        metadata, error, attempts)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing"""
UNPARK: Final = """
    delete from es.parked where consumer = $1 and topic = $2 and stream_id = $3 and sequence = $4"""
PARKED: Final = """
    select consumer, topic, partition, source, stream_id, version, event_id, type, data, metadata, sequence, error,
        attempts
    from es.parked where consumer = $1 and ($2::text is null or stream_id = $2) order by topic, stream_id, sequence"""
# Neither waits for the disk: an owner that a crash forgets is fenced by whoever comes next, and what was published since
# a checkpoint that a crash takes back is published again, which readers pass over.
RELAY_CLAIM: Final = """
    update es.relay set owner = $1, heartbeat = now(), epoch = case when owner = $1 then epoch else epoch + 1 end
    where owner = $1 or owner is null or heartbeat < now() - $2::interval
    returning epoch, set_config('synchronous_commit', 'off', true)"""
RELAY_RELEASE: Final = """
    update es.relay set owner = null where owner = $1 returning set_config('synchronous_commit', 'off', true)"""
RELAY_STATE: Final = "select position, broker, previous, offsets from es.relay"
RELAY_SAVE: Final = """
    update es.relay set position = $2, broker = $3, previous = $4, offsets = $5, heartbeat = now()
    where epoch = $1 and owner is not null
    returning set_config('synchronous_commit', 'off', true)"""


def schema_sql() -> str:
    """The kit's tables and functions, as a service's first migration makes them."""
    return _own("schema.sql") + functions_sql()


def functions_sql() -> str:
    """The kit's functions alone, in place of those that a store has; it keeps `functions_mark()` with its schema."""
    return f"{_own('functions.sql')}\ncomment on schema es is '{functions_mark()}';\n"


@cache
def functions_mark() -> str:
    """Tells these functions from those of other versions of the kit."""
    return f"functions {sha256(_own('functions.sql').encode()).hexdigest()}"


def _own(name: str) -> str:
    return files("libs.events.postgres").joinpath(name).read_text()


async def _keep_connection_state(_connection: asyncpg.Connection[Any]) -> None:
    """Nothing to reset: hot-path connections carry no session state, and asyncpg's reset costs a round trip."""


async def connect(dsn: str, *, min_size: int = 1, max_size: int = 8, application_name: str = "puhui") -> PostgresStore:
    """A store on a pool of its own; close it with `close()`."""
    losses = Losses()
    pool = await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        init=losses.watch,
        reset=_keep_connection_state,
        # Without sequential scans: a plan made while a table was small must not outlive its youth. Without bitmaps, which
        # lose the order of the index: what is read here is read by key, in order.
        server_settings={
            "application_name": application_name,
            "jit": "off",
            "enable_seqscan": "off",
            "enable_bitmapscan": "off",
        },
    )
    return PostgresStore(pool, losses)


def _known(error: asyncpg.PostgresError) -> Exception:
    """The kit's own exception for its own SQLSTATE, else the error as it is."""
    kind = ERRORS.get(error.sqlstate or "")
    return error if kind is None else kind(str(error))


class PostgresSession:
    """`libs.events.store.Session` on one connection."""

    def __init__(self, connection: PoolConnection, scheduled: Callable[[], None] = lambda: None) -> None:
        self.connection, self._scheduled = connection, scheduled
        self.committed: list[Callable[[], None]] = []

    async def load(self, stream_id: str, after_version: int = 0) -> list[StoredEvent]:
        return [StoredEvent._make(row) for row in await self.connection.fetch(LOAD, stream_id, after_version)]

    async def append(
        self, stream_id: str, expected_version: int, events: Sequence[NewEvent], answer: Answer | None = None
    ) -> int:
        columns = (
            stream_id,
            expected_version,
            [event.event_id for event in events],
            [event.type for event in events],
            [event.data for event in events],
            [event.metadata for event in events],
            [
                leaf_hash(leaf_bytes(stream_id, version, event.event_id, event.type, event.data, event.metadata))
                for version, event in enumerate(events, expected_version + 1)
            ],
        )
        try:
            if answer is None:
                version = await self.connection.fetchval(APPEND, *columns)
            else:
                version = await self.connection.fetchval(
                    APPEND_ANSWERED, *columns, answer.key, answer.fingerprint, answer.answer
                )
        except asyncpg.PostgresError as error:
            raise _known(error) from None
        assert version == expected_version + len(events), "the store counts as we do"
        return int(version)

    async def copy(self, events: Sequence[StoredEvent]) -> None:
        if not events:
            return
        try:
            await self.connection.execute(
                COPY,
                [event.stream_id for event in events],
                [event.version for event in events],
                [event.event_id for event in events],
                [event.type for event in events],
                [event.data for event in events],
                [event.metadata for event in events],
                [event.leaf_hash for event in events],
            )
        except asyncpg.PostgresError as error:
            raise _known(error) from None

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
        place = (consumer, topic, partition, new.last_sequence, new.next_offset, stream_ids, lasting)
        if old is None:
            row = await self.connection.fetchrow(START_POSITION, *place)
        else:
            row = await self.connection.fetchrow(MOVE_POSITION, *place, old.last_sequence)
        assert row is not None, "a select of single values gives one row"
        moved, parked, _ = row
        if not moved:
            raise Fenced(f"{consumer} is not at {old} in {topic or 'its own sequence'}/{partition}")
        return set(parked)

    async def apply(self, changes: Sequence[Change], suffix: str = "") -> None:
        if changes:
            await write(self.connection, changes, suffix)

    async def schedule(self, tasks: Sequence[Task]) -> None:
        await self.connection.execute(
            SCHEDULE,
            [task.task_id for task in tasks],
            [task.kind for task in tasks],
            [task.key for task in tasks],
            [task.payload for task in tasks],
            [task.delay for task in tasks],
        )
        self.after_commit(self._scheduled)

    async def finish(self, task_id: UUID) -> None:
        if not (await self.connection.execute(FINISH, task_id)).endswith(" 1"):
            raise Fenced(f"task {task_id} is not open")

    async def park(self, parked: Parked) -> None:
        event = parked.event
        await self.connection.execute(
            PARK,
            parked.consumer,
            parked.topic,
            parked.partition,
            event.sequence,
            parked.source,
            event.stream_id,
            event.version,
            event.event_id,
            event.type,
            event.data,
            event.metadata,
            parked.error,
            parked.attempts,
        )

    async def unpark(self, consumer: str, topic: str, stream_id: str, sequence: int) -> None:
        status = await self.connection.execute(UNPARK, consumer, topic, stream_id, sequence)
        if not status.endswith(" 1"):
            raise Fenced(f"{stream_id}, sequence {sequence} of {topic or 'its own sequence'}, is not parked any more")

    async def answered(self, key: str) -> Answer | None:
        row = await self.connection.fetchrow(ANSWERED, key)
        return Answer(*row) if row else None

    def after_commit(self, callback: Callable[[], None]) -> None:
        self.committed.append(callback)


class PostgresStore(Told):
    """`libs.events.store.Store` on an asyncpg pool."""

    def __init__(self, pool: asyncpg.Pool[Any], losses: Losses) -> None:
        super().__init__()
        self.pool, self._losses = pool, losses
        self._together = Together(pool, self._append_alone)
        self._recent = Recent(self._read)
        self._heeded = 0

    @property
    def connection(self) -> asyncpg.Pool[Any]:
        """The pool answers to the same calls as a connection, each on its own."""
        return self.pool

    @property
    def losses(self) -> int:
        return self._losses.count

    async def close(self) -> None:
        await self.pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresSession]:
        async with self.pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            session = PostgresSession(connection, self._tell_scheduled)
            async with connection.transaction():
                yield session
        for callback in session.committed:
            callback()

    @asynccontextmanager
    async def _single(self) -> AsyncIterator[Session]:
        async with self.pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            yield PostgresSession(connection)

    async def load(self, stream_id: str, after_version: int = 0) -> list[StoredEvent]:
        return [StoredEvent._make(row) for row in await self.pool.fetch(LOAD, stream_id, after_version)]

    async def append(
        self, stream_id: str, expected_version: int, events: Sequence[NewEvent], answer: Answer | None = None
    ) -> int:
        return await self._together.append(stream_id, expected_version, events, answer)

    async def _append_alone(
        self, stream_id: str, expected_version: int, events: Sequence[NewEvent], answer: Answer | None
    ) -> int:
        async with self._single() as session:
            return await session.append(stream_id, expected_version, events, answer)

    async def copy(self, events: Sequence[StoredEvent]) -> None:
        async with self._single() as session:
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
        async with self._single() as session:
            return await session.advance(consumer, topic, partition, old, new, stream_ids, lasting=lasting)

    async def apply(self, changes: Sequence[Change]) -> None:
        async with self.transaction() as session:
            await session.apply(changes)

    async def schedule(self, tasks: Sequence[Task]) -> None:
        async with self._single() as session:
            await session.schedule(tasks)
        self._tell_scheduled()

    async def finish(self, task_id: UUID) -> None:
        async with self._single() as session:
            await session.finish(task_id)

    async def park(self, parked: Parked) -> None:
        async with self._single() as session:
            await session.park(parked)

    async def unpark(self, consumer: str, topic: str, stream_id: str, sequence: int) -> None:
        async with self._single() as session:
            await session.unpark(consumer, topic, stream_id, sequence)

    async def answered(self, key: str) -> Answer | None:
        async with self._single() as session:
            return await session.answered(key)

    def after_commit(self, callback: Callable[[], None]) -> None:
        callback()

    async def stamp(self) -> int | None:
        rows = await self.pool.fetch(STAMP, self._recent.reached, STAMPED_MOST)
        last: int | None = rows[0][0]
        if last is not None:
            events = [StoredEvent._make(row[1:]) for row in rows if row[1] is not None]
            self._recent.told(last, events)
            self._tell(last, events)
        return last

    def _tell(self, last: int, events: Sequence[StoredEvent]) -> None:
        if last > self._heeded:
            is_whole = bool(events) and events[0].sequence <= self._heeded + 1
            self._tell_stamped(events if is_whole else None)
            self._heeded = last

    async def read(self, after_sequence: int, limit: int) -> list[StoredEvent]:
        return await self._recent.read(after_sequence, limit)

    async def _read(self, after_sequence: int, limit: int) -> list[StoredEvent]:
        return [StoredEvent._make(row) for row in await self.pool.fetch(READ, after_sequence, limit)]

    async def last_sequence(self) -> int:
        last: int = await self.pool.fetchval("select last_seq from es.sequencer")
        self._recent.told(last)  # who knows of it may read up to there
        return last

    async def verify_cluster(self) -> None:
        """Raises `ForeignCluster` when the tables came from another cluster: its transaction ids mean nothing here."""
        same = await self.pool.fetchval(
            "select s.system_identifier = c.system_identifier from es.sequencer s, pg_control_system() c"
        )
        if not same:
            raise ForeignCluster(
                "this store was restored from another cluster; with its service stopped, run `puhui adopt` once"
            )

    async def adopt(self) -> int:
        """Make a restored store this cluster's own and stamp what was left unstamped; the last place."""
        last: int = await self.pool.fetchval("select es.adopt()")
        self._recent.told(last)
        return last

    async def unplaced(self) -> int:
        """How many events have no place in the total order, whatever their transaction ids say: before `adopt`."""
        count: int = await self.pool.fetchval(UNPLACED)
        return count

    async def positions(self, consumer: str) -> dict[tuple[str, int], Position]:
        rows = await self.pool.fetch(POSITIONS, consumer)
        return {(topic, partition): Position(last, offset) for topic, partition, last, offset in rows}

    async def claim_tasks(self, kinds: Sequence[str], limit: int, lease: timedelta) -> list[Task]:
        rows = await self.pool.fetch(CLAIM, kinds, limit, lease)
        return [Task(task_id, kind, key, payload, attempts=attempts) for task_id, kind, key, payload, attempts in rows]

    async def retry_task(self, task_id: UUID, error: str, delay: timedelta | None) -> None:
        await self.pool.execute(RETRY, task_id, error, delay)

    async def open_tasks(self) -> int:
        count: int = await self.pool.fetchval(OPEN_TASKS)
        return count

    async def progress(self) -> Progress:
        row = await self.pool.fetchrow(PROGRESS)
        assert row is not None, "the schema makes the rows of sequencer and relay"
        last, unstamped, position, published, handled, parked, is_open, later, failed = row
        self._recent.told(last)
        return Progress(
            last_sequence=last,
            unstamped=unstamped,
            relay_position=position,
            published=tuple(published),
            handled=tuple(Handled(*one) for one in handled),
            parked=parked,
            tasks_open=is_open,
            tasks_later=later,
            tasks_failed=failed,
        )

    async def parked(self, consumer: str, stream_id: str | None = None) -> list[Parked]:
        rows = await self.pool.fetch(PARKED, consumer, stream_id)
        return [Parked(row[0], row[1], row[2], row[3], StoredEvent(*row[4:11]), row[11], row[12]) for row in rows]

    async def relay_claim(self, owner: UUID, lease: timedelta) -> int | None:
        epoch: int | None = await self.pool.fetchval(RELAY_CLAIM, owner, lease)
        return epoch

    async def relay_release(self, owner: UUID) -> None:
        await self.pool.execute(RELAY_RELEASE, owner)

    async def relay_state(self) -> RelayState:
        row = await self.pool.fetchrow(RELAY_STATE)
        assert row is not None, "the schema makes the relay's row"
        return RelayState(row[0], row[1], tuple(row[2]), tuple(row[3]))

    async def relay_save(self, epoch: int, state: RelayState) -> None:
        status = await self.pool.execute(
            RELAY_SAVE, epoch, state.position, state.broker, list(state.previous), list(state.offsets)
        )
        if not status.endswith(" 1"):
            raise Fenced("the relay has another owner")
