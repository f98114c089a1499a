"""The process that sends is killed with SIGKILL, again and again: nothing is lost, nothing overtakes.

`WEBHOOK_KILLS=50` for the full number.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from libs.events.postgres import PostgresStore
from services.partners import records
from services.partners.news import cloud_event
from services.partners.records import Told
from services.partners.tests.receiver import Receiver, receiving
from services.partners.tests.sending import migrated, sending

KILLS: Final = int(os.environ.get("WEBHOOK_KILLS", "5"))
LOANS: Final = 20
BETWEEN_KILLS: Final = 60
"""Deliveries that come before the next kill."""
TYPE: Final = "puhui.ledger.repayment-received.v1"
ENDPOINT: Final = """
    insert into endpoint_v1 (endpoint_id, partner, url, types, status, generation, previous_until, registered_on)
    values ($1, $2, $3, $4, 'ACTIVE', 1, 0, '2026-01-01')"""


async def test_killed_again_and_again_it_delivers_all_in_order_under_the_same_ids(database: str) -> None:
    messages = (KILLS + 2) * BETWEEN_KILLS
    async with migrated(database) as store, receiving(_sometimes_busy) as receiver:
        await store.pool.execute(ENDPOINT, "endpoint-1", "harbour-bank", receiver.url, f" {TYPE} ")
        await records.tell(store.pool, [_told(number) for number in range(messages)])
        for kill in range(KILLS):
            await _killed_after(database, receiver, (kill + 1) * BETWEEN_KILLS)
        await _finished(database, store, receiver, messages)
        _hold(receiver, messages)


def _sometimes_busy(count: int, _event: dict[str, Any]) -> tuple[int, dict[str, str]]:
    """Every 97th is answered with an error, and comes again: also that must not let others overtake."""
    return (500, {}) if count % 97 == 96 else (204, {})


def _told(number: int) -> Told:
    message_id, subject, now = uuid4(), f"loan-{number % LOANS}", datetime.now(UTC)
    body = cloud_event(str(message_id), "/puhui/ledger", TYPE, subject, now.isoformat(), number, {"number": number})
    return Told(message_id, "harbour-bank", subject, TYPE, number, body, now)


async def _killed_after(database: str, receiver: Receiver, came: int) -> None:
    with sending(database):
        await receiver.until(lambda it: len(it.came) >= came, timeout_s=60)


async def _finished(database: str, store: PostgresStore, receiver: Receiver, messages: int) -> None:
    """The last process runs until all is answered well; what failed is asked for at once, not after its pause."""
    with sending(database):
        async with asyncio.timeout(120):
            while await store.pool.fetchval("select count(*) from delivery where status <> 'DELIVERED'"):
                await store.pool.fetchval(records.FAILED_AGAIN, "endpoint-1")
                await asyncio.sleep(0.2)
    assert len(receiver.accepted) >= messages


def _hold(receiver: Receiver, messages: int) -> None:
    first: dict[str, list[int]] = defaultdict(list)
    ids: dict[int, set[str]] = defaultdict(set)
    for webhook_id, event in receiver.came:
        ids[event["data"]["number"]].add(webhook_id)
    for event in receiver.accepted:
        number = event["data"]["number"]
        if number not in first[event["subject"]]:
            first[event["subject"]].append(number)
    assert set(ids) == set(range(messages)), "every message came"
    assert all(len(of_one) == 1 for of_one in ids.values()), "a message has one webhook-id, however often it comes"
    assert len({of_one.pop() for of_one in ids.values()}) == messages
    for subject, numbers in first.items():
        assert numbers == sorted(numbers), f"{subject}: one overtook another"
