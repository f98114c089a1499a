"""Kafka's log in memory: topics, partitions, groups with rebalancing, and a wipe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import uuid4

from libs.events.broker import Assigned, BrokerUnavailable, Message, Place, Record, TopicState
from libs.events.signals import Signal


class MemoryLog:
    """`libs.events.broker.Broker` in memory."""

    def __init__(self) -> None:
        self.identity = str(uuid4())
        self.topics: dict[str, list[list[Record]]] = {}
        self.groups: dict[str, list[MemoryReader]] = {}

    def publisher(self, topic: str, partitions: int) -> MemoryPublisher:
        return MemoryPublisher(self, topic, partitions)

    def reader(self, topics: Sequence[str], group: str) -> MemoryReader:
        return MemoryReader(self, topics, group)

    async def end_offsets(self, places: Iterable[Place]) -> Mapping[Place, int]:
        return {
            (topic, partition): len(self.topics[topic][partition]) if topic in self.topics else 0
            for topic, partition in places
        }

    def wipe(self) -> None:
        """Lose everything, as a broker without a disk does when it restarts; its clients find out by themselves."""
        self.identity = str(uuid4())
        self.topics.clear()
        for group, members in self.groups.items():
            for reader in members:
                reader.offsets.clear()
            self.rebalance(group)

    def ensure(self, topic: str, partitions: int) -> None:
        """Make a topic that is missing, and deal its partitions to the groups that want them."""
        if topic in self.topics:
            return
        self.topics[topic] = [[] for _ in range(partitions)]
        for group, members in self.groups.items():
            if any(topic in member.topics for member in members):
                self.rebalance(group)

    def rebalance(self, group: str) -> None:
        """Deal the partitions of a group anew among its members; each hears of it at its next poll."""
        for member in self.groups[group]:
            member.rebalancing = True
            member.arrived.set()

    def dealt_to(self, reader: MemoryReader) -> list[tuple[str, int]]:
        members = self.groups[reader.group]
        places = [(topic, p) for topic in reader.topics for p in range(len(self.topics.get(topic, [])))]
        return places[members.index(reader) :: len(members)]

    def arrived(self, topic: str) -> None:
        for members in self.groups.values():
            for member in members:
                if topic in member.topics:
                    member.arrived.set()


class MemoryPublisher:
    """`libs.events.broker.Publisher` in memory."""

    def __init__(self, log: MemoryLog, topic: str, partitions: int) -> None:
        self._log, self._topic, self._partitions = log, topic, partitions

    async def start(self) -> None:
        self._log.ensure(self._topic, self._partitions)

    async def state(self) -> TopicState:
        self._log.ensure(self._topic, self._partitions)
        held = self._log.topics[self._topic]
        if len(held) < self._partitions:
            raise BrokerUnavailable(f"{self._topic} has {len(held)} partitions, not {self._partitions}")
        return TopicState(self._log.identity, [len(held[partition]) for partition in range(self._partitions)])

    async def publish(self, messages: Sequence[Message]) -> Mapping[int, int]:
        partitions = self._log.topics.get(self._topic)
        if partitions is None:
            raise BrokerUnavailable(f"no topic {self._topic}")
        ends: dict[int, int] = {}
        for message in messages:
            held = partitions[message.partition]
            headers = tuple(message.headers)
            held.append(Record(self._topic, message.partition, len(held), message.value, headers))
            ends[message.partition] = len(held)
        self._log.arrived(self._topic)
        return ends

    async def stop(self) -> None:
        return


class MemoryReader:
    """`libs.events.broker.Reader` in memory."""

    def __init__(self, log: MemoryLog, topics: Sequence[str], group: str) -> None:
        self._log, self.topics, self.group = log, topics, group
        self.offsets: dict[tuple[str, int], int] = {}
        self.rebalancing = True
        self.arrived = Signal()
        self._assigned: Assigned | None = None

    async def start(self, assigned: Assigned) -> None:
        self._assigned = assigned
        self._log.groups.setdefault(self.group, []).append(self)
        self._log.rebalance(self.group)

    async def poll(self, timeout_s: float, limit: int) -> Mapping[tuple[str, int], Sequence[Record]]:
        found = await self._take(limit)
        if not found and await self.arrived.wait(timeout_s):
            found = await self._take(limit)
        return found

    async def _take(self, limit: int) -> dict[tuple[str, int], Sequence[Record]]:
        if self.rebalancing:
            await self._rejoin()
        found: dict[tuple[str, int], Sequence[Record]] = {}
        for (topic, partition), offset in self.offsets.items():
            taken = self._log.topics[topic][partition][offset : offset + limit]
            if taken:
                found[topic, partition] = taken
                limit -= len(taken)
        for place, records in found.items():
            self.offsets[place] += len(records)
        return found

    async def _rejoin(self) -> None:
        """Take what is dealt to us; anew when it was dealt anew while we asked where to begin."""
        assert self._assigned is not None, "started before polled"
        places: list[tuple[str, int]] = []
        wanted: Mapping[tuple[str, int], int] = {}
        while self.rebalancing:
            self.rebalancing = False
            places = self._log.dealt_to(self)
            fresh = [place for place in places if place not in self.offsets]
            try:
                wanted = await self._assigned(fresh) if fresh else {}
            except BaseException:
                self.rebalancing = True
                raise
        self.offsets = {place: self.offsets.get(place, 0) for place in places}
        for place, offset in wanted.items():
            await self.seek(*place, offset)

    async def seek(self, topic: str, partition: int, offset: int) -> None:
        if (topic, partition) in self.offsets:
            held = len(self._log.topics.get(topic, [[]] * (partition + 1))[partition])
            self.offsets[topic, partition] = offset if offset < held else 0

    def attend(self, places: Iterable[Place]) -> None:
        """Asking costs nothing in memory."""

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Nobody looks at lag in memory."""

    async def stop(self) -> None:
        if self in self._log.groups.get(self.group, []):
            self._log.groups[self.group].remove(self)
            self._log.rebalance(self.group)
