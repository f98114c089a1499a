"""The decider of a rescoring: what a card says of past applications, told part by part, then ended with its sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from libs.contracts.problems import refuse_unless
from libs.contracts.scoring import ApplicationsRescored, CardRescored

Event = ApplicationsRescored | CardRescored


@dataclass(frozen=True, slots=True)
class State:
    """How far a rescoring has come. `until_sequence`: up to which place of the service's order it reads."""

    parts: int = 0
    until_sequence: int | None = None
    ended: CardRescored | None = None


INITIAL: Final = State()


@dataclass(frozen=True, slots=True, kw_only=True)
class TellPart:
    part: ApplicationsRescored


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRescoring:
    rescored: CardRescored


Command = TellPart | EndRescoring


def decide(command: Command, state: State) -> Sequence[Event]:
    """A part is told once, so that a rescoring that was interrupted goes on where it was."""
    match command:
        case TellPart(part=part):
            return [part] if part.part == state.parts + 1 and state.ended is None else []
        case EndRescoring(rescored=rescored):
            refuse_unless(
                rescored.until_sequence == state.until_sequence,
                "rescoring-raced",
                "The same request was at work beside this one; send it again.",
            )
            return [rescored] if state.ended is None else []


def evolve(state: State, event: Event) -> State:
    match event:
        case ApplicationsRescored():
            return replace(state, parts=event.part, until_sequence=event.until_sequence)
        case CardRescored():
            return replace(state, ended=event)
