"""Sends what waits to every endpoint: takes it from the database, hands it to lanes, writes down what became of it.

One dispatcher works at a time, held by a lock of its session: a process that is killed lets go of it. What was sent and
not written down is sent again under the same identifier.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg

from libs.events.loops import beat
from libs.events.signals import Signal
from libs.webhooks import Reach, Sender
from services.partners import records
from services.partners.lane import Address, Done, Item, Lane
from services.partners.library import DeliveryPolicy
from services.partners.secrets_of import Secrets

LOCK: Final = 0x776562686F6F6B  # "webhook"
LOOK_S: Final = 1.0
"""How often it looks for endpoints, and for what nobody woke it for."""
GATHER_S: Final = 0.01
STANDBY_S: Final = 1.0

Disable = Callable[[Address], Awaitable[None]]


class Dispatcher:
    """`wake` is set when there is something new; `disable` tells the domain of an endpoint that is gone."""

    def __init__(
        self,
        pool: asyncpg.Pool[Any],
        reach: Reach,
        secrets: Secrets,
        policy: DeliveryPolicy,
        wake: Signal,
        disable: Disable,
    ) -> None:
        self._pool, self._reach, self._secrets, self._policy = pool, reach, secrets, policy
        self._wake, self._disable = wake, disable
        self._lanes: dict[str, Lane] = {}
        self._done: list[Done] = []
        self._to_write = Signal()
        self._disabling: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled. Raises passing faults of the database; what ran is stopped, and can be begun again."""
        async with self._pool.acquire() as connection:
            while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
                beat()
                await asyncio.sleep(STANDBY_S)
            try:
                await self._work(connection)
            finally:
                if not connection.is_closed():
                    await connection.execute("select pg_advisory_unlock($1)", LOCK)

    async def _work(self, connection: Any) -> None:
        self._done.clear()
        writer = asyncio.create_task(self._write(), name="webhooks written down")
        async with Sender(self._reach) as sender:
            try:
                while True:
                    beat()
                    if writer.done():
                        writer.result()
                    await self._refresh(sender, connection)
                    taken = await self._take(connection)
                    if taken:
                        await asyncio.sleep(GATHER_S)
                    else:
                        await self._wake.wait(await self._pause_s(connection))
            finally:
                await asyncio.gather(*(lane.stop() for lane in self._lanes.values()))
                self._lanes.clear()
                writer.cancel()
                await asyncio.gather(writer, *self._disabling, return_exceptions=True)
                await self._flush()

    async def _refresh(self, sender: Sender, connection: Any) -> None:
        found = {row["endpoint_id"]: Address(**row) for row in await connection.fetch(records.ENDPOINTS)}
        for endpoint_id in [known for known, lane in self._lanes.items() if known not in found or lane.is_over]:
            await self._lanes.pop(endpoint_id).stop()
        for endpoint_id, address in found.items():
            lane = self._lanes.get(endpoint_id)
            if lane is None:
                self._lanes[endpoint_id] = Lane(
                    address,
                    sender,
                    self._secrets,
                    self._policy.schedule,
                    self._policy.slow_down_s,
                    self._note,
                    self._gone,
                )
            else:
                lane.address = address

    async def _take(self, connection: Any) -> int:
        rooms = {endpoint_id: lane.room for endpoint_id, lane in self._lanes.items() if lane.room}
        if not rooms:
            return 0
        held = [(endpoint_id, position) for endpoint_id in rooms for position in self._lanes[endpoint_id].ask()]
        rows = await connection.fetch(
            records.DUE, list(rooms), list(rooms.values()), [each[0] for each in held], [each[1] for each in held]
        )
        for row in rows:
            self._lanes[row["endpoint_id"]].take(
                Item(
                    row["position"],
                    row["subject"],
                    row["failed"],
                    row["attempts"],
                    row["asked"],
                    row["message_id"],
                    row["body"],
                )
            )
        return len(rows)

    async def _pause_s(self, connection: Any) -> float:
        if not self._lanes:
            return LOOK_S
        wait_s = await connection.fetchval(records.NEXT, list(self._lanes))
        return min(LOOK_S, max(wait_s, GATHER_S)) if wait_s is not None else LOOK_S

    def _note(self, done: Done) -> None:
        self._done.append(done)
        self._to_write.set()

    async def _write(self) -> None:
        while True:
            await self._to_write.wait(LOOK_S)
            await asyncio.sleep(GATHER_S)
            await self._flush()

    async def _flush(self) -> None:
        done, self._done = self._done, []
        if not done:
            return
        try:
            await records.record(self._pool, [each.made for each in done])
        except BaseException:
            self._done = done + self._done
            raise
        for each in done:
            lane = self._lanes.get(each.made.endpoint_id)
            if lane is not None:
                lane.written(each)
        self._wake.set()

    def _gone(self, address: Address) -> None:
        task = asyncio.ensure_future(self._disable(address))
        self._disabling.add(task)
        task.add_done_callback(self._disabling.discard)
