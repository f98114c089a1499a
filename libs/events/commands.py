"""Decides on what is known of a stream and appends; where that was not its end, loads and decides again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Generic, TypeVar
from weakref import WeakValueDictionary

from libs.events import metrics
from libs.events.clock import Clock
from libs.events.codec import Codec, Payload
from libs.events.decider import Decider
from libs.events.envelope import Actor, Metadata, NewEvent, StoredEvent
from libs.events.ids import new_id
from libs.events.signals import Fanout, Signal
from libs.events.states import States
from libs.events.store import AlreadyAnswered, Answer, ConcurrencyError, Session, Store

C = TypeVar("C")
S = TypeVar("S")

ATTEMPTS: Final = 50
"""More conflicts than this in a row on one stream are not a race but a fault."""
NOT_NEW_MOST: Final = 20_000
"""Streams that are remembered for not having been new."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Who asks for a command, why, and when it takes effect; it becomes the metadata of what follows."""

    actor: Actor
    correlation_id: str
    causation_id: str = ""
    after: str = ""
    request_id: str = ""
    traceparent: str = ""
    effective_date: str = ""
    rules: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[S]):
    """What a command led to. `answer` is set when the command had been answered before: then nothing happened now."""

    state: S
    version: int
    events: Sequence[Any]
    answer: bytes | None = None


class KeyReused(Exception):
    """A command key came again with another content."""


class VersionMismatch(Exception):
    """The caller asked for a version that the stream is not at."""

    def __init__(self, current: int) -> None:
        super().__init__(f"the stream is at version {current}")
        self.current = current


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key with the fingerprint of what it stands for, and the answer to be remembered."""

    key: str
    fingerprint: bytes
    answer: Callable[[Outcome[Any]], bytes]


class Openings:
    """Streams that one transaction opens. Their events are appended together, in one statement: that the transaction
    opens them is known when they are decided, and that nobody else has is found out at the end."""

    def __init__(self, session: Session, commands: CommandHandler) -> None:
        self._session, self._commands = session, commands
        self._events: list[StoredEvent] = []
        self._states: dict[str, tuple[Any, int]] = {}

    def __contains__(self, stream_id: str) -> bool:
        return stream_id in self._states

    def add(self, stream_id: str, events: Sequence[NewEvent], after: Any) -> None:
        """The first events of a stream, and what they come to."""
        self._events += [
            StoredEvent(stream_id, version, new.event_id, new.type, new.data, new.metadata, 0)
            for version, new in enumerate(events, 1)
        ]
        self._states[stream_id] = (after, len(events))

    async def append(self) -> None:
        """Append what was added until now. Raises `ConcurrencyError` when one of the streams was open already: then the
        transaction is to be repeated, and looks first."""
        if not self._events:
            return
        events, self._events = self._events, []
        states, self._states = self._states, {}
        try:
            await self._session.copy(events)
        except ConcurrencyError:
            self._commands.note_not_new(states)
            raise
        self._session.after_commit(partial(self._commands.opened, states))


class CommandHandler:
    """The way into the domain: one statement to append, and one before it to load what is not known here; neither locks
    more than one stream."""

    def __init__(
        self,
        store: Store,
        codec: Codec,
        clock: Clock,
        appended: Callable[[], None] = lambda: None,
        service: str = "",
        *,
        alone: bool = False,
    ) -> None:
        """`alone`: no other process appends to this store, so that a state which is kept need not be compared with it."""
        self._store, self.codec, self._clock, self._appended = store, codec, clock, appended
        self._service = service
        self._states = States(alone=alone)
        if alone:
            store.on_stamped(self._states.heed)
        self._not_new: set[str] = set()
        """Streams that were taken for new ones of a transaction and were not."""
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._watched: dict[str, Fanout] = {}

    async def state(
        self, decider: Decider[Any, S, Any], stream_id: str, session: Session | None = None
    ) -> tuple[S, int]:
        """The state of a stream and its version; the initial state and 0 when there is none.

        What was folded before is kept, and only what came since is loaded; nothing where no other process can have
        appended.
        """
        kept = self._states.get(stream_id)
        if kept is not None and session is None and self._states.is_last(kept):
            return kept.state, kept.version
        state, version = (kept.state, kept.version) if kept is not None else (decider.initial, 0)
        with self._states.reading(stream_id) as reading:
            stored = await (session or self._store).load(stream_id, version)
            if stored:
                state = decider.replay(await self.codec.read(stored), state)
                version = stored[-1].version
        if session is not None and stored:
            # What a transaction sees of a stream may be its own, which is so only if it is committed.
            session.after_commit(partial(self._states.keep, stream_id, state, version, is_last=False))
        elif session is None and version:
            self._states.keep(stream_id, state, version, is_last=reading.is_undisturbed)
        return state, version

    async def _to_decide_on(
        self, decider: Decider[Any, S, Any], stream_id: str, session: Session | None, is_first: bool
    ) -> tuple[S, int, bool]:
        """A state and its version, and whether it is surely the last one. At the first attempt a state that is kept
        will do, and a stream that nobody has met may be a new one: if not, that shows when it is appended to."""
        if is_first and (kept := self._states.get(stream_id)) is not None:
            return kept.state, kept.version, self._states.is_last(kept) and session is None
        if is_first and session is None:
            return decider.initial, 0, False
        return *await self.state(decider, stream_id, session), True

    async def handle(
        self,
        decider: Decider[C, S, Any],
        stream_id: str,
        command: C,
        cause: Cause,
        *,
        key: Key | None = None,
        expected_version: int | None = None,
        within: Session | None = None,
    ) -> Outcome[S]:
        """Decide `command` and append what follows.

        With `key`, the same key and fingerprint again give the remembered answer, and another fingerprint raises
        `KeyReused`; a command that is refused leaves no trace, so its key may be used again. With `expected_version`,
        `VersionMismatch` unless the stream is there. Within a session, a conflict is the session's to repeat.
        """
        if key is not None and within is not None and (answered := await self._answered(key, within)) is not None:
            state, version = await self.state(decider, stream_id, within)
            return Outcome(state, version, (), answered)
        attempt = partial(self._attempt, decider, stream_id, command, cause, key, expected_version, within)
        if (outcome := await attempt(is_first=True)) is not None:
            return outcome
        # Who was too late once takes turns with others who were: among many, each would lose to almost all of them.
        async with nullcontext() if within is not None else self._turn(stream_id):
            for _ in range(ATTEMPTS - 1):
                if (outcome := await attempt(is_first=False)) is not None:
                    return outcome
        raise ConcurrencyError(f"{stream_id} moved {ATTEMPTS} times while one command was decided")

    async def _attempt(
        self,
        decider: Decider[C, S, Any],
        stream_id: str,
        command: C,
        cause: Cause,
        key: Key | None,
        expected_version: int | None,
        within: Session | None,
        *,
        is_first: bool,
    ) -> Outcome[S] | None:
        """Decide once and append; None where it was decided on what is not, or may not be, the stream's end."""
        state, version, is_last = await self._to_decide_on(decider, stream_id, within, is_first)
        try:
            if expected_version is not None and version != expected_version:
                raise VersionMismatch(version)
            events = decider.decide(command, state)
        except Exception:
            if not is_last:
                return None
            # The first attempt may be what makes a second one impossible: then its answer is given.
            if key is None or within is not None or (answered := await self._answered(key)) is None:
                raise
            return Outcome(state, version, (), answered)
        if not events and not is_last:
            return None  # nothing is appended, so nothing would show that there is something to do after all
        after = decider.replay(events, state)
        outcome = Outcome(after, version + len(events), events)
        answer = Answer(key.key, key.fingerprint, key.answer(outcome)) if key else None
        try:
            if events or answer:
                await (within or self._store).append(stream_id, version, await self._new(events, cause), answer)
        except ConcurrencyError:
            if within is not None or self._states.version(stream_id) <= version:
                self._states.forget(stream_id)  # a later state that a faster one has kept meanwhile is a good one
            if version or is_last:  # otherwise nobody was faster: the stream was only not new
                metrics.CONFLICTS.labels(self._service, decider.category).inc()
            if within is not None:
                raise
            return None
        except AlreadyAnswered:
            assert key is not None, "only a key can have been answered"
            if within is not None:
                raise
            answered = await self._answered(key)
            return Outcome(*await self.state(decider, stream_id), (), answered)
        except BaseException:
            self._states.forget(stream_id)  # it may be done all the same
            raise
        if events:
            session = within or self._store
            if within is not None:
                self._states.forget(stream_id)  # what follows in this transaction sees what it has appended
            session.after_commit(partial(self._keep_moved, stream_id, after, outcome.version))
            session.after_commit(self._appended)
        return outcome

    async def open(
        self, decider: Decider[C, S, Any], stream_id: str, command: C, cause: Cause, opened: Openings
    ) -> Outcome[S] | None:
        """Decide a command that opens a stream, without a look whether it is open already, and leave what follows to
        `opened`. None where that would not do: the stream is known, or the command is refused or leads to nothing as
        the first of a stream. Then `handle` it."""
        if self._states.get(stream_id) is not None or stream_id in self._not_new or stream_id in opened:
            return None
        try:
            events = decider.decide(command, decider.initial)
        except Exception:  # noqa: BLE001  # it may be a good one where the stream is open
            return None
        if not events:
            return None
        after = decider.replay(events, decider.initial)
        opened.add(stream_id, await self._new(events, cause), after)
        return Outcome(after, len(events), events)

    def _turn(self, stream_id: str) -> asyncio.Lock:
        """One for each stream, as long as anybody waits for it."""
        if (turn := self._turns.get(stream_id)) is None:
            turn = self._turns[stream_id] = asyncio.Lock()
        return turn

    async def append(
        self, stream_id: str, expected_version: int, events: Sequence[Any], cause: Cause, *, within: Session
    ) -> None:
        """Append what was decided on a state that the caller holds at `expected_version`: work over many streams in one
        transaction. Raises `ConcurrencyError` when the stream has moved; then decide again.

        Nobody is woken by it, since such work comes in long runs: the caller sets `appended` when a run is over.
        """
        await within.append(stream_id, expected_version, await self._new(events, cause))
        within.after_commit(partial(self._states.forget, stream_id))
        within.after_commit(partial(self._moved, stream_id))

    def keep(self, stream_id: str, state: Any, version: int, within: Session) -> None:
        """Keep the state that appended events have led to, once they are committed: who appended them knows it, and it
        need not be folded again. To be said when no savepoint can take them back any more."""
        within.after_commit(partial(self._states.keep, stream_id, state, version))

    async def _answered(self, key: Key, session: Session | None = None) -> bytes | None:
        known = await (session or self._store).answered(key.key)
        if known is None:
            return None
        if known.fingerprint != key.fingerprint:
            raise KeyReused(key.key)
        return known.answer

    @contextmanager
    def moves(self, stream_id: str) -> Iterator[Signal]:
        """Set whenever this process has appended to a stream. What others have appended sets nothing."""
        watched = self._watched.setdefault(stream_id, Fanout())
        signal = watched.subscribe()
        try:
            yield signal
        finally:
            if not watched.unsubscribe(signal):
                del self._watched[stream_id]

    def forget(self) -> None:
        """Load states anew when they are asked for: what they were folded from may be read otherwise now."""
        self._states.clear()

    async def _new(self, events: Sequence[Payload], cause: Cause) -> list[NewEvent]:
        written = await self.codec.write(events)
        metadata = Metadata(
            recorded_at="",
            actor=cause.actor,
            correlation_id=cause.correlation_id,
            causation_id=cause.causation_id,
            request_id=cause.request_id,
            traceparent=cause.traceparent,
            effective_date=cause.effective_date,
            rules=cause.rules,
        ).to_bytes_at([self._clock.now(cause.after or None) for _ in events])
        return [NewEvent(new_id(), *each, at) for each, at in zip(written, metadata, strict=True)]

    def opened(self, states: Mapping[str, tuple[Any, int]]) -> None:
        """These streams are open now, and this is what they have come to."""
        for stream_id, (state, version) in states.items():
            self._keep_moved(stream_id, state, version)
        self._appended()

    def note_not_new(self, stream_ids: Iterable[str]) -> None:
        """One of these was open before: they are looked at when they are opened again."""
        if len(self._not_new) > NOT_NEW_MOST:
            self._not_new.clear()
        self._not_new.update(stream_ids)

    def _moved(self, stream_id: str) -> None:
        if (watched := self._watched.get(stream_id)) is not None:
            watched.set()

    def _keep_moved(self, stream_id: str, state: Any, version: int) -> None:
        self._states.keep(stream_id, state, version)
        self._moved(stream_id)
