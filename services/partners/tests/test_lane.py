"""One endpoint's lane, with a real sender."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from libs.webhooks import Reach, Sender
from services.partners.lane import LOANS_AT_ONCE, PROBE_AFTER, ROOM, Address, Done, Item, Lane
from services.partners.library import delivery_policy
from services.partners.tests.receiver import receiving
from services.partners.tests.sending import SECRETS

LOOPBACK = Reach.of(["127.0.0.1/32"])
SLOW_DOWN_S = 30


async def test_an_endpoint_where_nobody_answers_rests_and_is_then_tried_with_one_delivery() -> None:
    async with receiving() as receiver:
        url = receiver.url  # of a receiver that is gone by now
    done: list[Done] = []
    async with Sender(LOOPBACK) as sender:
        lane = _lane(sender, url, done)
        for position in range(ROOM):
            lane.take(_item(position, f"loan-{position}"))
        await asyncio.wait(lane._tasks)
        assert PROBE_AFTER <= len(done) < PROBE_AFTER + LOANS_AT_ONCE, "what was on its way, and nothing after it"
        assert lane.room == 0
        for each in done:
            lane.written(each)
        assert lane.held == set(), "what was let go of can be taken again"
        lane._slow_until = 0.0
        assert lane.room == 1


def _lane(sender: Sender, url: str, done: list[Done]) -> Lane:
    address = Address("endpoint-1", "harbour-bank", url, 1, 0)
    return Lane(address, sender, SECRETS, delivery_policy().schedule, SLOW_DOWN_S, done.append, lambda _: None)


def _item(position: int, subject: str) -> Item:
    return Item(position, subject, failed=0, attempts=0, asked=0, message_id=uuid4(), body=b"{}")
