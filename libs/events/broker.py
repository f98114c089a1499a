"""The contract of the message log. Two implementations: Kafka's protocol (`libs.events.kafka`) and memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from libs.events.envelope import Headers

Place: TypeAlias = tuple[str, int]
"""A partition: topic and number."""


class BrokerUnavailable(Exception):
    """The broker does not answer or has lost what it promised: make everything anew from the checkpoint."""


class Message(NamedTuple):
    """One record to publish."""

    partition: int
    key: bytes
    value: bytes
    headers: Headers


class Record(NamedTuple):
    """One record as read."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class TopicState:
    """What the broker holds of a topic: its own identity and the next offset of each partition."""

    broker: str
    end_offsets: Sequence[int]


class Publisher(Protocol):
    """Publishes to one topic, in order within each partition."""

    async def start(self) -> None:
        """Connect and make the topic when it is missing; raises `BrokerUnavailable`."""
        ...

    async def state(self) -> TopicState: ...

    async def publish(self, messages: Sequence[Message]) -> Mapping[int, int]:
        """Returns when all are acknowledged by all in-sync replicas: the next offset of each partition written to.

        Raises `BrokerUnavailable` when any is not; then none counts, and all are published again by a new publisher.
        """
        ...

    async def stop(self) -> None: ...


Assigned = Callable[[Sequence[Place]], Awaitable[Mapping[Place, int]]]
"""Called with the (topic, partition) pairs that are newly ours; answers with the offset to read next of each."""


class Reader(Protocol):
    """Reads the partitions that the group gives to this member."""

    async def start(self, assigned: Assigned) -> None: ...

    async def poll(self, timeout_s: float, limit: int) -> Mapping[Place, Sequence[Record]]:
        """The next records by topic and partition; empty when there are none in time. Raises `BrokerUnavailable`."""
        ...

    async def seek(self, topic: str, partition: int, offset: int) -> None:
        """Read from `offset` next; an offset that the broker does not hold means from its first record.

        A consumer asks for the last record that it has handled, so one that is not there is one of another life, also
        when it would be the next to come.
        """
        ...

    def attend(self, places: Iterable[Place]) -> None:
        """Where something is to be had now: the other partitions are not asked for until they are named here."""
        ...

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        """Tell the broker how far we are, for lag tooling alone: nothing is ever read back from it."""
        ...

    async def stop(self) -> None: ...


class Broker(Protocol):
    """Makes publishers and readers."""

    def publisher(self, topic: str, partitions: int) -> Publisher: ...

    def reader(self, topics: Sequence[str], group: str) -> Reader: ...

    async def end_offsets(self, places: Iterable[Place]) -> Mapping[Place, int]:
        """The next offset of each partition."""
        ...
