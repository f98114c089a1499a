"""The contract of the message log, kept in memory, by Tansu and by Apache Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from libs.events.broker import Broker, BrokerUnavailable, Message, Reader, Record
from libs.events.kafka import KafkaBroker, KafkaReader, KafkaSettings
from libs.events.tests.conftest import WipedLog, kafka_settings
from standalone.brokers import Broker as BrokerServer
from standalone.brokers import KafkaBroker as KafkaServer

Place = tuple[str, int]
PATIENCE_S = 30.0


def message(partition: int, text: str) -> Message:
    return Message(partition, b"key", text.encode(), (("ce_id", text.encode()), ("empty", b"")))


def messages(partition: int, *numbers: int) -> list[Message]:
    return [message(partition, str(number)) for number in numbers]


class Reading:
    """A reader that begins where it is told, and what it has read."""

    def __init__(
        self, log: Broker, topics: Sequence[str], group: str, begin: Mapping[Place, int] | None = None
    ) -> None:
        self.reader: Reader = log.reader(topics, group)
        self.begin = begin or {}
        self.assigned: list[Place] = []
        self.records: list[Record] = []

    async def __aenter__(self) -> Reading:
        async def assigned(places: Sequence[Place]) -> Mapping[Place, int]:
            self.assigned += places
            return {place: self.begin.get(place, 0) for place in places}

        await self.reader.start(assigned)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.reader.stop()

    async def once(self, timeout_s: float = 0.05) -> None:
        for records in (await self.reader.poll(timeout_s, 100)).values():
            self.records += records

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not done():
                await self.once()

    def values(self, partition: int = 0) -> list[str]:
        return [(record.value or b"").decode() for record in self.records if record.partition == partition]


async def test_records_are_read_as_they_were_published_in_the_order_of_each_partition(log: Broker, topic: str) -> None:
    publisher = log.publisher(topic, 2)
    await publisher.start()
    assert await publisher.publish([*messages(0, 1, 2), *messages(1, 10), *messages(0, 3)]) == {0: 3, 1: 1}
    assert await publisher.publish(messages(1, 11)) == {1: 2}
    assert await publisher.publish([]) == {}
    async with Reading(log, [topic], "group") as reading:
        await reading.until(lambda: len(reading.records) == 5)
        assert sorted(reading.assigned) == [(topic, 0), (topic, 1)]
        assert reading.values(0) == ["1", "2", "3"]
        assert reading.values(1) == ["10", "11"]
        assert [r.offset for r in reading.records if r.partition == 0] == [0, 1, 2]
        assert tuple(reading.records[0].headers) == message(0, (reading.records[0].value or b"").decode()).headers
        assert reading.records[0].topic == topic
    await publisher.stop()


async def test_the_state_of_a_topic_is_its_ends_and_the_broker_that_holds_it(log: Broker, topic: str) -> None:
    publisher = log.publisher(topic, 2)
    await publisher.start()
    empty = await publisher.state()
    await publisher.publish(messages(1, 1, 2))
    state = await publisher.state()
    assert (list(empty.end_offsets), list(state.end_offsets)) == ([0, 0], [0, 2])
    assert state.broker
    assert state.broker == empty.broker
    await publisher.stop()


async def test_reading_begins_where_it_is_told_and_beyond_the_end_at_the_first_record(log: Broker, topic: str) -> None:
    publisher = log.publisher(topic, 2)
    await publisher.start()
    await publisher.publish([*messages(0, 0, 1, 2), *messages(1, 10, 11)])
    for beyond in (2, 99):  # an offset that is not there is one of another life, also when it is the next one
        async with Reading(log, [topic], "group", {(topic, 0): 2, (topic, 1): beyond}) as reading:
            await reading.until(lambda: len(reading.records) == 3)
            assert (reading.values(0), reading.values(1)) == (["2"], ["10", "11"])
    await publisher.stop()


async def test_a_partition_is_read_again_from_where_one_seeks(log: Broker, topic: str) -> None:
    publisher = log.publisher(topic, 2)
    await publisher.start()
    await publisher.publish(messages(0, 0, 1, 2))
    async with Reading(log, [topic], "group") as reading:
        await reading.until(lambda: len(reading.records) == 3)
        await reading.reader.seek(topic, 0, 1)
        await reading.until(lambda: len(reading.records) == 5)
        await reading.reader.seek(topic, 0, 77)
        await reading.until(lambda: len(reading.records) == 8)
        await reading.reader.seek(topic, 5, 1)
        await reading.reader.seek("a-topic-of-nobody", 0, 0)
        await reading.reader.commit({(topic, 0): 3, ("a-topic-of-nobody", 0): 1})
        assert reading.values() == ["0", "1", "2", "1", "2", "0", "1", "2"]
    await publisher.stop()


async def test_a_reader_may_come_before_the_topic(log: Broker, topic: str) -> None:
    async with Reading(log, [topic], "group") as reading:
        await reading.once(0.0)
        publisher = log.publisher(topic, 2)
        await publisher.start()
        await publisher.publish([*messages(0, 1), *messages(1, 2)])
        await reading.until(lambda: len(reading.records) == 2)
        await publisher.stop()


async def test_a_waiting_reader_is_woken(log: Broker, topic: str) -> None:
    publisher = log.publisher(topic, 2)
    await publisher.start()
    async with Reading(log, [topic], "group") as reading:
        waiting = asyncio.create_task(reading.until(lambda: len(reading.records) == 1))
        await asyncio.sleep(0)
        await publisher.publish(messages(0, 1))
        await waiting
    await publisher.stop()


async def test_no_more_is_given_at_once_than_asked_for(log: Broker, topic: str) -> None:
    publisher = log.publisher(topic, 2)
    await publisher.start()
    await publisher.publish([*messages(0, *range(10)), *messages(1, *range(10))])
    async with Reading(log, [topic], "group") as reading:
        seen: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            while len(seen) < 20:
                polled = await reading.reader.poll(0.05, 7)
                assert sum(len(records) for records in polled.values()) <= 7
                seen += [str(record.offset) for records in polled.values() for record in records]
        assert sorted(seen) == sorted([str(n) for n in range(10)] * 2)
    await publisher.stop()


async def test_a_group_shares_the_partitions_and_takes_over_those_of_who_leaves(
    grouped_log: Broker, topic: str
) -> None:
    publisher = grouped_log.publisher(topic, 2)
    await publisher.start()
    async with Reading(grouped_log, [topic], f"group-{topic}") as stays:
        await stays.until(lambda: len(stays.assigned) == 2)
        async with Reading(grouped_log, [topic], f"group-{topic}") as leaves:

            def dealt() -> bool:
                return len(leaves.assigned) == 1

            async with asyncio.timeout(PATIENCE_S):
                while not dealt():
                    await asyncio.gather(stays.once(), leaves.once())
            await publisher.publish([*messages(0, 1), *messages(1, 2)])
            async with asyncio.timeout(PATIENCE_S):
                while len({r.partition for r in stays.records + leaves.records}) < 2:
                    await asyncio.gather(stays.once(), leaves.once())
            assert {r.partition for r in leaves.records} == {leaves.assigned[0][1]}
            await leaves.reader.commit({leaves.assigned[0]: 1})
        before = len(stays.records)
        await publisher.publish(messages(leaves.assigned[0][1], 3))
        await stays.until(lambda: "3" in stays.values(leaves.assigned[0][1]))
        assert len(stays.records) > before
    await publisher.stop()


async def test_a_wiped_broker_is_told_by_its_identity_and_read_from_its_first_record(
    wiped_log: WipedLog, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.events.kafka.IDENTITY_CHECK_S", 0.0)
    log = wiped_log.broker
    publisher = log.publisher(topic, 2)
    await publisher.start()
    await publisher.publish(messages(0, 1, 2, 3))
    before = await publisher.state()
    async with Reading(log, [topic], "group", {(topic, 0): 2}) as reading:
        await reading.until(lambda: len(reading.records) == 1)
        wiped_log.wipe()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    after = await publisher.state()
                    break
                except BrokerUnavailable:
                    await asyncio.sleep(0.05)
        assert after.broker != before.broker
        assert list(after.end_offsets) == [0, 0]
        await publisher.publish(messages(0, 7))

        async def patient() -> None:
            while len(reading.records) == 1:
                try:
                    await reading.once()
                except BrokerUnavailable:
                    await asyncio.sleep(0.05)

        async with asyncio.timeout(PATIENCE_S):
            await patient()
        assert reading.values() == ["3", "7"]
    await publisher.stop()


@pytest.mark.kafka
@pytest.mark.integration
async def test_a_group_that_met_while_a_topic_was_not_made_again_reads_it_soon(
    tmp_path: Path, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it was assigned to anybody then, and the client would not ask for minutes whether there is more."""
    later = f"{topic}-later"
    with KafkaServer(tmp_path / "kafka") as server:
        settings = kafka_settings(server.bootstrap_servers, "kafka", grouped=True)
        log, elsewhere = KafkaBroker(settings), KafkaBroker(settings)

        async def publish(to: str, number: int) -> None:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    publisher = elsewhere.publisher(to, 2)
                    try:
                        await publisher.start()
                        await publisher.publish(messages(0, number))
                        return
                    except BrokerUnavailable:  # connections to the one that was wiped
                        await asyncio.sleep(0.05)
                    finally:
                        await publisher.stop()

        async def read(reading: Reading, number: int) -> None:
            async with asyncio.timeout(PATIENCE_S / 2):
                while str(number) not in reading.values():
                    try:
                        await reading.once()
                    except BrokerUnavailable:
                        await asyncio.sleep(0.05)

        await publish(topic, 1)
        await publish(later, 2)
        async with Reading(log, [topic, later], "group") as reading:
            await read(reading, 1)
            await read(reading, 2)
            monkeypatch.setattr("libs.events.kafka.IDENTITY_CHECK_S", 3_600.0)
            server.wipe()
            server.start()
            await publish(topic, 3)
            await read(reading, 3)
            async with asyncio.timeout(PATIENCE_S / 2):
                while len(reading.assigned) == 4:  # what it had is read on until the group meets again
                    with suppress(BrokerUnavailable):
                        await reading.once()
            assert {place[0] for place in reading.assigned[4:]} == {topic}, "without the other topic"
            monkeypatch.setattr("libs.events.kafka.IDENTITY_CHECK_S", 0.5)
            await publish(later, 4)
            await read(reading, 4)
        await log.close()
        await elsewhere.close()


async def test_a_broker_that_does_not_answer_is_unavailable() -> None:
    broker = KafkaBroker(KafkaSettings("127.0.0.1:1", idempotent=False))
    with pytest.raises(BrokerUnavailable):
        await broker.publisher("topic", 2).start()
    with pytest.raises(BrokerUnavailable):
        await broker.identity()
    reader = broker.reader(["topic"], "group")

    async def assigned(_places: Sequence[Place]) -> Mapping[Place, int]:
        return {}

    with pytest.raises(BrokerUnavailable):
        await reader.start(assigned)
    await reader.stop()
    await broker.publisher("topic", 2).stop()
    await broker.close()


async def test_a_topic_with_too_few_partitions_is_refused(log: Broker, topic: str) -> None:
    first, second = log.publisher(topic, 2), log.publisher(topic, 3)
    await first.start()
    await second.start()
    with pytest.raises(BrokerUnavailable, match="2 partitions, not 3"):
        await second.state()
    await second.stop()
    await first.stop()


@pytest.mark.kafka
async def test_progress_is_told_to_the_group_and_a_refusal_harms_nobody(
    kafka_broker: BrokerServer, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = KafkaBroker(kafka_settings(kafka_broker.bootstrap_servers, "kafka", grouped=True))
    async with Reading(broker, [topic], f"group-{topic}") as reading:
        await reading.until(lambda: len(reading.assigned) == 2)
        assert isinstance(reading.reader, KafkaReader)
        consumer = reading.reader._consumer
        await reading.reader.commit({(topic, 0): 0})
        assert await consumer.committed(TopicPartition(topic, 0)) == 0

        async def refused(_offsets: object) -> None:
            raise CommitFailedError

        monkeypatch.setattr(consumer, "commit", refused)
        await reading.reader.commit({(topic, 0): 0})
    await broker.close()


@pytest.mark.kafka
async def test_a_topic_that_the_broker_does_not_know_yet_is_not_taken_for_one_without_partitions(
    kafka_broker: BrokerServer,
) -> None:
    broker = KafkaBroker(kafka_settings(kafka_broker.bootstrap_servers, "kafka"))
    try:
        with pytest.raises(BrokerUnavailable, match="never-made"):
            await broker.partitions(["never-made"])
    finally:
        await broker.close()
