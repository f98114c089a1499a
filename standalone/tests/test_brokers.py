"""Both brokers keep the one promise the rest relies on: start, speak Kafka's protocol, end, leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from standalone.brokers import Broker, BrokerUnavailable, KafkaBroker, TansuBroker, broker_named
from standalone.processes import is_alive


async def cluster_id(broker: Broker) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    try:
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()


async def test_a_record_comes_back_as_it_was_sent(broker: Broker) -> None:
    topic = f"there-and-back-{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    await admin.close()

    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap_servers, acks="all", enable_idempotence=broker.idempotent_producer
    )
    await producer.start()
    sent = await producer.send_and_wait(topic, b"value", key=b"key", partition=1, headers=[("ce_id", b"1")])
    await producer.stop()

    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker.bootstrap_servers,
        enable_auto_commit=False,
        fetch_max_wait_ms=broker.fetch_max_wait_ms,
    )
    await consumer.start()
    partition = TopicPartition(topic, 1)
    consumer.assign([partition])
    consumer.seek(partition, sent.offset)
    received = await consumer.getone()
    ends = await consumer.end_offsets([partition])
    await consumer.stop()

    assert (received.key, received.value, received.headers) == (b"key", b"value", (("ce_id", b"1"),))
    assert ends == {partition: 1}


async def test_tansu_comes_back_empty_under_another_identity_at_the_same_address(tmp_path: Path) -> None:
    with TansuBroker(tmp_path) as broker:
        before, address = await cluster_id(broker), broker.bootstrap_servers
    broker.start()
    try:
        assert await cluster_id(broker) != before
        assert broker.bootstrap_servers == address
    finally:
        broker.stop()


@pytest.mark.kafka
@pytest.mark.integration
async def test_kafka_comes_back_with_what_it_held(kafka_broker: Broker, tmp_path: Path) -> None:
    with KafkaBroker(tmp_path) as broker:
        before = await cluster_id(broker)
    with KafkaBroker(tmp_path) as broker:
        assert await cluster_id(broker) == before


def test_a_broker_left_by_a_killed_parent_is_ended_at_the_next_start(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from standalone.brokers import TansuBroker\n"
        "TansuBroker(Path(sys.argv[1])).start(); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    orphan = psutil.Process(json.loads((tmp_path / "tansu.pid").read_text())["pid"])

    with TansuBroker(tmp_path):
        assert not is_alive(orphan)


def test_a_process_that_has_the_number_of_an_old_broker_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tansu.pid").write_text(json.dumps({"pid": os.getpid(), "created": 1.0}))
    with TansuBroker(tmp_path):
        pass


def test_a_machine_without_java_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    broker = KafkaBroker(tmp_path)
    with pytest.raises(BrokerUnavailable, match="BROKER=tansu"):
        broker.start()


def test_an_unknown_broker_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnavailable, match="rabbit"):
        broker_named("rabbit", tmp_path)
