"""Who waits until everything is handled is not held up, and is told what he waited for in vain."""

from __future__ import annotations

import asyncio

import pytest

from libs.events.operations import Progress, Side
from libs.events.pace import pace
from libs.service.settling import NotSettled, settle


async def test_loops_gather_no_more_while_somebody_waits() -> None:
    with pace.hurried(), pace.hurried():
        await pace.gather(3600.0)  # or this test has no end
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await pace.gather(3600.0)


async def test_who_is_not_waited_for_goes_on_gathering() -> None:
    with pace.hurried(but=["audit"]):
        await pace.gather(3600.0, "ledger")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await pace.gather(3600.0, "audit")
        with pace.hurried():
            await pace.gather(3600.0, "audit")


async def test_who_is_left_out_is_not_asked() -> None:
    async def look() -> Side:
        return Side("audit", "", Progress(tasks_open=1), {})

    await settle({"audit": look}, 60.0, but=["audit"])


async def test_what_is_at_work_is_waited_for() -> None:
    open_tasks = [2, 1, 0, 0]

    async def look() -> Side:
        return Side("ledger", "", Progress(tasks_open=open_tasks.pop(0)), {})

    await settle({"ledger": look}, 60.0)
    assert open_tasks == []


async def test_who_waits_in_vain_is_told_for_what() -> None:
    async def look() -> Side:
        return Side("ledger", "", Progress(tasks_open=2), {})

    with pytest.raises(NotSettled, match="ledger: 2 tasks are open"):
        await settle({"ledger": look}, 0.05)
