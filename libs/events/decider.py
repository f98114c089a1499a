"""A domain as three pure things (Chassaing's decider): where it starts, what it decides, how it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Command = TypeVar("Command", contravariant=False)
State = TypeVar("State")
Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class Decider(Generic[Command, State, Event]):
    """`decide(command, state)` gives the events that follow, or raises; `evolve(state, event)` the state after one.

    Both are pure: no clock, no random, no I/O; what they need comes in the command. `category` begins the name of
    every stream of this kind. States are immutable, so that one may be kept and shared.
    """

    category: str
    initial: State
    decide: Callable[[Command, State], Sequence[Event]]
    evolve: Callable[[State, Event], State]

    def stream_id(self, key: object) -> str:
        return f"{self.category}-{key}"

    def replay(self, events: Iterable[Event], state: State | None = None) -> State:
        """The state after these events, from the initial one or from `state`."""
        current = self.initial if state is None else state
        for event in events:
            current = self.evolve(current, event)
        return current
