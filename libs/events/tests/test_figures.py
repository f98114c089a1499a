"""What is seen from outside: every figure is in the catalogue, and those of progress are the store's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from libs.events import metrics
from libs.events.broker import BrokerUnavailable
from libs.events.feeds import OwnFeed
from libs.events.ids import new_id
from libs.events.memory import MemoryLog
from libs.events.metrics import CATALOGUE, REGISTRY
from libs.events.postgres import PostgresStore
from libs.events.postgres.figures import read_figures
from libs.events.postgres.losses import Losses
from libs.events.rebuild import Rebuild
from libs.events.relay import Relay
from libs.events.signals import Signal
from libs.events.store import Task
from libs.events.subscribers import ProjectionSubscriber
from libs.events.tail import Tail
from libs.events.tests.shop import (
    CAUSE,
    CODEC,
    ITEM,
    SOURCE,
    Ledger,
    ListItem,
    Receive,
    commands,
    fill,
    received,
    shop_view,
)
from libs.events.tests.test_consumer import consumer_of, drain


def shown(name: str, **labels: str) -> float | None:
    """A figure as Prometheus would read it; None when it is not shown."""
    return REGISTRY.get_sample_value(name, labels)


async def read(store: PostgresStore, *consumers: str, log: MemoryLog | None = None) -> None:
    await read_figures("shop", store, log or MemoryLog(), frozenset(consumers))


def test_every_metric_says_what_it_counts_under_a_name_that_prometheus_knows() -> None:
    assert len(CATALOGUE) > 20
    for name, metric in CATALOGUE.items():
        assert metric.sentence.endswith("."), name
        assert "service" in metric.labels or "consumer" in metric.labels, f"{name} belongs to nobody"
        assert re.fullmatch(r"puhui_[a-z_]+", name)
        assert (metric.kind == "counter") == name.endswith("_total"), name
    assert {family.name for family in REGISTRY.collect()} == {name.removesuffix("_total") for name in CATALOGUE}


def test_no_metric_is_made_beside_the_catalogue() -> None:
    root = Path(metrics.__file__).parents[1]
    made = re.compile(r"prometheus_client import .*\b(Counter|Gauge|Histogram|Summary)\b")
    makers = [path for path in root.rglob("*.py") if "tests" not in path.parts and made.search(path.read_text())]
    assert sorted(path.name for path in makers) == ["metrics.py", "telemetry.py"]


async def test_a_backlog_is_seen_until_it_is_published_and_handled(postgres: PostgresStore) -> None:
    log = MemoryLog()
    relay = Relay(postgres, log, service="shop", topic="topic", partitions=2, stamped=Signal())
    await postgres.append("item-0", 0, received(1, 2))
    await read(postgres, log=log)
    assert shown("puhui_unstamped_events", service="shop") == 2
    delay_s = shown("puhui_sequencer_delay_seconds", service="shop")
    assert delay_s is not None
    assert delay_s > 0, "their time of recording is a date in the past"
    await postgres.stamp()
    await read(postgres, log=log)
    assert (
        shown("puhui_unstamped_events", service="shop") == shown("puhui_sequencer_delay_seconds", service="shop") == 0
    )
    assert shown("puhui_relay_backlog_events", service="shop") == 2
    await relay.step()
    await read(postgres, log=log)
    assert shown("puhui_relay_backlog_events", service="shop") == 0
    assert shown("puhui_relay_owner", service="shop") == 1


async def test_lag_is_counted_in_events_and_in_seconds(postgres: PostgresStore) -> None:
    log, slow = MemoryLog(), Ledger("slow")
    relay = Relay(postgres, log, service="shop", topic="topic", partitions=1, stamped=Signal())
    consumer = await consumer_of(log, postgres, slow)
    await fill(postgres, streams=1, each=2)
    await relay.step()
    await drain(consumer)
    await commands(postgres).handle(ITEM, "item-0", Receive(5), CAUSE)
    await postgres.stamp()
    await relay.step()
    place = {"consumer": "slow", "topic": "topic", "partition": "0"}
    await read(postgres, "slow", log=log)
    assert shown("puhui_consumer_lag_events", **place) == 1
    slow.error = ConnectionResetError()
    slow.poison.add(("item-0", 3))
    with pytest.raises(ConnectionResetError):
        await consumer.step(timeout_s=0.1)
    waits = shown("puhui_consumer_lag_seconds", **place)
    assert waits is not None
    assert waits > 0, "an event is at hand and not handled"
    slow.poison.clear()
    await drain(consumer)
    await read(postgres, "slow", log=log)
    assert shown("puhui_consumer_lag_events", **place) == shown("puhui_consumer_lag_seconds", **place) == 0
    await consumer.stop()


async def test_a_broker_that_is_away_takes_no_other_figure_with_it(postgres: PostgresStore) -> None:
    class Away(MemoryLog):
        async def end_offsets(self, places: object) -> dict[tuple[str, int], int]:
            raise BrokerUnavailable("away")

    await fill(postgres, streams=1, each=1)
    await read(postgres, log=Away())
    assert shown("puhui_sequence", service="shop") == 1


async def test_parked_events_and_their_streams_are_counted_for_each_consumer(postgres: PostgresStore) -> None:
    view = Ledger("parking")
    view.poison |= {("item-0", 1), ("item-1", 2)}
    await fill(postgres, streams=3, each=3)
    tail = Tail(postgres, view, CODEC, SOURCE, Signal())
    while await tail.step():
        pass
    await read(postgres, "parking", "other")
    assert shown("puhui_parked_events", consumer="parking") == 3 + 2
    assert shown("puhui_parked_keys", consumer="parking") == 2
    assert shown("puhui_parked_events", consumer="other") == 0


async def test_a_rebuild_shows_how_far_it_is_while_there_is_one(postgres: PostgresStore) -> None:
    await fill(postgres, streams=4, each=5)
    tail = Tail(postgres, ProjectionSubscriber(shop_view()), CODEC, SOURCE, Signal())
    while await tail.step():
        pass
    rebuild = Rebuild(postgres, shop_view(), CODEC, OwnFeed(postgres, SOURCE))
    await read(postgres, "shop.v1")
    assert shown("puhui_rebuild_progress_ratio", consumer="shop.v1") is None
    await rebuild.fill({("", 0): 5})
    await read(postgres, "shop.v1")
    assert shown("puhui_rebuild_progress_ratio", consumer="shop.v1") == 0.25
    await rebuild.drop()
    await read(postgres, "shop.v1")
    assert shown("puhui_rebuild_progress_ratio", consumer="shop.v1") is None


async def test_conflicts_and_work_are_counted(postgres: PostgresStore) -> None:
    def conflicts() -> float:
        return shown("puhui_append_conflicts_total", service="", category="item") or 0.0

    before = conflicts()
    handler = commands(postgres)
    await handler.handle(ITEM, "item-9", ListItem("first"), CAUSE)

    class Behind(PostgresStore):
        """Hides the last event once, as a race does."""

        hidden = False

        async def load(self, stream_id: str, after_version: int = 0) -> list:  # type: ignore[type-arg]
            if not self.hidden:
                self.hidden = True
                return []
            return await super().load(stream_id, after_version)

    await commands(Behind(postgres.pool, Losses())).handle(ITEM, "item-9", Receive(1), CAUSE)
    assert conflicts() == before + 1
    await postgres.schedule([Task(new_id(), "pay", "key", b"{}")])
    await read(postgres)
    assert shown("puhui_tasks_waiting", service="shop", state="open") == 1
