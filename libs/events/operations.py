"""How far a service's store has got: enough for a client to wait until everything has been handled, without sleeping.

Each report is one consistent look at one store. Reports of several services, taken one after another, may be laid side
by side with `unsettled`: if every channel is found empty in such a round, then nothing was on its way at any moment of
it, since a service that begins to work again after its own report would have had to hear of something that another
report shows as published and this one does not show as handled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Self, TypeAlias

OWN: Final = ""
"""The topic name under which a consumer's progress in the service's own sequence is kept."""


Reached: TypeAlias = dict[tuple[str, str, int], int]
"""By consumer, topic and partition: the sequence up to which a process has handled or passed over everything. It may be
ahead of what is written down, where nothing but events for others came since."""


@dataclass(frozen=True, slots=True)
class Handled:
    """The last sequence that a consumer has handled in one partition of a topic (`OWN`, 0: the service's sequence)."""

    consumer: str
    topic: str
    partition: int
    last_sequence: int


@dataclass(frozen=True, slots=True)
class Progress:
    """One store at one moment.

    `unstamped`: events that are committed and have no place in the total order yet. `published`: the last sequence
    that the relay has published in each partition of the service's topic. `tasks_open`: work that is due, being done
    or put back after a failure; `tasks_later`: asked for at a later time; `tasks_failed`: given up.
    """

    last_sequence: int = 0
    unstamped: int = 0
    relay_position: int = 0
    published: Sequence[int] = ()
    handled: Sequence[Handled] = ()
    parked: int = 0
    tasks_open: int = 0
    tasks_later: int = 0
    tasks_failed: int = 0

    def last_handled(self, consumer: str, topic: str, partition: int = 0) -> int:
        """The last sequence that `consumer` has handled there; 0 when it has not begun."""
        for one in self.handled:
            if (one.consumer, one.topic, one.partition) == (consumer, topic, partition):
                return one.last_sequence
        return 0

    def ahead(self, reached: Reached) -> Progress:
        """With what this process has passed over since its positions were written down."""
        written = {(one.consumer, one.topic, one.partition): one.last_sequence for one in self.handled}
        handled = {key: max(sequence, written.get(key, 0)) for key, sequence in reached.items()}
        return replace(self, handled=tuple(Handled(*key, at) for key, at in sorted((written | handled).items())))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        handled = tuple(Handled(**one) for one in values["handled"])
        return cls(**{**values, "published": tuple(values["published"]), "handled": handled})


@dataclass(frozen=True, slots=True)
class Side:
    """A service as seen by `unsettled`.

    `subscriptions` names for each of its consumers the topics that it hears; `OWN` is the service's own sequence.
    `topic` is where its relay publishes, "" when it has none.
    """

    name: str
    topic: str
    progress: Progress
    subscriptions: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        return cls(**{**values, "progress": Progress.from_json(values["progress"])})


def unsettled(sides: Sequence[Side]) -> list[str]:
    """What is still on its way within and between these services, a sentence each; empty when all has been handled.

    What waits for a person (parked) or for its time (tasks for later) is not on its way.
    """
    published = {side.topic: side.progress.published for side in sides if side.topic}
    found: list[str] = []
    for side in sides:
        found += _inside(side)
        for consumer, topics in side.subscriptions.items():
            for topic in topics:
                ends = (side.progress.last_sequence,) if topic == OWN else published.get(topic, ())
                for partition, end in enumerate(ends):
                    at = side.progress.last_handled(consumer, topic, partition)
                    if at < end:
                        found.append(f"{side.name}: {consumer} is at {at} of {end} in {topic or 'own'}/{partition}")
    return found


def _inside(side: Side) -> list[str]:
    progress = side.progress
    found = []
    if progress.unstamped:
        found.append(f"{side.name}: {progress.unstamped} events are not in the sequence yet")
    if side.topic and progress.relay_position < progress.last_sequence:
        found.append(f"{side.name}: published up to {progress.relay_position} of {progress.last_sequence}")
    if progress.tasks_open:
        found.append(f"{side.name}: {progress.tasks_open} tasks are open")
    return found
