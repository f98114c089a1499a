"""The subscribers that a service is made of: reactions and projections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar, TypeAlias, TypeVar

from libs.events.canonical import canonical
from libs.events.codec import Payload, Recorded
from libs.events.commands import Cause, CommandHandler, Openings, Outcome
from libs.events.decider import Decider
from libs.events.envelope import Actor
from libs.events.ids import derive_id
from libs.events.projection import Change, Projection
from libs.events.store import Session, Task

E = TypeVar("E", bound=Payload)
C = TypeVar("C")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Batch:
    """Of events that are handled in one transaction: the streams that it opens, and states that were looked up in it, by
    stream."""

    opened: Openings
    looked_up: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a reaction may do, all of it in the transaction that also records that its event was handled."""

    session: Session
    commands: CommandHandler
    cause: Recorded[Any]
    actor: Actor
    begun: Awaitable[Any] | None = None
    """What was begun for this event before its turn came (`Reactions.ahead`)."""
    batch: Batch | None = None
    """What is shared by the events that are handled in one transaction."""

    async def look_up(self, decider: Decider[Any, S, Any], stream_id: str) -> S:
        """The state of a stream as it was when it was first asked for in this transaction: for rules in force and the
        like, which every event of a batch is held to. Not for what the transaction itself changes or locks."""
        known = self.batch.looked_up if self.batch is not None else {}
        if stream_id not in known:
            known[stream_id], _ = await self.commands.state(decider, stream_id, self.session)
        state: S = known[stream_id]
        return state

    async def handle(
        self,
        decider: Decider[C, S, Any],
        stream_id: str,
        command: C,
        *,
        effective_date: str = "",
        opens: bool = False,
    ) -> Outcome[S]:
        """Decide a command on a stream; the events name this reaction's event as their cause.

        A command that `opens` a stream is decided without a look whether it is open, and appended together with those
        of other events of the batch: it is the usual case that nobody has opened it, and nothing that follows in the
        reaction may read the stream.
        """
        cause = Cause(
            actor=self.actor,
            correlation_id=self.cause.metadata.correlation_id,
            causation_id=str(self.cause.event_id),
            after=self.cause.metadata.recorded_at,
            traceparent=self.cause.metadata.traceparent,
            effective_date=effective_date or self.cause.metadata.effective_date,
        )
        if self.batch is not None:
            opened = self.batch.opened
            if opens and (outcome := await self.commands.open(decider, stream_id, command, cause, opened)) is not None:
                return outcome
            await opened.append()
        return await self.commands.handle(decider, stream_id, command, cause, within=self.session)

    async def schedule(self, kind: str, key: str, payload: dict[str, Any], delay: timedelta = timedelta()) -> None:
        """Ask for work on the outside world, once for this event, kind and key."""
        task_id = derive_id(self.cause.event_id, f"{kind}/{key}")
        payload = payload | {"correlation_id": self.cause.metadata.correlation_id}
        await self.session.schedule([Task(task_id, kind, key, canonical(payload), delay)])

    async def apply(self, *changes: Change) -> None:
        await self.session.apply(changes)


React = Callable[[Recorded[Any], Reaction], Awaitable[None]]
ReactTo: TypeAlias = Callable[[Recorded[E], Reaction], Awaitable[None]]
Begin = Callable[[Recorded[Any], Reaction], Awaitable["asyncio.Task[Any] | None"]]
BeginFor: TypeAlias = Callable[[Recorded[E], Reaction], Awaitable["asyncio.Task[Any] | None"]]


@dataclass(eq=False)
class Reactions:
    """What a service does when it hears of something, its own events or others': one function a type."""

    consumer: str
    _react: dict[str, React] = field(default_factory=dict)
    _begin: dict[str, Begin] = field(default_factory=dict)

    @property
    def types(self) -> frozenset[str]:
        return frozenset(self._react)

    def on(self, *event_types: type[E]) -> Callable[[ReactTo[E]], ReactTo[E]]:
        """Register the function for one or more event types."""

        def register(function: ReactTo[E]) -> ReactTo[E]:
            for event_type in event_types:
                if event_type.type_name in self._react:
                    raise ValueError(f"{self.consumer} reacts to {event_type.type_name} twice")
                self._react[event_type.type_name] = function
            return function

        return register

    def ahead(self, event_type: type[E]) -> Callable[[BeginFor[E]], BeginFor[E]]:
        """Register what may begin before an event's turn comes: work elsewhere, without effect, such as another
        process's. It may read with the session, which does not show yet what the events before do. The reaction awaits
        `begun`, or does without; what nobody awaited is cancelled with the batch."""

        def register(function: BeginFor[E]) -> BeginFor[E]:
            self._begin[event_type.type_name] = function
            return function

        return register

    async def begin(self, recorded: Recorded[Any], reaction: Reaction) -> asyncio.Task[Any] | None:
        begin = self._begin.get(recorded.current_type)
        return await begin(recorded, reaction) if begin is not None else None

    async def react(self, recorded: Recorded[Any], reaction: Reaction) -> None:
        react = self._react.get(recorded.current_type)
        if react is not None:
            await react(recorded, reaction)


@dataclass(frozen=True)
class ReactionSubscriber:
    """Reactions as a subscriber: `types` narrows them to the events of one feed."""

    reactions: Reactions
    commands: CommandHandler
    consumer: str
    types: frozenset[str]
    repairable: ClassVar[bool] = True

    async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
        actor = Actor(subject=f"service:{self.reactions.consumer}", role="service")
        shared = Batch(Openings(session, self.commands))
        turns = [(each, Reaction(session, self.commands, each, actor, batch=shared)) for each in batch]
        begun: list[asyncio.Task[Any] | None] = []
        try:
            for recorded, reaction in turns:
                begun.append(await self.reactions.begin(recorded, reaction))
            last = ""
            for (recorded, reaction), task in zip(turns, begun, strict=True):
                if recorded.current_type != last:  # another reaction may read what those before have opened
                    await shared.opened.append()
                last = recorded.current_type
                await self.reactions.react(recorded, replace(reaction, begun=task) if task is not None else reaction)
            await shared.opened.append()
        finally:
            for task in begun:
                if task is not None:
                    task.cancel()


@dataclass(frozen=True)
class ProjectionSubscriber:
    """A projection as a subscriber."""

    projection: Projection
    batch_size: ClassVar[int] = 500
    derived: ClassVar[bool] = True
    gather_s: ClassVar[float] = 0.04

    @property
    def consumer(self) -> str:
        return self.projection.consumer

    @property
    def types(self) -> frozenset[str]:
        return self.projection.types

    async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
        await session.apply(self.projection.changes(batch))
