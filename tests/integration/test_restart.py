"""Stopped and started half-way: nothing is lost, nothing is doubled.

The front end does not know how far its requests got. So it sends all of them again under the same keys, as it should.
The embedded broker forgets everything at each start, so each time the relays fill it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import Any, Final

import aiohttp
import httpx
import pytest

from services.bank.faults import Outcome
from standalone.demo.play import advance, today
from tests.integration.borrowers import Borrower, fen, of_fen
from tests.integration.client import Client
from tests.integration.running import PlatformProcess
from tests.integration.soundness import assert_sound
from tests.integration.town import Town

pytestmark = pytest.mark.integration

SEED: Final = __name__
BANK: Final = (
    (Outcome.CONFIRMED,),
    (Outcome.SLOW,),
    (Outcome.ERROR_AFTER,),
    (Outcome.ACCEPTED,),
    (Outcome.REFUSED_FOR_NOW, Outcome.CONFIRMED),
    (Outcome.ERROR_BEFORE,),
)
"""What the bank does with each borrower's payments."""
REPAYMENTS: Final = 3
DAYS: Final = 40

Work = Callable[[Town, list[Borrower]], Iterable[Awaitable[Any]]]


def applying(town: Town, borrowers: list[Borrower]) -> Iterable[Awaitable[Any]]:
    return (who.applies() for who in borrowers)


def signing(town: Town, borrowers: list[Borrower]) -> Iterable[Awaitable[Any]]:
    return (signs_as_himself(who) for who in borrowers)


async def signs_as_himself(who: Borrower) -> None:
    who.applicant_id = (await who.application())["request"]["applicant_id"]
    await who.signs()


def repaying(town: Town, borrowers: list[Borrower]) -> Iterable[Awaitable[Any]]:
    return (repays_bit_by_bit(who) for who in borrowers)


async def repays_bit_by_bit(who: Borrower) -> None:
    for n in range(REPAYMENTS):
        await who.repays(of_fen(400_00 + n), key=str(n))


def closing_days(town: Town, borrowers: list[Borrower]) -> Iterable[Awaitable[Any]]:
    until = town.today + timedelta(days=DAYS)
    return [advance(town.client, until)]


class HalfWay:
    """Does work on a platform that ends half-way through it, starts it again, and does the work once more."""

    def __init__(self, process: PlatformProcess) -> None:
        self._process = process

    def through(
        self, work: Work, end: Callable[[], None], *, half_way: Callable[[Client, date], Awaitable[None]]
    ) -> None:
        first_day = asyncio.run(self._interrupted(work, end, half_way))
        self._process.start()
        asyncio.run(self._again(work, first_day))

    async def _interrupted(
        self, work: Work, end: Callable[[], None], half_way: Callable[[Client, date], Awaitable[None]]
    ) -> date:
        client = Client.of(self._process, seed=SEED)
        try:
            town = Town(client, self._process.bank, await today(client))
            doing = [asyncio.ensure_future(each) for each in work(town, borrowers_of(town))]
            await half_way(client, town.today)
            assert not all(each.done() for each in doing), "the work was over before the platform ended"
            end()  # nothing more is sent meanwhile: what has not been asked by now will not be answered
            ends = await asyncio.gather(*doing, return_exceptions=True)
            cut_off = [each for each in ends if isinstance(each, BaseException)]
            assert cut_off
            assert all(isinstance(each, aiohttp.ClientError) for each in cut_off), cut_off
            return town.today
        finally:
            await client.close()

    async def _again(self, work: Work, first_day: date) -> None:
        client = Client.of(self._process, seed=SEED)
        try:
            town = Town(client, self._process.bank, first_day)
            await asyncio.gather(*work(town, borrowers_of(town)))
            await client.settle()
        finally:
            await client.close()


def borrowers_of(town: Town) -> list[Borrower]:
    return [Borrower(town, f"half-way-{number}", bank=bank) for number, bank in enumerate(BANK)]


def answers(count: int) -> Callable[[Client, date], Awaitable[None]]:
    """Half-way is when so many requests have been answered."""

    async def half_way(client: Client, _first_day: date) -> None:
        await client.answered(count)

    return half_way


async def some_days_closed(client: Client, first_day: date) -> None:
    while await today(client) <= first_day:
        pass


async def look_at_the_end(process: PlatformProcess, first_day: date) -> None:
    client = Client.of(process, seed=SEED)
    try:
        assert await today(client) == first_day + timedelta(days=DAYS)
        town = Town(client, process.bank, await today(client))
        for who in borrowers_of(town):
            loan = await who.loan()
            assert (who.name, loan["state"], loan["payment"]["state"]) == (who.name, "ACTIVE", "CONFIRMED")
            moved = [each for each in process.bank.payments_of(who.loan_id) if each["state"] == "CONFIRMED"]
            assert [each["amount_minor"] for each in moved] == [12_000_00]
            assert sorted(fen(each["amount"]) for each in await who.repayments()) == [
                400_00 + n for n in range(REPAYMENTS)
            ]
            told = await who.story()
            once = ("application-submitted", "application-approved", "contract-signed", "loan-booked", "loan-disbursed")
            assert [told.count(each) for each in once] == [1] * len(once)
            page = (await who.page())["loan"]
            assert (page["repayments"], page["bucket"]) == (REPAYMENTS, loan["bucket"])
        figures = await client.get("auditor", "/audit/statistics")
        assert (figures["applications"], figures["loans"]) == ({"CONTRACTED": len(BANK)}, {"ACTIVE": len(BANK)})
    finally:
        await client.close()


def the_neighbour_is_missed_and_comes_back(process: PlatformProcess) -> None:
    """Where services run in two processes, one of them may end alone."""
    process.kill_neighbour()
    away, here = (httpx.get(f"{process.url}/{name}/health/live") for name in ("audit", "application"))
    assert (away.status_code, away.headers["retry-after"], here.status_code) == (503, "1", 200)
    process.wait_until_ready()
    assert httpx.get(f"{process.url}/audit/health/live").status_code == 200


def test_a_platform_that_is_killed_and_stopped_again_and_again_goes_on_where_it_was(
    start_platform: Callable[[str], AbstractContextManager[PlatformProcess]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUHUI_PROCESSES", "2")
    with start_platform("tansu") as process:
        half_way = HalfWay(process)
        half_way.through(applying, process.kill, half_way=answers(30))
        half_way.through(signing, process.kill, half_way=answers(10))
        half_way.through(repaying, process.stop, half_way=answers(4))
        the_neighbour_is_missed_and_comes_back(process)
        half_way.through(closing_days, process.kill, half_way=some_days_closed)
        asyncio.run(look_at_the_end(process, date(2026, 1, 5)))
        assert_sound(process, seed=SEED)
