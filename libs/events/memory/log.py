"""Kafka's log in memory: topics, partitions, groups with rebalancing, and a wipe."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from uuid import uuid4

from libs.events.broker import Assigned, BrokerUnavailable, Message, Record, TopicState
from libs.events.ids import new_id


class MemoryLog:
    """`libs.events.broker.Broker` in memory."""

    def __init__(self) -> None:
        self.identity = str(uuid4())
        self.topics: dict[str, list[list[Record]]] = {}
        self.groups: dict[str, list[MemoryReader]] = {}
        self.arrived = asyncio.Condition()

    def publisher(self, topic: str, partitions: int) -> MemoryPublisher:
        return MemoryPublisher(self, topic, partitions)

    def reader(self, topics: Sequence[str], group: str) -> MemoryReader:
        return MemoryReader(self, topics, group)

    def wipe(self) -> None:
        """Lose everything, as a broker without a disk does when it restarts."""
        self.identity = str(new_id())
        self.topics.clear()
        for members in self.groups.values():
            for reader in members:
                reader.offsets = dict.fromkeys(reader.offsets, 0)

    def rebalance(self, group: str) -> None:
        """Deal the partitions of a group anew among its members."""
        members = self.groups.get(group, [])
        for member in members:
            member.rebalancing = True

    def dealt_to(self, reader: MemoryReader) -> list[tuple[str, int]]:
        members = self.groups[reader.group]
        places = [(topic, p) for topic in reader.topics for p in range(len(self.topics.get(topic, [])))]
        return places[members.index(reader) :: len(members)]


class MemoryPublisher:
    """`libs.events.broker.Publisher` in memory."""

    def __init__(self, log: MemoryLog, topic: str, partitions: int) -> None:
        self._log, self._topic, self._partitions = log, topic, partitions

    async def start(self) -> None:
        if self._topic not in self._log.topics:
            self._log.topics[self._topic] = [[] for _ in range(self._partitions)]
            for group, members in self._log.groups.items():
                if any(self._topic in member.topics for member in members):
                    self._log.rebalance(group)

    async def state(self) -> TopicState:
        return TopicState(self._log.identity, [len(p) for p in self._log.topics.get(self._topic, [])])

    async def publish(self, messages: Sequence[Message]) -> Mapping[int, int]:
        ends: dict[int, int] = {}
        for message in messages:
            if self._topic not in self._log.topics:
                raise BrokerUnavailable(f"no topic {self._topic}")
            partition = self._log.topics[self._topic][message.partition]
            partition.append(
                Record(self._topic, message.partition, len(partition), message.value, tuple(message.headers))
            )
            ends[message.partition] = len(partition)
        async with self._log.arrived:
            self._log.arrived.notify_all()
        return ends

    async def stop(self) -> None:
        return


class MemoryReader:
    """`libs.events.broker.Reader` in memory."""

    def __init__(self, log: MemoryLog, topics: Sequence[str], group: str) -> None:
        self._log, self.topics, self.group = log, topics, group
        self.offsets: dict[tuple[str, int], int] = {}
        self.rebalancing = True
        self._assigned: Assigned | None = None

    async def start(self, assigned: Assigned) -> None:
        self._assigned = assigned
        self._log.groups.setdefault(self.group, []).append(self)
        self._log.rebalance(self.group)

    async def poll(self, timeout_s: float, limit: int) -> Mapping[tuple[str, int], Sequence[Record]]:
        if self.rebalancing:
            await self._rejoin()
        found = self._take(limit)
        if not found:
            try:
                async with asyncio.timeout(timeout_s), self._log.arrived:
                    await self._log.arrived.wait()
            except TimeoutError:
                return {}
            found = self._take(limit)
        return found

    async def _rejoin(self) -> None:
        assert self._assigned is not None, "started before polled"
        self.rebalancing = False
        places = self._log.dealt_to(self)
        fresh = [place for place in places if place not in self.offsets]
        wanted = await self._assigned(fresh) if fresh else {}
        self.offsets = {place: self.offsets.get(place, wanted.get(place, 0)) for place in places}

    def _take(self, limit: int) -> dict[tuple[str, int], Sequence[Record]]:
        found: dict[tuple[str, int], Sequence[Record]] = {}
        for (topic, partition), offset in self.offsets.items():
            records = self._log.topics.get(topic, [])
            held = records[partition] if partition < len(records) else []
            if offset > len(held):
                offset = 0  # out of range: from the first record, as auto.offset.reset=earliest
            taken = held[offset : offset + limit]
            if taken:
                found[topic, partition] = taken
                self.offsets[topic, partition] = offset + len(taken)
        return found

    async def seek(self, topic: str, partition: int, offset: int) -> None:
        self.offsets[topic, partition] = offset

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        return

    async def stop(self) -> None:
        members = self._log.groups[self.group]
        members.remove(self)
        self._log.rebalance(self.group)
