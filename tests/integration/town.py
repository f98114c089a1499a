"""Stories of many people in one town: they live at the same time and share one calendar, which only moves forward.

A story is a coroutine. It does what its people do, and waits: until everything has been handled everywhere
(`settled`), or until a date (`until`). Nothing waits for a clock: when all stories wait, the platform is settled, or
the next date that any of them waits for is opened by closing the days before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from standalone.demo.play import advance, today
from tests.integration.client import Client
from tests.integration.running import BankRecord, PlatformProcess

Story = Callable[["Town"], Awaitable[None]]


@dataclass(slots=True)
class _Waiting:
    date: date | None
    woken: asyncio.Future[None]


class Town:
    """One platform, its bank's own record, and the date."""

    def __init__(self, client: Client, bank: BankRecord, today: date) -> None:
        self.client, self.bank, self.today = client, bank, today
        self._awake = 0
        self._waiting: list[_Waiting] = []
        self._all_wait = asyncio.Event()
        self._documents: dict[str, list[dict[str, Any]]] = {}
        self._consents: list[dict[str, Any]] = []

    async def settled(self) -> None:
        """Go on when everything that has happened until now is handled everywhere."""
        await self._wait(None)

    async def until(self, day: date) -> None:
        """Go on when a date has opened and all services have heard of it."""
        assert day > self.today, f"{day} is not ahead: it is {self.today}"
        await self._wait(day)

    async def for_days(self, count: int) -> None:
        await self.until(self.today + timedelta(days=count))

    async def _wait(self, day: date | None) -> None:
        waiting = _Waiting(day, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._one_less()
        await waiting.woken

    def _one_less(self) -> None:
        self._awake -= 1
        if not self._awake:
            self._all_wait.set()

    async def live(self, stories: Sequence[Story]) -> dict[Story, Exception | None]:
        """Play all stories to their ends; what each failed with."""
        ends: dict[Story, Exception | None] = {}

        async def one(story: Story) -> None:
            try:
                await story(self)
                ends[story] = None
            except Exception as error:  # noqa: BLE001 - handed to the story's own test
                ends[story] = error
            finally:
                self._one_less()

        self._awake = len(stories)
        async with asyncio.TaskGroup() as group:
            for story in stories:
                group.create_task(one(story))
            while len(ends) < len(stories):
                await self._all_wait.wait()
                self._all_wait.clear()
                await self._go_on()
        return ends

    async def _go_on(self) -> None:
        dates = [waiting.date for waiting in self._waiting if waiting.date is not None]
        next_date = None if any(waiting.date is None for waiting in self._waiting) else min(dates, default=None)
        try:
            if next_date is None:
                await self.client.settle()
            else:
                await advance(self.client, next_date)
                await self.client.settle()  # with the audit, which is asked right after
                self.today = next_date
        except Exception as error:  # noqa: BLE001 - every story that waits fails with it
            for waiting in self._waiting:
                waiting.woken.set_exception(error)
            self._awake, self._waiting = len(self._waiting), []
            return
        woken = [waiting for waiting in self._waiting if waiting.date == next_date]
        self._waiting = [waiting for waiting in self._waiting if waiting.date != next_date]
        self._awake = len(woken)
        for waiting in woken:
            waiting.woken.set_result(None)

    async def papers(self, product: str, guarantee: str) -> tuple[list[str], list[dict[str, Any]]]:
        """The documents that a product asks a person for, and the consents."""
        if product not in self._documents:
            shown = await self.client.get("customer", f"/application/products/{product}")
            self._consents = (await self.client.get("customer", "/application/consents"))["items"]
            self._documents[product] = shown["product"]["documents"]
        needed = [
            rule["type"]
            for rule in self._documents[product]
            if "PERSON" in rule["applies_to"] and (not rule["only_with"] or guarantee in rule["only_with"])
        ]
        return needed, self._consents


def live(process: PlatformProcess, stories: Sequence[Story], *, seed: str) -> dict[Story, Exception | None]:
    """Play stories on a platform that runs; what each failed with."""

    async def play() -> dict[Story, Exception | None]:
        client = Client.of(process, seed=seed)
        try:
            await client.settle()
            return await Town(client, process.bank, await today(client)).live(stories)
        finally:
            await client.close()

    return asyncio.run(play())
