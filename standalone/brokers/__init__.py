"""The message brokers that can run on this machine without Docker: Tansu by default, Apache Kafka where Java is."""

from standalone.brokers.broker import Broker, BrokerUnavailable, broker_named
from standalone.brokers.kafka import KafkaBroker
from standalone.brokers.tansu import TansuBroker

__all__ = ["Broker", "BrokerUnavailable", "KafkaBroker", "TansuBroker", "broker_named"]
